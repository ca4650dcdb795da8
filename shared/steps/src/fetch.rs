//! One chunk's data from the source into its buffer.

use dap::{BodyDecoder, BodyError, Query};
use grid::{ChunkBuffer, GridError, Hyperslab, Scatter};
use run::{Plan, PlannedArray, Reason, ReasonKind};

use crate::{
    Deadline,
    ports::{Ports, Sink, SourceError},
    retry::{Attempts, GaveUp},
};

/// A chunk filled from the source.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) buffer: ChunkBuffer,
    /// Requests sent, repeated attempts included.
    pub(crate) requests: u32,
    /// Decoded bytes that came, repeated attempts included.
    pub(crate) bytes: u64,
}

/// Fetches `slab`, a chunk in the array's own indices, in as many requests as the limits demand. A request that fails is
/// sent again whole, into its own region of the chunk.
pub(crate) async fn fetch(
    plan: &Plan,
    array: &PlannedArray,
    slab: &Hyperslab,
    ports: &Ports,
    deadline: Deadline,
) -> Result<Fetched, GaveUp> {
    let mut chunk = Filling { array, slab, buffer: None, requests: 0, bytes: 0, ports };
    let host = plan.source.host();
    let mut pieces = array.requests(slab, ports.limits.of(host, plan.request_bytes));
    pieces.reverse();
    while let Some(piece) = pieces.pop() {
        match chunk.fetch_piece(plan, &piece, ports, deadline).await {
            Ok(()) => {}
            Err(GaveUp::TooLarge(reason, limit)) => {
                let bytes = smaller(array, &piece, limit).ok_or(GaveUp::Failed(reason.clone()))?;
                if bytes >= SMALLEST_LEARNED {
                    ports.limits.learn(host, bytes);
                }
                let smaller = array.requests(&piece, bytes);
                tracing::info!(reason = reason.message, pieces = smaller.len(), "the server wants smaller requests");
                pieces.extend(smaller.into_iter().rev());
            }
            Err(other) => return Err(other),
        }
    }
    let (requests, bytes) = (chunk.requests, chunk.bytes);
    let buffer = match chunk.buffer {
        Some(buffer) => buffer,
        // A chunk without elements: nothing was fed.
        None => new_buffer(array, slab, ports).map_err(|error| wrong(&error))?,
    };
    Ok(Fetched { buffer, requests, bytes })
}

/// Requests that take the place of one that was refused, at most: a server whose limit makes more necessary is asked in
/// steps, each of which it may refuse again.
const MOST_PIECES: u64 = 64;

/// A limit below this is taken for a misunderstanding: the piece at hand is asked for in smaller ones, but nothing is
/// learned from it for other chunks.
const SMALLEST_LEARNED: u64 = 256_000;

/// How many bytes to ask for at a time instead of a piece that was refused: below the server's limit if it named one,
/// else half. Nothing if the piece is a single element.
fn smaller(array: &PlannedArray, piece: &Hyperslab, limit: Option<u64>) -> Option<u64> {
    let bytes = piece.elements() * array.wire.wire_element().width as u64;
    let half = bytes / 2;
    // A tenth below the limit: servers count headers and maps in ways of their own.
    let limit = limit.filter(|limit| *limit >= SMALLEST_LEARNED / 4);
    let most = limit.map_or(half, |limit| (limit / 10 * 9).min(half)).max(bytes / MOST_PIECES);
    (piece.elements() > 1).then_some(most)
}

fn wrong(error: &GridError) -> GaveUp {
    GaveUp::Failed(Reason::from_error(ReasonKind::Internal, error))
}

fn new_buffer(array: &PlannedArray, slab: &Hyperslab, ports: &Ports) -> Result<ChunkBuffer, GridError> {
    let spec = &array.spec;
    let data = slab.relative_to(slab.start())?;
    let fill = spec.fill.clone().unwrap_or_else(|| vec![0; spec.element.size()]);
    let memory = spec.chunk_shape.bytes(spec.element.size()).map(|length| ports.buffers.take(length));
    ChunkBuffer::padded_in(memory.unwrap_or_default(), spec.element, spec.chunk_shape.clone(), &data, &fill)
}

/// A chunk on its way in.
struct Filling<'a> {
    array: &'a PlannedArray,
    slab: &'a Hyperslab,
    /// Made when the first byte comes, so that a worker waiting for its turn at the source holds no memory.
    buffer: Option<ChunkBuffer>,
    requests: u32,
    bytes: u64,
    ports: &'a Ports,
}

impl Filling<'_> {
    async fn fetch_piece(
        &mut self,
        plan: &Plan,
        piece: &Hyperslab,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<(), GaveUp> {
        let at_source = piece.shifted(&self.array.offset).map_err(|error| wrong(&error))?;
        let query = Query::array(&self.array.projection, &at_source);
        let mut attempts = Attempts::new(ports, deadline, query.to_string());
        loop {
            self.requests += 1;
            let Err(error) = self.attempt(plan, &query, piece, ports, deadline).await else { return Ok(()) };
            attempts.again(&error).await.map_err(|gave_up| named(gave_up, &query))?;
        }
    }

    async fn attempt(
        &mut self,
        plan: &Plan,
        query: &Query,
        piece: &Hyperslab,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<(), SourceError> {
        let region = piece.relative_to(self.slab.start()).map_err(BodyError::Value)?;
        let spec = &self.array.spec;
        let wire = self.array.wire;
        let scatter =
            Scatter::new(spec.element, &spec.chunk_shape, &region, wire.wire_element()).map_err(BodyError::Value)?;
        let decoder = BodyDecoder::new(&self.array.projection, wire, piece.count(), scatter);
        let mut sink = ChunkSink { filling: self, decoder };
        ports.source.fetch(&plan.source, query, &mut sink, deadline).await?;
        sink.decoder.finish()?;
        Ok(())
    }
}

/// Where a response's body goes.
struct ChunkSink<'a, 'b> {
    filling: &'a mut Filling<'b>,
    decoder: BodyDecoder,
}

impl Sink for ChunkSink<'_, '_> {
    fn feed(&mut self, bytes: &[u8]) -> Result<(), BodyError> {
        let filling = &mut *self.filling;
        filling.bytes += bytes.len() as u64;
        filling.ports.meter.add_bytes(bytes.len() as u64);
        if filling.buffer.is_none() {
            filling.buffer = Some(new_buffer(filling.array, filling.slab, filling.ports).map_err(BodyError::Value)?);
        }
        if let Some(buffer) = &mut filling.buffer {
            self.decoder.feed(bytes, buffer)?;
        }
        Ok(())
    }
}

/// The failure with the request it happened to.
fn named(gave_up: GaveUp, query: &Query) -> GaveUp {
    match gave_up {
        GaveUp::Failed(reason) => GaveUp::Failed(Reason { message: format!("{query}: {}", reason.message), ..reason }),
        GaveUp::Later(..) | GaveUp::TooLarge(..) => gave_up,
    }
}
