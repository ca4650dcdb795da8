//! From the values of a body to variables with names and attributes.

use std::collections::{HashMap, HashSet};

use cf::Attributes;
use grid::ElementType;

use super::{
    plan::{Leaf, LeafKind, Plan, Role, shape},
    reader::{Column, Columns},
};
use crate::{
    Content, DecodeError, Decoded, DecodedVariable, Unsupported, WireType,
    attach::{Parts, Strays, attach},
    das::{self, Warnings},
    directory::{Directory, Target},
};

/// What becomes of a leaf.
#[derive(Debug, Clone, PartialEq)]
enum Fate {
    /// A variable of that name.
    Named(String),
    /// The same values as those of another leaf.
    SameAs(usize),
    /// Nothing.
    Unread,
}

/// Puts names, dimensions, values and attributes together.
pub(super) fn gather(
    mut plan: Plan,
    columns: Columns,
    das: Option<&[u8]>,
    mut warnings: Warnings,
) -> Result<Decoded, DecodeError> {
    for leaf in &mut plan.leaves {
        let Some(rows) = leaf.rows else { continue };
        let count = columns.rows.get(rows.sequence).copied().unwrap_or_default();
        if let Some(dimension) = leaf.dimensions.get_mut(rows.axis) {
            dimension.size = count;
        }
        if !leaf.skipped {
            shape(&leaf.path.shown, &leaf.dimensions)?;
        }
    }
    let fates = fates(&plan, &columns.values, &mut warnings);
    let mut directory = Directory::default();
    let mut unsupported = std::mem::take(&mut plan.unsupported);
    let outcomes = number(&fates, &mut directory, &mut unsupported);
    enter(&plan, &outcomes, &mut directory);
    let parts = match das {
        None => None,
        Some(das) => {
            let parts = das::parse(das, &mut warnings)
                .and_then(|table| attach(&directory, table, Strays::LeftOut, &mut warnings));
            Some(parts.map_err(DecodeError::Metadata)?)
        }
    };
    let (attributes, globals) = match parts {
        None => (Vec::new(), Attributes::default()),
        Some(Parts { variables, globals, .. }) => (variables, globals),
    };
    let mut attributes = attributes.into_iter().map(|(attributes, _)| attributes);
    let mut variables = Vec::with_capacity(directory.names().len());
    for (((leaf, values), fate), outcome) in plan.leaves.into_iter().zip(columns.values).zip(fates).zip(outcomes) {
        let (Fate::Named(name), Some(_)) = (fate, outcome) else { continue };
        let attributes = attributes.next().unwrap_or_default();
        let content = content(leaf.kind, values, &attributes);
        if leaf.kind == LeafKind::Number(WireType::Int16) && is_widened(&content) {
            warnings.push(format!(
                "`{name}` is marked as unsigned and may be bytes that the server widened (Hyrax): then 65535 stands for 255"
            ));
        }
        variables.push(DecodedVariable { name, dimensions: leaf.dimensions, content, attributes });
    }
    Ok(Decoded { variables, attributes: globals, unsupported, warnings: warnings.into_lines() })
}

/// Which leaves are variables, and what they are called. A map of a Grid is one unless a variable of its name, or
/// another Grid's map, has the same values; if one has others, the maps are told apart by their Grids' names.
fn fates(plan: &Plan, values: &[Column], warnings: &mut Warnings) -> Vec<Fate> {
    let read = || plan.leaves.iter().enumerate().filter(|(_, leaf)| !leaf.skipped);
    // The first leaf of each name: one that is declared, else a map.
    let mut first: HashMap<&str, usize> = HashMap::new();
    for (at, leaf) in read().filter(|(_, leaf)| leaf.role != Role::Map) {
        first.entry(leaf.path.shown.as_str()).or_insert(at);
    }
    let declared: HashSet<&str> = first.keys().copied().collect();
    let mut disputed: HashSet<&str> = HashSet::new();
    for (at, leaf) in read().filter(|(_, leaf)| leaf.role == Role::Map) {
        let name = leaf.path.shown.as_str();
        let known = *first.entry(name).or_insert(at);
        if !same(&plan.leaves, values, known, at) && disputed.insert(name) {
            warnings.push(format!("Grids have maps `{name}` with different values, they are named after their Grids"));
        }
    }
    let fate = |(at, leaf): (usize, &Leaf)| {
        let name = leaf.path.shown.as_str();
        let known = first.get(name).copied().unwrap_or(at);
        if leaf.skipped {
            Fate::Unread
        } else if leaf.role != Role::Map || (known == at && !disputed.contains(name)) {
            Fate::Named(name.to_owned())
        } else if (declared.contains(name) || !disputed.contains(name)) && same(&plan.leaves, values, known, at) {
            Fate::SameAs(known)
        } else {
            Fate::Named(leaf.full.shown.clone())
        }
    };
    plan.leaves.iter().enumerate().map(fate).collect()
}

/// Whether two leaves have the same type, sizes and values, bit by bit.
fn same(leaves: &[Leaf], values: &[Column], one: usize, other: usize) -> bool {
    let (Some(a), Some(b)) = (leaves.get(one), leaves.get(other)) else { return false };
    let sizes = |leaf: &Leaf| leaf.dimensions.iter().map(|dimension| dimension.size).collect::<Vec<_>>();
    one == other || (a.kind == b.kind && sizes(a) == sizes(b) && values.get(one) == values.get(other))
}

/// The place of each leaf among the variables; nothing for what is not read.
fn number(fates: &[Fate], directory: &mut Directory, unsupported: &mut Vec<Unsupported>) -> Vec<Option<usize>> {
    let mut taken: HashSet<&str> = HashSet::new();
    let mut outcomes = Vec::with_capacity(fates.len());
    for fate in fates {
        let mut outcome = None;
        if let Fate::Named(name) = fate {
            if taken.insert(name) {
                outcome = Some(directory.names().len());
                directory.variable(name.clone());
            } else {
                let reason = "another variable has the same name".to_owned();
                unsupported.push(Unsupported { name: name.clone(), reason });
            }
        }
        outcomes.push(outcome);
    }
    // What a leaf is the same as is a variable, and never the same as yet another.
    let own = outcomes.clone();
    for (fate, outcome) in fates.iter().zip(&mut outcomes) {
        if let Fate::SameAs(known) = fate {
            *outcome = own.get(*known).copied().flatten();
        }
    }
    outcomes
}

/// Fills the directory. A name keeps what it stood for first, and what is declared comes before the maps of Grids.
fn enter(plan: &Plan, outcomes: &[Option<usize>], directory: &mut Directory) {
    let leaves = || plan.leaves.iter().zip(outcomes);
    for (leaf, outcome) in leaves().filter(|(leaf, _)| leaf.role != Role::Map) {
        directory.put(&leaf.path, outcome.map_or(Target::Unread, Target::Variable));
        if leaf.role == Role::Array {
            directory.put(&leaf.full, outcome.map_or(Target::Unread, Target::GridArray));
        }
    }
    for path in &plan.constructors {
        directory.put(path, Target::Structure);
    }
    for path in &plan.unread {
        directory.put(path, Target::Unread);
    }
    for (leaf, outcome) in leaves().filter(|(leaf, _)| leaf.role == Role::Map) {
        directory.put(&leaf.path, outcome.map_or(Target::Unread, Target::Variable));
        directory.put(&leaf.full, outcome.map_or(Target::Unread, Target::GridMap));
    }
}

/// Values with their type. `_Unsigned` is how netCDF's servers say that a type DAP2 does not have stands in the file:
/// signed bytes (THREDDS), unsigned integers of netCDF-3 files.
fn content(kind: LeafKind, values: Column, attributes: &Attributes) -> Content {
    let (wire, bytes) = match (kind, values) {
        (LeafKind::Number(wire), Column::Numbers(bytes)) => (wire, bytes),
        (_, Column::Text(texts)) => return Content::Text(texts),
        (LeafKind::Text, Column::Numbers(_)) => return Content::Text(Vec::new()),
    };
    let unsigned = attributes.text("_Unsigned").map(str::trim);
    let says = |word: &str| unsigned.is_some_and(|text| text.eq_ignore_ascii_case(word));
    let element = match wire {
        WireType::Byte if says("false") => ElementType::Int8,
        WireType::Int16 if says("true") => ElementType::UInt16,
        WireType::Int32 if says("true") => ElementType::UInt32,
        WireType::Byte
        | WireType::Int16
        | WireType::UInt16
        | WireType::Int32
        | WireType::UInt32
        | WireType::Float32
        | WireType::Float64 => wire.element(),
    };
    Content::Numbers { element, bytes }
}

/// Whether all values are those of signed bytes, and some are negative. Hyrax sends bytes as `Int16`, with their sign
/// and with the `_Unsigned "true"` that says they have none (live-hyrax-bes-1.16.8/nc-dap2-cf3, `ub`); nothing tells
/// them from 16-bit values.
fn is_widened(content: &Content) -> bool {
    let Content::Numbers { element: ElementType::UInt16, bytes } = content else { return false };
    let mut values = bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_ne_bytes(*pair));
    let narrow = values.clone().all(|value| i8::try_from(value).is_ok());
    narrow && values.any(i16::is_negative)
}
