use advisor::{Estimate, Work};
use dap::{Projection, WireType};
use grid::{ChunkGrid, ChunkIndex, Hyperslab};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zarr::{ArraySpec, Codec, Format};

use crate::{ChunkTask, Digest, Fingerprint, Mode, RunId, SourceUrl, Target};

/// What a run will do: every array, and how to ask the source for it. Chunks follow from each array's grid and are
/// never listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this document.
    pub version: u32,
    /// The run.
    pub run: RunId,
    /// The run that failed before and whose receipts this one takes over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<RunId>,
    /// When the plan was made.
    pub made_at: Timestamp,
    /// The version of dap2zarr that made it.
    pub software: String,
    /// The dataset.
    pub source: SourceUrl,
    /// What the dataset looked like.
    pub fingerprint: Fingerprint,
    /// Where the Zarr dataset goes.
    pub target: Target,
    /// How it is put in place.
    pub mode: Mode,
    /// Zarr format.
    pub format: Format,
    /// Compression of chunks.
    pub codec: Codec,
    /// The most bytes of uncompressed data in one request.
    pub request_bytes: u64,
    /// The root group's attributes, in the target format's form.
    pub attributes: Map<String, Value>,
    /// The arrays, in the source's order.
    pub arrays: Vec<PlannedArray>,
    /// What the source has and the plan leaves out, each with the reason.
    pub skipped: Vec<Skipped>,
    /// What a person should know: sizes clamped, attributes that could not be kept as they are.
    pub notes: Vec<String>,
    /// Sums over the arrays.
    pub totals: Totals,
    /// What the run takes, as far as could be told before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
}

/// One array of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedArray {
    /// What readers will see.
    #[serde(flatten)]
    pub spec: ArraySpec,
    /// How to ask the source for it, as in a constraint expression.
    #[serde(with = "projection_text")]
    pub projection: Projection,
    /// Its type on the wire.
    #[serde(with = "wire_text")]
    pub wire: WireType,
    /// Index at the source of the array's first element, along each dimension.
    pub offset: Vec<u64>,
    /// The source's own chunk shape, where it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_chunks: Option<Vec<u64>>,
    /// Whether it is a coordinate, bounds or the like: something that readers load when they open the dataset.
    #[serde(default)]
    pub whole: bool,
}

/// Something the source has and the plan leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// Sums over the plan's arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Chunks, so objects besides metadata.
    pub chunks: u64,
    /// Uncompressed bytes of data, padding at edges left out.
    pub bytes: u64,
    /// The same data's bytes as the source sends them: 16-bit integers take four bytes on the wire. 0 in documents of
    /// older versions; see [`Self::on_the_wire`].
    #[serde(default)]
    pub wire_bytes: u64,
    /// Requests to the source.
    pub requests: u64,
    /// Uncompressed bytes of the largest chunk.
    pub largest_chunk_bytes: u64,
}

impl Totals {
    /// Bytes that the source sends, of all responses together. A document that does not say is taken to mean as many as
    /// the data has.
    pub const fn on_the_wire(&self) -> u64 {
        if self.wire_bytes == 0 { self.bytes } else { self.wire_bytes }
    }

    /// What an estimate is made from.
    pub const fn work(&self) -> Work {
        Work { chunks: self.chunks, requests: self.requests, bytes: self.bytes, wire_bytes: self.on_the_wire() }
    }
}

impl PlannedArray {
    /// Bytes of an element as the source sends it.
    pub fn wire_width(&self) -> u64 {
        self.wire.wire_element().width as u64
    }

    /// The array's chunk grid. The planner made it valid; a document edited by hand may not be.
    pub fn grid(&self) -> Option<ChunkGrid> {
        self.spec.grid().ok()
    }

    /// The blocks to ask the source for, in the array's own indices, each below the plan's request limit.
    pub fn requests(&self, slab: &Hyperslab, request_bytes: u64) -> Vec<Hyperslab> {
        // What counts is what the server sends: 16-bit types take four bytes on the wire.
        slab.split(request_bytes / self.wire_width())
    }

    /// How many requests a block of such a shape takes: as many as [`Self::requests`] gives, counted without making
    /// them, since a plan may have millions.
    pub fn requests_for(&self, block: &[u64], request_bytes: u64) -> u64 {
        advisor::pieces(block, self.wire_width(), request_bytes)
    }

    /// Requests for the array's first chunk, which no other exceeds; none where there is no chunk.
    pub fn requests_each(&self, request_bytes: u64) -> u64 {
        if self.grid().is_none_or(|grid| grid.is_empty()) {
            return 0;
        }
        let lengths = self.spec.shape.sizes().iter().zip(self.spec.chunk_shape.sizes());
        let block: Vec<u64> = lengths.map(|(size, chunk)| *size.min(chunk)).collect();
        self.requests_for(&block, request_bytes)
    }
}

impl Plan {
    /// The document.
    ///
    /// # Errors
    /// If it cannot be written as JSON, which does not happen.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Every chunk, array by array, each in C order.
    pub fn chunks(&self) -> impl Iterator<Item = (u32, ChunkIndex)> + '_ {
        (0_u32..).zip(&self.arrays).flat_map(|(number, array)| {
            let grid = array.grid();
            let count = grid.as_ref().map_or(0, ChunkGrid::len);
            (0..count).filter_map(move |ordinal| Some((number, grid.as_ref()?.index(ordinal)?)))
        })
    }

    /// The array at a position.
    pub fn array(&self, number: u32) -> Option<&PlannedArray> {
        self.arrays.get(usize::try_from(number).ok()?)
    }

    /// The task of one chunk, under the plan's digest.
    pub fn task(&self, digest: &Digest, array: u32, chunk: ChunkIndex) -> ChunkTask {
        ChunkTask { run: self.run.clone(), plan: digest.clone(), array, chunk, afresh: false }
    }

    /// Whether the chunks of `other` are the chunks of this plan: same source as it was, same arrays, same bytes.
    pub fn has_chunks_of(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
            && (self.format, &self.codec, &self.arrays) == (other.format, &other.codec, &other.arrays)
    }

    /// The root group's attributes with the one that names this run. All other bytes of the dataset depend on request
    /// and source alone.
    pub fn root_attributes(&self) -> Map<String, Value> {
        let mut attributes = self.attributes.clone();
        let ours = serde_json::json!({
            "run": self.run.as_str(),
            "time": self.made_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "version": self.software,
        });
        attributes.insert("dap2zarr".to_owned(), ours);
        attributes
    }

    /// The specifications of all arrays.
    pub fn specs(&self) -> Vec<ArraySpec> {
        self.arrays.iter().map(|array| array.spec.clone()).collect()
    }
}

mod projection_text {
    use dap::Projection;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(projection: &Projection, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(projection)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Projection, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

mod wire_text {
    use dap::WireType;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it this way")]
    pub(super) fn serialize<S: Serializer>(wire: &WireType, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(wire.keyword())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<WireType, D::Error> {
        let text = String::deserialize(deserializer)?;
        WireType::from_keyword(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is not a DAP2 type")))
    }
}
