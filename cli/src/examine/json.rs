//! What `examine --json` prints.

use std::fmt::Write;

use cf::Attributes;
use dap::{Dataset, Variable};
use serde_json::{Map, Value, json};

use super::survey::{is_packed, size, sizes, source_chunk_bytes, text, whole};

/// The dataset as a document. `bytes` are uncompressed; numbers beyond 64 bits stand at the largest.
pub(super) fn document(url: &str, dataset: &Dataset) -> Value {
    let whole = whole(dataset);
    let kind = |variable: &Variable| if whole.contains(&variable.name) { "coordinate" } else { "data" };
    let variables: Vec<_> = dataset
        .variables
        .iter()
        .map(|variable| {
            json!({
                "name": variable.name,
                "kind": kind(variable),
                "type": variable.element().name(),
                "dimensions": variable.dimensions.iter().map(|d| d.name.clone()).collect::<Vec<_>>(),
                "shape": variable.dimensions.iter().map(|d| d.size).collect::<Vec<_>>(),
                "bytes": size(variable),
                "source_chunks": variable.source_chunks,
                "source_chunk_bytes": source_chunk_bytes(variable),
                "packed": is_packed(variable),
                "attributes": attributes(&variable.attributes),
            })
        })
        .collect();
    let unsupported: Vec<_> =
        dataset.unsupported.iter().map(|u| json!({ "name": u.name, "reason": u.reason })).collect();
    json!({
        "url": url,
        "title": text(&dataset.attributes, "title"),
        "dimensions": sizes(dataset),
        "unlimited": dataset.unlimited,
        "bytes": dataset.variables.iter().fold(0_u64, |sum, variable| sum.saturating_add(size(variable))),
        "variables": variables,
        "unsupported": unsupported,
        "attributes": attributes(&dataset.attributes),
        "warnings": dataset.warnings,
    })
}

fn attributes(attributes: &Attributes) -> Value {
    Value::Object(zarr::group_attributes(attributes).attributes.into_iter().collect::<Map<_, _>>())
}

/// The document on one line. JSON lets C1 and bidirectional controls stand as they are; a terminal obeys them, so they
/// are written as `\u` escapes, which say the same (RFC 8259 §7).
pub(super) fn printable(document: &Value) -> String {
    let raw = document.to_string();
    let mut line = String::with_capacity(raw.len());
    for c in raw.chars() {
        let obeyed = c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if obeyed {
            // Writing to a String cannot fail.
            let _ = write!(line, "\\u{:04x}", u32::from(c));
        } else {
            line.push(c);
        }
    }
    line
}
