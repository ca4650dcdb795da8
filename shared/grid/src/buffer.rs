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
    /// element in native order. What is in `data` is not yet defined.
    ///
    /// # Errors
    /// [`GridError::OutOfBounds`] if `data` is not inside `shape`, [`GridError::WidthMismatch`] if `fill` is not one
    /// element, [`GridError::TooLarge`] if the bytes cannot be addressed.
    pub fn padded(element: ElementType, shape: Shape, data: &Hyperslab, fill: &[u8]) -> Result<Self, GridError> {
        Self::padded_in(Vec::new(), element, shape, data, fill)
    }

    /// The same in memory that held another chunk: fresh memory costs the system a page fault every few kilobytes.
    ///
    /// # Errors
    /// See [`ChunkBuffer::padded`].
    pub fn padded_in(
        mut memory: Vec<u8>,
        element: ElementType,
        shape: Shape,
        data: &Hyperslab,
        fill: &[u8],
    ) -> Result<Self, GridError> {
        data.check(&shape)?;
        if fill.len() != element.size() {
            return Err(GridError::WidthMismatch { wire: fill.len(), native: element.size() });
        }
        let length =
            shape.bytes(element.size()).ok_or_else(|| GridError::TooLarge { sizes: shape.sizes().to_vec() })?;
        let whole = data.elements() == shape.elements();
        if memory.capacity() < length {
            memory = vec![0; length];
        }
        if whole {
            memory.resize(length, 0);
        } else {
            memory.clear();
            let pattern = fill.repeat(1_024);
            while memory.len() < length {
                let rest = (length - memory.len()).min(pattern.len());
                memory.extend_from_slice(pattern.get(..rest).unwrap_or_default());
            }
        }
        Ok(Self { element, shape, bytes: memory })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_another_chunk_leaves_no_trace_in_the_padding() {
        let shape = Shape::new(vec![4, 3]).unwrap();
        let data = Hyperslab::new(vec![0, 0], vec![4, 2]).unwrap();
        let fill = 7_u16.to_ne_bytes();
        let fresh = ChunkBuffer::padded(ElementType::UInt16, shape.clone(), &data, &fill).unwrap();
        for memory in [vec![0xee; 24], vec![0xee; 500], Vec::new()] {
            let reused = ChunkBuffer::padded_in(memory, ElementType::UInt16, shape.clone(), &data, &fill).unwrap();
            assert_eq!(reused, fresh);
        }
        let whole = Hyperslab::whole(&shape);
        let reused = ChunkBuffer::padded_in(vec![0xee; 500], ElementType::UInt16, shape, &whole, &fill).unwrap();
        assert_eq!(reused.bytes().len(), 24);
    }
}
