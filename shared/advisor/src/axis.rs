use cf::{Cadence, Role};
use serde::Serialize;

/// One dimension of an array, as far as its chunks go.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Axis {
    /// The dimension's name.
    pub name: String,
    /// Elements along it.
    pub size: u64,
    /// What it stands for.
    pub role: Role,
    /// How far apart its steps are, where it is time and the source says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cadence: Option<Cadence>,
    /// The source's own chunk length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_chunk: Option<u64>,
    /// Index at the source of the first element, where only a range is converted.
    #[serde(skip_serializing_if = "is_zero")]
    pub offset: u64,
    /// The chunk length that the user chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chosen: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it this way")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// An array whose chunks are to be chosen or scored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Subject {
    /// Its dimensions, slowest first.
    pub axes: Vec<Axis>,
    /// Bytes of one element in memory.
    pub element_bytes: u64,
    /// Bytes of one element on the wire.
    pub wire_bytes: u64,
}

impl Subject {
    /// Bytes of the whole array.
    pub fn bytes(&self) -> u64 {
        product(self.axes.iter().map(|axis| axis.size)).saturating_mul(self.element_bytes)
    }

    /// Bytes of one chunk of this shape, padding at edges included.
    pub fn chunk_bytes(&self, chunk: &[u64]) -> u64 {
        product(chunk.iter().copied()).saturating_mul(self.element_bytes)
    }
}

pub(crate) fn product(sizes: impl Iterator<Item = u64>) -> u64 {
    sizes.fold(1, u64::saturating_mul)
}
