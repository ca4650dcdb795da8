use std::collections::BTreeMap;

use cf::{Attribute, Attributes, Fill, Number, Values};
use grid::ElementType;
use serde_json::{Map, Value};

use crate::{
    Format,
    fill::{Scalar, float},
};

/// Attributes as they are written, and what could not be written as it was.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Converted {
    /// Names and values, sorted by name.
    pub attributes: Map<String, Value>,
    /// One sentence for each value that was changed or left out, for the report. Names and texts are quoted and escaped.
    pub notes: Vec<String>,
}

/// A variable's attributes in the form the format's readers want.
///
/// - One text is a string, several are a list. One number is a number, several are a list, none is `[]` (an empty text
///   attribute is `""`). Integers stay integers, `u64` included. A 32-bit float becomes the 64-bit float of the same
///   value, as xarray's writer does. A container's attributes become `container.attribute`.
/// - JSON has no NaN and no infinity (RFC 8259 §6): they become `"NaN"`, `"Infinity"`, `"-Infinity"` and are noted. In
///   `missing_value` they are left out instead: xarray 2026.9.0 masks nothing by a list in which one is a text. NaN
///   reads as missing without being declared.
/// - What xarray 2026.9.0 cannot open is left out and noted: a `scale_factor` or `add_offset` that is not one finite
///   number, `coordinates` that is not one text, and `_Encoding`, which is for text arrays.
/// - `_FillValue`: Zarr v2 has it in `.zarray` alone; in v3 xarray wants an integer, or a float as base64 (see
///   `FillValueCoder` in xarray's `backends/zarr.py`). Where the variable's type cannot hold what the source says, it
///   is left out and noted: nothing is masked by it at the source either.
/// - `_ARRAY_DIMENSIONS` from the source is left out: to readers of v2 it names the dimensions.
pub fn array_attributes(attributes: &Attributes, fill: &Fill, element: ElementType, format: Format) -> Converted {
    let mut conversion = Conversion::default();
    for (name, attribute) in attributes.iter() {
        match attribute {
            Attribute::Values(_) if name == "_FillValue" => {}
            Attribute::Values(values) if name == "missing_value" => conversion.missing_value(name, values),
            Attribute::Values(values) if breaks_readers(name, values) => {
                conversion.note(name, &format!("is {}: left out, readers could not open the array", shown(values)));
            }
            Attribute::Values(_) | Attribute::Container(_) => conversion.attribute(name, attribute),
        }
    }
    conversion.fill(fill, element, format);
    conversion.finish()
}

/// The dataset's attributes, by the rules of [`array_attributes`] for those that have no meaning to readers.
pub fn group_attributes(attributes: &Attributes) -> Converted {
    let mut conversion = Conversion::default();
    for (name, attribute) in attributes.iter() {
        conversion.attribute(name, attribute);
    }
    conversion.finish()
}

/// Whether xarray 2026.9.0 raises, when it opens or loads an array of numbers with this attribute.
fn breaks_readers(name: &str, values: &Values) -> bool {
    match name {
        "scale_factor" | "add_offset" => values.len() != 1 || values.element().is_none() || not_finite(values),
        "coordinates" => values.as_text().is_none(),
        "_Encoding" => true,
        _ => false,
    }
}

#[derive(Default)]
struct Conversion {
    attributes: BTreeMap<String, Value>,
    notes: Vec<String>,
}

impl Conversion {
    fn attribute(&mut self, name: &str, attribute: &Attribute) {
        match attribute {
            Attribute::Values(values) => {
                if not_finite(values) {
                    self.note(name, &format!("has numbers JSON does not know, {}: written as text", shown(values)));
                }
                self.insert(name, plain(values));
            }
            Attribute::Container(inner) => {
                for (key, attribute) in inner.iter() {
                    self.attribute(&format!("{name}.{key}"), attribute);
                }
            }
        }
    }

    /// Only finite numbers are kept; text stays as it is.
    fn missing_value(&mut self, name: &str, values: &Values) {
        let Some(numbers) = values.numbers().filter(|_| not_finite(values)) else {
            return self.insert(name, plain(values));
        };
        let infinite = numbers.iter().any(|number| number_is(*number, f64::is_infinite));
        let reason = if infinite { "infinity cannot be declared" } else { "NaN reads as missing anyway" };
        self.note(name, &format!("is {}: what is not finite is left out, {reason}", shown(values)));
        let finite: Vec<Value> =
            numbers.into_iter().filter(|number| !number_is(*number, |value| !value.is_finite())).map(number).collect();
        if !finite.is_empty() {
            self.insert(name, one_or_list(finite));
        }
    }

    fn fill(&mut self, fill: &Fill, element: ElementType, format: Format) {
        let bytes = match fill {
            Fill::None => return,
            Fill::NotRepresentable(values) => {
                let reason =
                    format!("is {}, not one {element} value: left out, nothing is masked by it", shown(values));
                return self.note("_FillValue", &reason);
            }
            Fill::Value(bytes) => bytes,
        };
        let Some(scalar) = Scalar::read(bytes, element) else {
            let reason = format!("has {} bytes, not those of one {element} value: left out", bytes.len());
            return self.note("_FillValue", &reason);
        };
        match format {
            Format::V2 if scalar.is_odd_nan() => {
                self.note(
                    "_FillValue",
                    "is a NaN with bits of its own, which Zarr v2 cannot say: written as plain NaN",
                );
            }
            Format::V2 => {}
            Format::V3 => self.insert("_FillValue", scalar.attribute_v3()),
        }
    }

    fn insert(&mut self, name: &str, value: Value) {
        if name == "_ARRAY_DIMENSIONS" {
            return self.note(name, "is left out, readers would take it for the names of the dimensions");
        }
        if self.attributes.contains_key(name) {
            return self.note(name, "is there twice once containers are flattened: the first is kept");
        }
        self.attributes.insert(name.to_owned(), value);
    }

    fn note(&mut self, name: &str, text: &str) {
        self.notes.push(format!("attribute {name:?} {text}"));
    }

    fn finish(self) -> Converted {
        Converted { attributes: self.attributes.into_iter().collect(), notes: self.notes }
    }
}

/// Values as JSON.
fn plain(values: &Values) -> Value {
    match (values, values.numbers()) {
        (_, Some(numbers)) => one_or_list(numbers.into_iter().map(number).collect()),
        (Values::Text(texts), None) if texts.is_empty() => "".into(),
        (Values::Text(texts), None) => one_or_list(texts.iter().map(|text| text.as_str().into()).collect()),
        (_, None) => Value::Null, // only text has no numbers
    }
}

fn one_or_list(mut values: Vec<Value>) -> Value {
    match values.len() {
        1 => values.remove(0),
        _ => Value::Array(values),
    }
}

fn number(number: Number) -> Value {
    match number {
        Number::Integer(value) => match (i64::try_from(value), u64::try_from(value)) {
            (Ok(value), _) => value.into(),
            (_, Ok(value)) => value.into(),
            _ => value.to_string().into(), // no type of attribute reaches beyond 64 bits
        },
        Number::Float(value) => float(value),
    }
}

fn number_is(number: Number, test: impl Fn(f64) -> bool) -> bool {
    matches!(number, Number::Float(value) if test(value))
}

fn not_finite(values: &Values) -> bool {
    values.numbers().unwrap_or_default().into_iter().any(|number| number_is(number, |value| !value.is_finite()))
}

/// The first few values for a note: numbers as they print, texts quoted, escaped and cut.
fn shown(values: &Values) -> String {
    const MOST: usize = 4;
    let mut parts: Vec<String> = match (values, values.numbers()) {
        (Values::Text(texts), _) => {
            let cut = |text: &String| text.chars().take(40).collect::<String>();
            texts.iter().take(MOST).map(|text| format!("{:?}", cut(text))).collect()
        }
        (_, numbers) => numbers.unwrap_or_default().into_iter().take(MOST).map(printed).collect(),
    };
    if values.len() > MOST {
        parts.push("…".to_owned());
    }
    format!("[{}]", parts.join(", "))
}

fn printed(number: Number) -> String {
    match number {
        Number::Integer(value) => value.to_string(),
        Number::Float(value) => format!("{value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(entries: &[(&str, Values)]) -> Attributes {
        let mut attributes = Attributes::default();
        for (name, values) in entries {
            attributes.push(*name, values.clone());
        }
        attributes
    }

    fn array(entries: &[(&str, Values)], element: ElementType, format: Format) -> Converted {
        let attributes = attributes(entries);
        array_attributes(&attributes, &Fill::of(&attributes, element), element, format)
    }

    #[test]
    fn values_keep_their_kind() {
        let texts = Values::Text(vec!["a".to_owned(), "b".to_owned()]);
        let converted = group_attributes(&attributes(&[
            ("text", Values::text("é\u{0}")),
            ("texts", texts),
            ("no_text", Values::Text(vec![])),
            ("u64", Values::UInt64(vec![u64::MAX])),
            ("i64", Values::Int64(vec![i64::MIN, (1 << 53) + 1])),
            ("f32", Values::Float32(vec![0.1, 3.0])),
            ("f64", Values::Float64(vec![1e300])),
            ("no_number", Values::Int8(vec![])),
        ]));
        let json = Value::Object(converted.attributes).to_string();
        assert_eq!(
            json,
            r#"{"f32":[0.10000000149011612,3.0],"f64":1e+300,"i64":[-9223372036854775808,9007199254740993],"no_number":[],"no_text":"","text":"é\u0000","texts":["a","b"],"u64":18446744073709551615}"#
        );
        assert!(converted.notes.is_empty());
    }

    #[test]
    fn what_json_does_not_know_is_text_and_noted() {
        let range = Values::Float32(vec![f32::NEG_INFINITY, f32::NAN, 1.0]);
        let converted = array(&[("valid_range", range)], ElementType::Float32, Format::V3);
        assert_eq!(converted.attributes["valid_range"], serde_json::json!(["-Infinity", "NaN", 1.0]));
        assert_eq!(
            converted.notes,
            [r#"attribute "valid_range" has numbers JSON does not know, [-inf, NaN, 1.0]: written as text"#]
        );
    }

    #[test]
    fn a_missing_value_keeps_its_finite_numbers() {
        let of = |values| array(&[("missing_value", values)], ElementType::Float64, Format::V2);
        let nan = of(Values::Float64(vec![f64::NAN]));
        assert_eq!(nan.attributes.get("missing_value"), None);
        assert_eq!(
            nan.notes,
            [r#"attribute "missing_value" is [NaN]: what is not finite is left out, NaN reads as missing anyway"#]
        );
        let mixed = of(Values::Float64(vec![f64::INFINITY, -1.0]));
        assert_eq!(mixed.attributes["missing_value"], -1.0);
        assert!(mixed.notes[0].ends_with("infinity cannot be declared"));
        let plain = of(Values::Int16(vec![-1, -2]));
        assert_eq!(plain.attributes["missing_value"], serde_json::json!([-1, -2]));
        assert!(plain.notes.is_empty());
    }

    #[test]
    fn what_readers_cannot_open_is_left_out_and_noted() {
        for (name, values) in [
            ("scale_factor", Values::text("0.1")),
            ("scale_factor", Values::Float64(vec![])),
            ("add_offset", Values::Float64(vec![1.0, 2.0])),
            ("add_offset", Values::Float32(vec![f32::NAN])),
            ("coordinates", Values::Int16(vec![1])),
            ("_Encoding", Values::text("utf-8")),
            ("_ARRAY_DIMENSIONS", Values::text("x")),
        ] {
            let converted = array(&[(name, values)], ElementType::Int16, Format::V3);
            assert!(converted.attributes.is_empty(), "{name}");
            assert_eq!(converted.notes.len(), 1, "{name}");
        }
        let good = array(
            &[("scale_factor", Values::Int16(vec![2])), ("coordinates", Values::text("lat lon"))],
            ElementType::Int16,
            Format::V2,
        );
        assert_eq!((good.attributes.len(), good.notes.len()), (2, 0));
    }

    #[test]
    fn a_fill_value_is_written_where_its_format_wants_it() {
        let of = |values, element, format| array(&[("_FillValue", values)], element, format);
        let fill = Values::Float64(vec![1e20]);
        assert!(of(fill.clone(), ElementType::Float32, Format::V2).attributes.is_empty());
        let v3 = of(fill, ElementType::Float32, Format::V3);
        assert_eq!(v3.attributes["_FillValue"], Scalar::Float32(1e20).attribute_v3());
        let v3 = of(Values::Int8(vec![-1]), ElementType::UInt8, Format::V3);
        assert_eq!(v3.attributes["_FillValue"], 255);
        for format in [Format::V2, Format::V3] {
            let text = of(Values::text("-1\n"), ElementType::Int16, format);
            assert!(text.attributes.is_empty());
            assert_eq!(
                text.notes,
                [r#"attribute "_FillValue" is ["-1\n"], not one int16 value: left out, nothing is masked by it"#]
            );
            let odd = of(Values::Float32(vec![f32::from_bits(0x7fc0_0001)]), ElementType::Float32, format);
            assert_eq!(odd.notes.len(), usize::from(format == Format::V2));
        }
    }

    #[test]
    fn containers_are_flattened_and_clashes_noted() {
        let mut inner = attributes(&[("b", Values::Int8(vec![1])), ("nan", Values::Float32(vec![f32::NAN]))]);
        inner.insert("deep".to_owned(), Attribute::Container(attributes(&[("c", Values::Int8(vec![2]))])));
        let mut outer = attributes(&[("a.b", Values::Int8(vec![0]))]);
        outer.insert("a".to_owned(), Attribute::Container(inner));
        let converted = group_attributes(&outer);
        let json = Value::Object(converted.attributes).to_string();
        assert_eq!(json, r#"{"a.b":0,"a.deep.c":2,"a.nan":"NaN"}"#);
        assert_eq!(converted.notes.len(), 2, "{:?}", converted.notes);
    }

    #[test]
    fn a_note_is_short_and_shows_no_raw_control_character() {
        let long = Values::Text(vec!["\u{1b}[31m".repeat(1000); 9]);
        let converted = array(&[("_FillValue", long)], ElementType::Int8, Format::V2);
        assert!(converted.notes[0].len() < 1000 && !converted.notes[0].contains('\u{1b}'), "{:?}", converted.notes);
    }
}
