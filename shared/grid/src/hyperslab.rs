use serde::{Deserialize, Serialize};

use crate::{GridError, Shape};

/// A block of an array: a first index and a number of elements along each dimension, slowest first.
///
/// Invariants: start and count have the same rank, no end overflows, and the counts make a valid [`Shape`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Corners", into = "Corners")]
pub struct Hyperslab {
    start: Vec<u64>,
    count: Shape,
}

/// The document form of a hyperslab.
#[derive(Serialize, Deserialize)]
struct Corners {
    start: Vec<u64>,
    count: Vec<u64>,
}

impl TryFrom<Corners> for Hyperslab {
    type Error = GridError;
    fn try_from(corners: Corners) -> Result<Self, GridError> {
        Self::new(corners.start, corners.count)
    }
}

impl From<Hyperslab> for Corners {
    fn from(slab: Hyperslab) -> Self {
        Self { start: slab.start, count: slab.count.into() }
    }
}

impl Hyperslab {
    /// # Errors
    /// [`GridError::RankMismatch`], [`GridError::TooLarge`] (also when an end overflows).
    pub fn new(start: Vec<u64>, count: Vec<u64>) -> Result<Self, GridError> {
        if start.len() != count.len() {
            return Err(GridError::RankMismatch { expected: start.len(), found: count.len() });
        }
        if start.iter().zip(&count).any(|(start, count)| start.checked_add(*count).is_none()) {
            return Err(GridError::TooLarge { sizes: start });
        }
        Ok(Self { start, count: Shape::new(count)? })
    }

    /// All of an array.
    pub fn whole(shape: &Shape) -> Self {
        Self { start: vec![0; shape.rank()], count: shape.clone() }
    }

    /// First index along each dimension.
    pub fn start(&self) -> &[u64] {
        &self.start
    }

    /// Number of elements along each dimension.
    pub fn count(&self) -> &[u64] {
        self.count.sizes()
    }

    /// The counts as a shape.
    pub const fn shape(&self) -> &Shape {
        &self.count
    }

    /// Number of dimensions.
    pub fn rank(&self) -> usize {
        self.start.len()
    }

    /// Number of elements.
    pub fn elements(&self) -> u64 {
        self.count.elements()
    }

    /// Whether every element lies inside `shape`.
    pub fn fits(&self, shape: &Shape) -> bool {
        self.rank() == shape.rank()
            && self
                .start
                .iter()
                .zip(self.count())
                .zip(shape.sizes())
                .all(|((start, count), size)| start + count <= *size)
    }

    /// # Errors
    /// [`GridError::OutOfBounds`] if an element lies outside `shape`.
    pub fn check(&self, shape: &Shape) -> Result<(), GridError> {
        if self.fits(shape) {
            return Ok(());
        }
        Err(GridError::OutOfBounds {
            start: self.start.clone(),
            count: self.count().to_vec(),
            shape: shape.sizes().to_vec(),
        })
    }

    /// The same block moved by `offset` along each dimension: from an array's indices to its source's.
    ///
    /// # Errors
    /// [`GridError::RankMismatch`], [`GridError::TooLarge`].
    pub fn shifted(&self, offset: &[u64]) -> Result<Self, GridError> {
        if offset.len() != self.rank() {
            return Err(GridError::RankMismatch { expected: self.rank(), found: offset.len() });
        }
        let start: Option<Vec<u64>> =
            self.start.iter().zip(offset).map(|(start, offset)| start.checked_add(*offset)).collect();
        let start = start.ok_or_else(|| GridError::TooLarge { sizes: offset.to_vec() })?;
        Self::new(start, self.count().to_vec())
    }

    /// The same block seen from `origin`, the start of a block that contains it: from an array's indices to a chunk's.
    ///
    /// # Errors
    /// [`GridError::RankMismatch`], or [`GridError::OutOfBounds`] if the block begins before `origin`.
    pub fn relative_to(&self, origin: &[u64]) -> Result<Self, GridError> {
        if origin.len() != self.rank() {
            return Err(GridError::RankMismatch { expected: self.rank(), found: origin.len() });
        }
        let start: Option<Vec<u64>> =
            self.start.iter().zip(origin).map(|(start, origin)| start.checked_sub(*origin)).collect();
        let start = start.ok_or_else(|| GridError::OutOfBounds {
            start: self.start.clone(),
            count: self.count().to_vec(),
            shape: origin.to_vec(),
        })?;
        Self::new(start, self.count().to_vec())
    }

    /// Cuts the block into pieces of at most `most` elements each, in C order.
    ///
    /// The cut goes along the slowest dimension that allows it, into parts of nearly equal size, so that every piece is
    /// as contiguous at the source as it can be. A piece has at least one element, so `most` of 0 counts as 1.
    pub fn split(&self, most: u64) -> Vec<Self> {
        let most = most.max(1);
        if self.elements() <= most {
            return vec![self.clone()];
        }
        let Some(axis) = self.count().iter().position(|count| *count > 1) else {
            return vec![self.clone()];
        };
        let count = self.count().get(axis).copied().unwrap_or(1);
        let below = self.elements() / count;
        let parts = count.div_ceil((most / below).max(1));
        let mut pieces = Vec::new();
        let mut done = 0;
        for part in 0..parts {
            // The first `count % parts` parts are one longer.
            let length = count / parts + u64::from(part < count % parts);
            let mut piece = self.clone();
            if let Some(start) = piece.start.get_mut(axis) {
                *start += done;
            }
            let mut sizes: Vec<u64> = piece.count.clone().into();
            if let Some(size) = sizes.get_mut(axis) {
                *size = length;
            }
            done += length;
            if let Ok(shape) = Shape::new(sizes) {
                piece.count = shape;
                pieces.extend(piece.split(most));
            }
        }
        pieces
    }
}

impl std::fmt::Display for Hyperslab {
    /// `[0+72][354+267]`: start and count, not to be mistaken for a constraint expression.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (start, count) in self.start.iter().zip(self.count()) {
            write!(f, "[{start}+{count}]")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slab() -> impl Strategy<Value = Hyperslab> {
        prop::collection::vec((0_u64..50, 1_u64..9), 0..5).prop_map(|axes| {
            let (start, count) = axes.into_iter().unzip();
            Hyperslab::new(start, count).unwrap()
        })
    }

    fn indices(slab: &Hyperslab) -> Vec<Vec<u64>> {
        let mut all = vec![vec![]];
        for (start, count) in slab.start().iter().zip(slab.count()) {
            all =
                all.iter().flat_map(|head| (*start..start + count).map(|i| [head.as_slice(), &[i]].concat())).collect();
        }
        all
    }

    proptest! {
        #[test]
        fn pieces_tile_the_block_in_order(slab in slab(), most in 1_u64..200) {
            let pieces = slab.split(most);
            prop_assert!(pieces.iter().all(|piece| piece.elements() <= most && piece.elements() > 0));
            let mut of_pieces: Vec<_> = pieces.iter().flat_map(indices).collect();
            prop_assert_eq!(of_pieces.len() as u64, slab.elements());
            of_pieces.sort();
            prop_assert_eq!(of_pieces, indices(&slab));
        }

        #[test]
        fn shifting_and_seeing_from_the_origin_are_inverse(slab in slab()) {
            let origin = slab.start().to_vec();
            let local = slab.relative_to(&origin).unwrap();
            prop_assert!(local.start().iter().all(|start| *start == 0));
            prop_assert_eq!(local.shifted(&origin).unwrap(), slab);
        }
    }

    #[test]
    fn a_block_beyond_the_array_is_refused() {
        let slab = Hyperslab::new(vec![3], vec![3]).unwrap();
        assert!(slab.check(&Shape::new(vec![6]).unwrap()).is_ok());
        let error = slab.check(&Shape::new(vec![5]).unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "hyperslab start [3] count [3] reaches beyond the shape [5]");
        assert!(Hyperslab::new(vec![u64::MAX], vec![2]).is_err());
    }
}
