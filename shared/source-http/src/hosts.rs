use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is known of the hosts that were asked.
#[derive(Debug)]
pub(crate) struct Hosts {
    concurrency: usize,
    known: Mutex<HashMap<String, Arc<Host>>>,
}

/// One host, all its ports and schemes.
#[derive(Debug)]
pub(crate) struct Host {
    turns: Arc<Semaphore>,
    reached: AtomicBool,
    raw_brackets: AtomicBool,
}

impl Hosts {
    pub(crate) fn new(concurrency: u32) -> Self {
        let concurrency = usize::try_from(concurrency).unwrap_or(usize::MAX).clamp(1, Semaphore::MAX_PERMITS);
        Self { concurrency, known: Mutex::default() }
    }

    pub(crate) fn host(&self, name: &str) -> Arc<Host> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = known.get(name) {
            return Arc::clone(host);
        }
        let host = Arc::new(Host {
            turns: Arc::new(Semaphore::new(self.concurrency)),
            reached: AtomicBool::new(false),
            raw_brackets: AtomicBool::new(false),
        });
        known.insert(name.to_owned(), Arc::clone(&host));
        host
    }
}

impl Host {
    /// Waits until one more request may be in flight. Nothing closes the semaphore, so there is always a turn.
    pub(crate) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.turns).acquire_owned().await.ok()
    }

    /// Whether it ever answered.
    pub(crate) fn was_reached(&self) -> bool {
        self.reached.load(Ordering::Relaxed)
    }

    pub(crate) fn reached(&self) {
        self.reached.store(true, Ordering::Relaxed);
    }

    /// Whether it understands raw brackets only.
    pub(crate) fn wants_raw_brackets(&self) -> bool {
        self.raw_brackets.load(Ordering::Relaxed)
    }

    pub(crate) fn raw_brackets_worked(&self) {
        self.raw_brackets.store(true, Ordering::Relaxed);
    }
}
