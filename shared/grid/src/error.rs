use crate::MAX_RANK;

/// Why a shape, a hyperslab or a chunk grid cannot exist, or bytes cannot be scattered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GridError {
    /// More dimensions than any format we read or write allows.
    #[error("{found} dimensions, at most {MAX_RANK} are supported")]
    TooManyDimensions {
        /// The rank that was asked for.
        found: usize,
    },
    /// The product of the sizes does not fit.
    #[error("the number of elements of {sizes:?} does not fit in 63 bits")]
    TooLarge {
        /// The sizes whose product overflows.
        sizes: Vec<u64>,
    },
    /// Two things that must have the same rank do not.
    #[error("expected {expected} dimensions, found {found}")]
    RankMismatch {
        /// The rank of the array.
        expected: usize,
        /// The rank that was given.
        found: usize,
    },
    /// A chunk needs at least one element along every dimension.
    #[error("chunk size 0 along dimension {axis}, expected at least 1")]
    EmptyChunk {
        /// Position of the dimension.
        axis: usize,
    },
    /// A hyperslab reaches beyond the shape it is used on.
    #[error("hyperslab start {start:?} count {count:?} reaches beyond the shape {shape:?}")]
    OutOfBounds {
        /// First index along each dimension.
        start: Vec<u64>,
        /// Number of elements along each dimension.
        count: Vec<u64>,
        /// The shape that was exceeded.
        shape: Vec<u64>,
    },
    /// A 16-bit value sent in four bytes whose upper half is neither sign nor zero extension (DAP2 §7.3.1).
    #[error("a 16-bit value arrived as {found:#010x}, its upper half is neither sign nor zero extension")]
    NotSixteenBits {
        /// The four bytes as they came.
        found: u32,
    },
    /// An element of this width cannot come from a wire element of that width.
    #[error("a {wire}-byte wire element cannot become a {native}-byte element")]
    WidthMismatch {
        /// Bytes on the wire.
        wire: usize,
        /// Bytes in memory.
        native: usize,
    },
    /// Text that is not a chunk index.
    #[error("`{text}` is not a chunk index such as 0.2.1")]
    BadChunkIndex {
        /// The text.
        text: String,
    },
}
