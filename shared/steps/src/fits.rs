//! Whether a host's fixed numbers allow what a request and its plan need: asked before any message is sent.

use advisor::Workers;
use run::{Plan, PlannedArray, Reason, ReasonKind, Request};

use crate::ports::Settings;

/// What a function takes for itself: the runtime, connections, documents. To be replaced by what is measured.
const BASE_MEMORY: u64 = 128 * MEGABYTE;
/// Times a chunk's bytes that are in memory at once: the chunk, its encoded bytes, and what the codec and the client of
/// the target keep of them on the way. To be replaced by what is measured.
const CHUNK_COPIES: u64 = 3;
/// Bytes of memory for one chunk's receipt while a run is reconciled, with its share of maps and listings.
const RECEIPT_MEMORY: u64 = 2_000;
/// Requests to a source at once where nobody says: what the command line defaults to.
const DEFAULT_AT_ONCE: u32 = 4;
/// Functions are sold by the 2^20 bytes, under this name.
const MEGABYTE: u64 = 1 << 20;

/// Bytes of memory that a worker needs for chunks of this many bytes: a plan with larger ones is refused by a stack, and
/// whoever shows a plan can say so before.
pub const fn worker_memory(chunk_bytes: u64) -> u64 {
    chunk_bytes.saturating_mul(CHUNK_COPIES).saturating_add(BASE_MEMORY)
}

/// Bytes of memory that the finalizer needs for a run of this many chunks.
pub(crate) const fn finalizer_memory(chunks: u64) -> u64 {
    chunks.saturating_mul(RECEIPT_MEMORY).saturating_add(BASE_MEMORY)
}

/// Who will do the work of a request: a stack's functions, or as many requests at once as a command sends.
pub(crate) fn workers(request: &Request, settings: &Settings) -> Workers {
    let at_once = settings.fleet.or(request.concurrency).unwrap_or(DEFAULT_AT_ONCE);
    Workers { at_once, memory: settings.worker_memory }
}

/// Whether the host sends no more requests at once than the request allows. A host whose workers share a queue cannot
/// send fewer for one run than for another.
pub(crate) fn check_concurrency(request: &Request, settings: &Settings) -> Result<(), Reason> {
    let (Some(asked), Some(fleet)) = (request.concurrency, settings.fleet) else { return Ok(()) };
    if asked >= fleet {
        return Ok(());
    }
    let message = format!(
        "the request allows {asked} requests to the source at once (`concurrency`), but this stack sends up to {fleet} \
         (its parameter MaximumConcurrency); deploy it with MaximumConcurrency {}, allow {fleet} in the request if the \
         source's operators do, or run the conversion with `dap2zarr convert`{}",
        asked.max(2),
        if asked < 2 { ", since a stack never sends fewer than 2" } else { "" },
    );
    Err(Reason::new(ReasonKind::BadRequest, message))
}

/// Whether the largest chunk fits a worker, and the receipts the finalizer.
pub(crate) fn check_memory(plan: &Plan, settings: &Settings) -> Result<(), Reason> {
    let bytes = |array: &PlannedArray| array.spec.chunk_bytes().unwrap_or(u64::MAX);
    let largest = plan.arrays.iter().max_by_key(|array| bytes(array));
    if let (Some(array), Some(memory)) = (largest, settings.worker_memory)
        && worker_memory(bytes(array)) > memory
    {
        let shape: Vec<_> = array.spec.chunk_shape.sizes().iter().map(ToString::to_string).collect();
        let message = format!(
            "a chunk of `{}` ({}, {} bytes) needs {} MB of memory, a worker of this stack has {} MB; ask for smaller \
             chunks (`chunks` or `chunk_bytes`), or deploy the stack with a larger ChunkMemoryMb",
            array.spec.path,
            shape.join(" x "),
            bytes(array),
            megabytes(worker_memory(bytes(array))),
            memory / MEGABYTE,
        );
        return Err(Reason::new(ReasonKind::BadRequest, message));
    }
    let (chunks, needed) = (plan.totals.chunks, finalizer_memory(plan.totals.chunks));
    if let Some(memory) = settings.finalizer_memory.filter(|memory| needed > *memory) {
        let message = format!(
            "the receipts of {chunks} chunks need {} MB of memory, the finalizer of this stack has {} MB; ask for larger \
             chunks (`chunks` or `chunk_bytes`), or deploy the stack with a larger FinalizerMemoryMb",
            megabytes(needed),
            memory / MEGABYTE,
        );
        return Err(Reason::new(ReasonKind::BadRequest, message));
    }
    Ok(())
}

/// Rounded up: what is needed.
const fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(MEGABYTE)
}
