use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::{ArraySpec, Codec, Format, ZarrError, v2, v3};

/// One metadata document of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Where it goes, below the store's root: `sst/zarr.json`.
    pub key: String,
    /// JSON in UTF-8, keys sorted, two spaces deep: the same bytes for the same input on every machine.
    pub bytes: Vec<u8>,
}

impl Document {
    fn new(key: String, content: &Value) -> Self {
        Self { key, bytes: format!("{:#}", sorted(content)).into_bytes() }
    }
}

/// The documents of one array: v2 `NAME/.zarray` and `NAME/.zattrs`, v3 `NAME/zarr.json`.
///
/// # Errors
/// [`ZarrError::CodecNotInFormat`]; [`ZarrError::Grid`], [`ZarrError::Inconsistent`] if the description contradicts
/// itself.
pub fn array_documents(spec: &ArraySpec, format: Format, codec: &Codec) -> Result<Vec<Document>, ZarrError> {
    Ok(match format {
        Format::V2 => vec![
            Document::new(format!("{}/.zarray", spec.path), &v2::array(spec, codec)?),
            Document::new(format!("{}/.zattrs", spec.path), &v2::attributes(spec)),
        ],
        Format::V3 => vec![Document::new(format!("{}/zarr.json", spec.path), &v3::array(spec, codec)?)],
    })
}

/// The documents of the root group, in the order in which to write them; each array's own documents go before. The last
/// one is what readers open, so writing it publishes the dataset: v2 `.zgroup`, `.zattrs`, `.zmetadata`; v3 `zarr.json`.
///
/// The last document repeats every array's documents (consolidated metadata: v2 `zarr_consolidated_format` 1 as
/// zarr-python writes it, v3 `consolidated_metadata` of kind `inline`).
///
/// # Errors
/// [`ZarrError::Duplicate`] if two arrays have one path, and those of [`array_documents`].
pub fn root_documents(
    attributes: &Map<String, Value>,
    arrays: &[ArraySpec],
    format: Format,
    codec: &Codec,
) -> Result<Vec<Document>, ZarrError> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = arrays.iter().find(|spec| !seen.insert(spec.path.as_str())) {
        return Err(ZarrError::Duplicate { path: twice.path.to_string() });
    }
    let attributes = Value::Object(attributes.clone());
    Ok(match format {
        Format::V2 => vec![
            Document::new(".zgroup".to_owned(), &v2::group()),
            Document::new(".zattrs".to_owned(), &attributes),
            Document::new(".zmetadata".to_owned(), &v2::consolidated(&attributes, arrays, codec)?),
        ],
        Format::V3 => vec![Document::new("zarr.json".to_owned(), &v3::group(&attributes, arrays, codec)?)],
    })
}

/// The same value with the keys of every object in order. `serde_json` sorts them by itself only as long as no crate of
/// the build asks it to preserve their order, which `zarrs` does.
pub(crate) fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let ordered: BTreeMap<&String, &Value> = map.iter().collect();
            Value::Object(ordered.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect())
        }
        Value::Array(values) => values.iter().map(sorted).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_at_every_level() {
        let mut inner = Map::new();
        inner.insert("z".to_owned(), 1.into());
        inner.insert("a".to_owned(), serde_json::json!([{"y": 1.0, "b": null}]));
        let mut outer = Map::new();
        outer.insert("x".to_owned(), inner.into());
        outer.insert("c".to_owned(), "t".into());
        let document = Document::new("k".to_owned(), &outer.into());
        let text = String::from_utf8(document.bytes).unwrap();
        let compact: String = text.split_whitespace().collect();
        assert_eq!(compact, r#"{"c":"t","x":{"a":[{"b":null,"y":1.0}],"z":1}}"#);
        assert!(text.starts_with("{\n  \"c\": \"t\",\n"));
    }
}
