use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use steps::ports::{Delivery, Depth, Queue, QueueError, Settlement};
use tokio::{sync::Notify, time::Instant};

/// A queue in memory. A delivered message stays hidden until it is settled or its visibility ends.
#[derive(Debug)]
pub struct MemoryQueue {
    state: Mutex<State>,
    arrived: Notify,
    visibility: Duration,
}

#[derive(Debug, Default)]
struct State {
    ready: VecDeque<Message>,
    /// By handle: deliveries under way, and messages that wait before they are delivered again.
    hidden: BTreeMap<u64, Hidden>,
    handles: u64,
}

#[derive(Debug)]
struct Message {
    body: String,
    deliveries: u32,
}

#[derive(Debug)]
struct Hidden {
    message: Message,
    until: Instant,
    in_flight: bool,
}

impl MemoryQueue {
    /// An empty queue. `visibility` is how long a delivery stays hidden.
    pub fn new(visibility: Duration) -> Self {
        Self { state: Mutex::default(), arrived: Notify::new(), visibility }
    }

    /// How many messages there are.
    pub fn depth(&self) -> Depth {
        let state = self.lock();
        let in_flight = state.hidden.values().filter(|hidden| hidden.in_flight).count();
        let waiting = state.ready.len() + state.hidden.len() - in_flight;
        Depth { waiting: waiting as u64, in_flight: in_flight as u64 }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn show_what_is_due(&mut self, now: Instant) {
        let due: Vec<u64> =
            self.hidden.iter().filter(|(_, hidden)| hidden.until <= now).map(|(handle, _)| *handle).collect();
        let messages = due.into_iter().filter_map(|handle| self.hidden.remove(&handle));
        let messages: Vec<_> = messages.map(|hidden| hidden.message).collect();
        self.ready.extend(messages);
    }

    fn take(&mut self, most: usize, until: Instant) -> Vec<Delivery> {
        let count = most.min(self.ready.len());
        let messages: Vec<_> = self.ready.drain(..count).collect();
        let mut deliveries = Vec::with_capacity(count);
        for mut message in messages {
            message.deliveries += 1;
            self.handles += 1;
            let handle = self.handles.to_string();
            deliveries.push(Delivery { handle, body: message.body.clone(), deliveries: message.deliveries });
            self.hidden.insert(self.handles, Hidden { message, until, in_flight: true });
        }
        deliveries
    }

    fn next_due(&self) -> Option<Instant> {
        self.hidden.values().map(|hidden| hidden.until).min()
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn send(&self, bodies: &[String]) -> Result<(), QueueError> {
        let messages = bodies.iter().map(|body| Message { body: body.clone(), deliveries: 0 });
        self.lock().ready.extend(messages);
        self.arrived.notify_waiters();
        Ok(())
    }

    async fn receive(&self, most: usize, wait: Duration) -> Result<Vec<Delivery>, QueueError> {
        let end = Instant::now() + wait;
        loop {
            let arrived = self.arrived.notified();
            tokio::pin!(arrived);
            // Registered before looking, so that nothing sent in between is missed.
            arrived.as_mut().enable();
            let next = {
                let mut state = self.lock();
                let now = Instant::now();
                state.show_what_is_due(now);
                let deliveries = state.take(most, now + self.visibility);
                if !deliveries.is_empty() || now >= end {
                    return Ok(deliveries);
                }
                state.next_due().map_or(end, |due| due.min(end))
            };
            let _ = tokio::time::timeout_at(next, arrived).await;
        }
    }

    async fn settle(&self, delivery: &Delivery, settlement: Settlement) -> Result<(), QueueError> {
        let Ok(handle) = delivery.handle.parse::<u64>() else { return Ok(()) };
        let mut state = self.lock();
        match settlement {
            Settlement::Done => {
                state.hidden.remove(&handle);
            }
            Settlement::Retry(after) => {
                if let Some(hidden) = state.hidden.get_mut(&handle) {
                    hidden.until = Instant::now() + after;
                    hidden.in_flight = false;
                }
            }
        }
        drop(state);
        self.arrived.notify_waiters();
        Ok(())
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        Ok(Self::depth(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn memory_is_a_queue() {
        steps::conformance::queue(&MemoryQueue::new(Duration::from_hours(1))).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_delivery_that_is_never_settled_comes_back() {
        let queue = MemoryQueue::new(Duration::from_secs(30));
        queue.send(&["x".to_owned()]).await.unwrap();
        assert_eq!(queue.receive(1, Duration::ZERO).await.unwrap().len(), 1);
        assert_eq!(queue.depth(), Depth { waiting: 0, in_flight: 1 });
        let start = Instant::now();
        let again = queue.receive(1, Duration::from_mins(1)).await.unwrap();
        assert_eq!(again[0].deliveries, 2);
        assert!(start.elapsed() >= Duration::from_secs(30));
    }
}
