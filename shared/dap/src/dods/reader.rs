//! XDR as DAP2 uses it: everything is big-endian and a multiple of four bytes long (RFC 4506 §3, ESE-RFC-004 §7).

use crate::{
    DecodeError, WireType,
    body::byte_scalar,
    name::{characters, excerpt},
};

use super::plan::{Leaf, LeafKind, Node, Plan};

/// How often the count of an array of numbers without elements is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zero {
    /// libdap.
    Once,
    /// The Java servers, pydap.
    Twice,
}

/// The values of a variable; numbers in the machine's byte order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Column {
    Numbers(Vec<u8>),
    Text(Vec<String>),
}

/// Everything in a body.
#[derive(Debug)]
pub(super) struct Columns {
    /// One for each of [`Plan::leaves`]; empty for those that are skipped.
    pub(super) values: Vec<Column>,
    /// The number of rows of each Sequence.
    pub(super) rows: Vec<u64>,
    /// The byte after the last.
    pub(super) end: usize,
}

/// Reads a body, of which every byte from `start` on must belong to something. One more is let pass if it was `saved`.
pub(super) fn read(plan: &Plan, body: &[u8], start: usize, saved: bool, zero: Zero) -> Result<Columns, DecodeError> {
    let values = plan.leaves.iter().map(|leaf| match leaf.kind {
        LeafKind::Number(_) => Column::Numbers(Vec::new()),
        LeafKind::Text => Column::Text(Vec::new()),
    });
    let values = values.collect();
    let mut reader = Reader { plan, body, at: start, zero, values, rows: vec![0; plan.sequences], repeating: false };
    reader.nodes(&plan.nodes)?;
    let left = reader.left();
    if left > usize::from(saved) {
        return Err(DecodeError::Trailing { at: reader.at as u64, bytes: left as u64 });
    }
    Ok(Columns { values: reader.values, rows: reader.rows, end: reader.at })
}

struct Reader<'a> {
    plan: &'a Plan,
    body: &'a [u8],
    at: usize,
    zero: Zero,
    values: Vec<Column>,
    rows: Vec<u64>,
    /// Whether we are inside an array of Structures, for which room was made.
    repeating: bool,
}

impl<'a> Reader<'a> {
    fn nodes(&mut self, nodes: &[Node]) -> Result<(), DecodeError> {
        nodes.iter().try_for_each(|node| match node {
            Node::Values { leaf, count } => self.leaf(*leaf, *count),
            Node::Repeat { name, count, nodes, smallest } => self.repeat(name, *count, nodes, *smallest),
            Node::Rows { name, sequence, nodes } => self.sequence(name, *sequence, nodes),
        })
    }

    fn leaf(&mut self, at: usize, count: Option<u64>) -> Result<(), DecodeError> {
        let plan = self.plan;
        let Some(leaf) = plan.leaves.get(at) else { return Ok(()) };
        // Taken out while it grows.
        let mut column = match self.values.get_mut(at) {
            Some(column) => std::mem::replace(column, Column::Numbers(Vec::new())),
            None => return Ok(()),
        };
        match (leaf.kind, &mut column) {
            (LeafKind::Number(wire), Column::Numbers(values)) => self.numbers(leaf, wire, count, values)?,
            (LeafKind::Text, Column::Text(values)) => self.texts(leaf, count, values)?,
            (LeafKind::Number(_), Column::Text(_)) | (LeafKind::Text, Column::Numbers(_)) => {}
        }
        if let Some(place) = self.values.get_mut(at) {
            *place = column;
        }
        Ok(())
    }

    /// An array of Structures: its count once, then the members of each.
    fn repeat(&mut self, name: &str, count: u64, nodes: &[Node], smallest: u64) -> Result<(), DecodeError> {
        let at = self.at;
        self.count(name, count)?;
        let needed = count.saturating_mul(smallest);
        if needed > self.left() as u64 {
            return Err(DecodeError::Ended { at: at as u64, expected: format!("{needed} bytes of `{name}` or more") });
        }
        // Without members there are no bytes, and the count may be anything; without elements nothing is to be looked at.
        if needed == 0 {
            return Ok(());
        }
        let outermost = !std::mem::replace(&mut self.repeating, true);
        if outermost {
            self.reserve(nodes, count);
        }
        for _ in 0..count {
            self.nodes(nodes)?;
        }
        self.repeating = !outermost;
        Ok(())
    }

    /// Makes room for the members of an array of Structures, of which the body is known to have the bytes.
    fn reserve(&mut self, nodes: &[Node], times: u64) {
        for node in nodes {
            match node {
                Node::Repeat { count, nodes, .. } => self.reserve(nodes, times.saturating_mul(*count)),
                Node::Rows { .. } => {}
                Node::Values { leaf, count } => {
                    let elements = times.saturating_mul(count.unwrap_or(1));
                    let Some(leaf) = self.plan.leaves.get(*leaf).zip(self.values.get_mut(*leaf)) else { continue };
                    let elements = usize::try_from(elements).unwrap_or_default();
                    match leaf {
                        (Leaf { skipped: true, .. }, _) => {}
                        (Leaf { kind: LeafKind::Number(wire), .. }, Column::Numbers(values)) => {
                            values.reserve(elements.saturating_mul(wire.element().size()));
                        }
                        (_, Column::Text(values)) => values.reserve(elements),
                        (_, Column::Numbers(_)) => {}
                    }
                }
            }
        }
    }

    /// A Sequence: before each row a word that begins with `5A`, after the last one that begins with `A5`.
    fn sequence(&mut self, name: &str, sequence: Option<usize>, nodes: &[Node]) -> Result<(), DecodeError> {
        loop {
            let at = self.at;
            match self.word(|| format!("a row of `{name}` or its end"))? {
                [0x5a, 0, 0, 0] => {}
                [0xa5, 0, 0, 0] => return Ok(()),
                word => {
                    let expected = format!("5a000000 before a row of `{name}` or a5000000 after its last");
                    return Err(wrong(at, expected, format!("{:08x}", u32::from_be_bytes(word))));
                }
            }
            if let Some(rows) = sequence.and_then(|at| self.rows.get_mut(at)) {
                *rows += 1;
            }
            self.nodes(nodes)?;
        }
    }

    fn numbers(
        &mut self,
        leaf: &Leaf,
        wire: WireType,
        count: Option<u64>,
        to: &mut Vec<u8>,
    ) -> Result<(), DecodeError> {
        let name = leaf.path.shown.as_str();
        let width = wire.wire_element().width;
        let Some(count) = count else {
            if wire == WireType::Byte {
                let at = self.at;
                let word = self.word(|| format!("`{name}`"))?;
                let found = || format!("{:08x}", u32::from_be_bytes(word));
                let value = byte_scalar(word)
                    .ok_or_else(|| wrong(at, format!("`{name}`, a byte in the first or the last of four"), found()))?;
                return append(leaf, wire, &[value], to).map_err(|(_, found)| wrong(at, String::new(), found));
            }
            return self.elements(leaf, wire, width, to);
        };
        self.count(name, count)?;
        if count == 0 {
            return if self.zero == Zero::Twice { self.count(name, 0) } else { Ok(()) };
        }
        self.count(name, count)?;
        let bytes = usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(width);
        self.elements(leaf, wire, bytes, to)?;
        self.padding(name, bytes)
    }

    /// The bytes of whole elements.
    fn elements(&mut self, leaf: &Leaf, wire: WireType, bytes: usize, to: &mut Vec<u8>) -> Result<(), DecodeError> {
        let at = self.at;
        let name = leaf.path.shown.as_str();
        let bytes = self.take(bytes, || format!("{bytes} bytes of `{name}`"))?;
        append(leaf, wire, bytes, to).map_err(|(offset, found)| {
            let expected = format!("`{name}`, a 16-bit value in four bytes, its sign or zeros before it");
            wrong(at + offset, expected, found)
        })
    }

    fn texts(&mut self, leaf: &Leaf, count: Option<u64>, to: &mut Vec<String>) -> Result<(), DecodeError> {
        let name = leaf.path.shown.as_str();
        if let Some(count) = count {
            let at = self.at;
            self.count(name, count)?;
            let needed = count.saturating_mul(4);
            if needed > self.left() as u64 {
                let expected = format!("{needed} bytes of `{name}` or more");
                return Err(DecodeError::Ended { at: at as u64, expected });
            }
            if !leaf.skipped {
                to.reserve(usize::try_from(count).unwrap_or_default());
            }
        }
        for _ in 0..count.unwrap_or(1) {
            let length = u32::from_be_bytes(self.word(|| format!("the length of a string of `{name}`"))?) as usize;
            let bytes = self.take(length, || format!("{length} bytes of a string of `{name}`"))?;
            self.padding(name, length)?;
            if !leaf.skipped {
                to.push(characters(bytes));
            }
        }
        Ok(())
    }

    /// What fills up four bytes. Servers do not always write zeros.
    fn padding(&mut self, name: &str, bytes: usize) -> Result<(), DecodeError> {
        let padding = bytes.wrapping_neg() % 4;
        self.take(padding, || format!("{padding} bytes of padding after `{name}`")).map(drop)
    }

    /// A count, which must be what the DDS says.
    fn count(&mut self, name: &str, count: u64) -> Result<(), DecodeError> {
        let at = self.at;
        let word = self.word(|| format!("the count of `{name}`, {count}"))?;
        if u64::from(u32::from_be_bytes(word)) == count {
            return Ok(());
        }
        let found = u32::from_be_bytes(word);
        // Letters where a count should be are somebody's message.
        let letters = word.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
        let found = if letters { format!("the text `{}`", excerpt(&word, 4)) } else { found.to_string() };
        Err(wrong(at, format!("the count of `{name}`, {count}"), found))
    }

    fn word(&mut self, expected: impl FnOnce() -> String) -> Result<[u8; 4], DecodeError> {
        Ok(*self.take(4, expected)?.first_chunk().unwrap_or(&[0; 4]))
    }

    fn take(&mut self, bytes: usize, expected: impl FnOnce() -> String) -> Result<&'a [u8], DecodeError> {
        let taken = self.at.checked_add(bytes).and_then(|end| self.body.get(self.at..end));
        let taken = taken.ok_or_else(|| DecodeError::Ended { at: self.at as u64, expected: expected() })?;
        self.at += bytes;
        Ok(taken)
    }

    const fn left(&self) -> usize {
        self.body.len() - self.at
    }
}

fn wrong(at: usize, expected: String, found: String) -> DecodeError {
    DecodeError::Wrong { at: at as u64, expected, found }
}

/// Puts elements into the machine's byte order. A 16-bit value that is none: where it is, and what it is.
fn append(leaf: &Leaf, wire: WireType, bytes: &[u8], to: &mut Vec<u8>) -> Result<(), (usize, String)> {
    match wire {
        // The upper half must be sign or zero extension. Servers disagree on which, so either is taken.
        WireType::Int16 | WireType::UInt16 => {
            let words = bytes.as_chunks::<4>().0;
            let bad = words.iter().position(|word| !matches!(word, [0, 0, ..] | [0xff, 0xff, ..]));
            if let Some(at) = bad {
                let word = words.get(at).copied().unwrap_or_default();
                return Err((4 * at, format!("{:08x}", u32::from_be_bytes(word))));
            }
            if !leaf.skipped {
                to.extend(words.iter().flat_map(|[_, _, high, low]| u16::from_be_bytes([*high, *low]).to_ne_bytes()));
            }
        }
        _ if leaf.skipped => {}
        WireType::Byte => to.extend_from_slice(bytes),
        WireType::Int32 | WireType::UInt32 | WireType::Float32 => {
            to.extend(bytes.as_chunks::<4>().0.iter().flat_map(|word| u32::from_be_bytes(*word).to_ne_bytes()));
        }
        WireType::Float64 => {
            to.extend(bytes.as_chunks::<8>().0.iter().flat_map(|word| u64::from_be_bytes(*word).to_ne_bytes()));
        }
    }
    Ok(())
}
