//! How fast a source answers, measured with a few requests.

use std::time::Duration;

use dap::{BodyDecoder, BodyError, Query};
use futures::future;
use grid::{ChunkBuffer, GridError, Hyperslab, Scatter, Shape};
use jiff::Timestamp;
use run::{Plan, PlannedArray, Reason, ReasonKind};
use serde::Serialize;

use crate::{
    Deadline,
    class::{Class, Classify},
    ports::{Ports, Sink},
};

/// Requests for a single element, of which the middle one counts: the first also opens the connection.
const SMALL_REQUESTS: usize = 3;
/// Chunks that are looked at for whole ones: those at the edge are smaller.
const MOST_LOOKED_AT: u64 = 64;
/// A body that came faster than the latency foretold took this long: the rate stays finite.
const SHORTEST: Duration = Duration::from_millis(1);

/// What a few requests showed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Probed {
    /// Seconds until a single element was there: the median of three requests.
    pub latency_s: f64,
    /// Decoded bytes per second of one chunk-sized request alone, its latency left out.
    pub one_stream_bytes_per_s: f64,
    /// Decoded bytes per second of two chunk-sized requests at once, both together, the latency left out.
    pub two_streams_bytes_per_s: f64,
    /// Decoded bytes of the response to the large request that was alone.
    pub request_bytes: u64,
    /// Requests sent, small and large.
    pub requests: u32,
}

/// Measures a source, politely: the latency as the median of three requests for a single element, one after another; then
/// one chunk-sized request alone, then two at once. That is three large requests in all and never more than two in flight;
/// none is repeated after a failure. Bodies are counted and thrown away.
///
/// The large requests are pieces, as `plan` would fetch them, of the array with the largest chunks, a coordinate only if
/// there is nothing else. No piece is asked for twice unless the array has fewer than three: a server that
/// keeps what it read would look too fast.
///
/// # Errors
/// The first failure, with what the server answered; or that the plan has nothing to measure with.
pub async fn probe(plan: &Plan, ports: &Ports) -> Result<Probed, Reason> {
    let sample = Sample::of(plan).ok_or_else(|| {
        let message =
            "the plan has no chunk with elements, so there is nothing to measure the source with; leave --probe out";
        Reason::new(ReasonKind::BadRequest, message)
    })?;
    let mut latencies = Vec::new();
    for _ in 0..SMALL_REQUESTS {
        let answer = ask(plan, sample.array, &sample.element, ports).await?;
        latencies.push(between(answer.sent, answer.done));
    }
    latencies.sort_unstable();
    let latency = latencies.get(SMALL_REQUESTS / 2).copied().unwrap_or_default();
    let alone = ask(plan, sample.array, &sample.alone, ports).await?;
    let [one, other] = &sample.together;
    let (one, other) =
        future::try_join(ask(plan, sample.array, one, ports), ask(plan, sample.array, other, ports)).await?;
    let rate = |bytes: u64, sent: Timestamp, done: Timestamp| {
        let taken = between(sent, done).saturating_sub(latency).max(SHORTEST);
        #[expect(clippy::cast_precision_loss, reason = "bytes of a response, far below 2^53")]
        let bytes = bytes as f64;
        bytes / taken.as_secs_f64()
    };
    Ok(Probed {
        latency_s: latency.as_secs_f64(),
        one_stream_bytes_per_s: rate(alone.bytes, alone.sent, alone.done),
        two_streams_bytes_per_s: rate(
            one.bytes.saturating_add(other.bytes),
            one.sent.min(other.sent),
            one.done.max(other.done),
        ),
        request_bytes: alone.bytes,
        requests: 6,
    })
}

/// What is asked for, in the array's own indices.
#[derive(Debug)]
struct Sample<'a> {
    array: &'a PlannedArray,
    element: Hyperslab,
    alone: Hyperslab,
    together: [Hyperslab; 2],
}

impl<'a> Sample<'a> {
    /// Nothing if no array has an element.
    fn of(plan: &'a Plan) -> Option<Self> {
        let arrays = plan.arrays.iter().filter(|array| array.grid().is_some_and(|grid| !grid.is_empty()));
        // Of equals the first.
        let array = arrays.rev().max_by_key(|array| (!array.whole, array.spec.chunk_bytes()))?;
        let grid = array.grid()?;
        let chunks = (0..MOST_LOOKED_AT).map_while(|ordinal| grid.index(ordinal));
        let chunks: Vec<Hyperslab> = chunks.filter_map(|index| grid.hyperslab(&index)).collect();
        let (full, clipped): (Vec<_>, Vec<_>) =
            chunks.into_iter().partition(|slab| slab.shape() == &array.spec.chunk_shape);
        let chunks: Vec<_> = full.into_iter().chain(clipped).take(3).collect();
        let pieces = |slab: &Hyperslab| array.requests(slab, plan.request_bytes).into_iter();
        // With one chunk only, its further pieces are as good; with two, each gives its first.
        let pieces: Vec<Hyperslab> = match chunks.as_slice() {
            [only] => pieces(only).take(3).collect(),
            chunks => chunks.iter().filter_map(|slab| pieces(slab).next()).collect(),
        };
        let (alone, together) = match pieces.as_slice() {
            [] => return None,
            [only] => (only, [only, only]),
            [first, second] => (first, [first, second]),
            [first, second, third, ..] => (first, [second, third]),
        };
        let element = Hyperslab::new(alone.start().to_vec(), vec![1; alone.rank()]).ok()?;
        Some(Self { array, element, alone: alone.clone(), together: together.map(Clone::clone) })
    }
}

/// How a request went.
#[derive(Debug, Clone, Copy)]
struct Answer {
    bytes: u64,
    sent: Timestamp,
    done: Timestamp,
}

/// One request, sent once.
async fn ask(plan: &Plan, array: &PlannedArray, slab: &Hyperslab, ports: &Ports) -> Result<Answer, Reason> {
    let internal = |error: GridError| Reason::from_error(ReasonKind::Internal, &error);
    let at_source = slab.shifted(&array.offset).map_err(internal)?;
    let query = Query::array(&array.projection, &at_source);
    let mut sink = Counter::new(array, slab).map_err(internal)?;
    let sent = ports.world.now();
    let fetched = ports.source.fetch(&plan.source, &query, &mut sink, Deadline::NONE).await;
    let done = ports.world.now();
    let bytes = sink.bytes;
    match fetched.and_then(|()| sink.finish().map_err(Into::into)) {
        Ok(()) => Ok(Answer { bytes, sent, done }),
        Err(error) => {
            let (Class::Transient(reason, _) | Class::Permanent(reason) | Class::TooLarge(reason, _)) = error.class();
            let message = format!(
                "the source cannot be measured: {query}: {}; leave --probe out to go on with the defaults",
                reason.message
            );
            Err(Reason { message, ..reason })
        }
    }
}

/// The time from one to the other; none if the clock was set back.
fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// Checks that a response is what was asked for, up to its first element, and counts the rest: nothing is kept.
struct Counter {
    decoder: BodyDecoder,
    /// Never written to: no element reaches the decoder.
    nowhere: ChunkBuffer,
    /// Bytes between the header and the elements.
    counts: u64,
    bytes: u64,
}

impl Counter {
    fn new(array: &PlannedArray, slab: &Hyperslab) -> Result<Self, GridError> {
        let (element, wire) = (array.spec.element, array.wire);
        let region = slab.relative_to(slab.start())?;
        let scatter = Scatter::new(element, slab.shape(), &region, wire.wire_element())?;
        let empty = Shape::new(vec![0])?;
        let nowhere = ChunkBuffer::padded(element, empty.clone(), &Hyperslab::whole(&empty), &vec![0; element.size()])?;
        let decoder = BodyDecoder::new(&array.projection, wire, slab.count(), scatter);
        // An array's length stands there twice (ESE-RFC-004 §7), a scalar has none.
        let counts = if slab.rank() == 0 { 0 } else { 8 };
        Ok(Self { decoder, nowhere, counts, bytes: 0 })
    }

    /// The bytes before the first element, once the header has been read.
    fn before_elements(&self) -> Option<u64> {
        let elements = self.decoder.data_bytes().saturating_sub(self.counts);
        self.decoder.expected_total().map(|total| total.saturating_sub(elements))
    }

    fn is_at_elements(&self) -> bool {
        self.before_elements().is_some_and(|before| self.decoder.bytes_seen() >= before)
    }

    /// Ends the response: the decoder says whether its beginning was right, the count whether it was whole.
    fn finish(self) -> Result<(), BodyError> {
        let (found, total) = (self.bytes, self.decoder.expected_total().filter(|_| self.is_at_elements()));
        match (self.decoder.finish(), total) {
            // It has seen no element, so to the decoder the response is cut.
            (Err(BodyError::Truncated { .. }), Some(expected)) if found < expected => {
                Err(BodyError::Truncated { expected, found })
            }
            (Err(BodyError::Truncated { .. }), Some(_)) => Ok(()),
            (result, _) => result,
        }
    }
}

impl Sink for Counter {
    fn feed(&mut self, bytes: &[u8]) -> Result<(), BodyError> {
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        // Byte by byte, since only the decoder knows where the header ends; that is a few hundred bytes.
        for byte in bytes {
            if self.is_at_elements() {
                break;
            }
            self.decoder.feed(std::slice::from_ref(byte), &mut self.nowhere)?;
        }
        match self.decoder.expected_total() {
            Some(expected) if self.bytes > expected => Err(BodyError::TooLong { expected, found: self.bytes }),
            _ => Ok(()),
        }
    }
}
