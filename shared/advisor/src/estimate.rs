use serde::{Deserialize, Serialize};

use crate::{Prices, real};

/// What there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Chunks.
    pub chunks: u64,
    /// Requests to the source.
    pub requests: u64,
    /// Uncompressed bytes: what is encoded and stored.
    pub bytes: u64,
    /// Bytes of the same data as the source sends it: DAP2 has no 16-bit types on the wire and sends them as 4 bytes
    /// (ESE-RFC-004 §7).
    pub wire_bytes: u64,
}

/// Who does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workers {
    /// Chunks at a time, and so requests to the source.
    pub at_once: u32,
    /// Bytes of memory of a function; nothing for a process on a machine that costs the same in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
}

/// How fast the source answers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SourceSpeed {
    /// Seconds until a response's first byte.
    pub latency_s: f64,
    /// Bytes a second of one response, as they are on the wire.
    pub bytes_per_s: f64,
    /// The most bytes a second of all responses together, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_bytes_per_s: Option<f64>,
    /// Whether it was measured, and is not the study's figure.
    pub measured: bool,
    /// Whether the user told it, who may know the source.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given: bool,
}

impl Default for SourceSpeed {
    /// The study this project starts from: 15.8 GB of PRISM from a THREDDS server in 363 s on 30 workers, so 1.45 MB/s
    /// each, with 0.5 s to a response's first byte.
    fn default() -> Self {
        Self { latency_s: 0.5, bytes_per_s: 1_450_000.0, most_bytes_per_s: None, measured: false, given: false }
    }
}

/// What a conversion takes. An estimate: half or twice as much is no surprise where the source was not measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Seconds from start to publication.
    pub seconds: f64,
    /// Seconds of a worker for an average chunk.
    pub chunk_s: f64,
    /// Bytes that are stored, with the default codec on data like climate models'.
    pub stored_bytes: f64,
    /// Gigabytes of functions' memory times seconds; nothing on a machine of one's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gb_seconds: Option<f64>,
    /// What it costs, for functions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dollars: Option<Dollars>,
    /// Who does it.
    pub workers: Workers,
    /// How fast the source was taken to be.
    pub source: SourceSpeed,
}

/// A bill.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Dollars {
    /// The functions' memory and time.
    pub compute: f64,
    /// Calls of functions, queues and S3.
    pub calls: f64,
    /// The two together.
    pub total: f64,
    /// Keeping the dataset, a month.
    pub storage_month: f64,
}

/// What the default codec leaves of a byte (README: ten variables of real climate files).
const STORED: f64 = 0.487;
/// Bytes a second that are encoded on one processor (the same table).
const ENCODE: f64 = 144e6;
/// Stored bytes a second that one PUT takes: S3's performance guide, 85 to 90 MB/s a connection.
const PUT: f64 = 85e6;
/// Seconds around it: reading metadata and planning, start-up, receipts, publication.
const AROUND_S: f64 = 10.0;
/// Seconds of a function beside the work of its chunk: start-up shared out, HEAD and lease.
const BESIDE_S: f64 = 0.3;
/// Calls of queues for a chunk: send, receive and delete, of the task and of its receipt; receipts go in batches.
const QUEUE_CALLS: f64 = 4.0;
/// GETs and HEADs for a chunk: the lease and the run before its PUT, a HEAD of its key, its share of the plan.
const GETS: f64 = 4.0;

/// What a conversion takes:
///
/// - a chunk: requests × latency + bytes on the wire ÷ rate + bytes ÷ 144 MB/s (encoding) + stored bytes ÷ 85 MB/s (PUT) + 0.3 s;
/// - time: chunks × that ÷ workers, and 10 s around it; at the source's limit, where it is known, a chunk takes as much
///   longer as all their bytes on the wire need;
/// - GB seconds: chunks × seconds of a chunk × memory in 2^30 bytes;
/// - dollars: GB seconds, one call of a function, four of queues, a PUT and four GETs for each chunk, at `prices`.
pub fn estimate(work: Work, workers: Workers, source: SourceSpeed, prices: &Prices) -> Estimate {
    let (chunks, bytes, wire_bytes) = (real(work.chunks), real(work.bytes), real(work.wire_bytes));
    let stored_bytes = bytes * STORED;
    let rate = source.bytes_per_s.max(1.0);
    let fetching = real(work.requests) * source.latency_s + wire_bytes / rate;
    let all = fetching + bytes / ENCODE + stored_bytes / PUT + chunks * BESIDE_S;
    let at_once = f64::from(workers.at_once.max(1)).min(chunks.max(1.0));
    let at_best = source.most_bytes_per_s.map_or(0.0, |most| wire_bytes / most.max(1.0));
    // Workers of a source at its limit wait for each other's bytes, and are paid for it.
    let all = all.max(at_best * at_once);
    let gb_seconds = workers.memory.map(|memory| all * real(memory) / real(1 << 30));
    let dollars = gb_seconds.map(|gb_seconds| {
        let compute = gb_seconds * prices.lambda_gb_second;
        let calls = chunks * (prices.lambda_call + QUEUE_CALLS * prices.queue_call + prices.put + GETS * prices.get);
        Dollars { compute, calls, total: compute + calls, storage_month: stored_bytes / 1e9 * prices.storage_gb_month }
    });
    Estimate {
        seconds: AROUND_S + all / at_once,
        chunk_s: if work.chunks == 0 { 0.0 } else { all / chunks },
        stored_bytes,
        gb_seconds,
        dollars,
        workers,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRISM: Work = Work { chunks: 438, requests: 438, bytes: 15_800_000_000, wire_bytes: 15_800_000_000 };

    #[test]
    fn the_study_comes_out_as_it_was_measured() {
        let study = estimate(PRISM, Workers { at_once: 30, memory: None }, SourceSpeed::default(), &Prices::default());
        assert!((363.0..450.0).contains(&study.seconds), "{study:?}");
        assert_eq!(study.dollars, None);
    }

    #[test]
    fn functions_cost_what_the_guide_says() {
        let workers = Workers { at_once: 4, memory: Some(1769 << 20) };
        let guide = estimate(PRISM, workers, SourceSpeed::default(), &Prices::default());
        let dollars = guide.dollars.unwrap();
        assert!((0.20..0.30).contains(&dollars.total), "{dollars:?}");
        assert!((0.15..0.20).contains(&dollars.storage_month), "{dollars:?}");
    }

    #[test]
    fn a_source_is_never_faster_than_it_is() {
        let source = SourceSpeed { most_bytes_per_s: Some(2e6), ..SourceSpeed::default() };
        let slow = estimate(PRISM, Workers { at_once: 1000, memory: None }, source, &Prices::default());
        assert!(slow.seconds > 7_900.0, "{slow:?}");
        // 438 workers at once, 7,900 s each with a gigabyte: who waits is paid for.
        let paid = Workers { at_once: 1000, memory: Some(1 << 30) };
        let gb_seconds = estimate(PRISM, paid, source, &Prices::default()).gb_seconds.unwrap();
        assert!(gb_seconds > 438.0 * 7_900.0 * 0.99, "{gb_seconds}");
    }

    #[test]
    fn what_is_twice_as_long_on_the_wire_is_fetched_longer_and_stored_alike() {
        let here = Workers { at_once: 1, memory: None };
        let twice = Work { wire_bytes: 2 * PRISM.bytes, ..PRISM };
        let of = |work, source| estimate(work, here, source, &Prices::default());
        let [plain, wide] = [PRISM, twice].map(|work| of(work, SourceSpeed::default()));
        assert!((wide.seconds - plain.seconds - 15.8e9 / 1.45e6).abs() < 1.0, "{plain:?} {wide:?}");
        assert!((wide.stored_bytes - plain.stored_bytes).abs() < 1.0, "{plain:?} {wide:?}");
        let source = SourceSpeed { most_bytes_per_s: Some(1e6), ..SourceSpeed::default() };
        let [plain, wide] = [PRISM, twice].map(|work| of(work, source));
        assert!((plain.seconds - 15_810.0).abs() < 1.0 && (wide.seconds - 31_610.0).abs() < 1.0, "{plain:?} {wide:?}");
    }

    #[test]
    fn nothing_takes_hardly_any_time() {
        let none = Work { chunks: 0, requests: 0, bytes: 0, wire_bytes: 0 };
        let none = estimate(none, Workers { at_once: 4, memory: None }, SourceSpeed::default(), &Prices::default());
        assert!(none.seconds < 11.0 && none.chunk_s == 0.0, "{none:?}");
    }
}
