//! Sums over a plan, without listing its chunks.

use super::PlanError;
use crate::{PlannedArray, Totals};

/// The most chunks of one run: beyond this, listing and merging receipts would not fit a function's memory.
const MAX_CHUNKS: u64 = 20_000_000;

pub(super) fn totals(arrays: &[PlannedArray], request_bytes: u64) -> Result<Totals, PlanError> {
    let mut totals = Totals::default();
    for array in arrays {
        let Some(grid) = array.grid() else { continue };
        totals.chunks = totals.chunks.saturating_add(grid.len());
        let element = array.spec.element.size() as u64;
        totals.bytes = totals.bytes.saturating_add(array.spec.shape.elements().saturating_mul(element));
        totals.largest_chunk_bytes = totals.largest_chunk_bytes.max(array.spec.chunk_bytes().unwrap_or_default());
        if totals.chunks > MAX_CHUNKS {
            return Err(PlanError::TooLarge {
                what: "the number of chunks".to_owned(),
                found: totals.chunks,
                most: MAX_CHUNKS,
                hint: "choose larger chunks or a smaller range",
            });
        }
        totals.requests = totals.requests.saturating_add(requests(array, request_bytes));
    }
    Ok(totals)
}

/// Requests for all chunks of an array. Chunks that are cut alike are counted once: along each dimension there are at
/// most two lengths, the full one and the last.
fn requests(array: &PlannedArray, request_bytes: u64) -> u64 {
    let mut kinds: Vec<(Vec<u64>, u64)> = vec![(Vec::new(), 1)];
    for (size, chunk) in array.spec.shape.sizes().iter().zip(array.spec.chunk_shape.sizes()) {
        let (full, rest) = (size / chunk, size % chunk);
        let lengths = [(*chunk, full), (rest, u64::from(rest > 0))];
        let extended = kinds.iter().flat_map(|(head, times)| {
            let present = lengths.iter().filter(|(_, count)| *count > 0);
            present.map(move |(length, count)| ([head.as_slice(), &[*length]].concat(), times * count))
        });
        kinds = extended.collect();
    }
    let slabs = kinds.into_iter().filter_map(|(counts, times)| {
        let slab = grid::Hyperslab::new(vec![0; counts.len()], counts).ok()?;
        Some(array.requests(&slab, request_bytes).len() as u64 * times)
    });
    slabs.sum()
}
