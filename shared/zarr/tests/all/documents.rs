use cf::{Attributes, Fill, Values};
use grid::{ElementType, Shape};
use serde_json::Value;
use zarr::{
    ArrayPath, ArraySpec, Codec, Document, Format, ZarrError, array_attributes, array_documents, group_attributes,
    is_node_document, root_documents, root_keys,
};

use crate::examples::combinations;

/// A dataset with a bit of everything: a float with a fill value, an integer without, a scalar.
fn dataset(format: Format) -> (Attributes, Vec<ArraySpec>) {
    let mut global = Attributes::default();
    global.push("title", Values::text("Sea \"surface\" température"));
    global.push("version", Values::Float32(vec![2.0]));
    let mut sst = Attributes::default();
    sst.push("units", Values::text("degC"));
    sst.push("_FillValue", Values::Float32(vec![-9999.0]));
    sst.push("missing_value", Values::Float32(vec![f32::NAN]));
    sst.push("valid_range", Values::Float64(vec![-2.0, f64::INFINITY]));
    let arrays = vec![
        array("sst", ElementType::Float32, (&[3, 5], &[2, 5]), &["lat", "lon"], (&sst, format)),
        array("flag", ElementType::UInt8, (&[3], &[3]), &["lat"], (&Attributes::default(), format)),
        array("crs", ElementType::Int32, (&[], &[]), &[], (&Attributes::default(), format)),
    ];
    (global, arrays)
}

fn array(
    name: &str,
    element: ElementType,
    (shape, chunk_shape): (&[u64], &[u64]),
    dimensions: &[&str],
    (attributes, format): (&Attributes, Format),
) -> ArraySpec {
    let fill = Fill::of(attributes, element);
    ArraySpec {
        path: ArrayPath::new(name).unwrap(),
        shape: Shape::new(shape.to_vec()).unwrap(),
        chunk_shape: Shape::new(chunk_shape.to_vec()).unwrap(),
        element,
        attributes: array_attributes(attributes, &fill, element, format).attributes,
        fill: match fill {
            Fill::Value(bytes) => Some(bytes),
            Fill::None | Fill::NotRepresentable(_) => None,
        },
        dimensions: dimensions.iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// Every document of the dataset, in writing order.
fn documents(format: Format, codec: &str) -> Vec<Document> {
    let (global, arrays) = dataset(format);
    let codec: Codec = codec.parse().unwrap();
    let mut documents: Vec<Document> =
        arrays.iter().flat_map(|spec| array_documents(spec, format, &codec).unwrap()).collect();
    documents.extend(root_documents(&group_attributes(&global).attributes, &arrays, format, &codec).unwrap());
    documents
}

/// All documents as one text, so that a difference shows where it is.
fn book(documents: &[Document]) -> String {
    let pages: Vec<String> = documents
        .iter()
        .map(|document| format!("--- {}\n{}\n", document.key, String::from_utf8_lossy(&document.bytes)))
        .collect();
    pages.concat()
}

#[test]
fn v2_documents_are_the_golden_ones() {
    assert_eq!(book(&documents(Format::V2, "blosc:lz4:5:shuffle")), include_str!("../data/v2.txt"));
}

#[test]
fn v3_documents_are_the_golden_ones() {
    assert_eq!(book(&documents(Format::V3, "blosc:lz4:5:shuffle")), include_str!("../data/v3.txt"));
}

#[test]
fn compressors_are_spelled_as_each_format_spells_them() {
    for (codec, v2, v3) in [
        ("none", "null", None),
        (
            "blosc:zstd:3:bitshuffle",
            r#"{"blocksize":0,"clevel":3,"cname":"zstd","id":"blosc","shuffle":2}"#,
            Some(
                r#"{"configuration":{"blocksize":0,"clevel":3,"cname":"zstd","shuffle":"bitshuffle","typesize":4},"name":"blosc"}"#,
            ),
        ),
        (
            "zstd:7",
            r#"{"id":"zstd","level":7}"#,
            Some(r#"{"configuration":{"checksum":false,"level":7},"name":"zstd"}"#),
        ),
        ("gzip:5", r#"{"id":"gzip","level":5}"#, Some(r#"{"configuration":{"level":5},"name":"gzip"}"#)),
    ] {
        let written: Value = serde_json::from_slice(&documents(Format::V2, codec)[0].bytes).unwrap();
        assert_eq!(written["compressor"], serde_json::from_str::<Value>(v2).unwrap());
        let written: Value = serde_json::from_slice(&documents(Format::V3, codec)[0].bytes).unwrap();
        assert_eq!(written["codecs"].get(1), v3.map(|text| serde_json::from_str(text).unwrap()).as_ref());
    }
}

#[test]
fn the_last_document_repeats_all_others_and_all_are_node_documents() {
    for format in [Format::V2, Format::V3] {
        let documents = documents(format, "zstd");
        assert!(documents.iter().all(|document| is_node_document(&document.key)));
        let (last, others) = documents.split_last().unwrap();
        assert!(root_keys().contains(&last.key.as_str()));
        let last: Value = serde_json::from_slice(&last.bytes).unwrap();
        for document in others {
            let content: Value = serde_json::from_slice(&document.bytes).unwrap();
            let copy = match format {
                Format::V2 => &last["metadata"][&document.key],
                Format::V3 => &last["consolidated_metadata"]["metadata"][document.key.trim_end_matches("/zarr.json")],
            };
            assert_eq!(*copy, content, "{}", document.key);
        }
    }
}

#[test]
fn documents_are_strict_json_with_sorted_keys() {
    for (element, format, codec) in combinations() {
        let mut attributes = Attributes::default();
        for (name, value) in [("z", f64::NAN), ("a", f64::INFINITY), ("m", f64::NEG_INFINITY), ("_FillValue", f64::NAN)]
        {
            attributes.push(name, Values::Float64(vec![value, value]));
        }
        attributes.push("_FillValue", Values::Float32(vec![f32::NAN]));
        let spec = array("x", element, (&[2], &[2]), &["d"], (&attributes, format));
        let arrays = [spec];
        let mut documents = array_documents(&arrays[0], format, &codec).unwrap();
        documents.extend(root_documents(&group_attributes(&attributes).attributes, &arrays, format, &codec).unwrap());
        for document in documents {
            let text = String::from_utf8(document.bytes).unwrap();
            for (bare, quoted) in [("NaN", "\"NaN\""), ("Infinity", "Infinity\"")] {
                assert_eq!(text.matches(bare).count(), text.matches(quoted).count(), "{text}");
            }
            // Keys on one level stand below each other, so sorted keys are sorted neighbours of equal depth.
            let read: Value = serde_json::from_str(&text).unwrap();
            assert_sorted(&read);
        }
    }
}

/// Whether the text's order was sorted; needs a `serde_json` that preserves order, which `zarrs` asks for.
fn assert_sorted(value: &Value) {
    match value {
        Value::Object(map) => {
            assert!(map.keys().is_sorted(), "{map:?}");
            map.values().for_each(assert_sorted);
        }
        Value::Array(values) => values.iter().for_each(assert_sorted),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn documents_do_not_depend_on_the_order_of_arrays_and_attributes() {
    for format in [Format::V2, Format::V3] {
        let (global, mut arrays) = dataset(format);
        let codec = Codec::default();
        let attributes = group_attributes(&global).attributes;
        let expected = root_documents(&attributes, &arrays, format, &codec).unwrap();
        arrays.reverse();
        for spec in &mut arrays {
            spec.attributes = std::mem::take(&mut spec.attributes).into_iter().rev().collect();
        }
        let attributes = attributes.into_iter().rev().collect();
        assert_eq!(root_documents(&attributes, &arrays, format, &codec).unwrap(), expected);
    }
}

#[test]
fn two_arrays_of_one_path_are_refused() {
    let (_, mut arrays) = dataset(Format::V3);
    arrays.push(arrays[0].clone());
    let error = root_documents(&serde_json::Map::new(), &arrays, Format::V3, &Codec::default()).unwrap_err();
    assert!(matches!(error, ZarrError::Duplicate { path } if path == "sst"));
}

#[test]
fn a_contradictory_description_makes_no_document() {
    for format in [Format::V2, Format::V3] {
        let (_, arrays) = dataset(format);
        let mut unnamed = arrays[0].clone();
        unnamed.dimensions.pop();
        let mut narrow = arrays[0].clone();
        narrow.fill = Some(vec![0; 2]);
        for (spec, message) in [
            (unnamed, "array `sst` needs 2 dimension names, found 1"),
            (narrow, "array `sst` needs 4 bytes of fill value, found 2"),
        ] {
            let error = array_documents(&spec, format, &Codec::default()).unwrap_err();
            assert_eq!(error.to_string(), message);
            assert!(root_documents(&serde_json::Map::new(), &[spec], format, &Codec::default()).is_err());
        }
    }
}
