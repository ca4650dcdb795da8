use crate::{ChunkBuffer, ElementType, GridError, Hyperslab, Shape};

/// Byte order of elements on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// XDR's, so DAP2's; DAP4's when the first chunk header says so.
    Big,
    /// DAP4's usual order.
    Little,
}

/// How one element stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WireElement {
    /// Bytes of one element: the native size, or 4 for the 16-bit types of DAP2.
    pub width: usize,
    /// Order of these bytes.
    pub order: ByteOrder,
}

/// Copies a stream of wire bytes into a block of a chunk buffer, swapping and narrowing on the way.
///
/// The stream may be cut anywhere: the bytes of an unfinished element are carried to the next [`Scatter::feed`], so any
/// split of a body gives the same buffer.
#[derive(Debug, Clone)]
pub struct Scatter {
    wire: WireElement,
    native: usize,
    /// Counts of the block along the dimensions that are walked one run at a time.
    outer: Vec<u64>,
    /// Elements to step in the buffer when an outer index grows by one.
    strides: Vec<u64>,
    index: Vec<u64>,
    /// Element of the buffer where the current run begins, and how far we are in it.
    run_start: u64,
    run_length: u64,
    run_done: u64,
    left: u64,
    carry: Vec<u8>,
}

impl Scatter {
    /// A scatter into `region` (in the chunk's own indices) of a buffer of `shape`.
    ///
    /// # Errors
    /// [`GridError::OutOfBounds`], [`GridError::WidthMismatch`].
    pub fn new(element: ElementType, shape: &Shape, region: &Hyperslab, wire: WireElement) -> Result<Self, GridError> {
        region.check(shape)?;
        let native = element.size();
        if wire.width != native && !(native == 2 && wire.width == 4) {
            return Err(GridError::WidthMismatch { wire: wire.width, native });
        }
        let mut strides = vec![1_u64; shape.rank()];
        for axis in (1..shape.rank()).rev() {
            let below = strides.get(axis).copied().unwrap_or(1) * shape.sizes().get(axis).copied().unwrap_or(1);
            if let Some(stride) = strides.get_mut(axis - 1) {
                *stride = below;
            }
        }
        let run_start = region.start().iter().zip(&strides).map(|(start, stride)| start * stride).sum();
        // A run is contiguous in the buffer: the fastest dimensions that the block spans whole, and one more.
        let spanned = region.count().iter().zip(shape.sizes()).rev().take_while(|(count, size)| count == size).count();
        let outer_rank = shape.rank().saturating_sub(spanned + 1);
        let run_length = region.count().iter().skip(outer_rank).product();
        let outer: Vec<u64> = region.count().iter().take(outer_rank).copied().collect();
        strides.truncate(outer_rank);
        let index = vec![0; outer_rank];
        let carry = Vec::with_capacity(8);
        Ok(Self {
            wire,
            native,
            outer,
            strides,
            index,
            run_start,
            run_length,
            run_done: 0,
            left: region.elements(),
            carry,
        })
    }

    /// Bytes still to come.
    pub fn bytes_left(&self) -> u64 {
        self.left * self.wire.width as u64 - self.carry.len() as u64
    }

    /// Whether the block is full.
    pub const fn is_complete(&self) -> bool {
        self.left == 0
    }

    /// Copies what belongs to the block and returns how many bytes that was; the rest is not ours.
    ///
    /// # Errors
    /// [`GridError::NotSixteenBits`]; [`GridError::WidthMismatch`] or [`GridError::OutOfBounds`] if the buffer is not
    /// the one this scatter was made for.
    pub fn feed(&mut self, bytes: &[u8], buffer: &mut ChunkBuffer) -> Result<usize, GridError> {
        if buffer.element().size() != self.native {
            return Err(GridError::WidthMismatch { wire: buffer.element().size(), native: self.native });
        }
        let take = usize::try_from(self.bytes_left()).unwrap_or(usize::MAX).min(bytes.len());
        let mut rest = bytes.get(..take).unwrap_or_default();
        if !self.carry.is_empty() {
            let need = (self.wire.width - self.carry.len()).min(rest.len());
            let (head, tail) = rest.split_at(need);
            self.carry.extend_from_slice(head);
            rest = tail;
            if self.carry.len() < self.wire.width {
                return Ok(take);
            }
            let element = std::mem::take(&mut self.carry);
            self.copy(&element, buffer)?;
        }
        let whole = rest.len() - rest.len() % self.wire.width;
        let (elements, tail) = rest.split_at(whole);
        self.copy(elements, buffer)?;
        self.carry.extend_from_slice(tail);
        Ok(take)
    }

    /// Copies whole elements, run by run.
    fn copy(&mut self, mut bytes: &[u8], buffer: &mut ChunkBuffer) -> Result<(), GridError> {
        while !bytes.is_empty() {
            let elements = (bytes.len() / self.wire.width)
                .min(usize::try_from(self.run_length - self.run_done).unwrap_or(usize::MAX));
            let (head, tail) = bytes.split_at(elements * self.wire.width);
            bytes = tail;
            let begin =
                usize::try_from(self.run_start + self.run_done).unwrap_or(usize::MAX).saturating_mul(self.native);
            let end = begin.saturating_add(elements * self.native);
            if end > buffer.bytes().len() {
                return Err(GridError::OutOfBounds {
                    start: self.index.clone(),
                    count: self.outer.clone(),
                    shape: buffer.shape().sizes().to_vec(),
                });
            }
            let target = buffer.bytes_mut().get_mut(begin..end).unwrap_or_default();
            convert(head, target, self.wire, self.native)?;
            self.run_done += elements as u64;
            self.left -= elements as u64;
            if self.run_done == self.run_length {
                self.next_run();
            }
        }
        Ok(())
    }

    fn next_run(&mut self) {
        self.run_done = 0;
        for ((index, count), stride) in self.index.iter_mut().zip(&self.outer).zip(&self.strides).rev() {
            *index += 1;
            self.run_start += stride;
            if *index < *count {
                return;
            }
            self.run_start -= stride * *index;
            *index = 0;
        }
    }
}

/// Whole elements from the wire to native order. `wire` and `native` hold the same number of elements.
fn convert(wire: &[u8], native: &mut [u8], element: WireElement, size: usize) -> Result<(), GridError> {
    let swap = match element.order {
        ByteOrder::Big => cfg!(target_endian = "little"),
        ByteOrder::Little => cfg!(target_endian = "big"),
    };
    match (size, element.width) {
        (2, 4) => return narrow(wire, native, element.order),
        (2, _) if swap => swap_each::<2>(wire, native),
        (4, _) if swap => swap_each::<4>(wire, native),
        (8, _) if swap => swap_each::<8>(wire, native),
        _ => native.copy_from_slice(wire),
    }
    Ok(())
}

fn swap_each<const N: usize>(wire: &[u8], native: &mut [u8]) {
    for (from, to) in wire.as_chunks::<N>().0.iter().zip(native.as_chunks_mut::<N>().0) {
        let mut element = *from;
        element.reverse();
        *to = element;
    }
}

/// 16-bit values sent in four bytes. The upper half must be sign or zero extension; servers disagree on which, so
/// either is taken, anything else means that the body is not what we think it is.
fn narrow(wire: &[u8], native: &mut [u8], order: ByteOrder) -> Result<(), GridError> {
    for (from, to) in wire.as_chunks::<4>().0.iter().zip(native.as_chunks_mut::<2>().0) {
        let word = match order {
            ByteOrder::Big => u32::from_be_bytes(*from),
            ByteOrder::Little => u32::from_le_bytes(*from),
        };
        let [.., high, low] = word.to_be_bytes();
        let value = u16::from_be_bytes([high, low]);
        if word >> 16 != 0 && word >> 16 != 0xffff {
            return Err(GridError::NotSixteenBits { found: word });
        }
        *to = value.to_ne_bytes();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A chunk shape and a block inside it.
    fn regions() -> impl Strategy<Value = (Shape, Hyperslab)> {
        prop::collection::vec((0_u64..4, 1_u64..5, 0_u64..4), 0..5).prop_map(|axes| {
            let shape = axes.iter().map(|(before, count, after)| before + count + after).collect();
            let (start, count) = axes.iter().map(|(before, count, _)| (*before, *count)).unzip();
            (Shape::new(shape).unwrap(), Hyperslab::new(start, count).unwrap())
        })
    }

    /// The slow way: where each element of the block lies in the buffer.
    fn offsets(shape: &Shape, region: &Hyperslab) -> Vec<usize> {
        region
            .split(1)
            .iter()
            .map(|cell| cell.start().iter().zip(shape.sizes()).fold(0, |flat, (i, n)| flat * n + i))
            .map(|flat| usize::try_from(flat).unwrap())
            .collect()
    }

    fn feed_in_pieces(scatter: &mut Scatter, bytes: &[u8], cuts: &[usize], buffer: &mut ChunkBuffer) {
        let mut rest = bytes;
        for cut in cuts.iter().copied().chain([usize::MAX]) {
            let (head, tail) = rest.split_at(cut.min(rest.len()));
            assert_eq!(scatter.feed(head, buffer).unwrap(), head.len());
            rest = tail;
        }
    }

    proptest! {
        #[test]
        fn every_split_of_the_stream_puts_each_element_in_its_place(
            (shape, region) in regions(),
            cuts in prop::collection::vec(0_usize..20, 0..30),
            little in any::<bool>(),
        ) {
            let fill = 0xdead_beef_u32;
            let mut buffer = ChunkBuffer::padded(ElementType::UInt32, shape.clone(), &region, &fill.to_ne_bytes()).unwrap();
            let order = if little { ByteOrder::Little } else { ByteOrder::Big };
            let mut scatter = Scatter::new(ElementType::UInt32, &shape, &region, WireElement { width: 4, order }).unwrap();
            let values: Vec<u32> = (0..u32::try_from(region.elements()).unwrap()).map(|i| i.wrapping_mul(0x9e37_79b9)).collect();
            let wire: Vec<u8> = values.iter().flat_map(|v| if little { v.to_le_bytes() } else { v.to_be_bytes() }).collect();
            feed_in_pieces(&mut scatter, &wire, &cuts, &mut buffer);
            prop_assert!(scatter.is_complete());
            prop_assert_eq!(scatter.feed(&[1, 2, 3], &mut buffer).unwrap(), 0);
            let mut expected = vec![fill; usize::try_from(shape.elements()).unwrap()];
            for (offset, value) in offsets(&shape, &region).into_iter().zip(values) {
                expected[offset] = value;
            }
            let expected: Vec<u8> = expected.into_iter().flat_map(u32::to_ne_bytes).collect();
            prop_assert_eq!(buffer.into_bytes(), expected);
        }

        #[test]
        fn sixteen_bit_values_are_narrowed(values in prop::collection::vec(any::<i16>(), 1..50), cuts in prop::collection::vec(0_usize..9, 0..20)) {
            let shape = Shape::new(vec![values.len() as u64]).unwrap();
            let region = Hyperslab::whole(&shape);
            let mut buffer = ChunkBuffer::padded(ElementType::Int16, shape.clone(), &region, &[0, 0]).unwrap();
            let wire = WireElement { width: 4, order: ByteOrder::Big };
            let mut scatter = Scatter::new(ElementType::Int16, &shape, &region, wire).unwrap();
            let bytes: Vec<u8> = values.iter().flat_map(|v| i32::from(*v).to_be_bytes()).collect();
            feed_in_pieces(&mut scatter, &bytes, &cuts, &mut buffer);
            let expected: Vec<u8> = values.iter().flat_map(|v| v.to_ne_bytes()).collect();
            prop_assert_eq!(buffer.into_bytes(), expected);
        }
    }

    #[test]
    fn nan_payloads_survive() {
        let shape = Shape::new(vec![2]).unwrap();
        let region = Hyperslab::whole(&shape);
        let bits = [0x7fc0_1234_u32, 0xff80_0001];
        let mut buffer = ChunkBuffer::padded(ElementType::Float32, shape.clone(), &region, &[0; 4]).unwrap();
        let wire = WireElement { width: 4, order: ByteOrder::Big };
        let mut scatter = Scatter::new(ElementType::Float32, &shape, &region, wire).unwrap();
        scatter.feed(&bits.map(u32::to_be_bytes).concat(), &mut buffer).unwrap();
        assert_eq!(buffer.into_bytes(), bits.map(u32::to_ne_bytes).concat());
    }

    #[test]
    fn a_word_that_is_no_sixteen_bit_value_is_refused() {
        let shape = Shape::new(vec![1]).unwrap();
        let region = Hyperslab::whole(&shape);
        let mut buffer = ChunkBuffer::padded(ElementType::UInt16, shape.clone(), &region, &[0; 2]).unwrap();
        let wire = WireElement { width: 4, order: ByteOrder::Big };
        let mut scatter = Scatter::new(ElementType::UInt16, &shape, &region, wire).unwrap();
        let error = scatter.feed(&[0, 1, 0, 0], &mut buffer).unwrap_err();
        assert_eq!(error, GridError::NotSixteenBits { found: 0x0001_0000 });
    }
}
