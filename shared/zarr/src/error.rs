use grid::GridError;

use crate::{Codec, Format};

/// Why documents or a chunk cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum ZarrError {
    /// The codec does not exist in the format.
    #[error(
        "codec `{codec}` does not exist in Zarr {format}: choose `blosc`, `zstd`, `gzip` or `none`, or the format that has it"
    )]
    CodecNotInFormat {
        /// The codec that was asked for.
        codec: Codec,
        /// The format it was asked for.
        format: Format,
    },
    /// Shape and chunk shape do not make a chunk grid.
    #[error("array `{path}` cannot be cut into chunks")]
    Grid {
        /// The array.
        path: String,
        /// What is wrong with the shapes.
        source: GridError,
    },
    /// Two parts of an array's description contradict each other.
    #[error("array `{path}` needs {expected} {what}, found {found}")]
    Inconsistent {
        /// The array.
        path: String,
        /// What there is too much or too little of.
        what: &'static str,
        /// How much there must be.
        expected: usize,
        /// How much there is.
        found: usize,
    },
    /// Two arrays of one group have the same path.
    #[error("two arrays have the path `{path}`")]
    Duplicate {
        /// The path.
        path: String,
    },
    /// A chunk is larger than the codec can hold.
    #[error("a chunk of array `{path}` is larger than the {most} bytes that codec `{codec}` can hold")]
    ChunkTooLarge {
        /// The array.
        path: String,
        /// The codec.
        codec: Codec,
        /// The most bytes it takes.
        most: u64,
    },
    /// `zarrs` does not accept the document we made.
    #[error("the {format} metadata of array `{path}` is not valid")]
    Refused {
        /// The array.
        path: String,
        /// The document's format.
        format: Format,
        /// What it said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A chunk, or what a stored chunk says of itself, does not have the length of the chunk shape.
    #[error("a chunk of array `{path}` has {expected} bytes, found {found}")]
    ChunkLength {
        /// The array.
        path: String,
        /// Bytes of a full chunk.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
    /// The codec could not encode or decode a chunk.
    #[error("a chunk of array `{path}` cannot be {action}")]
    Chunk {
        /// The array.
        path: String,
        /// `encoded` or `decoded`.
        action: &'static str,
        /// What the codec said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
