use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{DOCUMENT_VERSION, End, Plan, Receipt, RunId, Skipped, Totals, Verdict};

/// `report.json`: the finished run in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Version of this document.
    pub version: u32,
    /// The run.
    pub run: RunId,
    /// The source.
    pub source: String,
    /// The target.
    pub target: String,
    /// What came of it.
    pub verdict: Verdict,
    /// When the plan was made.
    pub planned_at: Timestamp,
    /// When the run ended.
    pub ended_at: Timestamp,
    /// Between the two, in seconds; pauses of an interrupted run included.
    pub elapsed_s: f64,
    /// What was planned.
    pub planned: Totals,
    /// Chunks written.
    pub chunks: u64,
    /// Of these, chunks that hold nothing but the fill value.
    pub fill_only_chunks: u64,
    /// Bytes of the chunk objects.
    pub bytes_stored: u64,
    /// Decoded bytes that came from the source, repeated attempts included.
    pub bytes_fetched: u64,
    /// Requests for data sent to the source, repeated attempts included.
    pub requests: u64,
    /// Requests beyond those planned.
    pub retries: u64,
    /// Seconds a chunk's fetch took.
    pub fetch_s: Percentiles,
    /// Seconds a chunk's encoding took.
    pub encode_s: Percentiles,
    /// Seconds a chunk's PUT took.
    pub put_s: Percentiles,
    /// What the source has and the dataset has not.
    pub skipped: Vec<Skipped>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// Some points of a distribution.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Percentiles {
    /// Half are below.
    pub p50: f64,
    /// Nine in ten are below.
    pub p90: f64,
    /// The largest.
    pub max: f64,
}

impl Percentiles {
    fn of(milliseconds: impl Iterator<Item = u64>) -> Self {
        let mut sorted: Vec<u64> = milliseconds.collect();
        sorted.sort_unstable();
        #[expect(clippy::cast_precision_loss, reason = "milliseconds to seconds, for people")]
        let at = |numerator: usize, denominator: usize| {
            let last = sorted.len().saturating_sub(1);
            sorted.get(last * numerator / denominator).map_or(0.0, |milliseconds| *milliseconds as f64 / 1000.0)
        };
        Self { p50: at(1, 2), p90: at(9, 10), max: at(1, 1) }
    }
}

/// The report of a run that ended, from its receipts: one for each chunk that was written.
pub fn report(plan: &Plan, end: &End, receipts: &[Receipt]) -> Report {
    let chunks: BTreeSet<_> = receipts.iter().map(|receipt| (receipt.array, &receipt.chunk)).collect();
    let sum = |of: fn(&Receipt) -> u64| receipts.iter().map(of).sum::<u64>();
    let requests = sum(|receipt| u64::from(receipt.requests));
    let elapsed = end.at.duration_since(plan.made_at);
    Report {
        version: DOCUMENT_VERSION,
        run: plan.run.clone(),
        source: plan.source.to_string(),
        target: plan.target.to_string(),
        verdict: end.verdict.clone(),
        planned_at: plan.made_at,
        ended_at: end.at,
        elapsed_s: elapsed.as_secs_f64(),
        planned: plan.totals,
        chunks: chunks.len() as u64,
        fill_only_chunks: receipts.iter().filter(|receipt| receipt.fill_only).count() as u64,
        bytes_stored: sum(|receipt| receipt.length),
        bytes_fetched: sum(|receipt| receipt.bytes_fetched),
        requests,
        retries: requests.saturating_sub(plan.totals.requests),
        fetch_s: Percentiles::of(receipts.iter().map(|receipt| receipt.timings.fetch_ms)),
        encode_s: Percentiles::of(receipts.iter().map(|receipt| receipt.timings.encode_ms)),
        put_s: Percentiles::of(receipts.iter().map(|receipt| receipt.timings.put_ms)),
        skipped: plan.skipped.clone(),
        notes: plan.notes.clone(),
    }
}
