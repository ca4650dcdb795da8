//! Attributes as lines.

use std::fmt::{Debug, Display};

use cf::{Attribute, Attributes, Values};

use super::line::{COLUMNS, clean, cut};

/// The attributes shown unless all are asked for.
const MOST: usize = 60;

/// Appends a line for each attribute: whole, or cut and the first of them.
pub(super) fn lines(attributes: &Attributes, whole: bool, lines: &mut Vec<String>) {
    if attributes.is_empty() {
        lines.push(" none".to_owned());
    }
    let most = if whole { usize::MAX } else { MOST };
    for (name, attribute) in attributes.iter().take(most) {
        let line = format!(" {}: {}", clean(name), shown(attribute));
        lines.push(if whole { line } else { cut(&line, COLUMNS) });
    }
    if attributes.len() > most {
        lines.push(format!(" and {} more", attributes.len().saturating_sub(most)));
    }
}

/// An attribute on one line, with its type where it is not text.
fn shown(attribute: &Attribute) -> String {
    match attribute {
        Attribute::Values(Values::Text(texts)) => texts.iter().map(|text| clean(text)).collect::<Vec<_>>().join(", "),
        Attribute::Values(values) if values.is_empty() => "(no value)".to_owned(),
        Attribute::Values(values) => {
            let element = values.element().map(|element| element.to_string()).unwrap_or_default();
            format!("{} ({element})", numbers(values))
        }
        Attribute::Container(attributes) => {
            let inner: Vec<_> =
                attributes.iter().map(|(name, attribute)| format!("{}: {}", clean(name), shown(attribute))).collect();
            format!("{{ {} }}", inner.join("; "))
        }
    }
}

fn numbers(values: &Values) -> String {
    fn integers<T: Display>(values: &[T]) -> String {
        values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
    /// `1e20` rather than twenty zeros, and `5` rather than `5.0`: the type follows.
    fn floats<T: Debug>(values: &[T]) -> String {
        let texts = values.iter().map(|value| format!("{value:?}"));
        texts.map(|text| text.strip_suffix(".0").unwrap_or(&text).to_owned()).collect::<Vec<_>>().join(", ")
    }
    match values {
        Values::Int8(v) => integers(v),
        Values::UInt8(v) => integers(v),
        Values::Int16(v) => integers(v),
        Values::UInt16(v) => integers(v),
        Values::Int32(v) => integers(v),
        Values::UInt32(v) => integers(v),
        Values::Int64(v) => integers(v),
        Values::UInt64(v) => integers(v),
        Values::Float32(v) => floats(v),
        Values::Float64(v) => floats(v),
        Values::Text(v) => v.iter().map(|text| clean(text)).collect::<Vec<_>>().join(", "),
    }
}
