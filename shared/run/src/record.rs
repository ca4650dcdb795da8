use std::collections::BTreeMap;

use grid::ChunkIndex;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Digest, Reason, RunId};

/// Proof that a chunk object was written: sent only after its PUT was acknowledged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// Position of the array in the plan.
    pub array: u32,
    /// The chunk.
    pub chunk: ChunkIndex,
    /// The object's key, relative to the dataset.
    pub key: String,
    /// Length of the object in bytes.
    pub length: u64,
    /// The endpoint's `ETag`, opaque; a folder has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// SHA-256 of the object.
    pub sha256: Digest,
    /// Decoded bytes that came from the source, over every attempt.
    pub bytes_fetched: u64,
    /// Whether every element equals the fill value.
    pub fill_only: bool,
    /// Requests sent to the source, retries included; 0 if the object was already there.
    pub requests: u32,
    /// Where the time went.
    pub timings: Timings,
    /// When the chunk was finished.
    pub finished_at: Timestamp,
    /// Who did it.
    pub worker: String,
}

/// Where a chunk's time went, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Timings {
    /// Waiting for and reading the source's responses, waits between attempts included.
    pub fetch_ms: u64,
    /// Encoding and digests.
    pub encode_ms: u64,
    /// Writing the object.
    pub put_ms: u64,
}

/// A chunk that failed for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Position of the array in the plan.
    pub array: u32,
    /// The chunk.
    pub chunk: ChunkIndex,
    /// Why, with the server's own words.
    pub reason: Reason,
}

/// What a worker tells the finalizer about one chunk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The run.
    pub run: RunId,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened to a chunk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It is written.
    Receipt(Receipt),
    /// It failed for good.
    Failure(Failure),
    /// It should not be tried before a time.
    Deferred {
        /// Position of the array in the plan.
        array: u32,
        /// The chunk.
        chunk: ChunkIndex,
        /// The time.
        until: Timestamp,
        /// Why it waits.
        #[serde(default)]
        wait: Wait,
    },
}

/// Why a chunk is tried later: what to do about it is not the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// The source or the target asked for a pause.
    #[default]
    Asked,
    /// The worker had too little time left for what came next.
    OutOfTime,
}

impl Record {
    /// Which chunk this is about.
    pub const fn chunk(&self) -> (u32, &ChunkIndex) {
        match &self.what {
            What::Receipt(receipt) => (receipt.array, &receipt.chunk),
            What::Failure(failure) => (failure.array, &failure.chunk),
            What::Deferred { array, chunk, .. } => (*array, chunk),
        }
    }
}

/// The name of a segment: a digest of its content and how many receipts, failures and deferrals it holds,
/// `9f86d081884c7d659a2feaa0-r120-f0-d1.jsonl`. A redelivered batch gives the same name, so segments are a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentName {
    /// The name.
    pub name: String,
    /// Number of receipts in the segment.
    pub receipts: u64,
    /// Number of failures.
    pub failures: u64,
    /// Number of deferrals.
    pub deferrals: u64,
}

impl SegmentName {
    /// Reads a segment's name; nothing if it is not one.
    pub fn parse(name: &str) -> Option<Self> {
        let mut parts = name.strip_suffix(".jsonl")?.split('-');
        let digest = parts.next()?;
        let hexadecimal = digest.len() == 24 && digest.bytes().all(|b| b.is_ascii_hexdigit());
        let mut count = |letter| parts.next()?.strip_prefix(letter)?.parse().ok();
        let (receipts, failures, deferrals) = (count('r')?, count('f')?, count('d')?);
        let whole = hexadecimal && parts.next().is_none();
        whole.then(|| Self { name: name.to_owned(), receipts, failures, deferrals })
    }
}

/// One segment's name and document: the records, one JSON object a line, in the order of their chunks.
///
/// # Errors
/// If a record cannot be written as JSON, which does not happen.
pub fn write_segment(records: &[Record]) -> Result<(SegmentName, Vec<u8>), serde_json::Error> {
    let mut lines = BTreeMap::new();
    for record in records {
        lines.insert(serde_json::to_string(record)?, &record.what);
    }
    let (mut receipts, mut failures, mut deferrals) = (0, 0, 0);
    for what in lines.values() {
        match what {
            What::Receipt(_) => receipts += 1,
            What::Failure(_) => failures += 1,
            What::Deferred { .. } => deferrals += 1,
        }
    }
    let mut bytes = lines.into_keys().collect::<Vec<_>>().join("\n").into_bytes();
    bytes.push(b'\n');
    let digest = Digest::of(&bytes);
    let digest = digest.as_str().get(..24).unwrap_or_default();
    let name = format!("{digest}-r{receipts}-f{failures}-d{deferrals}.jsonl");
    Ok((SegmentName { name, receipts, failures, deferrals }, bytes))
}

/// The records of a segment.
///
/// # Errors
/// If a line is not a record.
pub fn read_segment(bytes: &[u8]) -> Result<Vec<Record>, serde_json::Error> {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(serde_json::from_slice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ReasonKind;

    fn failure(chunk: u64) -> Record {
        Record {
            run: RunId::attempt(&Digest::of(b"x"), 1),
            what: What::Failure(Failure {
                array: 0,
                chunk: ChunkIndex::new(vec![chunk]),
                reason: Reason::new(ReasonKind::BodyWrong, "line one\nline two"),
            }),
        }
    }

    #[test]
    fn a_segment_is_named_by_what_it_holds() {
        let (name, bytes) = write_segment(&[failure(1), failure(2)]).unwrap();
        let (again, _) = write_segment(&[failure(2), failure(1), failure(1)]).unwrap();
        assert_eq!(name, again);
        assert_eq!(SegmentName::parse(&name.name), Some(name));
        assert_eq!(read_segment(&bytes).unwrap(), [failure(1), failure(2)]);
        for bad in ["x.jsonl", "../../etc-1.jsonl", "9f86d081884c7d659a2feaa0-r1-f0-dx.jsonl"] {
            assert_eq!(SegmentName::parse(bad), None);
        }
    }
}
