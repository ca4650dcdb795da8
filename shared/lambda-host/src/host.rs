use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use aws::{Aws, SqsQueue, StackTarget, StackTargets, put_timeout};
use local::SystemWorld;
use source_http::{HttpOptions, Reach};
use steps::{
    Meter,
    ports::{Delivery, Depth, Ports, Queue, QueueError, Settings, Settlement, StoreError},
};

use crate::{
    ChunkHandler, Configuration, FinalizerHandler, PlannerHandler,
    chunk::ChunkLimits,
    configuration::TargetPlace,
    message::{NeverHidden, Visibility},
    source::LazySource,
};

/// The longest pause that is waited out, and paid for; a longer one puts the chunk off.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Attempts at a request. With pauses that grow to half a minute a server may be gone for two minutes and a half, as it is
/// when it is started anew; there is nobody who would give the same command again.
const ATTEMPTS: u32 = 12;
/// How long a source may be gone when all that is missing is a last look at it.
const PATIENCE: Duration = Duration::from_hours(1);

/// Why there are no ports.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The stack's stores cannot be set up.
    #[error("the stack's stores: {0}")]
    Store(#[from] StoreError),
    /// A queue cannot be set up.
    #[error("a queue of the stack: {0}")]
    Queue(#[from] QueueError),
}

/// A function's ports and its queue. Making them sends nothing: what needs the network is asked when a message does.
#[derive(Debug)]
pub struct Host {
    ports: Arc<Ports>,
    queue: Arc<dyn Visibility>,
    limits: ChunkLimits,
}

impl Host {
    /// The ports a configuration names.
    ///
    /// # Errors
    /// [`HostError`], which no further attempt will change.
    pub async fn open(configuration: &Configuration) -> Result<Self, HostError> {
        let aws = Aws::from_environment().await?;
        let queue = |url: &Option<String>| url.as_deref().map(|url| aws.queue(url)).transpose();
        let plans = queue(&configuration.plan_queue_url)?;
        let chunks = aws.queue(&configuration.chunk_queue_url)?;
        let records = queue(&configuration.receipt_queue_url)?;
        let own = match configuration.function {
            crate::Function::Planner => plans.clone(),
            crate::Function::Chunk => Some(chunks.clone()),
            crate::Function::Finalizer => records.clone(),
        };
        let state = aws.store(&configuration.state_bucket, "");
        let target = target(&configuration.target);
        let targets = StackTargets::new(target, &configuration.state_bucket, aws)?;
        let meter = Arc::new(Meter::default());
        let ports = Ports::new(
            Arc::new(LazySource::new(http(configuration), Arc::clone(&meter))),
            Arc::new(state),
            Arc::new(targets),
            port(plans),
            Arc::new(chunks),
            port(records),
            // One chunk at a time has one encoder.
            Arc::new(SystemWorld::new(1)),
            meter,
            settings(configuration),
        );
        let limits = ChunkLimits {
            max_receive_count: configuration.max_receive_count.unwrap_or(u32::MAX),
            memory_mb: configuration.memory_mb,
        };
        let queue = own.map_or_else(|| Arc::new(NeverHidden) as Arc<dyn Visibility>, |queue| Arc::new(queue));
        Ok(Self { ports: Arc::new(ports), queue, limits })
    }

    /// The planner on these ports.
    pub fn planner(self) -> PlannerHandler {
        PlannerHandler::new(self.ports, self.queue)
    }

    /// The chunk function on these ports.
    pub fn chunk(self) -> ChunkHandler {
        ChunkHandler::new(self.ports, self.queue, self.limits)
    }

    /// The finalizer on these ports.
    pub fn finalizer(self) -> FinalizerHandler {
        FinalizerHandler::new(self.ports, self.queue)
    }
}

fn http(configuration: &Configuration) -> HttpOptions {
    HttpOptions {
        // One request in flight in each environment: their number is the cap.
        concurrency: 1,
        contact: configuration.contact.clone(),
        // It changes from message to message, and a connection is worth more than its name in a header.
        run: None,
        // A worker starts afresh in the middle of a run: it has reached no host yet.
        give_up_early: false,
        reach: Reach::Guarded(configuration.allowed_hosts.clone()),
        system_proxy: false,
        ..HttpOptions::default()
    }
}

fn settings(configuration: &Configuration) -> Settings {
    let bytes = |mebibytes: Option<u64>| mebibytes.map(|mebibytes| mebibytes.saturating_mul(1 << 20));
    Settings {
        worker: configuration.worker.clone(),
        attempts: ATTEMPTS,
        patience: PATIENCE,
        longest_pause: LONGEST_PAUSE.min(configuration.function_timeout / 6),
        // A body is sent within the function's time, or not at all. One that was sent whole when Lambda ended its worker may
        // still land while an answer may be waited for.
        quarantine: configuration.function_timeout + put_timeout(0),
        // Its role has no right to write to the target.
        publishes: configuration.function != crate::Function::Planner,
        visibility: configuration.visibility.unwrap_or_default(),
        fleet: configuration.maximum_concurrency,
        worker_memory: bytes(configuration.chunk_memory_mb),
        finalizer_memory: bytes(configuration.finalizer_memory_mb),
        ..Settings::default()
    }
}

fn target(place: &TargetPlace) -> StackTarget {
    let TargetPlace { bucket, prefix, endpoint_url, region, path_style, secret_arn } = place.clone();
    StackTarget { bucket, prefix, endpoint_url, region, virtual_host_style: !path_style, secret: secret_arn }
}

fn port(queue: Option<SqsQueue>) -> Arc<dyn Queue> {
    queue.map_or_else(|| Arc::new(NoQueue) as Arc<dyn Queue>, |queue| Arc::new(queue))
}

/// In place of a queue that a function has nothing to do with, and no right to use.
#[derive(Debug)]
struct NoQueue;

impl NoQueue {
    fn refused<T>() -> Result<T, QueueError> {
        Err(QueueError { message: "this function does not use this queue".to_owned(), transient: false })
    }
}

#[async_trait]
impl Queue for NoQueue {
    async fn send(&self, _: &[String]) -> Result<(), QueueError> {
        Self::refused()
    }

    async fn receive(&self, _: usize, _: Duration) -> Result<Vec<Delivery>, QueueError> {
        Self::refused()
    }

    async fn settle(&self, _: &Delivery, _: Settlement) -> Result<(), QueueError> {
        Self::refused()
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        Self::refused()
    }
}

#[async_trait]
impl Visibility for SqsQueue {
    async fn hide(&self, handle: &str, duration: Duration) -> Result<(), QueueError> {
        Self::hide(self, handle, duration).await
    }
}
