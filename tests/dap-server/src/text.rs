//! DDS, DAS and `Error` texts, laid out as Hyrax does.

use std::fmt::Write as _;

use crate::dataset::{Attribute, Dataset, Variable};
use crate::selection::{Node, Part};
use crate::values::Values;

/// The DDS of a selection.
pub(crate) fn dds(name: &str, nodes: &[Node]) -> String {
    let mut out = String::from("Dataset {\n");
    for node in nodes {
        declare(node, 1, &mut out);
    }
    line(0, &format!("}} {name};"), &mut out);
    out
}

fn line(level: usize, text: &str, out: &mut String) {
    out.extend(std::iter::repeat_n("    ", level));
    out.push_str(text);
    out.push('\n');
}

fn declare(node: &Node, level: usize, out: &mut String) {
    match node {
        Node::Array(part) => line(level, &declaration(part), out),
        Node::Grid(array, maps) => {
            line(level, "Grid {", out);
            line(level, "  Array:", out);
            line(level + 1, &declaration(array), out);
            line(level, "  Maps:", out);
            for map in maps {
                line(level + 1, &declaration(map), out);
            }
            line(level, &format!("}} {};", array.array.name), out);
        }
        Node::Structure(name, members) => block("Structure", name, members, level, out),
        Node::Sequence(name, members) => block("Sequence", name, members, level, out),
    }
}

fn block(keyword: &str, name: &str, members: &[Node], level: usize, out: &mut String) {
    line(level, &format!("{keyword} {{"), out);
    for member in members {
        declare(member, level + 1, out);
    }
    line(level, &format!("}} {name};"), out);
}

fn declaration(part: &Part) -> String {
    let array = &part.array;
    let mut text = format!("{} {}", array.dap_type.keyword(), array.name);
    for (dimension, slice) in array.dimensions.iter().zip(&part.slices) {
        let count = slice.count;
        // Writing to a String cannot fail.
        let _ = if dimension.name.is_empty() {
            write!(text, "[{count}]")
        } else {
            write!(text, "[{} = {count}]", dimension.name)
        };
    }
    text.push(';');
    text
}

/// The DAS: a container for each variable, then those of the dataset.
pub(crate) fn das(dataset: &Dataset) -> String {
    let mut out = String::from("Attributes {\n");
    for variable in &dataset.variables {
        describe(variable, 1, &mut out);
    }
    for (name, attributes) in &dataset.containers {
        container(name, attributes, 1, &mut out);
    }
    line(0, "}", &mut out);
    out
}

fn describe(variable: &Variable, level: usize, out: &mut String) {
    match variable {
        Variable::Array(array) | Variable::Grid(array, _) => {
            container(&array.name, &array.attributes, level, out);
        }
        Variable::Structure(name, members) | Variable::Sequence(name, members) => {
            line(level, &format!("{name} {{"), out);
            for member in members {
                describe(member, level + 1, out);
            }
            line(level, "}", out);
        }
    }
}

fn container(name: &str, attributes: &[Attribute], level: usize, out: &mut String) {
    line(level, &format!("{name} {{"), out);
    for attribute in attributes {
        match attribute {
            Attribute::Container(name, inner) => container(name, inner, level + 1, out),
            Attribute::Values(name, values) => {
                let keyword = values.dap_type().keyword();
                let text = format!("{keyword} {name} {};", printed(values));
                line(level + 1, &text, out);
            }
        }
    }
    line(level, "}", out);
}

/// Floats print shortest and exact (`-9999.0`, `1e20`, `NaN`, `inf`, `-inf`).
fn printed(values: &Values) -> String {
    fn list<T>(values: &[T], text: impl Fn(&T) -> String) -> String {
        values.iter().map(text).collect::<Vec<_>>().join(", ")
    }
    match values {
        Values::Byte(v) => list(v, u8::to_string),
        Values::Int16(v) => list(v, i16::to_string),
        Values::UInt16(v) => list(v, u16::to_string),
        Values::Int32(v) => list(v, i32::to_string),
        Values::UInt32(v) => list(v, u32::to_string),
        Values::Float32(v) => list(v, |x| format!("{x:?}")),
        Values::Float64(v) => list(v, |x| format!("{x:?}")),
        Values::String(v) | Values::Url(v) => list(v, |x| quoted(x)),
    }
}

/// Quotes and backslashes escaped, control and non-ASCII bytes in octal, as libdap writes them.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\{byte:03o}");
            }
        }
    }
    out.push('"');
    out
}

/// An `Error` object, laid out as THREDDS does.
pub(crate) fn error(code: u16, message: &str) -> String {
    let message = message.replace('\\', "\\\\").replace('"', "\\\"");
    format!("Error {{\n    code = {code};\n    message = \"{message}\";\n}};\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constraint::{ConstraintError, parse};
    use crate::dataset::Array;
    use crate::selection::select;

    fn sample() -> Dataset {
        let lat = || Array::new("lat", [("lat", 2)], [1f32, 2.0]);
        let data = Array::new("t", [("lat", 2), ("", 3)], [1i16, 2, 3, 4, 5, 6]);
        let grid = Variable::grid(data, [lat(), Array::new("col", [("col", 3)], [0u8, 1, 2])]);
        let inner = Variable::structure("in", [Array::scalar("q", 1u8)]);
        Dataset::new("d.nc")
            .with(lat().attribute("units", "degrees_north"))
            .with(grid)
            .with(Variable::structure("s", [Array::scalar("p", "x").into(), inner]))
            .with(Variable::sequence("q", [Array::scalar("n", 1i32)]))
    }

    fn constrained(constraint: &str) -> Result<String, ConstraintError> {
        let dataset = sample();
        let nodes = select(&dataset, &parse(constraint)?)?;
        Ok(dds(dataset.name(), &nodes))
    }

    #[test]
    fn the_whole_dds() {
        let expected = "Dataset {\n    Float32 lat[lat = 2];\n    Grid {\n      Array:\n        Int16 t[lat = 2][3];\n      Maps:\n        Float32 lat[lat = 2];\n        Byte col[col = 3];\n    } t;\n    Structure {\n        String p;\n        Structure {\n            Byte q;\n        } in;\n    } s;\n    Sequence {\n        Int32 n;\n    } q;\n} d.nc;\n";
        assert_eq!(constrained("").unwrap(), expected);
    }

    #[test]
    fn a_part_of_a_grid_is_a_structure() {
        assert_eq!(
            constrained("t.t[0:1][0:2:2]").unwrap(),
            "Dataset {\n    Structure {\n        Int16 t[lat = 2][2];\n    } t;\n} d.nc;\n"
        );
    }

    #[test]
    fn the_order_is_that_of_the_dataset() {
        assert_eq!(
            constrained("s.in.q,lat[1]").unwrap(),
            "Dataset {\n    Float32 lat[lat = 1];\n    Structure {\n        Structure {\n            Byte q;\n        } in;\n    } s;\n} d.nc;\n"
        );
    }

    #[test]
    fn a_grid_slices_its_maps() {
        let text = constrained("t[1][0:1]").unwrap();
        assert!(text.contains("Int16 t[lat = 1][2];"), "{text}");
        assert!(text.contains("Float32 lat[lat = 1];"), "{text}");
        assert!(text.contains("Byte col[col = 2];"), "{text}");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for bad in ["u", "lat[2]", "lat[1:0]", "lat[0:0:1]", "lat[0][0]", "t[0]", "s[0]", "s.x", "lat.lat"] {
            assert!(constrained(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn attributes_print_as_libdap_prints_them() {
        let values = [
            (printed(&[f32::NAN, -0.0, -9999.0].into()), "NaN, -0.0, -9999.0"),
            (printed(&[f64::INFINITY, f64::NEG_INFINITY].into()), "inf, -inf"),
            (printed(&["say \"hi\"\\", "é\n", ""].into()), r#""say \"hi\"\\", "\303\251\012", """#),
            (printed(&Values::Int32(vec![])), ""),
        ];
        for (found, expected) in values {
            assert_eq!(found, expected);
        }
    }
}
