//! The receipts, failures and deferrals of a run, merged from its segments as sets.

use std::collections::BTreeMap;

use futures::{StreamExt as _, stream};
use grid::ChunkIndex;
use jiff::Timestamp;
use run::{Failure, Receipt, Record, RunId, SegmentName, Wait, What, keys, read_segment, write_segment};
use serde::{Deserialize, Serialize};

use crate::{ports::Ports, state, trouble::Trouble};

/// Segments read at once. A run of a hundred thousand chunks has ten thousand of them, and one after the other they would
/// take all of a function's time.
const AT_ONCE: usize = 32;

/// Names a chunk of a plan.
pub(crate) type ChunkName = (u32, ChunkIndex);

/// What is known of a run's chunks.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Every receipt of each chunk; usually one.
    pub(crate) receipts: BTreeMap<ChunkName, Vec<Receipt>>,
    /// Chunks that failed for good and have no receipt.
    pub(crate) failures: BTreeMap<ChunkName, Failure>,
    /// Every deferral of each chunk without a failure: until when, and why; a set because a record may come twice. None is
    /// empty. A chunk that has a receipt may have been deferred when it was made again.
    pub(crate) deferred: BTreeMap<ChunkName, BTreeMap<Timestamp, Wait>>,
}

/// The segments of a run, by name.
#[derive(Debug)]
pub(crate) struct Segments(Vec<SegmentName>);

impl Segments {
    pub(crate) async fn list(run: &RunId, ports: &Ports) -> Result<Self, Trouble> {
        let prefix = keys::segments(run);
        let entries = state::list(ports, &prefix).await?;
        Ok(Self(entries.iter().filter_map(|entry| SegmentName::parse(entry.key.strip_prefix(&prefix)?)).collect()))
    }

    /// Cheap, and an upper bound, since a chunk may be counted twice.
    pub(crate) fn counts(&self) -> Progress {
        self.0.iter().fold(Progress::default(), |sum, name| Progress {
            receipts: sum.receipts + name.receipts,
            failures: sum.failures + name.failures,
            deferrals: sum.deferrals + name.deferrals,
        })
    }
}

impl Ledger {
    pub(crate) async fn load(run: &RunId, ports: &Ports) -> Result<Self, Trouble> {
        Self::read(run, &Segments::list(run, ports).await?, |_| true, ports).await
    }

    /// What listed segments say.
    pub(crate) async fn of(run: &RunId, segments: &Segments, ports: &Ports) -> Result<Self, Trouble> {
        Self::read(run, segments, |_| true, ports).await
    }

    /// Failures and deferrals only, without the receipts that may have come after them: a few small segments, where a
    /// run may have thousands.
    pub(crate) async fn of_troubles(run: &RunId, segments: &Segments, ports: &Ports) -> Result<Self, Trouble> {
        Self::read(run, segments, |name| name.failures + name.deferrals > 0, ports).await
    }

    async fn read(
        run: &RunId,
        segments: &Segments,
        which: fn(&SegmentName) -> bool,
        ports: &Ports,
    ) -> Result<Self, Trouble> {
        let mut ledger = Self::default();
        let wanted: Vec<_> =
            segments.0.iter().filter(|name| which(name)).map(|name| keys::segment(run, name)).collect();
        let reads = wanted.into_iter().map(|key| async move { state::get(ports, &key).await });
        let mut reads = stream::iter(reads).buffered(AT_ONCE);
        while let Some(object) = reads.next().await {
            let Some(object) = object? else { continue };
            for record in read_segment(&object.bytes)? {
                ledger.add(record);
            }
        }
        ledger.failures.retain(|chunk, _| !ledger.receipts.contains_key(chunk));
        ledger.deferred.retain(|chunk, _| !ledger.failures.contains_key(chunk));
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
            What::Deferred { array, chunk, until, wait } => {
                self.deferred.entry((array, chunk)).or_default().insert(until, wait);
            }
        }
    }

    /// Whether nothing is known of a chunk but that it may wait.
    pub(crate) fn is_open(&self, chunk: &ChunkName) -> bool {
        !self.receipts.contains_key(chunk) && !self.failures.contains_key(chunk)
    }

    /// Until when a chunk waits or waited last.
    pub(crate) fn waits_until(&self, chunk: &ChunkName) -> Option<Timestamp> {
        self.deferred.get(chunk)?.last_key_value().map(|(until, _)| *until)
    }

    /// When the last chunk was finished.
    pub(crate) fn last_finished(&self) -> Option<Timestamp> {
        self.receipts.values().flatten().map(|receipt| receipt.finished_at).max()
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
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
    Ok(Segments::list(run, ports).await?.counts())
}
