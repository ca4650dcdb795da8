use std::collections::BTreeSet;

use advisor::{Dollars, Estimate};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{DOCUMENT_VERSION, End, Plan, Receipt, RunId, Skipped, Timings, Totals, Verdict};

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
    /// What the plan expected, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated: Option<Estimate>,
    /// What came of it, in the same terms. Zeros in reports of versions that did not count it.
    #[serde(default)]
    pub actual: Actual,
}

/// What a run took, to be set beside its [`Estimate`].
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Actual {
    /// Seconds from the plan to the end; pauses of an interrupted run included.
    pub seconds: f64,
    /// Seconds of a worker for an average chunk: fetch, encoding and PUT, of chunks that were fetched.
    pub chunk_s: f64,
    /// Gigabytes (2^30 bytes) of functions' memory times the seconds of all chunks; nothing where the workers were no
    /// functions. The start of a function and attempts that left no receipt are not in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gb_seconds: Option<f64>,
    /// What that costs, at the estimate's prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dollars: Option<Dollars>,
    /// Bytes of the chunk objects.
    pub stored_bytes: u64,
}

impl Actual {
    #[expect(clippy::cast_precision_loss, reason = "seconds and bytes for people")]
    fn of(estimated: Option<Estimate>, planned_chunks: u64, seconds: f64, receipts: &[Receipt]) -> Self {
        let worked = |receipt: &Receipt| {
            let Timings { fetch_ms, encode_ms, put_ms } = receipt.timings;
            (fetch_ms + encode_ms + put_ms) as f64 / 1000.0
        };
        let all: f64 = receipts.iter().map(worked).sum();
        // What was there already took no worker's time.
        let fetched: Vec<f64> = receipts.iter().filter(|receipt| receipt.requests > 0).map(worked).collect();
        let chunk_s = if fetched.is_empty() { 0.0 } else { fetched.iter().sum::<f64>() / fetched.len() as f64 };
        let stored_bytes: u64 = receipts.iter().map(|receipt| receipt.length).sum();
        let memory = estimated.and_then(|estimate| estimate.workers.memory);
        let gb_seconds = memory.map(|memory| all * memory as f64 / (1_u64 << 30) as f64);
        let dollars = estimated.zip(gb_seconds).and_then(|(estimate, gb_seconds)| {
            bill(&estimate, planned_chunks, gb_seconds, receipts.len(), stored_bytes)
        });
        Self { seconds, chunk_s, gb_seconds, dollars, stored_bytes }
    }
}

/// A bill at the prices that an estimate's bill has: its parts grow with GB seconds, chunks and bytes.
#[expect(clippy::cast_precision_loss, reason = "counts for people")]
fn bill(
    estimate: &Estimate,
    planned_chunks: u64,
    gb_seconds: f64,
    chunks: usize,
    stored_bytes: u64,
) -> Option<Dollars> {
    let (dollars, planned_gb_seconds) = (estimate.dollars?, estimate.gb_seconds?);
    if planned_chunks == 0 || planned_gb_seconds <= 0.0 || estimate.stored_bytes <= 0.0 {
        return None;
    }
    let compute = dollars.compute / planned_gb_seconds * gb_seconds;
    let calls = dollars.calls / planned_chunks as f64 * chunks as f64;
    let storage_month = dollars.storage_month / estimate.stored_bytes * stored_bytes as f64;
    Some(Dollars { compute, calls, total: compute + calls, storage_month })
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
        estimated: plan.estimate,
        actual: Actual::of(plan.estimate, plan.totals.chunks, elapsed.as_secs_f64(), receipts),
    }
}

#[cfg(test)]
mod tests {
    use advisor::{Prices, SourceSpeed, Work, Workers, estimate};
    use grid::ChunkIndex;

    use super::*;
    use crate::Digest;

    fn receipt(chunk: u64, requests: u32) -> Receipt {
        let milliseconds = if requests == 0 { 0 } else { 700 };
        Receipt {
            array: 0,
            chunk: ChunkIndex::new(vec![chunk]),
            key: format!("x/c/{chunk}"),
            length: 1_000,
            etag: None,
            sha256: Digest::of(b"x"),
            bytes_fetched: 2_000,
            fill_only: false,
            requests,
            timings: Timings { fetch_ms: milliseconds, encode_ms: milliseconds / 7, put_ms: milliseconds * 2 / 7 },
            finished_at: Timestamp::UNIX_EPOCH,
            worker: "w".to_owned(),
        }
    }

    #[test]
    fn what_a_run_took_is_counted_in_the_estimates_terms() {
        let work = Work { chunks: 3, requests: 3, bytes: 6_000, wire_bytes: 6_000 };
        let workers = Workers { at_once: 4, memory: Some(2 << 30) };
        let estimated = estimate(work, workers, SourceSpeed::default(), &Prices::default());
        let receipts = [receipt(0, 1), receipt(1, 2), receipt(2, 0)];
        let actual = Actual::of(Some(estimated), 3, 60.0, &receipts);
        assert_eq!((actual.chunk_s, actual.gb_seconds), (1.0, Some(4.0)), "two chunks of a second, with 2 GB");
        assert_eq!((actual.seconds, actual.stored_bytes), (60.0, 3_000));
        let (spent, planned) = (actual.dollars.unwrap(), estimated.dollars.unwrap());
        assert!((spent.calls - planned.calls).abs() < 1e-12, "as many chunks as were planned: {spent:?} {planned:?}");
        assert!((spent.compute - 4.0 * Prices::default().lambda_gb_second).abs() < 1e-12, "{spent:?}");
        let month = 3_000.0 / 1e9 * Prices::default().storage_gb_month;
        assert!((spent.storage_month - month).abs() < 1e-15, "{spent:?}");
        let here =
            Estimate { gb_seconds: None, dollars: None, workers: Workers { memory: None, ..workers }, ..estimated };
        let actual = Actual::of(Some(here), 3, 60.0, &receipts);
        assert_eq!((actual.gb_seconds, actual.dollars), (None, None), "one's own machine costs the same in any case");
        assert_eq!(Actual::of(None, 0, 60.0, &[]), Actual { seconds: 60.0, ..Actual::default() });
    }
}
