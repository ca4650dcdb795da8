//! From columns and attributes to variables.

use std::collections::{HashMap, HashSet};

use cf::{Attribute, Attributes, Values};

use super::{
    layout::{Column, Layout},
    walk::Fill,
};
use crate::{
    Decoded, DecodedVariable, Dimension,
    das::Warnings,
    dmr::{Declaration, Dmr, Enumeration, Group, Type, is_server_made, numbers_of},
    limits::MAX_FULL_NAMES_BYTES,
};

/// Constants of an enumeration that are still told as an attribute.
const MAX_FLAGS: usize = 1_000;
/// Global attributes of a response with those of its groups: they are compared each with each.
const MAX_GLOBALS: usize = 14_000;

/// Puts a response together.
pub(super) fn assemble(
    own: &Dmr,
    full: Option<&Dmr>,
    layout: &Layout<'_>,
    values: Fill,
    remark: Option<&str>,
) -> Decoded {
    let mut warnings = Warnings::default();
    let told = own.warnings.iter().chain(full.iter().flat_map(|full| &full.warnings));
    for line in told.map(String::as_str).chain(remark) {
        warnings.push(line.to_owned());
    }
    let described = full.map(described).unwrap_or_default();
    let known = |name: &str, own| described.get(name).copied().unwrap_or(own);
    let mut shared = HashSet::new();
    dimensions(&own.root, &mut shared);
    let mut flags = MAX_FULL_NAMES_BYTES;
    let mut variables = Vec::with_capacity(layout.columns.len());
    for (column, content) in layout.columns.iter().zip(values.contents) {
        let mut attributes = known(&column.name, column.attributes).clone();
        attributes.retain(|name| !is_server_made(name));
        if let Some(enumeration) = column.enumeration.and_then(|at| own.enumerations.get(at)) {
            as_flags(&mut attributes, enumeration, &column.name, &mut flags, &mut warnings);
        }
        let name = column.name.clone();
        let dimensions =
            row_dimension(column, layout, &values.rows, &shared).chain(column.dimensions.clone()).collect();
        variables.push(DecodedVariable { name, dimensions, content, attributes });
    }
    let mut globals = Globals { kept: Attributes::default(), room: MAX_FULL_NAMES_BYTES, left_out: 0 };
    globals.group(&full.unwrap_or(own).root, "");
    for (name, own) in &layout.parents {
        for (key, attribute) in known(name, own).iter() {
            globals.add(&format!("{name}."), key, attribute);
        }
    }
    if globals.left_out > 0 {
        warnings.push(format!("{} global attributes were left out: there are too many", globals.left_out));
    }
    Decoded {
        variables,
        attributes: globals.kept,
        unsupported: layout.unsupported.clone(),
        warnings: warnings.into_lines(),
    }
}

/// The dimension of a Sequence's rows, named after it unless a dimension has that name already.
fn row_dimension<'a>(
    column: &Column<'_>,
    layout: &'a Layout<'_>,
    rows: &'a [u64],
    shared: &'a HashSet<&str>,
) -> impl Iterator<Item = Dimension> + use<'a> {
    column.sequence.into_iter().filter_map(|at| {
        let name = layout.sequences.get(at).filter(|name| !shared.contains(name.as_str())).cloned();
        Some(Dimension { name, size: *rows.get(at)? })
    })
}

fn dimensions<'a>(group: &'a Group, names: &mut HashSet<&'a str>) {
    names.extend(group.dimensions.iter().map(|dimension| dimension.name.as_str()));
    group.groups.iter().for_each(|child| dimensions(child, names));
}

/// The attributes of everything a DMR declares, by name in full.
fn described(dmr: &Dmr) -> HashMap<String, &Attributes> {
    fn members<'a>(list: &'a [Declaration], prefix: &str, all: &mut HashMap<String, &'a Attributes>) {
        for variable in list {
            let name = format!("{prefix}{}", variable.name.strip_prefix('/').unwrap_or(&variable.name));
            if let Type::Structure(list) | Type::Sequence(list) = &variable.kind {
                members(list, &format!("{name}."), all);
            }
            all.entry(name).or_insert(&variable.attributes);
        }
    }
    fn group<'a>(of: &'a Group, prefix: &str, all: &mut HashMap<String, &'a Attributes>) {
        members(&of.variables, prefix, all);
        of.groups.iter().for_each(|child| group(child, &format!("{prefix}{}/", child.name), all));
    }
    let mut all = HashMap::new();
    group(&dmr.root, "", &mut all);
    all
}

/// CF's words for an enumeration (CF conventions §3.5), unless the file has its own; a fill value by name becomes a
/// number.
fn as_flags(
    attributes: &mut Attributes,
    enumeration: &Enumeration,
    variable: &str,
    room: &mut usize,
    warnings: &mut Warnings,
) {
    for name in ["_FillValue", "missing_value"] {
        if let Some(Values::Text(texts)) = attributes.values(name)
            && let Some(values) = enumeration.values(texts)
        {
            attributes.push(name, values);
        }
    }
    if attributes.get("flag_values").is_some() || attributes.get("flag_meanings").is_some() {
        return;
    }
    let constants = &enumeration.constants;
    let bytes = constants.iter().map(|(name, _)| name.len() + 9).sum::<usize>();
    if constants.is_empty() || constants.len() > MAX_FLAGS || bytes > *room {
        warnings.push(format!("`{variable}`: the {} names of its values are not kept", constants.len()));
        return;
    }
    let numbers: Vec<i128> = constants.iter().map(|(_, value)| *value).collect();
    let Some(values) = numbers_of(enumeration.base, &numbers) else {
        warnings.push(format!("`{variable}`: a value of its enumeration does not fit {}", enumeration.base));
        return;
    };
    *room -= bytes;
    // Blanks part the meanings.
    let meanings: Vec<String> = constants.iter().map(|(name, _)| name.replace(char::is_whitespace, "_")).collect();
    attributes.push("flag_values", values);
    attributes.push("flag_meanings", Values::text(meanings.join(" ")));
}

/// Global attributes, those of groups and of unknown containers by name in full.
struct Globals {
    kept: Attributes,
    /// Bytes that names in full may still take.
    room: usize,
    left_out: usize,
}

impl Globals {
    fn group(&mut self, group: &Group, prefix: &str) {
        for (name, attribute) in group.attributes.iter() {
            match attribute {
                // Hyrax's handlers put the globals of a file in such a container, each under another name.
                Attribute::Container(inside) if prefix.is_empty() && is_global(name) => {
                    for (name, attribute) in inside.iter() {
                        self.add("", name, attribute);
                    }
                }
                Attribute::Container(_) | Attribute::Values(_) => self.add(prefix, name, attribute),
            }
        }
        for child in &group.groups {
            self.group(child, &format!("{prefix}{}/", child.name));
        }
    }

    fn add(&mut self, prefix: &str, name: &str, attribute: &Attribute) {
        if is_server_made(name) {
            return;
        }
        match attribute {
            Attribute::Values(values) => {
                let bytes = prefix.len() + name.len();
                if bytes > self.room || self.kept.len() >= MAX_GLOBALS {
                    self.left_out += 1;
                } else {
                    self.room -= bytes;
                    self.kept.push(format!("{prefix}{name}"), values.clone());
                }
            }
            Attribute::Container(inside) => {
                for (inner, attribute) in inside.iter() {
                    self.add(&format!("{prefix}{name}."), inner, attribute);
                }
            }
        }
    }
}

fn is_global(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "global" || name.ends_with("_global")
}
