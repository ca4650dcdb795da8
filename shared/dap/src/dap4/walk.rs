//! Walking through the data: the same steps to measure, to check, and to read.

use super::layout::{Column, ColumnKind, Layout, Step};
use crate::{Content, DecodeError, name::characters};

/// What is done with the values on the way.
pub(super) trait Visitor {
    /// Packed numbers of a column, in the data's byte order.
    fn numbers(&mut self, _column: usize, _bytes: &[u8]) {}
    /// One text or blob of a column.
    fn blob(&mut self, _column: usize, _bytes: &[u8]) {}
    /// The number of rows of a Sequence.
    fn rows(&mut self, _sequence: usize, _rows: u64) {}
    /// Any value's bytes, without lengths and counts.
    fn value(&mut self, _bytes: &[u8]) {}
}

/// Only measures.
pub(super) struct Measure;

impl Visitor for Measure {}

/// The checksum of libdap: over values alone, lengths and counts left out (`D4StreamMarshaller`).
#[derive(Default)]
pub(super) struct ValuesChecksum(pub(super) crc32fast::Hasher);

impl Visitor for ValuesChecksum {
    fn value(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

/// Reads values into columns.
pub(super) struct Fill {
    pub(super) contents: Vec<Content>,
    /// Rows by Sequence.
    pub(super) rows: Vec<u64>,
    /// Whether the data's byte order is not the machine's.
    swap: bool,
}

impl Fill {
    pub(super) fn new(layout: &Layout<'_>, little: bool) -> Self {
        let content = |column: &Column<'_>| match column.kind {
            ColumnKind::Number(element) => Content::Numbers { element, bytes: Vec::new() },
            ColumnKind::Text => Content::Text(Vec::new()),
            ColumnKind::Opaque => Content::Opaque(Vec::new()),
        };
        let contents = layout.columns.iter().map(content).collect();
        Self { contents, rows: vec![0; layout.sequences.len()], swap: little != cfg!(target_endian = "little") }
    }
}

impl Visitor for Fill {
    fn numbers(&mut self, column: usize, bytes: &[u8]) {
        if let Some(Content::Numbers { element, bytes: all }) = self.contents.get_mut(column) {
            let before = all.len();
            all.extend_from_slice(bytes);
            if self.swap && element.size() > 1 {
                let fresh = all.get_mut(before..).unwrap_or_default();
                fresh.chunks_exact_mut(element.size()).for_each(<[u8]>::reverse);
            }
        }
    }

    fn blob(&mut self, column: usize, bytes: &[u8]) {
        match self.contents.get_mut(column) {
            Some(Content::Text(texts)) => texts.push(characters(bytes)),
            Some(Content::Opaque(blobs)) => blobs.push(bytes.to_vec()),
            Some(Content::Numbers { .. }) | None => {}
        }
    }

    fn rows(&mut self, sequence: usize, rows: u64) {
        if let Some(known) = self.rows.get_mut(sequence) {
            *known = rows;
        }
    }
}

/// A place in the data.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    data: &'a [u8],
    at: usize,
    little: bool,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(data: &'a [u8], at: usize, little: bool) -> Self {
        Self { data, at, little }
    }

    pub(super) const fn at(&self) -> usize {
        self.at
    }

    pub(super) const fn left(&self) -> usize {
        self.data.len().saturating_sub(self.at)
    }

    fn offset(&self) -> u64 {
        u64::try_from(self.at).unwrap_or(u64::MAX)
    }

    /// Refuses to go on where fewer bytes are left than are needed.
    fn need(&self, bytes: u64, what: &str) -> Result<(), DecodeError> {
        if u64::try_from(self.left()).is_ok_and(|left| bytes <= left) {
            return Ok(());
        }
        let expected = format!("{bytes} bytes of {what}, {} are left", self.left());
        Err(DecodeError::Ended { at: self.offset(), expected })
    }

    fn take(&mut self, bytes: u64, what: &str) -> Result<&'a [u8], DecodeError> {
        self.need(bytes, what)?;
        let end = self.at + usize::try_from(bytes).unwrap_or(usize::MAX);
        let taken = self.data.get(self.at..end).unwrap_or_default();
        self.at = end;
        Ok(taken)
    }

    /// The checksum after a variable, in the data's byte order.
    pub(super) fn checksum(&mut self, of: &str) -> Result<u32, DecodeError> {
        let bytes = self.take(4, &format!("the checksum of `{of}`"))?;
        let bytes = <[u8; 4]>::try_from(bytes).unwrap_or_default();
        Ok(if self.little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    /// A length or count: an int64 that is no more than `most`.
    fn count(&mut self, most: impl Fn(usize) -> u64, what: &str) -> Result<u64, DecodeError> {
        let at = self.offset();
        let bytes = <[u8; 8]>::try_from(self.take(8, what)?).unwrap_or_default();
        let count = if self.little { i64::from_le_bytes(bytes) } else { i64::from_be_bytes(bytes) };
        let limit = most(self.left());
        u64::try_from(count).ok().filter(|count| *count <= limit).ok_or_else(|| DecodeError::Wrong {
            at,
            expected: format!("{what}, at most {limit} in the {} bytes left", self.left()),
            found: count.to_string(),
        })
    }
}

/// Takes the steps of the variable `of`.
pub(super) fn walk(
    steps: &[Step],
    cursor: &mut Cursor<'_>,
    visitor: &mut impl Visitor,
    of: &str,
) -> Result<(), DecodeError> {
    for step in steps {
        match step {
            Step::Numbers { column, bytes } => {
                let numbers = cursor.take(*bytes, of)?;
                visitor.value(numbers);
                if let Some(column) = column {
                    visitor.numbers(*column, numbers);
                }
            }
            Step::Blobs { column, count } => {
                cursor.need(count.saturating_mul(8), of)?;
                for _ in 0..*count {
                    let length =
                        cursor.count(|left| u64::try_from(left).unwrap_or(0), "the length of a text or blob")?;
                    let blob = cursor.take(length, of)?;
                    visitor.value(blob);
                    if let Some(column) = column {
                        visitor.blob(*column, blob);
                    }
                }
            }
            Step::Repeat { count, least, body } => {
                cursor.need(count.saturating_mul(*least), of)?;
                for _ in 0..*count {
                    walk(body, cursor, visitor, of)?;
                }
            }
            Step::Rows { sequence, count, least, body } => {
                cursor.need(count.saturating_mul(8), of)?;
                for _ in 0..*count {
                    let most = |left| u64::try_from(left).unwrap_or(0).checked_div(*least).unwrap_or(1 << 32);
                    let rows = cursor.count(most, "the number of rows of a Sequence")?;
                    if let Some(sequence) = sequence {
                        visitor.rows(*sequence, rows);
                    }
                    // Rows without bytes have nothing to be read.
                    let rows = if body.is_empty() { 0 } else { rows };
                    for _ in 0..rows {
                        walk(body, cursor, visitor, of)?;
                    }
                }
            }
        }
    }
    Ok(())
}
