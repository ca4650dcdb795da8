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
        let on_the_wire = array.spec.shape.elements().saturating_mul(array.wire_width());
        totals.wire_bytes = totals.wire_bytes.saturating_add(on_the_wire);
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
            present.map(move |(length, count)| ([head.as_slice(), &[*length]].concat(), times.saturating_mul(*count)))
        });
        kinds = extended.collect();
    }
    let each = kinds.iter().map(|(block, times)| array.requests_for(block, request_bytes).saturating_mul(*times));
    each.fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use advisor::{SourceSpeed, Workers};
    use dap::Dataset;
    use grid::Hyperslab;
    use jiff::Timestamp;
    use proptest::prelude::*;

    use crate::{Digest, Plan, Planning, Request, RunId, Target, Totals, fingerprint, plan};

    fn planned(dds: &str, chunks: &[(&str, u64)]) -> Plan {
        let dataset = Dataset::from_dap2(dds.as_bytes(), b"Attributes { }").unwrap();
        let chunks = chunks.iter().map(|(name, length)| ((*name).to_owned(), *length)).collect();
        let target = Target::Folder { path: "/x.zarr".to_owned() };
        let request = Request { chunks, ..Request::new("http://h/x".parse().unwrap(), target) };
        let planning = Planning {
            run: RunId::attempt(&Digest::of(b"x"), 1),
            continues: None,
            dataset: &dataset,
            fingerprint: fingerprint(&dataset, &dataset),
            cadences: BTreeMap::new(),
            workers: Workers { at_once: 1, memory: None },
            now: Timestamp::UNIX_EPOCH,
        };
        plan(&request, planning).unwrap()
    }

    #[test]
    fn sixteen_bits_are_fetched_as_four_bytes_and_stored_as_two() {
        let [short, long] = ["Int16", "Float32"]
            .map(|kind| planned(&format!("Dataset {{ {kind} v[time = 1000][y = 100][x = 1000]; }} d;"), &[]));
        assert_eq!((short.totals.bytes, short.totals.wire_bytes), (200_000_000, 400_000_000));
        assert_eq!((long.totals.bytes, long.totals.wire_bytes), (400_000_000, 400_000_000));
        let seconds = |plan: &Plan| plan.estimate.unwrap().seconds;
        let fetching = 4e8 / SourceSpeed::default().bytes_per_s;
        assert!(seconds(&short) > fetching, "{} s, of which {fetching} s are the source's", seconds(&short));
    }

    #[test]
    fn a_document_that_knows_nothing_of_the_wire_is_taken_at_its_bytes() {
        let mut document = serde_json::to_value(planned("Dataset { Int16 v[x = 1000]; } d;", &[]).totals).unwrap();
        assert!(document.as_object_mut().unwrap().remove("wire_bytes").is_some());
        let old: Totals = serde_json::from_value(document).unwrap();
        assert_eq!((old.wire_bytes, old.on_the_wire(), old.work().wire_bytes), (0, 2_000, 2_000));
    }

    #[test]
    fn where_there_is_nothing_there_are_no_chunks() {
        let plan = planned("Dataset { Float32 v[time = 0][x = 10]; } d;", &[]);
        assert_eq!(plan.totals, Totals { largest_chunk_bytes: plan.totals.largest_chunk_bytes, ..Totals::default() });
        assert_eq!(plan.arrays[0].requests_each(plan.request_bytes), 0);
    }

    #[test]
    fn a_chunk_is_asked_for_no_further_than_the_array_reaches() {
        let mut array = planned("Dataset { Int16 v[y = 30][x = 10]; } d;", &[("y", 20)]).arrays.remove(0);
        assert_eq!((array.requests_each(100), array.requests_each(800)), (10, 1));
        array.spec.chunk_shape = grid::Shape::new(vec![3_000, 10]).unwrap();
        let first = array.grid().unwrap().hyperslab(&array.grid().unwrap().index(0).unwrap()).unwrap();
        assert_eq!(array.requests_each(100), array.requests(&first, 100).len() as u64);
    }

    #[test]
    fn requests_of_many_pieces_are_counted_without_making_them() {
        let chunk = [("time", 40_000), ("y", 100), ("x", 100)];
        let mut plan = planned("Dataset { Float32 v[time = 4000000][y = 100][x = 100]; } d;", &chunk);
        let arrays = std::mem::take(&mut plan.arrays);
        // A request for each element: 40 thousand million hyperslabs would fit no memory.
        assert_eq!(super::totals(&arrays, 4).unwrap().requests, 40_000_000_000);
    }

    proptest! {
        #[test]
        fn counted_requests_are_those_that_are_made(
            block in prop::collection::vec(1_u64..14, 0..5),
            kind in prop::sample::select(vec!["Byte", "Int16", "Float32", "Float64"]),
            request_bytes in 1_u64..3_000,
        ) {
            let array = planned(&format!("Dataset {{ {kind} v[x = 10]; }} d;"), &[]).arrays.remove(0);
            let slab = Hyperslab::new(vec![0; block.len()], block.clone()).unwrap();
            let made = array.requests(&slab, request_bytes).len() as u64;
            prop_assert_eq!(array.requests_for(&block, request_bytes), made);
        }
    }
}
