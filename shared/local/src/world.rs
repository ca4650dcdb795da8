use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use steps::ports::{Job, World};
use tokio::sync::Semaphore;

/// The system's clock and randomness, and a bounded number of computing threads.
#[derive(Debug)]
pub struct SystemWorld {
    computing: Arc<Semaphore>,
}

impl SystemWorld {
    /// A world in which at most `jobs` jobs compute at once.
    pub fn new(jobs: usize) -> Self {
        Self { computing: Arc::new(Semaphore::new(jobs.max(1))) }
    }
}

/// A random number from the standard library's seed: enough for jitter and for names that must not collide.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

#[async_trait]
impl World for SystemWorld {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn random(&self) -> u64 {
        random()
    }

    async fn compute(&self, job: Job) {
        let _permit = self.computing.acquire().await;
        // A job that panics leaves its result unset, which its caller sees.
        let _ = tokio::task::spawn_blocking(job).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_numbers_differ() {
        let numbers: std::collections::BTreeSet<_> = (0..100).map(|_| random()).collect();
        assert_eq!(numbers.len(), 100);
    }
}
