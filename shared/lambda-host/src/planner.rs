//! The planner function: from a request that was dropped to a plan.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use steps::{Message, Outcome, ports::Ports};
use tracing::Instrument as _;

use crate::{
    Handler, HandlerError, Invocation,
    allowance::Allowance,
    message::{Again, Delivered, Visibility, answer, foreign, handled, hide, lost},
    order::{Order, orders},
};

/// Opens and plans runs.
#[derive(Debug)]
pub struct PlannerHandler {
    ports: Arc<Ports>,
    queue: Arc<dyn Visibility>,
}

#[async_trait]
impl Handler for PlannerHandler {
    type Event = SqsEvent;

    async fn handle(&self, event: SqsEvent, invocation: Invocation) -> Result<SqsBatchResponse, HandlerError> {
        let allowance = Allowance::new(invocation.ends, self.ports.world.now());
        let mut failed = Vec::new();
        for message in event.records.into_iter().map(Delivered::from) {
            let span = tracing::info_span!("message", message_id = message.id, deliveries = message.deliveries);
            if let Some(after) = self.message(&message, allowance).instrument(span).await {
                let left = allowance.left(self.ports.world.now());
                hide(self.queue.as_ref(), &message.handle, after, left).await;
                failed.push(message.id);
            }
        }
        Ok(answer(failed))
    }
}

impl PlannerHandler {
    /// A handler of the messages of `queue`.
    pub const fn new(ports: Arc<Ports>, queue: Arc<dyn Visibility>) -> Self {
        Self { ports, queue }
    }

    /// All that a message asks for. If one thing has to wait the message does, and then asks for all of it once more,
    /// which costs nothing where it was done.
    async fn message(&self, message: &Delivered, allowance: Allowance) -> Again {
        let mut again = None;
        for order in orders(&message.body) {
            again = again.max(self.order(order, allowance).await);
        }
        again
    }

    async fn order(&self, order: Order, allowance: Allowance) -> Again {
        let (span, message) = match order {
            Order::Request { key } => (tracing::info_span!("request", key), Message::Request { key }),
            Order::Plan(task) => (tracing::info_span!("plan", run = task.run.as_str()), Message::Plan(task)),
            Order::Nothing(why) => {
                tracing::info!(why, "nothing to do");
                return None;
            }
            Order::Foreign(why) => {
                foreign(&why);
                return None;
            }
        };
        if !allowance.allows_more(self.ports.world.now()) {
            return Some(Duration::ZERO);
        }
        async {
            match handled(message, &self.ports, allowance).await {
                Ok(outcome) => self.after(outcome),
                Err(how) => Some(lost(how)),
            }
        }
        .instrument(span)
        .await
    }

    /// A plan that is put off has no record that would bring it back, so its message waits.
    fn after(&self, outcome: Outcome) -> Again {
        let after = match outcome {
            Outcome::Done => {
                tracing::info!("handled");
                return None;
            }
            Outcome::Failed(reason) => {
                tracing::warn!(kind = ?reason.kind, reason = reason.message, "planning failed");
                return None;
            }
            Outcome::Retry(after) => after,
            Outcome::Deferred(until) => {
                Duration::try_from(until.duration_since(self.ports.world.now())).unwrap_or_default()
            }
        };
        tracing::warn!(after_s = after.as_secs(), "planning waits, the message comes back");
        Some(after)
    }
}
