//! The receipts, failures and deferrals of a run, merged from its segments as sets.

use std::collections::{BTreeMap, BTreeSet};

use grid::ChunkIndex;
use jiff::Timestamp;
use run::{Failure, Receipt, Record, RunId, SegmentName, What, keys, read_segment, write_segment};

use crate::{ports::Ports, state, trouble::Trouble};

/// Names a chunk of a plan.
pub(crate) type ChunkName = (u32, ChunkIndex);

/// What is known of a run's chunks.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Every receipt of each chunk; usually one.
    pub(crate) receipts: BTreeMap<ChunkName, Vec<Receipt>>,
    /// Chunks that failed for good and have no receipt.
    pub(crate) failures: BTreeMap<ChunkName, Failure>,
    /// Chunks that wait, without receipt or failure: every time until which they were deferred, a set because a record
    /// may come twice. None is empty.
    pub(crate) deferred: BTreeMap<ChunkName, BTreeSet<Timestamp>>,
}

impl Ledger {
    pub(crate) async fn load(run: &RunId, ports: &Ports) -> Result<Self, Trouble> {
        let mut ledger = Self::default();
        for entry in state::list(ports, &keys::segments(run)).await? {
            let Some(object) = state::get(ports, &entry.key).await? else { continue };
            for record in read_segment(&object.bytes)? {
                ledger.add(record);
            }
        }
        ledger.failures.retain(|chunk, _| !ledger.receipts.contains_key(chunk));
        ledger.deferred.retain(|chunk, _| !ledger.receipts.contains_key(chunk) && !ledger.failures.contains_key(chunk));
        Ok(ledger)
    }

    fn add(&mut self, record: Record) {
        match record.what {
            What::Receipt(receipt) => {
                self.receipts.entry((receipt.array, receipt.chunk.clone())).or_default().push(receipt);
            }
            What::Failure(failure) => {
                self.failures.insert((failure.array, failure.chunk.clone()), failure);
            }
            What::Deferred { array, chunk, until } => {
                self.deferred.entry((array, chunk)).or_default().insert(until);
            }
        }
    }

    /// Until when a chunk waits, if it does.
    pub(crate) fn waits_until(&self, chunk: &ChunkName) -> Option<Timestamp> {
        self.deferred.get(chunk)?.last().copied()
    }

    /// One receipt for each chunk: the last.
    pub(crate) fn last_receipts(self) -> Vec<Receipt> {
        self.receipts.into_values().filter_map(|receipts| receipts.into_iter().max_by_key(|r| r.finished_at)).collect()
    }
}

/// Writes a batch of records as one segment. The segment's name follows from its content, so a redelivered batch
/// changes nothing.
pub(crate) async fn write(run: &RunId, records: &[Record], ports: &Ports) -> Result<(), Trouble> {
    let (name, bytes) = write_segment(records)?;
    state::put(ports, &keys::segment(run, &name), bytes.into()).await
}

/// Counts from the names of a run's segments: cheap, and an upper bound, since a chunk may be counted twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Receipts.
    pub receipts: u64,
    /// Failures.
    pub failures: u64,
    /// Deferrals.
    pub deferrals: u64,
}

/// The counts of a run, without reading its segments.
///
/// # Errors
/// What the state store said.
pub async fn progress(run: &RunId, ports: &Ports) -> Result<Progress, String> {
    counts(run, ports).await.map_err(|trouble| format!("{trouble:?}"))
}

pub(crate) async fn counts(run: &RunId, ports: &Ports) -> Result<Progress, Trouble> {
    let prefix = keys::segments(run);
    let entries = state::list(ports, &prefix).await?;
    let names = entries.iter().filter_map(|entry| SegmentName::parse(entry.key.strip_prefix(&prefix)?));
    Ok(names.fold(Progress::default(), |sum, name| Progress {
        receipts: sum.receipts + name.receipts,
        failures: sum.failures + name.failures,
        deferrals: sum.deferrals + name.deferrals,
    }))
}
