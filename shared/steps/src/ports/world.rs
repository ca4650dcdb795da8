use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

/// A piece of computation.
pub type Job = Box<dyn FnOnce() + Send>;

/// Clock, randomness and computing time, so that a seeded simulation can own them.
#[async_trait]
pub trait World: Send + Sync + std::fmt::Debug {
    /// The time.
    fn now(&self) -> Timestamp;

    /// Waits.
    async fn sleep(&self, duration: Duration);

    /// A random number, all 64 bits of it.
    fn random(&self) -> u64;

    /// Runs a job that computes for more than a moment, away from the tasks that wait for the network; returns when it
    /// is done. The host bounds how many run at once.
    async fn compute(&self, job: Job);
}
