//! Where a chunk is.
//!
//! This crate answers one question: given an array's shape and a chunk shape, which elements belong to which chunk,
//! and where in the chunk's buffer does each element of a response go? It knows shapes, hyperslabs, chunk grids and
//! the copy from wire bytes to native bytes. It knows no protocol, no file format and no network.
//!
//! ```
//! use grid::{ChunkGrid, ChunkIndex, Shape};
//!
//! // One PRISM variable: 144 months, 621 rows, 1405 columns, in chunks of 72 × 354 × 354.
//! let grid = ChunkGrid::new(Shape::new(vec![144, 621, 1405])?, Shape::new(vec![72, 354, 354])?)?;
//! assert_eq!(grid.counts(), [2, 2, 4]);
//! let last = grid.hyperslab(&ChunkIndex::new(vec![1, 1, 3])).unwrap();
//! assert_eq!(last.start(), [72, 354, 1062]);
//! assert_eq!(last.count(), [72, 267, 343]); // clipped at the edge
//! # Ok::<(), grid::GridError>(())
//! ```

mod buffer;
mod chunk_grid;
mod element;
mod error;
mod hyperslab;
mod scatter;
mod shape;

pub use buffer::ChunkBuffer;
pub use chunk_grid::{ChunkGrid, ChunkIndex};
pub use element::ElementType;
pub use error::GridError;
pub use hyperslab::Hyperslab;
pub use scatter::{ByteOrder, Scatter, WireElement};
pub use shape::{MAX_RANK, Shape};
