//! From a DMR to the order of values on the wire, and to the columns they go into.

use std::collections::HashSet;

use cf::Attributes;
use grid::{ElementType, MAX_RANK, Shape};

use crate::{
    DecodeError, Dimension, Unsupported,
    dmr::{Declaration, Dmr, Group, Type},
    limits::MAX_FULL_NAMES_BYTES,
};

/// One step through the data. No step takes no bytes at all, so that steps are bounded by bytes.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// Packed numbers.
    Numbers { column: Option<usize>, bytes: u64 },
    /// Texts or blobs: each an int64 length and its bytes.
    Blobs { column: Option<usize>, count: u64 },
    /// The instances of a Structure, `least` bytes each.
    Repeat { count: u64, least: u64, body: Vec<Step> },
    /// Sequences: each an int64 count and its rows, `least` bytes each.
    Rows { sequence: Option<usize>, count: u64, least: u64, body: Vec<Step> },
}

/// A variable directly in a group: what a checksum covers.
#[derive(Debug)]
pub(super) struct Top {
    /// Its name in full.
    pub(super) name: String,
    pub(super) steps: Vec<Step>,
    /// Its bytes, if no text, blob or Sequence is in it.
    pub(super) exact: Option<u64>,
}

/// Where values go.
#[derive(Debug)]
pub(super) struct Column<'a> {
    /// The name in full: `group/s.v`.
    pub(super) name: String,
    /// The dimensions; the rows of its Sequence are not among them.
    pub(super) dimensions: Vec<Dimension>,
    pub(super) kind: ColumnKind,
    pub(super) attributes: &'a Attributes,
    /// A position in the enumerations.
    pub(super) enumeration: Option<usize>,
    /// A position in [`Layout::sequences`], whose rows are a dimension before the others.
    pub(super) sequence: Option<usize>,
    /// A position in [`Layout::tops`].
    pub(super) top: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnKind {
    Number(ElementType),
    Text,
    Opaque,
}

/// How the data of a DMR lie.
#[derive(Debug, Default)]
pub(super) struct Layout<'a> {
    pub(super) tops: Vec<Top>,
    pub(super) columns: Vec<Column<'a>>,
    /// Sequences that are read, by name in full.
    pub(super) sequences: Vec<String>,
    pub(super) unsupported: Vec<Unsupported>,
    /// Attributes of Structures and Sequences, by name in full.
    pub(super) parents: Vec<(String, &'a Attributes)>,
    /// Orders the tops may come in, the specification's first.
    pub(super) orders: Vec<Vec<usize>>,
    names: HashSet<String>,
    full_names: usize,
}

/// What a variable is inside of.
#[derive(Clone)]
struct Outer {
    dimensions: Vec<Dimension>,
    sequence: Option<usize>,
    /// Whether values in here are read.
    read: bool,
    /// Whether everything around is a scalar Structure.
    single: bool,
    top: usize,
}

/// A variable's part of the data.
struct Part {
    step: Option<Step>,
    least: u64,
    exact: Option<u64>,
}

impl<'a> Layout<'a> {
    /// Lays a DMR out.
    pub(super) fn of(dmr: &'a Dmr) -> Result<Self, DecodeError> {
        let mut layout = Self::default();
        let (spec, children_first) = layout.group(dmr, &dmr.root, "")?;
        layout.orders = if spec == children_first { vec![spec] } else { vec![spec, children_first] };
        Ok(layout)
    }

    /// Both orders of a group's variables: before those of the groups in it (the specification), and after (libdap up
    /// to Hyrax 1.17.1, libdap4#305).
    fn group(&mut self, dmr: &'a Dmr, group: &'a Group, prefix: &str) -> Result<(Vec<usize>, Vec<usize>), DecodeError> {
        let mut own = Vec::with_capacity(group.variables.len());
        for variable in &group.variables {
            let name = format!("{prefix}{}", variable.name.strip_prefix('/').unwrap_or(&variable.name));
            let top = self.tops.len();
            let outer = Outer { dimensions: Vec::new(), sequence: None, read: true, single: true, top };
            let part = self.variable(dmr, variable, &name, &outer)?;
            self.tops.push(Top { name, steps: part.step.into_iter().collect(), exact: part.exact });
            own.push(top);
        }
        let (mut spec, mut children_first) = (own.clone(), Vec::new());
        for child in &group.groups {
            let (a, b) = self.group(dmr, child, &format!("{prefix}{}/", child.name))?;
            spec.extend(a);
            children_first.extend(b);
        }
        children_first.extend(own);
        Ok((spec, children_first))
    }

    fn variable(
        &mut self,
        dmr: &'a Dmr,
        variable: &'a Declaration,
        name: &str,
        outer: &Outer,
    ) -> Result<Part, DecodeError> {
        let count = variable.elements();
        match &variable.kind {
            Type::Structure(members) => {
                let mut inner = outer.clone();
                inner.dimensions.extend(variable.dimensions.iter().cloned());
                inner.single &= variable.dimensions.is_empty();
                self.charge(&inner.dimensions, name)?;
                if outer.read && inner.dimensions.len() > MAX_RANK {
                    self.refuse(name, "its members have too many dimensions");
                    inner = Outer { dimensions: Vec::new(), read: false, ..inner };
                }
                if inner.read {
                    self.parents.push((name.to_owned(), &variable.attributes));
                }
                let (body, least, exact) = self.members(dmr, members, name, &inner)?;
                Ok(repeated(count, body, least, exact))
            }
            Type::Sequence(fields) => {
                let mut inner = outer.clone();
                inner.read &= outer.single && outer.sequence.is_none() && variable.dimensions.is_empty();
                let sequence = inner.read.then_some(self.sequences.len());
                if inner.read {
                    self.sequences.push(name.to_owned());
                    self.parents.push((name.to_owned(), &variable.attributes));
                    inner.sequence = sequence;
                } else if outer.read {
                    let reason = if outer.sequence.is_some() {
                        "a Sequence inside a Sequence has rows of different lengths"
                    } else {
                        "an array of Sequences has rows of different lengths"
                    };
                    self.refuse(name, reason);
                }
                let (body, least, _) = self.members(dmr, fields, name, &inner)?;
                let step = (count > 0).then_some(Step::Rows { sequence, count, least, body });
                Ok(Part { step, least: count.saturating_mul(8), exact: (count == 0).then_some(0) })
            }
            Type::Text | Type::Opaque => {
                let kind = if variable.kind == Type::Text { ColumnKind::Text } else { ColumnKind::Opaque };
                let column = self.column(variable, name, kind, outer)?;
                let step = (count > 0).then_some(Step::Blobs { column, count });
                Ok(Part { step, least: count.saturating_mul(8), exact: (count == 0).then_some(0) })
            }
            Type::Number(_) | Type::Char | Type::Enumeration(_) => {
                let element = dmr.element(&variable.kind).unwrap_or(ElementType::UInt8);
                let column = self.column(variable, name, ColumnKind::Number(element), outer)?;
                let bytes = count.saturating_mul(u64::try_from(element.size()).unwrap_or(8));
                let step = (bytes > 0).then_some(Step::Numbers { column, bytes });
                Ok(Part { step, least: bytes, exact: Some(bytes) })
            }
        }
    }

    fn members(
        &mut self,
        dmr: &'a Dmr,
        members: &'a [Declaration],
        name: &str,
        outer: &Outer,
    ) -> Result<(Vec<Step>, u64, Option<u64>), DecodeError> {
        let (mut steps, mut least, mut exact) = (Vec::new(), 0_u64, Some(0_u64));
        for member in members {
            let part = self.variable(dmr, member, &format!("{name}.{}", member.name), outer)?;
            steps.extend(part.step);
            least = least.saturating_add(part.least);
            exact = exact.zip(part.exact).map(|(sum, bytes)| sum.saturating_add(bytes));
        }
        Ok((steps, least, exact))
    }

    /// A place for a variable's values, unless they are only skipped.
    fn column(
        &mut self,
        variable: &'a Declaration,
        name: &str,
        kind: ColumnKind,
        outer: &Outer,
    ) -> Result<Option<usize>, DecodeError> {
        if !outer.read {
            return Ok(None);
        }
        let dimensions: Vec<Dimension> = outer.dimensions.iter().chain(&variable.dimensions).cloned().collect();
        self.charge(&dimensions, name)?;
        if Shape::new(dimensions.iter().map(|dimension| dimension.size).collect()).is_err() {
            self.refuse(name, "with the dimensions of its Structures it makes no array");
            return Ok(None);
        }
        if !self.names.insert(name.to_owned()) {
            self.refuse(name, "another variable has the same name");
            return Ok(None);
        }
        let enumeration = match variable.kind {
            Type::Enumeration(at) => Some(at),
            Type::Number(_) | Type::Char | Type::Text | Type::Opaque | Type::Structure(_) | Type::Sequence(_) => None,
        };
        let (attributes, sequence, top) = (&variable.attributes, outer.sequence, outer.top);
        self.columns.push(Column { name: name.to_owned(), dimensions, kind, attributes, enumeration, sequence, top });
        Ok(Some(self.columns.len() - 1))
    }

    /// Counts the bytes of names that are written in full once more.
    fn charge(&mut self, dimensions: &[Dimension], name: &str) -> Result<(), DecodeError> {
        let names = dimensions.iter().filter_map(|dimension| dimension.name.as_ref()).map(String::len).sum::<usize>();
        self.full_names = self.full_names.saturating_add(names + name.len());
        if self.full_names > MAX_FULL_NAMES_BYTES {
            let limit = u64::try_from(MAX_FULL_NAMES_BYTES).unwrap_or(u64::MAX);
            let what = "bytes of names of members, written in full with their dimensions".to_owned();
            return Err(DecodeError::TooLarge { what, found: u64::try_from(self.full_names).unwrap_or(limit), limit });
        }
        Ok(())
    }

    fn refuse(&mut self, name: &str, reason: &str) {
        self.unsupported.push(Unsupported { name: name.to_owned(), reason: reason.to_owned() });
    }
}

fn repeated(count: u64, body: Vec<Step>, least: u64, exact: Option<u64>) -> Part {
    if count == 0 || body.is_empty() {
        return Part { step: None, least: 0, exact: Some(0) };
    }
    let exact = exact.map(|bytes| bytes.saturating_mul(count));
    Part { least: least.saturating_mul(count), step: Some(Step::Repeat { count, least, body }), exact }
}
