use crate::{ElementType, GridError, Hyperslab, Shape};

/// The elements of one chunk: C order, native endian, always the full chunk shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkBuffer {
    element: ElementType,
    shape: Shape,
    bytes: Vec<u8>,
}

impl ChunkBuffer {
    /// A buffer of the chunk's shape in which only `data` will be written: everything outside it holds `fill`, one
    /// element in native order. If `data` is the whole chunk, the buffer starts as zeros, which costs nothing.
    ///
    /// # Errors
    /// [`GridError::OutOfBounds`] if `data` is not inside `shape`, [`GridError::WidthMismatch`] if `fill` is not one
    /// element, [`GridError::TooLarge`] if the bytes cannot be addressed.
    pub fn padded(element: ElementType, shape: Shape, data: &Hyperslab, fill: &[u8]) -> Result<Self, GridError> {
        data.check(&shape)?;
        if fill.len() != element.size() {
            return Err(GridError::WidthMismatch { wire: fill.len(), native: element.size() });
        }
        let length =
            shape.bytes(element.size()).ok_or_else(|| GridError::TooLarge { sizes: shape.sizes().to_vec() })?;
        let whole = data.elements() == shape.elements();
        let bytes = if whole || fill.iter().all(|byte| *byte == 0) {
            vec![0; length]
        } else {
            fill.repeat(length / element.size())
        };
        Ok(Self { element, shape, bytes })
    }

    /// The element type.
    pub const fn element(&self) -> ElementType {
        self.element
    }

    /// The chunk's full shape.
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The bytes so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether every element has exactly the bits of `fill`.
    pub fn is_all(&self, fill: &[u8]) -> bool {
        !fill.is_empty() && self.bytes.chunks_exact(fill.len()).all(|element| element == fill)
    }

    /// Gives up the bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}
