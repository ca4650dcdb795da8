//! A host as the stack is one: functions that take messages off queues, may die at any call, and know nothing of each
//! other; and a tick each minute. It uses the messages a stack uses: requests, plans, chunks, records and ticks.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use local::MemoryQueue;
use run::{ChunkTask, End, Failure, PlanMessage, PlanTask, Reason, ReasonKind, Record, Request, RunId, What, keys};
use steps::{
    Deadline, Message, Outcome, handle,
    ports::{Delivery, Queue, Settlement, Store},
};
use tokio::task::JoinSet;

use crate::{
    bench::{Bench, Process, Queues},
    dataset::Dataset,
    gate::Port,
};

/// Of every function.
const TIMEOUT: Duration = Duration::from_secs(90);
/// A function has to be done some time before it is killed.
const TO_BE_DONE: Duration = Duration::from_secs(80);
/// Six times the time-out, as the template has it.
pub(crate) const VISIBILITY: Duration = Duration::from_mins(9);
/// Time-out and the longest PUT.
pub(crate) const QUARANTINE: Duration = Duration::from_mins(2);
/// Deliveries before a message is a dead letter.
const MOST_DELIVERIES: u32 = 5;
const TICK: Duration = Duration::from_mins(1);

/// A deployed stack.
pub(crate) struct Stack {
    pub(crate) bench: Arc<Bench>,
    pub(crate) queues: Queues,
    dead_letters: Arc<Mutex<Vec<String>>>,
    /// Whether the last delivery of a chunk's message is told of.
    tells_of_losses: Arc<AtomicBool>,
    functions: JoinSet<()>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Planner,
    Chunk,
    Finalizer,
    Ticker,
}

impl Function {
    const fn name(self) -> &'static str {
        match self {
            Self::Planner => "planner",
            Self::Chunk => "chunk",
            Self::Finalizer => "finalizer",
            Self::Ticker => "ticker",
        }
    }
}

pub(crate) fn bench(dataset: Dataset) -> Bench {
    let mut bench = Bench::new(dataset);
    bench.settings.visibility = VISIBILITY;
    bench.settings.quarantine = QUARANTINE;
    bench
}

impl Stack {
    /// Two planners, three workers, two finalizers and the schedule.
    pub(crate) fn deploy(bench: Bench) -> Self {
        use Function::{Chunk, Finalizer, Planner, Ticker};
        let mut stack = Self {
            bench: Arc::new(bench),
            queues: Queues::new(VISIBILITY),
            dead_letters: Arc::default(),
            tells_of_losses: Arc::new(AtomicBool::new(true)),
            functions: JoinSet::new(),
        };
        for function in [Planner, Planner, Chunk, Chunk, Chunk, Finalizer, Finalizer, Ticker] {
            let host = Host {
                bench: Arc::clone(&stack.bench),
                queues: stack.queues.clone(),
                dead_letters: Arc::clone(&stack.dead_letters),
                tells_of_losses: Arc::clone(&stack.tells_of_losses),
                function,
            };
            stack.functions.spawn(async move { host.serve().await });
        }
        stack
    }

    /// Workers that die say nothing to the last.
    pub(crate) fn keep_losses_to_yourself(&self) {
        self.tells_of_losses.store(false, Ordering::Relaxed);
    }

    /// Drops a request, and its trigger with it.
    pub(crate) async fn submit(&self, key: &str, request: &Request) -> RunId {
        let run = self.bench.submit(key, request).await;
        self.trigger(key).await;
        run
    }

    /// What the bucket says of a dropped request.
    pub(crate) async fn trigger(&self, key: &str) {
        let body = serde_json::to_string(&PlanMessage::Request(key.to_owned())).unwrap();
        let planner = self.bench.process_on(&self.queues, "bucket");
        planner.ports.plans.send(&[body]).await.unwrap();
    }

    /// How the run ended, and that nothing of it is open.
    pub(crate) async fn end(&self, run: &RunId) -> End {
        for _ in 0..24 * 3_600 {
            let open = self.bench.state.get(&keys::open(run)).await.unwrap().is_some();
            if let (false, Some(end)) = (open, self.bench.end(run).await) {
                return end;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        panic!("the run does not end; its last calls: {:#?}", self.bench.shared.last())
    }

    /// Converts one request.
    pub(crate) async fn run(&self, request: &Request) -> End {
        let run = self.submit("requests/one.json", request).await;
        self.end(&run).await
    }

    pub(crate) fn dead_letters(&self) -> Vec<String> {
        self.dead_letters.lock().unwrap().clone()
    }

    /// Takes every message off the chunk queue that is not in a worker's hands.
    pub(crate) async fn purge(&self) {
        let chunks = &self.queues.chunks;
        for delivery in chunks.receive(100_000, Duration::ZERO).await.unwrap() {
            chunks.settle(&delivery, Settlement::Done).await.unwrap();
        }
    }

    /// After planning nobody but the sweep sends to the chunk queue, and nobody but it to the planner's.
    pub(crate) fn assert_senders(&self) {
        for call in self.bench.shared.calls().into_iter().filter(|call| call.verb == "send") {
            let allowed: &[&str] = match call.port {
                Port::Chunks => &["planner", "ticker"],
                Port::Plans => &["bucket", "ticker"],
                Port::Records => &["chunk"],
                Port::Source | Port::State | Port::Target => &[],
            };
            assert!(allowed.contains(&call.by), "{} sent to {:?}: {}", call.by, call.port, call.key);
        }
    }
}

/// One environment of one function; when it dies another takes its place.
struct Host {
    bench: Arc<Bench>,
    queues: Queues,
    dead_letters: Arc<Mutex<Vec<String>>>,
    tells_of_losses: Arc<AtomicBool>,
    function: Function,
}

impl Host {
    async fn serve(&self) {
        loop {
            let process = self.bench.process_on(&self.queues, self.function.name());
            tokio::select! {
                () = self.invocations(&process) => {}
                () = process.gate.killed() => tokio::time::sleep(Duration::from_secs(1)).await,
            }
        }
    }

    async fn invocations(&self, process: &Process) {
        let (queue, most): (&MemoryQueue, usize) = match self.function {
            Function::Planner => (&process.plans, 1),
            Function::Chunk => (&process.chunks, 1),
            Function::Finalizer => (&process.records, 1_000),
            Function::Ticker => loop {
                tokio::time::sleep(TICK).await;
                self.invoke(Message::Tick, process).await;
            },
        };
        loop {
            let deliveries = queue.receive(most, Duration::from_secs(20)).await.unwrap();
            if deliveries.is_empty() {
                continue;
            }
            let (dead, live): (Vec<_>, Vec<_>) =
                deliveries.into_iter().partition(|delivery| delivery.deliveries > MOST_DELIVERIES);
            for letter in dead {
                self.dead_letters.lock().unwrap().push(letter.body.clone());
                queue.settle(&letter, Settlement::Done).await.unwrap();
            }
            // Invoked and killed on the way: the messages come back by themselves.
            let Some(settlement) = self.batch(&live, process).await else { continue };
            for delivery in &live {
                queue.settle(delivery, settlement).await.unwrap();
            }
        }
    }

    async fn batch(&self, live: &[Delivery], process: &Process) -> Option<Settlement> {
        let first = live.first()?;
        let message = match self.function {
            Function::Planner => match serde_json::from_str(&first.body).unwrap() {
                PlanMessage::Request(key) => Message::Request { key },
                PlanMessage::Run(run) => Message::Plan(PlanTask { run }),
            },
            Function::Chunk => {
                let task = serde_json::from_str(&first.body).unwrap();
                if first.deliveries == MOST_DELIVERIES && self.tells_of_losses.load(Ordering::Relaxed) {
                    give_up(&task, process).await;
                    return None;
                }
                Message::Chunk(task)
            }
            Function::Finalizer => {
                Message::Records(live.iter().map(|delivery| serde_json::from_str(&delivery.body).unwrap()).collect())
            }
            Function::Ticker => Message::Tick,
        };
        Some(match self.invoke(message, process).await? {
            Outcome::Done | Outcome::Deferred(_) | Outcome::Failed(_) => Settlement::Done,
            Outcome::Retry(after) => Settlement::Retry(after),
        })
    }

    /// Nothing if the function ran into its time-out.
    async fn invoke(&self, message: Message, process: &Process) -> Option<Outcome> {
        let deadline = Deadline::at(process.ports.world.now() + TO_BE_DONE);
        tokio::time::timeout(TIMEOUT, handle(message, &process.ports, deadline)).await.ok()
    }
}

async fn give_up(task: &ChunkTask, process: &Process) {
    let reason = Reason::new(ReasonKind::Internal, "no worker came back with it");
    let failure = Failure { array: task.array, chunk: task.chunk.clone(), reason };
    let record = Record { run: task.run.clone(), what: What::Failure(failure) };
    // Lost like any other message where the script says so.
    let _ = process.ports.records.send(&[serde_json::to_string(&record).unwrap()]).await;
}
