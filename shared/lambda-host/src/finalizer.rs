//! The finalizer function: receipts in large batches, and once a minute a look at every open run.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use futures::{StreamExt as _, stream};
use run::{ReasonKind, Record};
use serde::Deserialize;
use steps::{Message, Outcome, ports::Ports};
use tracing::Instrument as _;

use crate::{
    Handler, HandlerError, Invocation,
    allowance::Allowance,
    message::{Again, Delivered, Lost, Visibility, answer, foreign, handled, hide, lost},
};

/// Messages of a failed batch that are hidden at once: at 20 ms each a thousand take less than two seconds.
const HIDES: usize = 16;

/// Takes in records and looks after runs.
#[derive(Debug)]
pub struct FinalizerHandler {
    ports: Arc<Ports>,
    queue: Arc<dyn Visibility>,
}

/// What the finalizer is called with.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum FinalizerEvent {
    /// Records.
    Records(SqsEvent),
    /// Something else, which may be the schedule's.
    Call(Call),
}

/// An event that is not of a queue: what `EventBridge` sends for a schedule, or `{"sweep": true}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Call {
    /// Who sent it.
    #[serde(default)]
    pub source: Option<String>,
    /// Whether the sweep is asked for by hand.
    #[serde(default)]
    pub sweep: bool,
}

impl Call {
    /// `aws.events` are rules of `EventBridge`, `aws.scheduler` its newer schedules.
    fn asks_for_a_sweep(&self) -> bool {
        self.sweep || matches!(self.source.as_deref(), Some("aws.events" | "aws.scheduler"))
    }
}

/// A record and the message it came in.
type Taken = (Delivered, Record);

#[async_trait]
impl Handler for FinalizerHandler {
    type Event = FinalizerEvent;

    async fn handle(&self, event: FinalizerEvent, invocation: Invocation) -> Result<SqsBatchResponse, HandlerError> {
        let allowance = Allowance::new(invocation.ends, self.ports.world.now());
        match event {
            FinalizerEvent::Records(event) => Ok(self.batch(event, allowance).await),
            FinalizerEvent::Call(call) if call.asks_for_a_sweep() => self.tick(allowance).await,
            FinalizerEvent::Call(_) => Err(HandlerError::Event {
                expected: "records of the receipt queue, a scheduled event, or {\"sweep\": true}",
            }),
        }
    }
}

impl FinalizerHandler {
    /// A handler of the messages of `queue`.
    pub const fn new(ports: Arc<Ports>, queue: Arc<dyn Visibility>) -> Self {
        Self { ports, queue }
    }

    async fn batch(&self, event: SqsEvent, allowance: Allowance) -> SqsBatchResponse {
        let messages = event.records.into_iter().map(Delivered::from);
        let mut waiting = vec![messages.filter_map(taken).collect::<Vec<_>>()];
        let mut failed = Vec::new();
        while let Some(mut batch) = waiting.pop() {
            match self.take_in(&batch, allowance).await {
                Ok(None) => {}
                Ok(Some(after)) => failed.extend(self.put_off(batch, after, allowance).await),
                // One record of a thousand is enough, and the others must not share its end.
                Err(Lost::Panicked) if batch.len() > 1 => {
                    waiting.push(batch.split_off(batch.len() / 2));
                    waiting.push(batch);
                }
                Err(how) => failed.extend(self.put_off(batch, lost(how), allowance).await),
            }
        }
        answer(failed)
    }

    /// Hides messages that are to be delivered again; their ids.
    async fn put_off(&self, batch: Vec<Taken>, after: Duration, allowance: Allowance) -> Vec<String> {
        let (queue, world) = (&self.queue, &self.ports.world);
        let hidden = stream::iter(batch).map(|(message, _)| async move {
            let span = tracing::info_span!("message", message_id = message.id);
            let left = allowance.left(world.now());
            hide(queue.as_ref(), &message.handle, after, left).instrument(span).await;
            message.id
        });
        hidden.buffer_unordered(HIDES).collect().await
    }

    async fn take_in(&self, batch: &[Taken], allowance: Allowance) -> Result<Again, Lost> {
        let Some((_, first)) = batch.first() else { return Ok(None) };
        if !allowance.allows_more(self.ports.world.now()) {
            return Ok(Some(Duration::ZERO));
        }
        // A batch is of one run as a rule. Where it is not, the verb's own lines name the run.
        let one_run = batch.iter().all(|(_, record)| record.run == first.run);
        let run = one_run.then_some(first.run.as_str());
        let span = tracing::info_span!("records", run, records = batch.len());
        let records = batch.iter().map(|(_, record)| record.clone()).collect();
        async {
            let outcome = handled(Message::Records(records), &self.ports, allowance).await?;
            Ok(said(outcome))
        }
        .instrument(span)
        .await
    }

    /// A tick that comes to nothing is not tried again: the next one is a minute away and does the same.
    async fn tick(&self, allowance: Allowance) -> Result<SqsBatchResponse, HandlerError> {
        let span = tracing::info_span!("tick", sweep = true);
        let outcome = handled(Message::Tick, &self.ports, allowance).instrument(span.clone()).await;
        let _entered = span.entered();
        match outcome {
            Ok(outcome) => {
                said(outcome);
                Ok(answer([]))
            }
            Err(how) => {
                lost(how);
                Err(HandlerError::Lost)
            }
        }
    }
}

/// The record of a message; nothing if it has none.
fn taken(message: Delivered) -> Option<Taken> {
    match serde_json::from_str(&message.body) {
        Ok(record) => Some((message, record)),
        Err(error) => {
            let _span = tracing::info_span!("message", message_id = message.id).entered();
            foreign(&format!("it is no record, line {} column {}", error.line(), error.column()));
            None
        }
    }
}

/// Before records that the state store refused are delivered again.
const AFTER_REFUSAL: Duration = Duration::from_mins(1);

/// Records are in their segment when a verb is put off or fails after that, and the sweep goes on from there.
fn said(outcome: Outcome) -> Again {
    match outcome {
        Outcome::Done => {
            tracing::info!("handled");
            None
        }
        Outcome::Deferred(until) => {
            tracing::info!(%until, "put off, the sweep goes on then");
            None
        }
        // It may have failed before the segment was written, and a right that was just granted takes a while to hold.
        Outcome::Failed(reason) if reason.kind == ReasonKind::State => {
            tracing::error!(
                metric = "finalizer_failed",
                reason = reason.message,
                "the state store refused, to be tried again"
            );
            Some(AFTER_REFUSAL)
        }
        Outcome::Failed(reason) => {
            tracing::error!(metric = "finalizer_failed", kind = ?reason.kind, reason = reason.message, "failed");
            None
        }
        Outcome::Retry(after) => {
            tracing::warn!(after_s = after.as_secs(), "to be tried again");
            Some(after)
        }
    }
}
