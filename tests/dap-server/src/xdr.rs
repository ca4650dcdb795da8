//! The binary half of a `.dods` body: XDR, made piece by piece.
//!
//! An array is its count twice (text: once) and its elements; a Byte array is packed and padded at its end; a
//! scalar has no count, and a Byte scalar is an XDR int. A zero-length numeric array is two zero counts, as jdap
//! and pydap send it (libdap sends one).

use std::collections::VecDeque;

use bytes::{BufMut, BytesMut};

use crate::dataset::{Columns, Source};
use crate::selection::{Part, Slice};
use crate::values::DapType;

/// Appends `count` elements of `W` bytes; vectorises when `items` runs over slices.
pub fn append_fixed<const W: usize>(out: &mut BytesMut, count: usize, items: impl Iterator<Item = [u8; W]>) {
    let start = out.len();
    out.resize(start + count * W, 0);
    if let Some(space) = out.get_mut(start..) {
        for (slot, item) in space.as_chunks_mut::<W>().0.iter_mut().zip(items) {
            *slot = item;
        }
    }
}

/// Makes the bytes of some parts, one after the other.
#[derive(Debug)]
pub(crate) struct Encoder {
    parts: VecDeque<Part>,
    cursor: Option<Cursor>,
}

impl Encoder {
    pub(crate) fn new(parts: Vec<Part>) -> Self {
        Self { parts: parts.into(), cursor: None }
    }

    /// Appends bytes until `out` holds about `limit` (at least one element goes over it); `false` at the end.
    pub(crate) fn fill(&mut self, out: &mut BytesMut, limit: usize) -> bool {
        while out.len() < limit {
            let Some(mut cursor) = self.cursor.take().or_else(|| self.next_part(out)) else {
                return false;
            };
            if cursor.advance(out, limit) {
                self.cursor = Some(cursor);
            }
        }
        true
    }

    /// The bytes of everything, counted without making them where the widths are fixed.
    pub(crate) fn length(parts: &[Part]) -> u64 {
        parts.iter().map(length).sum()
    }

    fn next_part(&mut self, out: &mut BytesMut) -> Option<Cursor> {
        Some(Cursor::start(self.parts.pop_front()?, out))
    }
}

fn length(part: &Part) -> u64 {
    let elements = part.elements();
    match part.array.dap_type.wire_width() {
        None => {
            let mut out = BytesMut::new();
            Encoder::new(vec![part.clone()]).fill(&mut out, usize::MAX);
            as_u64(out.len())
        }
        Some(width) if part.slices.is_empty() => width.max(4),
        Some(1) => 8 + elements.next_multiple_of(4),
        Some(width) => 8 + width * elements,
    }
}

/// Where in one part the encoder stands.
#[derive(Debug)]
struct Cursor {
    part: Part,
    /// Slices of all dimensions but the last.
    outer: Vec<Slice>,
    /// The slice of the last dimension; one element for a scalar.
    inner: Slice,
    /// Steps taken in each outer dimension.
    steps: Vec<u64>,
    /// The index those steps lead to.
    row: Vec<u64>,
    column: u64,
    rows_left: u64,
}

impl Cursor {
    fn start(part: Part, out: &mut BytesMut) -> Self {
        let elements = part.elements();
        let scalar = Slice { start: 0, stride: 1, count: 1 };
        let (inner, outer) = match part.slices.split_last() {
            None => (scalar, Vec::new()),
            Some((last, outer)) => (*last, outer.to_vec()),
        };
        let text = part.array.dap_type.wire_width().is_none();
        if !part.slices.is_empty() {
            let count = u32::try_from(elements).unwrap_or(u32::MAX);
            out.put_u32(count);
            if !text {
                out.put_u32(count);
            }
        } else if part.array.dap_type == DapType::Byte {
            out.put_bytes(0, 3);
        }
        Self {
            steps: vec![0; outer.len()],
            row: outer.iter().map(|slice| slice.start).collect(),
            column: 0,
            rows_left: elements.checked_div(inner.count).unwrap_or(0),
            outer,
            inner,
            part,
        }
    }

    /// Appends a row or what of it there is room for; `false` when the part is finished.
    fn advance(&mut self, out: &mut BytesMut, limit: usize) -> bool {
        if self.rows_left > 0 {
            let width = self.part.array.dap_type.wire_width().unwrap_or(4);
            let room = as_u64(limit.saturating_sub(out.len())) / width;
            let count = room.max(1).min(self.inner.count - self.column);
            let columns = Columns {
                start: as_usize(self.inner.start + self.column * self.inner.stride),
                stride: as_usize(self.inner.stride),
                count: as_usize(count),
            };
            self.append(columns, out);
            self.column += count;
            if self.column == self.inner.count {
                self.column = 0;
                self.rows_left -= 1;
                self.step();
            }
        }
        if self.rows_left == 0 && self.part.array.dap_type == DapType::Byte {
            self.pad(out);
        }
        self.rows_left > 0
    }

    fn append(&self, columns: Columns, out: &mut BytesMut) {
        match &self.part.array.source {
            Source::Rows(rows) => rows.append(&self.row, columns, out),
            Source::Memory(values) => {
                let sizes = self.part.array.dimensions.iter().map(|d| d.size);
                let line = self.row.iter().zip(sizes).fold(0, |line, (index, size)| line * size + index);
                let width = self.part.array.dimensions.last().map_or(1, |d| d.size);
                let start = as_usize(line * width) + columns.start;
                values.append(start, columns.stride, columns.count, out);
            }
        }
    }

    /// To the next row, the last outer dimension fastest.
    fn step(&mut self) {
        let places = self.steps.iter_mut().zip(&mut self.row).zip(&self.outer);
        for ((step, index), slice) in places.rev() {
            *step += 1;
            if *step < slice.count {
                *index += slice.stride;
                return;
            }
            *step = 0;
            *index = slice.start;
        }
    }

    /// A Byte array ends on a multiple of four.
    fn pad(&self, out: &mut BytesMut) {
        if !self.part.slices.is_empty() {
            let rest = self.part.elements() % 4;
            out.put_bytes(0, as_usize((4 - rest) % 4));
        }
    }
}

/// Sizes here are of arrays that fit in memory or are cut into pieces that do.
pub(crate) fn as_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

pub(crate) fn as_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constraint::parse;
    use crate::dataset::{Array, Dataset};
    use crate::selection::{parts, select};

    /// The bytes in pieces of `limit`, checked against the length counted beforehand.
    fn body(array: Array, constraint: &str, limit: usize) -> Vec<u8> {
        let dataset = Dataset::new("d").with(array);
        dataset.check().unwrap();
        let nodes = select(&dataset, &parse(constraint).unwrap()).unwrap();
        let parts = parts(nodes).unwrap();
        let expected = Encoder::length(&parts);
        let mut encoder = Encoder::new(parts);
        let mut all = Vec::new();
        loop {
            let mut piece = BytesMut::new();
            let more = encoder.fill(&mut piece, limit);
            all.extend_from_slice(&piece);
            if !more {
                break;
            }
        }
        assert_eq!(as_u64(all.len()), expected);
        all
    }

    #[test]
    fn bytes_are_packed_and_padded_once() {
        let array = || Array::new("b", [("y", 2), ("x", 3)], [1u8, 2, 3, 4, 5, 6]);
        let whole = [0, 0, 0, 6, 0, 0, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0];
        for limit in [1, 2, 7, 9, 1000] {
            assert_eq!(body(array(), "", limit), whole);
        }
        assert_eq!(body(array(), "b[0:1][0:2:2]", 64), [0, 0, 0, 4, 0, 0, 0, 4, 1, 3, 4, 6]);
    }

    #[test]
    fn a_byte_scalar_is_the_last_byte_of_four() {
        assert_eq!(body(Array::scalar("b", 0xC0u8), "", 64), [0, 0, 0, 0xC0]);
    }

    #[test]
    fn text_counts_once() {
        assert_eq!(body(Array::new("s", [("n", 2)], ["ab", ""]), "", 64), b"\0\0\0\x02\0\0\0\x02ab\0\0\0\0\0\0");
    }

    #[test]
    fn nothing_is_two_zero_counts() {
        let array = || Array::new("z", [("t", 0), ("x", 3)], Vec::<f32>::new());
        assert_eq!(body(array(), "", 64), [0; 8]);
    }

    #[test]
    fn strides_walk_every_dimension() {
        let cube = || {
            Array::formula("c", [("t", 4), ("y", 5), ("x", 6)], |i: &[u64]| {
                i32::try_from(i[0] * 100 + i[1] * 10 + i[2]).unwrap()
            })
        };
        for limit in [1, 13, 4096] {
            let bytes = body(cube(), "c[1:2:3][0:4][5:5]", limit);
            let values: Vec<i32> = bytes[8..].as_chunks::<4>().0.iter().map(|b| i32::from_be_bytes(*b)).collect();
            assert_eq!(values, [105, 115, 125, 135, 145, 305, 315, 325, 335, 345]);
        }
    }
}
