use std::{sync::Arc, time::Duration};

use run::{ChunkTask, End, Failure, PlanTask, Reason, ReasonKind, Record, RunId, What, keys};
use steps::{
    Deadline, Message, Outcome, handle,
    ports::{Delivery, Ports, Queue, Settlement},
};
use tokio::{sync::watch, task::JoinSet, time::Instant};

use crate::MemoryQueue;

/// Records taken in at once.
const BATCH: usize = 1_000;
/// How long a worker or the finalizer waits for a message before it looks whether the run has ended.
const POLL: Duration = Duration::from_millis(200);
/// How long records are gathered after the first of a batch: one segment for many chunks.
const GATHER: Duration = Duration::from_millis(100);
/// Between two sweeps.
const SWEEP: Duration = Duration::from_secs(1);
/// So many sweeps with empty queues mean that something was lost.
const STALLED_SWEEPS: u32 = 3;
/// So many panics over one message mean that it is the message.
const MOST_DELIVERIES: u32 = 3;

/// What [`drive`] needs besides the ports.
#[derive(Debug)]
pub struct Drive {
    /// The run.
    pub run: RunId,
    /// The queue behind `ports.chunks`.
    pub chunks: Arc<MemoryQueue>,
    /// The queue behind `ports.records`.
    pub records: Arc<MemoryQueue>,
    /// Chunks in the works at once.
    pub workers: usize,
}

/// How a drive ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Driven {
    /// The run ended.
    Ended(End),
    /// We were asked to stop; what was under way was finished, and the next drive goes on from there.
    Stopped,
}

/// Hands messages to the verbs until the run has ended, or `stop` becomes true: then no new chunk is begun, those in
/// the works are finished and their receipts written.
///
/// # Errors
/// If the run cannot go on and could not be ended either: the state store, or the target's metadata, cannot be written.
pub async fn drive(drive: Drive, ports: Arc<Ports>, stop: watch::Receiver<bool>) -> Result<Driven, Reason> {
    let drive = Arc::new(drive);
    let (finished, over) = watch::channel(false);
    let mut workers = JoinSet::new();
    for _ in 0..drive.workers.max(1) {
        workers.spawn(work(Arc::clone(&drive), Arc::clone(&ports), stop.clone(), over.clone()));
    }
    let planned = plan(&drive, &ports, stop.clone()).await;
    let result = match planned {
        Ok(()) => finalize(&drive, &ports, &mut workers, stop.clone()).await,
        Err(reason) => Err(reason),
    };
    // Told only when the end is written. What is still in the works is of no use then: a worker may not write any more.
    finished.send_replace(true);
    workers.shutdown().await;
    result
}

/// Plans, as often as it takes.
async fn plan(drive: &Drive, ports: &Ports, mut stop: watch::Receiver<bool>) -> Result<(), Reason> {
    loop {
        let message = Message::Plan(PlanTask { run: drive.run.clone() });
        // Planning may wait for a slow server for minutes; dropped half-way, it is done again by the next drive.
        let outcome = tokio::select! {
            outcome = handle(message, ports, Deadline::NONE) => outcome,
            Ok(_) = stop.wait_for(|stop| *stop) => return Ok(()),
        };
        let wait = match outcome {
            Outcome::Done => return Ok(()),
            // The end says so too, unless the state store is what failed.
            Outcome::Failed(reason) => return if ended(drive, ports).await?.is_some() { Ok(()) } else { Err(reason) },
            Outcome::Retry(after) => after,
            Outcome::Deferred(until) => Duration::try_from(until.duration_since(ports.world.now())).unwrap_or_default(),
        };
        tokio::select! {
            () = ports.world.sleep(wait) => {}
            Ok(_) = stop.wait_for(|stop| *stop) => return Ok(()),
        }
    }
}

async fn ended(drive: &Drive, ports: &Ports) -> Result<Option<End>, Reason> {
    let object = match ports.state.get(&keys::end(&drive.run)).await {
        Ok(object) => object,
        // It is looked at again soon.
        Err(error) if error.is_transient() => None,
        Err(error) => return Err(Reason::from_error(ReasonKind::State, &error)),
    };
    let end = object.map(|object| serde_json::from_slice(&object.bytes)).transpose();
    end.map_err(|error| Reason::from_error(ReasonKind::State, &error))
}

/// Takes in records and sweeps until the run has ended, or until every worker stopped.
async fn finalize(
    drive: &Arc<Drive>,
    ports: &Arc<Ports>,
    workers: &mut JoinSet<()>,
    stop: watch::Receiver<bool>,
) -> Result<Driven, Reason> {
    let mut next_sweep = Instant::now() + SWEEP;
    let mut idle_sweeps = 0;
    loop {
        if let Some(end) = ended(drive, ports).await? {
            // Whoever wrote the end may not have come further: the report, the marker.
            sweep(drive, ports, false).await;
            return Ok(Driven::Ended(end));
        }
        if *stop.borrow() {
            while workers.join_next().await.is_some() {}
            while take_in(drive, ports, Duration::ZERO).await?.is_some() {}
            return Ok(ended(drive, ports).await?.map_or(Driven::Stopped, Driven::Ended));
        }
        if let Some(outcome @ Outcome::Deferred(_)) = take_in(drive, ports, POLL).await? {
            next_sweep = Instant::now() + pause(&outcome, ports);
        }
        if Instant::now() >= next_sweep {
            let idle = drive.chunks.depth().is_empty() && drive.records.depth().is_empty();
            idle_sweeps = if idle { idle_sweeps + 1 } else { 0 };
            let stalled = idle_sweeps >= STALLED_SWEEPS;
            let outcome = still_open(sweep(drive, ports, stalled).await, drive, ports).await?;
            next_sweep = Instant::now() + pause(&outcome, ports);
        }
    }
}

async fn sweep(drive: &Drive, ports: &Ports, stalled: bool) -> Outcome {
    handle(Message::Sweep { run: drive.run.clone(), stalled }, ports, Deadline::NONE).await
}

/// How long to wait before the next sweep: where the source or a store asked for a pause, sweeping is asking again.
fn pause(outcome: &Outcome, ports: &Ports) -> Duration {
    let asked = match outcome {
        Outcome::Done | Outcome::Failed(_) => Duration::ZERO,
        Outcome::Retry(after) => *after,
        Outcome::Deferred(until) => Duration::try_from(until.duration_since(ports.world.now())).unwrap_or_default(),
    };
    asked.max(SWEEP)
}

/// A finalizer that failed for good without ending the run cannot go on here: the state store, or the target's metadata,
/// cannot be written. The run stays open, and the next drive tries again.
async fn still_open(outcome: Outcome, drive: &Drive, ports: &Ports) -> Result<Outcome, Reason> {
    match outcome {
        Outcome::Failed(reason) if ended(drive, ports).await?.is_none() => Err(reason),
        Outcome::Done | Outcome::Retry(_) | Outcome::Deferred(_) | Outcome::Failed(_) => Ok(outcome),
    }
}

/// One batch of records, if there is one within `wait`, and what came of it.
async fn take_in(drive: &Drive, ports: &Ports, wait: Duration) -> Result<Option<Outcome>, Reason> {
    let Ok(mut deliveries) = drive.records.receive(BATCH, wait).await else { return Ok(None) };
    if deliveries.is_empty() {
        return Ok(None);
    }
    ports.world.sleep(GATHER).await;
    deliveries.extend(drive.records.receive(BATCH, Duration::ZERO).await.unwrap_or_default());
    let records = deliveries.iter().filter_map(|delivery| serde_json::from_str(&delivery.body).ok()).collect();
    let outcome = handle(Message::Records(records), ports, Deadline::NONE).await;
    let outcome = still_open(outcome, drive, ports).await?;
    let settlement = match outcome {
        Outcome::Done | Outcome::Failed(_) | Outcome::Deferred(_) => Settlement::Done,
        Outcome::Retry(after) => Settlement::Retry(after.min(SWEEP)),
    };
    for delivery in &deliveries {
        // The queue is in our own memory: it cannot fail.
        let _ = drive.records.settle(delivery, settlement).await;
    }
    Ok(Some(outcome))
}

/// One worker: chunk after chunk.
async fn work(drive: Arc<Drive>, ports: Arc<Ports>, stop: watch::Receiver<bool>, over: watch::Receiver<bool>) {
    while !*stop.borrow() && !*over.borrow() {
        let Ok(deliveries) = drive.chunks.receive(1, POLL).await else { continue };
        for delivery in deliveries {
            let settlement = chunk(&drive, &ports, &delivery).await;
            let _ = drive.chunks.settle(&delivery, settlement).await;
        }
    }
}

/// One message. A panic is that message's failure, not the worker's end.
async fn chunk(drive: &Drive, ports: &Arc<Ports>, delivery: &Delivery) -> Settlement {
    let Ok(task) = serde_json::from_str::<ChunkTask>(&delivery.body) else { return Settlement::Done };
    let handled = {
        let (task, ports) = (task.clone(), Arc::clone(ports));
        // A set of its own: when the worker is stopped, so is the handler.
        let mut handler = JoinSet::new();
        handler.spawn(async move { handle(Message::Chunk(task), &ports, Deadline::NONE).await });
        handler.join_next().await
    };
    let Some(handled) = handled else { return Settlement::Done };
    match handled {
        Ok(Outcome::Done | Outcome::Deferred(_) | Outcome::Failed(_)) => Settlement::Done,
        Ok(Outcome::Retry(after)) => Settlement::Retry(after),
        Err(_) if delivery.deliveries < MOST_DELIVERIES => Settlement::Retry(Duration::from_secs(1)),
        Err(error) => {
            let reason = Reason::new(ReasonKind::Internal, format!("a mistake of ours: {error}; please report it"));
            let failure = Failure { array: task.array, chunk: task.chunk, reason };
            let record = Record { run: task.run, what: What::Failure(failure) };
            if let Ok(body) = serde_json::to_string(&record) {
                let _ = drive.records.send(&[body]).await;
            }
            Settlement::Done
        }
    }
}
