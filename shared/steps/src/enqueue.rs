//! Chunk tasks onto the queue.

use grid::ChunkIndex;
use run::ChunkTask;

use crate::{plan_cache::Loaded, ports::Ports, trouble::Trouble};

/// Messages handed to the queue at once.
const BATCH: usize = 500;

/// Sends a message for each of these chunks, in order; returns how many. `afresh` says that objects that are there are
/// known to be wrong.
pub(crate) async fn enqueue(
    loaded: &Loaded,
    chunks: impl Iterator<Item = (u32, ChunkIndex)> + Send,
    afresh: bool,
    ports: &Ports,
) -> Result<u64, Trouble> {
    let mut sent = 0;
    let mut batch = Vec::with_capacity(BATCH);
    for (array, chunk) in chunks {
        let task = ChunkTask { afresh, ..loaded.plan.task(&loaded.digest, array, chunk) };
        batch.push(serde_json::to_string(&task)?);
        if batch.len() == BATCH {
            ports.chunks.send(&batch).await?;
            sent += batch.len() as u64;
            batch.clear();
        }
    }
    if !batch.is_empty() {
        ports.chunks.send(&batch).await?;
        sent += batch.len() as u64;
    }
    Ok(sent)
}
