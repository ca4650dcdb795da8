//! The chunk function: one message, one chunk.

use std::{pin::pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use run::{ChunkTask, Digest, Failure, Plan, Reason, ReasonKind, Record, What, keys};
use steps::{Message, Outcome, ports::Ports};
use tracing::Instrument as _;

use crate::{
    Handler, HandlerError, Invocation,
    allowance::Allowance,
    message::{Again, Delivered, Visibility, answer, foreign, handled, hide, lost},
};

/// Makes chunks, one at a time.
#[derive(Debug)]
pub struct ChunkHandler {
    ports: Arc<Ports>,
    queue: Arc<dyn Visibility>,
    limits: ChunkLimits,
}

/// What the last delivery of a message needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkLimits {
    /// Deliveries of a message before it becomes a dead letter.
    pub max_receive_count: u32,
    /// The function's memory in MiB.
    pub memory_mb: u64,
}

#[async_trait]
impl Handler for ChunkHandler {
    type Event = SqsEvent;

    /// One message after the other, even if an event brings several: an environment has one request in flight, which is
    /// what the stack's cap is made of, and memory for one chunk.
    async fn handle(&self, event: SqsEvent, invocation: Invocation) -> Result<SqsBatchResponse, HandlerError> {
        let allowance = Allowance::new(invocation.ends, self.ports.world.now());
        let mut failed = Vec::new();
        for message in event.records.into_iter().map(Delivered::from) {
            let span = tracing::info_span!(
                "message",
                message_id = message.id,
                deliveries = message.deliveries,
                run = tracing::field::Empty,
                array = tracing::field::Empty,
                chunk = tracing::field::Empty,
            );
            if let Some(after) = self.message(&message, allowance).instrument(span).await {
                let left = allowance.left(self.ports.world.now());
                hide(self.queue.as_ref(), &message.handle, after, left).await;
                failed.push(message.id);
            }
        }
        Ok(answer(failed))
    }
}

impl ChunkHandler {
    /// A handler of the messages of `queue`.
    pub const fn new(ports: Arc<Ports>, queue: Arc<dyn Visibility>, limits: ChunkLimits) -> Self {
        Self { ports, queue, limits }
    }

    async fn message(&self, message: &Delivered, allowance: Allowance) -> Again {
        let task = match serde_json::from_str::<ChunkTask>(&message.body) {
            Ok(task) => task,
            Err(error) => {
                foreign(&format!("it is no chunk task, line {} column {}", error.line(), error.column()));
                return None;
            }
        };
        let span = tracing::Span::current();
        span.record("run", task.run.as_str()).record("array", task.array);
        span.record("chunk", tracing::field::display(&task.chunk));
        if !allowance.allows_more(self.ports.world.now()) {
            tracing::info!("too little time is left to begin");
            return Some(Duration::ZERO);
        }
        if message.deliveries >= self.limits.max_receive_count
            && let Some(record) = self.record_of_loss(&task, message.deliveries).await
        {
            return self.give_up(record).await;
        }
        self.make(task, message, allowance).await
    }

    async fn make(&self, task: ChunkTask, message: &Delivered, allowance: Allowance) -> Again {
        let started = self.ports.world.now();
        // From here on a worker that dies keeps its message for its own time and no longer.
        let visibility = allowance.visibility(started);
        let shortened = hide(self.queue.as_ref(), &message.handle, visibility, allowance.left(started));
        let handled = alongside(shortened, handled(Message::Chunk(task), &self.ports, allowance)).await;
        let elapsed_ms = self.ports.world.now().duration_since(started).as_millis();
        let elapsed_ms = u64::try_from(elapsed_ms).unwrap_or_default();
        match handled {
            Ok(Outcome::Done) => {
                tracing::info!(elapsed_ms, "handled");
                None
            }
            // Both were said in a record, which is where the run learns of it.
            Ok(Outcome::Deferred(until)) => {
                tracing::info!(elapsed_ms, %until, "the chunk is put off");
                None
            }
            Ok(Outcome::Failed(reason)) => {
                tracing::warn!(elapsed_ms, kind = ?reason.kind, reason = reason.message, "the chunk failed");
                None
            }
            Ok(Outcome::Retry(after)) => {
                tracing::warn!(elapsed_ms, after_s = after.as_secs(), "the message comes back");
                Some(after)
            }
            Err(how) => Some(lost(how)),
        }
    }

    /// What is said on the last delivery of a chunk that nobody has ever come back from. It is not tried once more: that
    /// would end as all the deliveries before, and the run would wait for a chunk that nobody speaks of.
    ///
    /// Nothing if it cannot be told that the task is of the plan, or if the run is over: then the verb says what it always says.
    async fn record_of_loss(&self, task: &ChunkTask, deliveries: u32) -> Option<Record> {
        let state = &self.ports.state;
        if state.get(&keys::decision(&task.run)).await.ok()?.is_some() {
            return None;
        }
        let plan = state.get(&keys::plan(&task.run)).await.ok()??;
        if Digest::of(&plan.bytes) != task.plan {
            return None;
        }
        let plan: Plan = serde_json::from_slice(&plan.bytes).ok()?;
        let array = plan.array(task.array)?;
        array.grid()?.hyperslab(&task.chunk)?;
        let bytes = array.spec.chunk_shape.bytes(array.spec.element.size())?;
        let message = format!(
            "chunk {} of `{}` was handed out {} times and no worker came back with it: each ended by itself (out of memory \
             or time), was not started (throttled) or could not reach the stack's own bucket and queues; the chunk has {bytes} bytes uncompressed, the function has {} MiB of memory; \
             choose smaller chunks, or give the function more memory or time",
            task.chunk,
            array.spec.path,
            deliveries.saturating_sub(1),
            self.limits.memory_mb,
        );
        let reason = Reason::new(ReasonKind::Internal, message);
        let failure = Failure { array: task.array, chunk: task.chunk.clone(), reason };
        Some(Record { run: task.run.clone(), what: What::Failure(failure) })
    }

    /// Tells the finalizer, and lets the message become a dead letter at its next delivery, at once.
    async fn give_up(&self, record: Record) -> Again {
        let reason = match &record.what {
            What::Failure(failure) => failure.reason.message.as_str(),
            What::Receipt(_) | What::Deferred { .. } => "",
        };
        tracing::error!(metric = "worker_lost", reason, "the last delivery: the chunk is given up");
        let sent = match serde_json::to_string(&record) {
            Ok(body) => self.ports.records.send(&[body]).await.map_err(|error| error.message),
            Err(error) => Err(error.to_string()),
        };
        if let Err(reason) = sent {
            tracing::error!(reason, "the chunk's failure could not be sent");
        }
        Some(Duration::ZERO)
    }
}

/// The main thing, with another beside it that it does not wait for.
async fn alongside<T>(beside: impl Future<Output = ()>, main: impl Future<Output = T>) -> T {
    let (mut beside, mut main) = (pin!(beside), pin!(main));
    tokio::select! {
        done = &mut main => done,
        () = &mut beside => main.await,
    }
}
