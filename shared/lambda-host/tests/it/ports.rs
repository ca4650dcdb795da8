//! A stack in memory: a source with one array of two chunks, and a state that fails to order.

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use aws_lambda_events::sqs::SqsEvent;
use bytes::Bytes;
use dap::Query;
use lambda_host::{ChunkHandler, ChunkLimits, FinalizerHandler, Handler, Invocation, PlannerHandler, Visibility};
use local::{MemoryQueue, MemoryStore, SystemWorld};
use run::{Reason, ReasonKind, SourceUrl, Target};
use serde_json::{Value, json};
use steps::{
    Deadline, Meter,
    ports::{
        Document, Entry, Head, Metadata, Object, Ports, Queue, QueueError, Settings, Sink, Source, SourceError, Store,
        StoreError, Targets,
    },
};

/// What a port does when it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    Transient,
    /// The source asks to be left alone for an hour.
    Pause,
    Refuses,
    Panics,
    /// It never answers.
    Silent,
}

pub(crate) type Moods = Arc<Mutex<Box<dyn Fn(&str) -> Mood + Send>>>;

/// Everything a handler stands on, and what became of it.
pub(crate) struct Stack {
    pub(crate) state: Arc<MemoryStore>,
    pub(crate) target: Arc<MemoryStore>,
    pub(crate) chunks: Arc<MemoryQueue>,
    pub(crate) records: Arc<MemoryQueue>,
    pub(crate) hidden: Arc<Hidden>,
    moods: Moods,
    ports: Arc<Ports>,
}

impl Stack {
    pub(crate) fn new() -> Self {
        let moods: Moods = Arc::new(Mutex::new(Box::new(|_| Mood::Well)));
        let (state, target) = (Arc::new(MemoryStore::default()), Arc::new(MemoryStore::default()));
        let queue = || Arc::new(MemoryQueue::new(Duration::from_hours(1)));
        let (chunks, records) = (queue(), queue());
        let ports = Ports::new(
            Arc::new(Tiny(Arc::clone(&moods))),
            Arc::new(Moody { store: Arc::clone(&state), moods: Arc::clone(&moods) }),
            Arc::new(One(Arc::clone(&target))),
            queue(),
            Arc::<MemoryQueue>::clone(&chunks),
            Arc::<MemoryQueue>::clone(&records),
            Arc::new(SystemWorld::new(1)),
            Arc::new(Meter::default()),
            Settings { attempts: 2, pause: Duration::from_millis(1), ..Settings::default() },
        );
        let hidden = Arc::default();
        Self { state, target, chunks, records, hidden, moods, ports: Arc::new(ports) }
    }

    /// From now on ports behave like this, by key of the state or by `source`.
    pub(crate) fn mood(&self, mood: impl Fn(&str) -> Mood + Send + 'static) {
        *self.moods.lock().unwrap() = Box::new(mood);
    }

    pub(crate) fn planner(&self) -> PlannerHandler {
        PlannerHandler::new(Arc::clone(&self.ports), Arc::<Hidden>::clone(&self.hidden))
    }

    pub(crate) fn chunk(&self) -> ChunkHandler {
        let limits = ChunkLimits { max_receive_count: 5, memory_mb: 512 };
        ChunkHandler::new(Arc::clone(&self.ports), Arc::<Hidden>::clone(&self.hidden), limits)
    }

    pub(crate) fn finalizer(&self) -> FinalizerHandler {
        FinalizerHandler::new(Arc::clone(&self.ports), Arc::<Hidden>::clone(&self.hidden))
    }

    /// Drops a request and has it planned; the bodies of its chunks' messages.
    pub(crate) async fn planned(&self) -> Vec<String> {
        self.drop_request("requests/a.json", "d.zarr").await;
        let event = sqs(&[r#"{"request":"requests/a.json"}"#.to_owned()], 1);
        assert_eq!(answer(&self.planner(), event).await, all_well());
        bodies(&self.chunks).await
    }

    pub(crate) async fn drop_request(&self, key: &str, prefix: &str) {
        let request = json!({
            "version": 1,
            "source": "http://opendap.example.org/d",
            "target": {"s3": {"bucket": "datasets", "prefix": prefix}},
            "chunks": {"x": 2},
        });
        self.state.put(key, request.to_string().into(), &Metadata::new()).await.unwrap();
    }
}

/// The bodies of a queue's messages, all of them received.
pub(crate) async fn bodies(queue: &MemoryQueue) -> Vec<String> {
    let deliveries = queue.receive(1_000, Duration::ZERO).await.unwrap();
    deliveries.into_iter().map(|delivery| delivery.body).collect()
}

/// What a handler answers to an event when it has a minute, as it goes to Lambda.
pub(crate) async fn answer<H: Handler>(handler: &H, event: H::Event) -> String {
    answer_within(handler, event, Duration::from_mins(1)).await
}

pub(crate) async fn answer_within<H: Handler>(handler: &H, event: H::Event, time: Duration) -> String {
    let response = handler.handle(event, Invocation { ends: SystemTime::now() + time }).await;
    serde_json::to_string(&response.unwrap()).unwrap()
}

pub(crate) fn all_well() -> String {
    r#"{"batchItemFailures":[]}"#.to_owned()
}

/// The answer under which these messages are delivered again.
pub(crate) fn failing(ids: &[&str]) -> String {
    let items: Vec<_> = ids.iter().map(|id| format!(r#"{{"itemIdentifier":"{id}"}}"#)).collect();
    format!(r#"{{"batchItemFailures":[{}]}}"#, items.join(","))
}

/// An event of SQS, its messages called `m-0`, `m-1`, …
pub(crate) fn sqs(bodies: &[String], deliveries: u32) -> SqsEvent {
    let record = |(number, body): (usize, &String)| {
        json!({
            "messageId": format!("m-{number}"),
            "receiptHandle": format!("h-{number}"),
            "body": body,
            "attributes": {"ApproximateReceiveCount": deliveries.to_string(), "SentTimestamp": "1545082649183"},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:queue",
            "awsRegion": "eu-west-1",
        })
    };
    let records: Vec<Value> = bodies.iter().enumerate().map(record).collect();
    serde_json::from_value(json!({ "Records": records })).unwrap()
}

/// What was hidden for how long.
#[derive(Debug, Default)]
pub(crate) struct Hidden(Mutex<Vec<(String, Duration)>>);

impl Hidden {
    pub(crate) fn last(&self, handle: &str) -> Option<Duration> {
        let hidden = self.0.lock().unwrap();
        hidden.iter().rev().find(|(of, _)| of == handle).map(|(_, duration)| *duration)
    }

    pub(crate) fn forget(&self) {
        self.0.lock().unwrap().clear();
    }

    pub(crate) fn first(&self, handle: &str) -> Option<Duration> {
        let hidden = self.0.lock().unwrap();
        hidden.iter().find(|(of, _)| of == handle).map(|(_, duration)| *duration)
    }
}

#[async_trait]
impl Visibility for Hidden {
    async fn hide(&self, handle: &str, duration: Duration) -> Result<(), QueueError> {
        self.0.lock().unwrap().push((handle.to_owned(), duration));
        Ok(())
    }
}

#[derive(Debug)]
struct One(Arc<MemoryStore>);

#[async_trait]
impl Targets for One {
    async fn open(&self, _: &Target) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::<MemoryStore>::clone(&self.0))
    }
}

/// `Float32 v[x = 4]`: 0, 1, 2, 3.
struct Tiny(Moods);

impl fmt::Debug for Tiny {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tiny")
    }
}

impl Tiny {
    async fn mood(&self) -> Result<(), SourceError> {
        let reason = Reason::new(ReasonKind::SourceUnreachable, "busy");
        let mood = self.0.lock().unwrap()("source");
        match mood {
            Mood::Well => Ok(()),
            Mood::Transient => Err(SourceError::Transient { reason, retry_after: None }),
            Mood::Pause => Err(SourceError::Transient { reason, retry_after: Some(Duration::from_hours(1)) }),
            Mood::Refuses => Err(SourceError::Permanent(reason)),
            Mood::Panics => panic!("the source"),
            Mood::Silent => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Source for Tiny {
    async fn document(&self, _: &SourceUrl, document: Document, _: Deadline) -> Result<Bytes, SourceError> {
        self.mood().await?;
        Ok(Bytes::from_static(match document {
            Document::Dds => b"Dataset {\n    Float32 v[x = 4];\n} d;\n",
            Document::Das => b"Attributes {\n    v {\n        String units \"m\";\n    }\n}\n",
        }))
    }

    async fn fetch(&self, _: &SourceUrl, query: &Query, sink: &mut dyn Sink, _: Deadline) -> Result<(), SourceError> {
        self.mood().await?;
        let first: u8 = if query.to_string().contains("[0:1]") { 0 } else { 2 };
        let mut body = b"Dataset {\n    Float32 v[x = 2];\n} d;\nData:\n\0\0\0\x02\0\0\0\x02".to_vec();
        body.extend([first, first + 1].iter().flat_map(|value| f32::from(*value).to_be_bytes()));
        Ok(sink.feed(&body)?)
    }
}

/// The state, in its moods.
struct Moody {
    store: Arc<MemoryStore>,
    moods: Moods,
}

impl fmt::Debug for Moody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Moody")
    }
}

impl Moody {
    async fn mood(&self, key: &str) -> Result<&MemoryStore, StoreError> {
        let message = format!("{key}: no");
        let mood = self.moods.lock().unwrap()(key);
        match mood {
            Mood::Well => Ok(&self.store),
            Mood::Transient | Mood::Pause => Err(StoreError::Transient { message, retry_after: None }),
            Mood::Refuses => Err(StoreError::Denied { message }),
            Mood::Panics => panic!("the state"),
            Mood::Silent => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Store for Moody {
    async fn put(&self, key: &str, bytes: Bytes, metadata: &Metadata) -> Result<Option<String>, StoreError> {
        self.mood(key).await?.put(key, bytes, metadata).await
    }

    async fn put_new(&self, key: &str, bytes: Bytes) -> Result<bool, StoreError> {
        self.mood(key).await?.put_new(key, bytes).await
    }

    async fn put_if_match(&self, key: &str, bytes: Bytes, etag: &str) -> Result<bool, StoreError> {
        self.mood(key).await?.put_if_match(key, bytes, etag).await
    }

    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        self.mood(key).await?.get(key).await
    }

    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        self.mood(key).await?.head(key).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>, StoreError> {
        self.mood(prefix).await?.list(prefix).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.mood(key).await?.delete(key).await
    }
}
