use serde::{Deserialize, Serialize};

use crate::{GridError, Hyperslab, Shape};

/// The position of a chunk in its grid, slowest dimension first. Written `0.2.1`; a scalar's only chunk is `0`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChunkIndex(Vec<u64>);

impl ChunkIndex {
    /// An index; whether it lies in a grid is the grid's to say.
    pub const fn new(index: Vec<u64>) -> Self {
        Self(index)
    }

    /// Position along each dimension.
    pub fn as_slice(&self) -> &[u64] {
        &self.0
    }
}

impl std::fmt::Display for ChunkIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("0");
        }
        for (axis, index) in self.0.iter().enumerate() {
            if axis > 0 {
                f.write_str(".")?;
            }
            write!(f, "{index}")?;
        }
        Ok(())
    }
}

/// An array's shape cut into chunks of one shape; chunks at the edge are clipped.
///
/// Invariants: both shapes have the same rank; no chunk size is 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkGrid {
    shape: Shape,
    chunk: Shape,
}

impl ChunkGrid {
    /// # Errors
    /// [`GridError::RankMismatch`], [`GridError::EmptyChunk`].
    pub fn new(shape: Shape, chunk: Shape) -> Result<Self, GridError> {
        if shape.rank() != chunk.rank() {
            return Err(GridError::RankMismatch { expected: shape.rank(), found: chunk.rank() });
        }
        if let Some(axis) = chunk.sizes().iter().position(|size| *size == 0) {
            return Err(GridError::EmptyChunk { axis });
        }
        Ok(Self { shape, chunk })
    }

    /// The array's shape.
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The shape of every chunk but those at the edge.
    pub const fn chunk_shape(&self) -> &Shape {
        &self.chunk
    }

    /// Number of chunks along each dimension; 0 where the array's size is 0.
    pub fn counts(&self) -> Vec<u64> {
        self.shape.sizes().iter().zip(self.chunk.sizes()).map(|(size, chunk)| size.div_ceil(*chunk)).collect()
    }

    /// Number of chunks in all.
    pub fn len(&self) -> u64 {
        self.counts().iter().product()
    }

    /// Whether there is no chunk, because some dimension has size 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The chunk at a position in C order, or nothing beyond the last.
    pub fn index(&self, ordinal: u64) -> Option<ChunkIndex> {
        if ordinal >= self.len() {
            return None;
        }
        let mut rest = ordinal;
        let mut index: Vec<u64> = self
            .counts()
            .iter()
            .rev()
            .map(|count| {
                let position = rest % count;
                rest /= count;
                position
            })
            .collect();
        index.reverse();
        Some(ChunkIndex(index))
    }

    /// Position of a chunk in C order, or nothing if it is not of this grid.
    pub fn ordinal(&self, index: &ChunkIndex) -> Option<u64> {
        let counts = self.counts();
        if index.0.len() != counts.len() || self.is_empty() {
            return None;
        }
        index
            .0
            .iter()
            .zip(&counts)
            .try_fold(0_u64, |ordinal, (position, count)| (position < count).then(|| ordinal * count + position))
    }

    /// All chunks in C order.
    pub fn indices(&self) -> impl Iterator<Item = ChunkIndex> + '_ {
        (0..self.len()).filter_map(|ordinal| self.index(ordinal))
    }

    /// The elements of the array a chunk holds, clipped at the edge; nothing if the chunk is not of this grid.
    pub fn hyperslab(&self, index: &ChunkIndex) -> Option<Hyperslab> {
        self.ordinal(index)?;
        let start: Vec<u64> =
            index.0.iter().zip(self.chunk.sizes()).map(|(position, chunk)| position * chunk).collect();
        let count = start
            .iter()
            .zip(self.chunk.sizes())
            .zip(self.shape.sizes())
            .map(|((start, chunk), size)| (*chunk).min(size - start))
            .collect();
        Hyperslab::new(start, count).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn grids() -> impl Strategy<Value = ChunkGrid> {
        prop::collection::vec((0_u64..12, 1_u64..7), 0..5).prop_map(|axes| {
            let (shape, chunk): (Vec<_>, Vec<_>) = axes.into_iter().unzip();
            ChunkGrid::new(Shape::new(shape).unwrap(), Shape::new(chunk).unwrap()).unwrap()
        })
    }

    proptest! {
        #[test]
        fn chunks_tile_the_shape_exactly_once(grid in grids()) {
            let size = usize::try_from(grid.shape().elements()).unwrap();
            let mut seen = vec![0_u8; size];
            for index in grid.indices() {
                let slab = grid.hyperslab(&index).unwrap();
                prop_assert!(slab.fits(grid.shape()));
                for piece in slab.split(1) {
                    let flat = piece.start().iter().zip(grid.shape().sizes()).fold(0, |flat, (i, n)| flat * n + i);
                    seen[usize::try_from(flat).unwrap()] += 1;
                }
            }
            prop_assert!(seen.iter().all(|count| *count == 1));
        }

        #[test]
        fn ordinal_and_index_are_inverse(grid in grids()) {
            for (ordinal, index) in (0_u64..).zip(grid.indices()) {
                prop_assert_eq!(grid.ordinal(&index), Some(ordinal));
            }
            prop_assert_eq!(grid.index(grid.len()), None);
        }
    }

    #[test]
    fn a_chunk_of_another_grid_is_refused() {
        let grid = ChunkGrid::new(Shape::new(vec![10, 4]).unwrap(), Shape::new(vec![5, 4]).unwrap()).unwrap();
        for index in [vec![2, 0], vec![0, 1], vec![0], vec![0, 0, 0], vec![u64::MAX, 0]] {
            assert_eq!(grid.hyperslab(&ChunkIndex::new(index)), None);
        }
    }

    #[test]
    fn a_scalar_is_one_chunk() {
        let grid = ChunkGrid::new(Shape::scalar(), Shape::scalar()).unwrap();
        let indices: Vec<_> = grid.indices().collect();
        assert_eq!(indices.len(), 1);
        assert_eq!(indices[0].to_string(), "0");
        assert_eq!(grid.hyperslab(&indices[0]).unwrap().elements(), 1);
    }
}
