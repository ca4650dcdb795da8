//! The second verb: one chunk from the source to the target.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use grid::{ChunkBuffer, Hyperslab};
use jiff::Timestamp;
use run::{ChunkTask, Digest, Failure, Plan, PlannedArray, Reason, ReasonKind, Receipt, Record, Timings, Wait, What};

use crate::{
    Deadline, fetch,
    fetch::Fetched,
    lease,
    plan_cache::{self, Loaded, plan_of_task},
    ports::{Metadata, Ports, Store},
    retry::{Attempts, GaveUp},
    state, target,
    trouble::Trouble,
};

/// A fetch is not begun with less time than this: it would hardly end.
const TIME_TO_FETCH: Duration = Duration::from_secs(15);
/// Encoding, writing and the receipt are not begun with less time than this.
const TIME_TO_WRITE: Duration = Duration::from_secs(5);

/// Object metadata that ties a chunk object to its plan.
const PLAN: &str = "dap2zarr-plan";
const CHUNK: &str = "dap2zarr-chunk";
const SHA256: &str = "dap2zarr-sha256";

/// Fetches, encodes and writes one chunk, and sends its receipt. A failure that is for good, or a wait that is too long
/// to sit out, is sent as a record too, so that the finalizer knows.
pub(crate) async fn chunk(task: &ChunkTask, ports: &Ports, deadline: Deadline) -> Result<(), Trouble> {
    let loaded = plan_of_task(task, ports).await?;
    // Before anything is said about the chunk: a task that is not of the plan is nobody's failure.
    let place = Place::of(task, &loaded)?;
    if state::decision(&task.run, ports).await?.is_some() {
        tracing::info!(run = %task.run, "the run is over, its chunk is dropped");
        return Ok(());
    }
    let trouble = match make(task, &loaded, &place, ports, deadline).await {
        Ok(Some(receipt)) => return send(task, What::Receipt(receipt), ports).await,
        Ok(None) => return Ok(()),
        Err(trouble) => trouble,
    };
    match &trouble {
        Trouble::Failed(reason) => {
            // Said where it is decided what it means for the run; here only for who looks closely.
            tracing::info!(array = task.array, chunk = %task.chunk, reason = reason.message, "the chunk failed");
            let failure = Failure { array: task.array, chunk: task.chunk.clone(), reason: reason.clone() };
            send(task, What::Failure(failure), ports).await?;
        }
        Trouble::Deferred(until, wait) => {
            let (array, chunk) = (task.array, task.chunk.clone());
            send(task, What::Deferred { array, chunk, until: *until, wait: *wait }, ports).await?;
        }
        Trouble::Retry(_) => {}
    }
    Err(trouble)
}

async fn send(task: &ChunkTask, what: What, ports: &Ports) -> Result<(), Trouble> {
    let record = Record { run: task.run.clone(), what };
    Ok(ports.records.send(&[serde_json::to_string(&record)?]).await?)
}

/// Makes the chunk unless it is there already. Nothing if the run ended meanwhile.
async fn make(
    task: &ChunkTask,
    loaded: &Arc<Loaded>,
    place: &Place<'_>,
    ports: &Ports,
    deadline: Deadline,
) -> Result<Option<Receipt>, Trouble> {
    let plan = &loaded.plan;
    let Place { array, slab, key } = place;
    let target = target::open(&plan.target, ports, deadline).await?;
    if !task.afresh
        && let Some(receipt) = already_there(task, key, target.as_ref(), ports, deadline).await?
    {
        return Ok(Some(receipt));
    }
    in_time(TIME_TO_FETCH, ports, deadline)?;
    let started = ports.world.now();
    let fetched = fetch::fetch(plan, array, slab, ports, deadline).await.map_err(given_up)?;
    in_time(TIME_TO_WRITE, ports, deadline)?;
    let fetched_at = ports.world.now();
    let Fetched { buffer, requests, bytes } = fetched;
    let encoded = encode(loaded, task.array, array, buffer, ports).await?;
    let encoded_at = ports.world.now();
    let length = encoded.bytes.len() as u64;
    let metadata = Metadata::from([
        (PLAN.to_owned(), task.plan.to_string()),
        (CHUNK.to_owned(), chunk_name(task)),
        (SHA256.to_owned(), encoded.sha256.to_string()),
    ]);
    let written = put(plan, key, encoded.bytes, &metadata, target.as_ref(), ports, deadline).await?;
    let Some(Written { etag }) = written else { return Ok(None) };
    let finished_at = ports.world.now();
    Ok(Some(Receipt {
        array: task.array,
        chunk: task.chunk.clone(),
        key: key.clone(),
        length,
        etag,
        sha256: encoded.sha256,
        bytes_fetched: bytes,
        fill_only: encoded.fill_only,
        requests,
        timings: Timings {
            fetch_ms: milliseconds(started, fetched_at),
            encode_ms: milliseconds(fetched_at, encoded_at),
            put_ms: milliseconds(encoded_at, finished_at),
        },
        finished_at,
        worker: ports.settings.worker.clone(),
    }))
}

/// Puts the chunk off where too little time is left for what comes next: better deferred than killed, since a worker
/// that is killed says nothing, and its message comes back only when its visibility ends.
fn in_time(needed: Duration, ports: &Ports, deadline: Deadline) -> Result<(), Trouble> {
    let now = ports.world.now();
    if deadline.allows(now, needed) { Ok(()) } else { Err(Trouble::Deferred(now, Wait::OutOfTime)) }
}

/// Where a chunk is at the source and in the target.
struct Place<'a> {
    array: &'a PlannedArray,
    slab: Hyperslab,
    key: String,
}

impl<'a> Place<'a> {
    fn of(task: &ChunkTask, loaded: &'a Loaded) -> Result<Self, Trouble> {
        let array = loaded.plan.array(task.array).ok_or_else(|| foreign(task))?;
        let slab = array.grid().and_then(|grid| grid.hyperslab(&task.chunk)).ok_or_else(|| foreign(task))?;
        let key = zarr::chunk_key(&array.spec.path, &task.chunk, loaded.plan.format);
        Ok(Self { array, slab, key })
    }
}

fn foreign(task: &ChunkTask) -> Trouble {
    plan_cache::foreign(task, format!("the plan of run {} has no chunk {}", task.run, chunk_name(task)))
}

fn chunk_name(task: &ChunkTask) -> String {
    format!("{}/{}", task.array, task.chunk)
}

fn milliseconds(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_millis()).unwrap_or_default()
}

/// A receipt for a chunk that an earlier delivery wrote: its receipt may have been lost. Costs a HEAD, not a fetch.
async fn already_there(
    task: &ChunkTask,
    key: &str,
    target: &dyn Store,
    ports: &Ports,
    deadline: Deadline,
) -> Result<Option<Receipt>, Trouble> {
    let Some(head) = target::head(key, target, ports, deadline).await? else { return Ok(None) };
    let ours = head.metadata.get(PLAN).is_some_and(|plan| plan == task.plan.as_str())
        && head.metadata.get(CHUNK).is_some_and(|chunk| *chunk == chunk_name(task));
    let sha256 = head.metadata.get(SHA256).and_then(|text| Digest::try_from(text.clone()).ok());
    let (true, Some(sha256)) = (ours, sha256) else { return Ok(None) };
    Ok(Some(Receipt {
        array: task.array,
        chunk: task.chunk.clone(),
        key: key.to_owned(),
        length: head.length,
        etag: head.etag,
        sha256,
        bytes_fetched: 0,
        fill_only: false,
        requests: 0,
        timings: Timings::default(),
        finished_at: ports.world.now(),
        worker: ports.settings.worker.clone(),
    }))
}

/// An encoded chunk.
struct Encoded {
    bytes: Bytes,
    sha256: Digest,
    fill_only: bool,
}

/// Encodes a chunk where the host computes. The chunk's buffer is gone when this returns.
async fn encode(
    loaded: &Arc<Loaded>,
    number: u32,
    array: &PlannedArray,
    buffer: ChunkBuffer,
    ports: &Ports,
) -> Result<Encoded, Trouble> {
    let result = Arc::new(Mutex::new(None));
    let job = {
        let (loaded, result, buffers) = (Arc::clone(loaded), Arc::clone(&result), Arc::clone(&ports.buffers));
        let fill = array.spec.fill.clone();
        move || {
            let fill_only = fill.is_some_and(|fill| buffer.is_all(&fill));
            let codec = usize::try_from(number).ok().and_then(|number| loaded.codecs.get(number));
            let chunk = buffer.into_bytes();
            let encoded = codec.map(|codec| codec.encode(&chunk));
            buffers.give(chunk);
            let encoded = encoded.map(|encoded| {
                encoded.map(|bytes| Encoded { sha256: Digest::of(&bytes), bytes: bytes.into(), fill_only })
            });
            *result.lock().unwrap_or_else(PoisonError::into_inner) = encoded;
        }
    };
    ports.world.compute(Box::new(job)).await;
    let encoded = result.lock().unwrap_or_else(PoisonError::into_inner).take();
    match encoded {
        Some(Ok(encoded)) => Ok(encoded),
        Some(Err(error)) => Err(Trouble::Failed(Reason::from_error(ReasonKind::Internal, &error))),
        None => Err(Trouble::failed(ReasonKind::Internal, "encoding the chunk did not finish")),
    }
}

/// Writes the object, unless the run may not write any more, which is looked at right before every attempt. An attempt
/// whose reply was lost is followed by one that writes the same bytes.
async fn put(
    plan: &Plan,
    key: &str,
    bytes: Bytes,
    metadata: &Metadata,
    target: &dyn Store,
    ports: &Ports,
    deadline: Deadline,
) -> Result<Option<Written>, Trouble> {
    let mut attempts = Attempts::new(ports, deadline, format!("PUT {key}"));
    loop {
        if !lease::may_write(plan, ports).await? {
            tracing::info!(run = %plan.run, "the run is over, its chunk is dropped");
            return Ok(None);
        }
        match target.put(key, bytes.clone(), metadata).await {
            Ok(etag) => return Ok(Some(Written { etag })),
            Err(error) => attempts.again(&error).await.map_err(given_up)?,
        }
    }
}

/// An object that was written.
struct Written {
    /// Its tag, if the endpoint gives one.
    etag: Option<String>,
}

pub(crate) fn given_up(gave_up: GaveUp) -> Trouble {
    match gave_up {
        GaveUp::Later(until, wait) => Trouble::Deferred(until, wait),
        GaveUp::Failed(reason) | GaveUp::TooLarge(reason, _) => Trouble::Failed(reason),
    }
}
