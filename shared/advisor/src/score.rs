use serde::Serialize;

use crate::{
    Fit, Pattern, Reader, Reads, Subject, Warning, Window,
    axis::product,
    real,
    touched::{read_again, touched},
    warning::warnings,
};

/// What shapes are judged by.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The reads to serve.
    pub reads: &'a Reads,
    /// Who reads.
    pub reader: Reader,
    /// The sizes a chunk may have.
    pub window: Window,
    /// The most bytes of uncompressed data in one request to the source, as they are on the wire.
    pub request_bytes: u64,
    /// The most shapes to look at for one array, give or take as many; less than [`Terms::SHAPES`] where there are many.
    pub shapes: u64,
}

impl Terms<'_> {
    /// As many shapes as all lengths of three axes make, mostly: a hundredth of a second.
    pub const SHAPES: u64 = 300_000;
}

/// A chunk shape in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// Elements of a chunk along each axis.
    pub chunk: Vec<u64>,
    /// Chunks along each axis.
    pub counts: Vec<u64>,
    /// Chunks in all: objects to PUT, keep and list.
    pub chunks: u64,
    /// Uncompressed bytes of a full chunk.
    pub chunk_bytes: u64,
    /// Where that lies against the window.
    pub fit: Fit,
    /// The last chunk along each axis.
    pub last: Vec<Last>,
    /// What reads cost: those that have a name, then a user's own.
    pub reads: Vec<ReadCost>,
    /// Seconds of the reads asked for, each by its weight, one GET after another: what ranks shapes.
    pub cost_s: f64,
    /// Against the source's own chunks, where it tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alignment: Option<Alignment>,
    /// Requests to the source for one full chunk.
    pub requests_per_chunk: u64,
    /// Requests to the source for all.
    pub requests: u64,
    /// Bytes on the wire of the largest request.
    pub request_bytes: u64,
    /// Bytes of memory for one chunk in the works: the chunk, its encoded form, and what is kept on the way.
    pub worker_bytes: u64,
    /// What a person should know.
    pub warnings: Vec<Warning>,
}

/// The last chunk along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Last {
    /// Elements in it.
    pub length: u64,
    /// Its share of a full chunk, above 0, at most 1.
    pub share: f64,
}

/// What one kind of read costs a reader.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReadCost {
    /// The pattern, as it is spelled.
    pub read: String,
    /// Its share of all reads; 0 where it is only shown.
    pub weight: f64,
    /// Elements along each axis.
    pub extents: Vec<u64>,
    /// Chunks it touches, on average over the places it can be at.
    pub chunks: f64,
    /// Uncompressed bytes of these.
    pub bytes: f64,
    /// Seconds of waiting for first bytes, one GET after another.
    pub latency_s: f64,
    /// Seconds in all, one GET after another.
    pub seconds: f64,
    /// Seconds in all, with as many GETs at once as the reader has.
    pub seconds_at_once: f64,
}

/// How chunks lie on the source's own.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Alignment {
    /// Source chunks that one of ours touches, on average.
    pub touched: f64,
    /// How often each source chunk is read in all, on average; 1 is best.
    pub times_read: f64,
}

/// Times a chunk's bytes that are in memory at once while it is made: the chunk, its encoded bytes, and what codec and
/// client keep of them on the way.
const COPIES: u64 = 3;

/// Scores one shape. A chunk that is longer than its axis counts as long as the axis; one of no length as one element.
pub fn score(subject: &Subject, chunk: &[u64], terms: &Terms<'_>) -> Score {
    let chunk: Vec<u64> =
        subject.axes.iter().zip(chunk).map(|(axis, chunk)| (*chunk).clamp(1, axis.size.max(1))).collect();
    let sizes = subject.axes.iter().map(|axis| axis.size);
    let counts: Vec<u64> = sizes.clone().zip(&chunk).map(|(size, chunk)| size.div_ceil(*chunk)).collect();
    let last: Vec<Last> = sizes.zip(&chunk).map(|(size, chunk)| rest(size, *chunk)).collect();
    let chunk_bytes = subject.chunk_bytes(&chunk);
    let reads = reads(subject, &chunk, chunk_bytes, terms);
    let alignment = alignment(subject, &chunk);
    let chunks = product(counts.iter().copied());
    let requests_per_chunk = pieces(&chunk, subject.wire_bytes, terms.request_bytes);
    let warnings = warnings(
        subject,
        &chunk,
        &last,
        alignment.map(|alignment| alignment.times_read),
        requests_per_chunk,
        terms.request_bytes,
        terms.window,
    );
    Score {
        counts,
        chunks,
        chunk_bytes,
        fit: terms.window.fit(chunk_bytes),
        last,
        cost_s: reads.iter().map(|read| read.weight * read.seconds).sum(),
        reads,
        alignment,
        requests_per_chunk,
        requests: requests(subject, &chunk, terms.request_bytes),
        request_bytes: largest_piece(&chunk, subject.wire_bytes, terms.request_bytes),
        worker_bytes: chunk_bytes.saturating_mul(COPIES),
        warnings,
        chunk,
    }
}

fn rest(size: u64, chunk: u64) -> Last {
    let length = match size % chunk {
        0 => chunk.min(size),
        rest => rest,
    };
    let share = if size == 0 { 1.0 } else { real(length) / real(chunk) };
    Last { length, share }
}

fn reads(subject: &Subject, chunk: &[u64], chunk_bytes: u64, terms: &Terms<'_>) -> Vec<ReadCost> {
    let weight =
        |pattern: &Pattern| terms.reads.iter().find(|read| read.pattern == *pattern).map_or(0.0, crate::Read::weight);
    let own = terms.reads.iter().map(|read| &read.pattern).filter(|pattern| !Pattern::NAMED.contains(pattern));
    let patterns = Pattern::NAMED.iter().chain(own);
    patterns
        .map(|pattern| {
            let extents = pattern.extents(&subject.axes);
            let along = subject.axes.iter().zip(chunk).zip(&extents);
            let touched = along.map(|((axis, chunk), extent)| touched(axis.size, *chunk, *extent));
            let chunks: f64 = if subject.bytes() == 0 { 0.0 } else { touched.product() };
            let each = terms.reader.chunk_s(chunk_bytes);
            ReadCost {
                read: pattern.to_string(),
                weight: weight(pattern),
                extents,
                chunks,
                bytes: chunks * real(chunk_bytes),
                latency_s: chunks * terms.reader.latency_s(),
                seconds: chunks * each,
                seconds_at_once: (chunks / f64::from(terms.reader.at_once.max(1))).ceil() * each,
            }
        })
        .collect()
}

fn alignment(subject: &Subject, chunk: &[u64]) -> Option<Alignment> {
    let mut alignment = Alignment { touched: 1.0, times_read: 1.0 };
    for (axis, chunk) in subject.axes.iter().zip(chunk) {
        let (sum, there) = read_again(axis.size, *chunk, axis.source_chunk?, axis.offset);
        alignment.touched *= real(sum) / real(axis.size.div_ceil(*chunk).max(1));
        alignment.times_read *= real(sum) / real(there);
    }
    (!subject.axes.is_empty()).then_some(alignment)
}

/// Requests for one block: it is cut along its slowest axis first, as the planner's hyperslabs are.
pub fn pieces(block: &[u64], wire_bytes: u64, request_bytes: u64) -> u64 {
    let most = (request_bytes / wire_bytes.max(1)).max(1);
    let mut inner = product(block.iter().copied());
    let mut outer: u64 = 1;
    for length in block {
        if inner <= most {
            return outer;
        }
        let row = inner / (*length).max(1);
        if row <= most {
            return outer.saturating_mul(length.div_ceil((most / row.max(1)).max(1)));
        }
        outer = outer.saturating_mul(*length);
        inner = row;
    }
    outer
}

/// Bytes on the wire of the largest request for one block.
fn largest_piece(block: &[u64], wire_bytes: u64, request_bytes: u64) -> u64 {
    let most = (request_bytes / wire_bytes.max(1)).max(1);
    let mut inner = product(block.iter().copied());
    for length in block {
        let row = inner / (*length).max(1);
        if inner > most && row <= most {
            // Cut into as few parts as there can be, all nearly alike.
            let parts = length.div_ceil((most / row.max(1)).max(1));
            inner = row.saturating_mul(length.div_ceil(parts));
            break;
        }
        if inner <= most {
            break;
        }
        inner = row;
    }
    inner.saturating_mul(wire_bytes)
}

/// Requests for all chunks: those at edges are smaller.
fn requests(subject: &Subject, chunk: &[u64], request_bytes: u64) -> u64 {
    let mut kinds: Vec<(Vec<u64>, u64)> = vec![(Vec::new(), 1)];
    for (axis, chunk) in subject.axes.iter().zip(chunk) {
        let lengths = [(*chunk, axis.size / chunk), (axis.size % chunk, u64::from(axis.size % chunk > 0))];
        let present: Vec<_> = lengths.into_iter().filter(|(_, count)| *count > 0).collect();
        let longer = kinds.iter().flat_map(|(head, times)| {
            present.iter().map(|(length, count)| ([head, [*length].as_slice()].concat(), times.saturating_mul(*count)))
        });
        kinds = longer.collect();
    }
    kinds
        .iter()
        .map(|(block, times)| pieces(block, subject.wire_bytes, request_bytes).saturating_mul(*times))
        .fold(0, u64::saturating_add)
}
