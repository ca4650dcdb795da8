use std::time::Duration;

use async_trait::async_trait;

/// Messages, each delivered at least once, in any order. `crate::conformance::queue` is the test.
#[async_trait]
pub trait Queue: Send + Sync + std::fmt::Debug {
    /// Sends messages. On an error some may have been sent.
    ///
    /// # Errors
    /// See [`QueueError`].
    async fn send(&self, bodies: &[String]) -> Result<(), QueueError>;

    /// Up to `most` messages, waiting at most `wait` for the first. They stay hidden from other receivers until they
    /// are settled or their visibility ends.
    ///
    /// # Errors
    /// See [`QueueError`].
    async fn receive(&self, most: usize, wait: Duration) -> Result<Vec<Delivery>, QueueError>;

    /// Says what became of a delivery. One that was settled before, or whose visibility ended, is no error.
    ///
    /// # Errors
    /// See [`QueueError`].
    async fn settle(&self, delivery: &Delivery, settlement: Settlement) -> Result<(), QueueError>;

    /// How many messages there are. A hint: a queue of several machines counts approximately.
    ///
    /// # Errors
    /// See [`QueueError`].
    async fn depth(&self) -> Result<Depth, QueueError>;
}

/// Messages in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// Waiting, those whose delivery is delayed included.
    pub waiting: u64,
    /// Delivered and not settled yet.
    pub in_flight: u64,
}

impl Depth {
    /// Whether there is none at all.
    pub const fn is_empty(self) -> bool {
        self.waiting == 0 && self.in_flight == 0
    }
}

/// One delivery of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Names this delivery, not the message.
    pub handle: String,
    /// The message.
    pub body: String,
    /// How often the message has been delivered, this time included.
    pub deliveries: u32,
}

/// What becomes of a delivered message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// It is done: remove it.
    Done,
    /// Deliver it again after a while.
    Retry(Duration),
}

/// Why a queue did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct QueueError {
    /// What happened.
    pub message: String,
    /// Whether another attempt may succeed.
    pub transient: bool,
}
