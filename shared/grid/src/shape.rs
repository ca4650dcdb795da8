use serde::{Deserialize, Serialize};

use crate::GridError;

/// The largest number of dimensions we accept, as in numpy 1.x and netCDF practice.
pub const MAX_RANK: usize = 32;

/// Sizes along each dimension, slowest first (C order).
///
/// Invariants: at most [`MAX_RANK`] dimensions; the product of the non-zero sizes is below 2^63. A size may be 0; a
/// shape with no dimensions is a scalar of one element.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<u64>", into = "Vec<u64>")]
pub struct Shape(Vec<u64>);

impl Shape {
    /// Checks the rank and the number of elements.
    ///
    /// # Errors
    /// [`GridError::TooManyDimensions`], [`GridError::TooLarge`].
    pub fn new(sizes: Vec<u64>) -> Result<Self, GridError> {
        if sizes.len() > MAX_RANK {
            return Err(GridError::TooManyDimensions { found: sizes.len() });
        }
        // Zero sizes are left out of the product so that `[2^40, 2^40, 0]` is refused whatever the order.
        let product = sizes
            .iter()
            .filter(|size| **size != 0)
            .try_fold(1_u64, |product, size| product.checked_mul(*size).filter(|p| i64::try_from(*p).is_ok()));
        if product.is_none() {
            return Err(GridError::TooLarge { sizes });
        }
        Ok(Self(sizes))
    }

    /// The shape of a single value.
    pub const fn scalar() -> Self {
        Self(Vec::new())
    }

    /// Number of dimensions.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// Sizes, slowest first.
    pub fn sizes(&self) -> &[u64] {
        &self.0
    }

    /// Number of elements; 1 for a scalar, 0 if any size is 0. Cannot overflow.
    pub fn elements(&self) -> u64 {
        self.0.iter().product()
    }

    /// Number of bytes when each element takes `size` bytes, or nothing if that does not fit in memory's address
    /// space.
    pub fn bytes(&self, size: usize) -> Option<usize> {
        usize::try_from(self.elements()).ok()?.checked_mul(size).filter(|bytes| isize::try_from(*bytes).is_ok())
    }
}

impl TryFrom<Vec<u64>> for Shape {
    type Error = GridError;
    fn try_from(sizes: Vec<u64>) -> Result<Self, GridError> {
        Self::new(sizes)
    }
}

impl From<Shape> for Vec<u64> {
    fn from(shape: Shape) -> Self {
        shape.0
    }
}

impl std::fmt::Display for Shape {
    /// `72 × 354 × 354`, or `scalar`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("scalar");
        }
        for (axis, size) in self.0.iter().enumerate() {
            if axis > 0 {
                f.write_str(" × ")?;
            }
            write!(f, "{size}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_that_overflow_are_refused_in_any_order() {
        for sizes in [vec![1 << 31, 1 << 31, 2], vec![1 << 40, 1 << 40, 0], vec![0, 1 << 40, 1 << 40], vec![u64::MAX]] {
            assert_eq!(Shape::new(sizes.clone()), Err(GridError::TooLarge { sizes }));
        }
        assert_eq!(Shape::new(vec![1; 33]), Err(GridError::TooManyDimensions { found: 33 }));
    }

    #[test]
    fn a_scalar_has_one_element_and_an_empty_dimension_none() {
        assert_eq!(Shape::scalar().elements(), 1);
        assert_eq!(Shape::new(vec![3, 0]).unwrap().elements(), 0);
        assert_eq!(Shape::new(vec![72, 354]).unwrap().to_string(), "72 × 354");
    }
}
