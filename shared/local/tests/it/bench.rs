//! What a test runs on: a server, two stores, and processes that come and go.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use local::{Drive, Driven, MemoryQueue, MemoryStore, drive};
use run::{
    ChunkTask, Decision, End, Plan, PlanTask, Reason, ReasonKind, Record, Request, RunId, Target, Verdict, keys,
};
use serde::de::DeserializeOwned;
use steps::{
    Deadline, Message, Meter, Outcome, handle,
    ports::{Metadata, Ports, Queue, Settings, Settlement, Store},
};
use tokio::{sync::watch, time::Instant};
use zarr::Format;

use crate::{
    dataset::{Dataset, Scripted},
    gate::{Call, Fault, Gate, Port, Shared},
    ports::{GatedQueue, GatedSource, GatedStore, OneTarget, TestWorld},
    reader,
};

/// A process of this name may not write to the target, as a stack's planner may not.
pub(crate) const PLANNER: &str = "planner";

/// Longer than any drive in these tests takes; the clock is virtual.
const LONGEST: Duration = Duration::from_hours(3);

#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) source: Arc<Scripted>,
    pub(crate) state: Arc<MemoryStore>,
    pub(crate) target: Arc<MemoryStore>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) settings: Settings,
    start: Instant,
    processes: AtomicU64,
}

/// One process: ports, and the queues that die with it.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) ports: Arc<Ports>,
    pub(crate) plans: Arc<MemoryQueue>,
    pub(crate) chunks: Arc<MemoryQueue>,
    pub(crate) records: Arc<MemoryQueue>,
    pub(crate) gate: Arc<Gate>,
}

pub(crate) fn request() -> Request {
    let target = Target::Folder { path: "/x.zarr".to_owned() };
    let chunks = [("time", 2), ("lat", 3), ("lon", 4)].map(|(name, size)| (name.to_owned(), size));
    Request { codec: "zstd:1".parse().unwrap(), ..Request::new("http://h/x".parse().unwrap(), target) }
        .cut(chunks.into())
}

/// The request for [`Dataset::small`].
pub(crate) fn small_request() -> Request {
    request().cut([("time".to_owned(), 2), ("lat".to_owned(), 3)].into())
}

pub(crate) trait Cut {
    fn cut(self, chunks: std::collections::BTreeMap<String, u64>) -> Self;
}

impl Cut for Request {
    fn cut(self, chunks: std::collections::BTreeMap<String, u64>) -> Self {
        Self { chunks, ..self }
    }
}

/// The queues between processes.
#[derive(Debug, Clone)]
pub(crate) struct Queues {
    pub(crate) plans: Arc<MemoryQueue>,
    pub(crate) chunks: Arc<MemoryQueue>,
    pub(crate) records: Arc<MemoryQueue>,
}

impl Queues {
    pub(crate) fn new(visibility: Duration) -> Self {
        let queue = || Arc::new(MemoryQueue::new(visibility));
        Self { plans: queue(), chunks: queue(), records: queue() }
    }
}

impl Bench {
    pub(crate) fn new(dataset: Dataset) -> Self {
        Self {
            source: Arc::new(Scripted(Mutex::new(dataset))),
            state: Arc::default(),
            target: Arc::default(),
            shared: Arc::default(),
            settings: Settings::default(),
            start: Instant::now(),
            processes: AtomicU64::new(0),
        }
    }

    pub(crate) fn script(&self, script: impl FnMut(&Call) -> Fault + Send + 'static) {
        self.shared.script(script);
    }

    /// Writes a run's request and marker, as whoever opens a run does.
    pub(crate) async fn open(&self, request: &Request, attempt: u32) -> RunId {
        let run = RunId::attempt(&request.digest().unwrap(), attempt);
        let document = serde_json::to_vec(request).unwrap();
        self.state.put_new(&keys::request(&run), document.into()).await.unwrap();
        self.state.put(&keys::open(&run), Bytes::new(), &Metadata::new()).await.unwrap();
        run
    }

    /// Drops a request where users do; the run it leads to.
    pub(crate) async fn submit(&self, key: &str, request: &Request) -> RunId {
        let document = serde_json::to_vec(request).unwrap();
        let version = self.put(key, &document).await;
        RunId::of_version(&request.digest().unwrap(), &version)
    }

    /// Writes an object of the state store; its version.
    pub(crate) async fn put(&self, key: &str, bytes: &[u8]) -> String {
        let bytes = Bytes::copy_from_slice(bytes);
        self.state.put(key, bytes, &Metadata::new()).await.unwrap().unwrap()
    }

    pub(crate) async fn end(&self, run: &RunId) -> Option<End> {
        self.document(&keys::end(run)).await
    }

    pub(crate) fn process(&self) -> Process {
        self.process_on(&Queues::new(Duration::from_hours(12)), "process")
    }

    /// A process on queues that others share.
    pub(crate) fn process_on(&self, queues: &Queues, name: &'static str) -> Process {
        let gate = Arc::new(Gate::new(Arc::clone(&self.shared), name));
        let Queues { plans, chunks, records } = queues.clone();
        let store = |port, inner: &Arc<MemoryStore>| {
            Arc::new(GatedStore { port, inner: Arc::clone(inner), gate: Arc::clone(&gate) })
        };
        let sender = |port, inner: &Arc<MemoryQueue>| {
            Arc::new(GatedQueue { port, inner: Arc::clone(inner), gate: Arc::clone(&gate) })
        };
        let ports = Arc::new(Ports::new(
            Arc::new(GatedSource { inner: Arc::clone(&self.source), gate: Arc::clone(&gate) }),
            store(Port::State, &self.state),
            Arc::new(OneTarget(store(Port::Target, &self.target))),
            sender(Port::Plans, &plans),
            sender(Port::Chunks, &chunks),
            sender(Port::Records, &records),
            Arc::new(TestWorld::new(self.start, self.processes.fetch_add(1, Ordering::Relaxed) + 1)),
            Arc::new(Meter::default()),
            Settings { publishes: name != PLANNER, ..self.settings.clone() },
        ));
        Process { ports, plans, chunks, records, gate }
    }

    /// Drives an attempt of a request in a new process, until it ends.
    pub(crate) async fn attempt(&self, request: &Request, attempt: u32) -> End {
        let run = self.open(request, attempt).await;
        match self.process().drive(&run).await {
            Some(Ok(Driven::Ended(end))) => end,
            other => panic!("the run did not end: {other:?}"),
        }
    }

    pub(crate) async fn run(&self, request: &Request) -> End {
        self.attempt(request, 1).await
    }

    /// Runs as often as the process is killed, or gives up for want of a state store.
    pub(crate) async fn run_to_the_end(&self, request: &Request) -> End {
        let run = self.open(request, 1).await;
        for _ in 0..40 {
            match self.process().drive(&run).await {
                Some(Ok(Driven::Ended(end))) => return end,
                None | Some(Err(_)) => {}
                Some(Ok(Driven::Stopped)) => panic!("nobody asked it to stop"),
            }
        }
        panic!("the run does not end")
    }

    pub(crate) async fn document<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let object = self.state.get(key).await.unwrap();
        object.map(|object| serde_json::from_slice(&object.bytes).unwrap())
    }

    pub(crate) async fn plan(&self, run: &RunId) -> Plan {
        self.document(&keys::plan(run)).await.unwrap()
    }

    /// Everything a published run promises (I1, I3, I5, I6): values, root, documents, marker.
    pub(crate) async fn assert_published(&self, end: &End) {
        assert!(end.is_published(), "{end:?}");
        self.assert_ended(end).await;
        let plan = self.plan(&end.run).await;
        let objects = self.target.snapshot();
        assert_eq!(reader::published_by(&objects).as_deref(), Some(end.run.as_str()));
        let dataset = self.source.0.lock().unwrap().clone();
        reader::assert_values(&objects, &plan, &dataset);
        assert_eq!((end.missing_chunks, &end.missing), (0, &Vec::new()));
    }

    pub(crate) async fn assert_failed(&self, end: &End, expected: ReasonKind) {
        let Verdict::Failed { reason } = &end.verdict else { panic!("expected a failure, found {end:?}") };
        assert_eq!(reason.kind, expected, "{reason}");
        self.assert_ended(end).await;
        assert_ne!(reader::published_by(&self.target.snapshot()).as_deref(), Some(end.run.as_str()));
    }

    /// The documents of a run that ended agree (I5), and nothing forbidden was seen on the way.
    pub(crate) async fn assert_ended(&self, end: &End) {
        let decision: Decision = self.document(&keys::decision(&end.run)).await.unwrap();
        assert_eq!(decision.verdict, end.verdict);
        assert_eq!(self.document::<End>(&keys::end(&end.run)).await.as_ref(), Some(end));
        assert!(self.state.get(&keys::open(&end.run)).await.unwrap().is_none(), "the marker of the open run stays");
        if self.state.get(&keys::plan(&end.run)).await.unwrap().is_some() {
            assert!(self.state.get(&keys::report(&end.run)).await.unwrap().is_some(), "there is no report");
        }
        assert_eq!(self.shared.violations(), Vec::<String>::new());
    }
}

/// The target of an undisturbed run.
pub(crate) async fn undisturbed(dataset: Dataset, request: &Request) -> std::collections::BTreeMap<String, Vec<u8>> {
    let bench = Bench::new(dataset);
    let end = bench.run(request).await;
    bench.assert_published(&end).await;
    reader::comparable(&bench.target.snapshot())
}

pub(crate) fn v2(request: Request) -> Request {
    Request { format: Format::V2, ..request }
}

impl Process {
    /// How the drive ended; nothing if the process was killed.
    pub(crate) async fn drive(&self, run: &RunId) -> Option<Result<Driven, Reason>> {
        let drive_it = drive(
            Drive {
                run: run.clone(),
                chunks: Arc::clone(&self.chunks),
                records: Arc::clone(&self.records),
                workers: 3,
            },
            Arc::clone(&self.ports),
            watch::channel(false).1,
        );
        tokio::select! {
            result = tokio::time::timeout(LONGEST, drive_it) => match result {
                Ok(result) => Some(result),
                Err(error) => panic!("{error}, the run does not end; its last calls: {:#?}", self.gate.shared.last()),
            },
            () = self.gate.killed() => None,
        }
    }

    pub(crate) async fn handle(&self, message: Message) -> Outcome {
        handle(message, &self.ports, Deadline::NONE).await
    }

    pub(crate) async fn plan(&self, run: &RunId) -> Outcome {
        self.handle(Message::Plan(PlanTask { run: run.clone() })).await
    }

    pub(crate) async fn tick(&self) {
        assert_eq!(self.handle(Message::Tick).await, Outcome::Done);
    }

    /// What a dropped request's trigger leads to.
    pub(crate) async fn request(&self, key: &str) -> Outcome {
        self.handle(Message::Request { key: key.to_owned() }).await
    }

    pub(crate) async fn sweep(&self, run: &RunId, stalled: bool) -> Outcome {
        self.handle(Message::Sweep { run: run.clone(), stalled }).await
    }

    /// Takes the chunk tasks off the queue.
    pub(crate) async fn tasks(&self) -> Vec<ChunkTask> {
        take(&self.chunks).await
    }

    /// Takes the records off the queue.
    pub(crate) async fn reports(&self) -> Vec<Record> {
        take(&self.records).await
    }

    /// Makes every chunk on the queue.
    pub(crate) async fn work(&self) {
        for task in self.tasks().await {
            self.handle(Message::Chunk(task)).await;
        }
    }
}

async fn take<T: DeserializeOwned>(queue: &MemoryQueue) -> Vec<T> {
    let deliveries = queue.receive(10_000, Duration::ZERO).await.unwrap();
    for delivery in &deliveries {
        queue.settle(delivery, Settlement::Done).await.unwrap();
    }
    deliveries.iter().map(|delivery| serde_json::from_str(&delivery.body).unwrap()).collect()
}
