//! The ports in memory behind a gate.
#![expect(clippy::wildcard_enum_match_arm, reason = "a fault that a port does not know passes it by")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use dap::Query;
use jiff::Timestamp;
use local::{MemoryQueue, MemoryStore};
use run::{Reason, ReasonKind, SourceUrl, Target};
use steps::{
    Deadline,
    ports::{
        Delivery, Depth, Document, Entry, Head, Job, Metadata, Object, Queue, QueueError, Settlement, Sink, Source,
        SourceError, Store, StoreError, Targets, World,
    },
};
use tokio::time::Instant;

use crate::{
    bench::PLANNER,
    dataset::Scripted,
    gate::{Fault, Gate, Port},
    reader,
};

/// A store of memory; the target's is looked at by a reader after every change.
#[derive(Debug)]
pub(crate) struct GatedStore {
    pub(crate) port: Port,
    pub(crate) inner: Arc<MemoryStore>,
    pub(crate) gate: Arc<Gate>,
}

impl GatedStore {
    async fn call<T: Send>(
        &self,
        verb: &'static str,
        key: &str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let said = |what: &str| format!("{verb} {key}: {what}");
        let fault = self.gate.enter(self.port, verb, key).await;
        if let Fault::Transient(retry_after) = fault {
            return Err(StoreError::Transient { message: said("503"), retry_after });
        }
        if let Fault::Permanent(_) = fault {
            return Err(StoreError::Denied { message: said("403") });
        }
        let result = call.await;
        let changed = self.port == Port::Target && !matches!(verb, "get" | "head" | "list");
        if changed && let Err(what) = reader::open(&self.inner.snapshot()) {
            self.gate.shared.violated(format!("after {verb} {key} a reader finds half a dataset: {what}"));
        }
        self.gate.leave(fault).await;
        if fault == Fault::LoseReply {
            return Err(StoreError::Transient { message: said("no reply"), retry_after: None });
        }
        result
    }
}

#[async_trait]
impl Store for GatedStore {
    async fn put(&self, key: &str, bytes: Bytes, metadata: &Metadata) -> Result<Option<String>, StoreError> {
        if self.port == Port::Target && self.gate.name() == PLANNER {
            return Err(StoreError::Denied { message: "a planner may not write to the target".to_owned() });
        }
        self.call("put", key, self.inner.put(key, bytes, metadata)).await
    }

    async fn put_new(&self, key: &str, bytes: Bytes) -> Result<bool, StoreError> {
        self.call("put_new", key, self.inner.put_new(key, bytes)).await
    }

    async fn put_if_match(&self, key: &str, bytes: Bytes, etag: &str) -> Result<bool, StoreError> {
        self.call("put_if_match", key, self.inner.put_if_match(key, bytes, etag)).await
    }

    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        self.call("get", key, self.inner.get(key)).await
    }

    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        self.call("head", key, self.inner.head(key)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>, StoreError> {
        self.call("list", prefix, self.inner.list(prefix)).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.call("delete", key, self.inner.delete(key)).await
    }
}

/// The one target there is.
#[derive(Debug)]
pub(crate) struct OneTarget(pub(crate) Arc<GatedStore>);

#[async_trait]
impl Targets for OneTarget {
    async fn open(&self, _target: &Target) -> Result<Arc<dyn Store>, StoreError> {
        let fault = self.0.gate.enter(Port::Target, "open", "").await;
        let message = "open".to_owned();
        match fault {
            Fault::Transient(retry_after) => Err(StoreError::Transient { message, retry_after }),
            Fault::Permanent(_) => Err(StoreError::Denied { message }),
            _ => Ok(Arc::clone(&self.0) as Arc<dyn Store>),
        }
    }

    /// Refuses what lies below `/denied/`, and knows every place without a slash at its end.
    fn canonical(&self, target: &Target) -> Result<Target, StoreError> {
        match target {
            Target::Folder { path } if path.starts_with("/denied/") => {
                Err(StoreError::Denied { message: format!("{path} is not ours to write") })
            }
            Target::Folder { path } => Ok(Target::Folder { path: path.trim_end_matches('/').to_owned() }),
            Target::S3 { .. } => Ok(target.clone()),
        }
    }
}

/// The sending side of a queue; who receives holds the queue itself.
#[derive(Debug)]
pub(crate) struct GatedQueue {
    pub(crate) port: Port,
    pub(crate) inner: Arc<MemoryQueue>,
    pub(crate) gate: Arc<Gate>,
}

#[async_trait]
impl Queue for GatedQueue {
    async fn send(&self, bodies: &[String]) -> Result<(), QueueError> {
        let fault = self.gate.enter(self.port, "send", &bodies.join("\n")).await;
        match fault {
            Fault::Transient(_) => return Err(QueueError { message: "503".to_owned(), transient: true }),
            Fault::Permanent(_) => return Err(QueueError { message: "403".to_owned(), transient: false }),
            Fault::Drop => {}
            Fault::Duplicate => self.inner.send(&[bodies, bodies].concat()).await?,
            Fault::Reverse => self.inner.send(&bodies.iter().rev().cloned().collect::<Vec<_>>()).await?,
            Fault::Later(pause) => {
                let (inner, bodies) = (Arc::clone(&self.inner), bodies.to_vec());
                tokio::spawn(async move {
                    tokio::time::sleep(pause).await;
                    inner.send(&bodies).await.unwrap();
                });
            }
            _ => self.inner.send(bodies).await?,
        }
        self.gate.leave(fault).await;
        if fault == Fault::LoseReply {
            return Err(QueueError { message: "no reply".to_owned(), transient: true });
        }
        Ok(())
    }

    async fn receive(&self, most: usize, wait: Duration) -> Result<Vec<Delivery>, QueueError> {
        self.inner.receive(most, wait).await
    }

    async fn settle(&self, delivery: &Delivery, settlement: Settlement) -> Result<(), QueueError> {
        self.inner.settle(delivery, settlement).await
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        Ok(self.inner.depth())
    }
}

/// The server.
#[derive(Debug)]
pub(crate) struct GatedSource {
    pub(crate) inner: Arc<Scripted>,
    pub(crate) gate: Arc<Gate>,
}

/// How long the server takes over data.
const LATENCY: Duration = Duration::from_millis(20);
/// Bytes handed to a sink at once: cuts numbers in two.
const PIECE: usize = 37;

fn refused(fault: Fault) -> Result<(), SourceError> {
    let reason = |kind| Reason::new(kind, "the server is having a bad day");
    match fault {
        Fault::Transient(retry_after) => {
            Err(SourceError::Transient { reason: reason(ReasonKind::SourceUnreachable), retry_after })
        }
        Fault::Permanent(kind) => Err(SourceError::Permanent(reason(kind))),
        Fault::TooLarge(limit_bytes) => {
            Err(SourceError::TooLarge { limit_bytes, reason: reason(ReasonKind::SourceRefused) })
        }
        _ => Ok(()),
    }
}

#[async_trait]
impl Source for GatedSource {
    async fn document(&self, _url: &SourceUrl, document: Document, _deadline: Deadline) -> Result<Bytes, SourceError> {
        let fault = self.gate.enter(Port::Source, "document", document.suffix()).await;
        refused(fault)?;
        let text = self.inner.document(document);
        self.gate.leave(fault).await;
        Ok(text.into())
    }

    async fn fetch(
        &self,
        _url: &SourceUrl,
        query: &Query,
        sink: &mut dyn Sink,
        _deadline: Deadline,
    ) -> Result<(), SourceError> {
        let fault = self.gate.enter(Port::Source, "fetch", &query.to_string()).await;
        tokio::time::sleep(LATENCY).await;
        refused(fault)?;
        let mut body = self.inner.body(&query.to_string());
        if let Fault::Truncate(length) = fault {
            body.truncate(length);
        }
        for piece in body.chunks(PIECE) {
            sink.feed(piece)?;
        }
        self.gate.leave(fault).await;
        if fault == Fault::LoseReply {
            refused(Fault::Transient(None))?;
        }
        Ok(())
    }
}

/// Tokio's clock, which tests pause, and a seed.
#[derive(Debug)]
pub(crate) struct TestWorld {
    start: Instant,
    seed: AtomicU64,
}

impl TestWorld {
    /// The world of the `number`th process: no two of them draw the same numbers.
    pub(crate) fn new(start: Instant, number: u64) -> Self {
        Self { start, seed: AtomicU64::new(number) }
    }
}

#[async_trait]
impl World for TestWorld {
    fn now(&self) -> Timestamp {
        // 2026-01-01.
        Timestamp::from_second(1_767_225_600).unwrap() + self.start.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn random(&self) -> u64 {
        // Splitmix64.
        let mut mixed = self.seed.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    async fn compute(&self, job: Job) {
        job();
    }
}

/// The objects of a store by key.
pub(crate) type Objects = BTreeMap<String, Bytes>;
