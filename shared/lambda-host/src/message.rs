use std::{fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsMessage};
use steps::{
    Message, Outcome, handle,
    ports::{Ports, QueueError},
};
use tokio::{task::JoinSet, time::timeout};
use tracing::Instrument as _;

use crate::allowance::Allowance;

/// Hides delivered messages. Lambda receives and removes them; when one that failed comes back is ours to say.
#[async_trait]
pub trait Visibility: Send + Sync + Debug {
    /// Hides a delivered message for this long from now. One that was settled before is no error.
    ///
    /// # Errors
    /// [`QueueError`] if the queue cannot be asked.
    async fn hide(&self, handle: &str, duration: Duration) -> Result<(), QueueError>;
}

/// A queue whose messages come back when their visibility ends, whatever anyone says.
#[derive(Debug, Clone, Copy)]
pub struct NeverHidden;

#[async_trait]
impl Visibility for NeverHidden {
    async fn hide(&self, _: &str, _: Duration) -> Result<(), QueueError> {
        Ok(())
    }
}

/// A message as the event source delivers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivered {
    pub(crate) id: String,
    pub(crate) handle: String,
    pub(crate) body: String,
    /// How often it has been delivered, this time included.
    pub(crate) deliveries: u32,
}

impl From<SqsMessage> for Delivered {
    /// What a message lacks is empty: an event source leaves nothing out, and an answer with an empty identifier makes it
    /// deliver the whole batch again, which is what a failure without a name deserves.
    fn from(message: SqsMessage) -> Self {
        let deliveries = message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok());
        Self {
            id: message.message_id.unwrap_or_default(),
            handle: message.receipt_handle.unwrap_or_default(),
            body: message.body.unwrap_or_default(),
            deliveries: deliveries.unwrap_or(1),
        }
    }
}

/// A handler that did not come to an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// A mistake of ours; the panic's own line says where.
    Panicked,
    /// It was still going on when the invocation's time was up.
    TimeUp,
}

/// After a message was lost: long enough for what made it so to pass, short enough for a run that waits.
const AFTER_LOSS: Duration = Duration::from_secs(5);

/// Handles a message in a task of its own, so that a panic is that message's failure and nobody else's, and cuts it off
/// before the invocation's time is up.
pub(crate) async fn handled(message: Message, ports: &Arc<Ports>, allowance: Allowance) -> Result<Outcome, Lost> {
    let left = allowance.until_cut_off(ports.world.now());
    let ports = Arc::clone(ports);
    // A set of its own: when it is dropped, the handler ends.
    let mut handler = JoinSet::new();
    handler.spawn(async move { handle(message, &ports, allowance.deadline()).await }.in_current_span());
    match timeout(left, handler.join_next()).await {
        Ok(Some(Ok(outcome))) => Ok(outcome),
        Ok(Some(Err(_)) | None) => Err(Lost::Panicked),
        Err(_) => Err(Lost::TimeUp),
    }
}

/// What the event source does with a message: nothing is "remove it", a time is "deliver it again after that".
pub(crate) type Again = Option<Duration>;

/// When a message that was lost is delivered again.
pub(crate) fn lost(lost: Lost) -> Duration {
    match lost {
        Lost::Panicked => tracing::error!(metric = "message_lost", "the handler panicked, the message comes back"),
        Lost::TimeUp => tracing::error!(metric = "message_lost", "the time was up, the message comes back"),
    }
    AFTER_LOSS
}

/// A body that is nobody's message. It is named by the message's id: what it holds may be anything, secrets included.
pub(crate) fn foreign(why: &str) {
    tracing::error!(metric = "foreign_message", why, "a foreign message is dropped");
}

/// Hides a message, in half of the time there is at most. Where that fails it comes back when its visibility ends.
pub(crate) async fn hide(queue: &dyn Visibility, handle: &str, duration: Duration, left: Duration) {
    let reason = match timeout(left / 2, queue.hide(handle, duration)).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.message,
        Err(_) => "the queue did not answer in time".to_owned(),
    };
    tracing::warn!(reason, "the message's visibility could not be changed");
}

/// The answer to the event source: the messages that are to be delivered again. All others are removed.
pub(crate) fn answer(failed: impl IntoIterator<Item = String>) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for id in failed {
        response.add_failure(id);
    }
    response
}
