//! A reader of the target who knows only the formats.

use std::collections::BTreeMap;

use grid::{ChunkGrid, ChunkIndex, Shape};
use run::Plan;
use serde_json::Value;
use zarr::{ArrayPath, ChunkCodec, Format};

use crate::{dataset::Dataset, ports::Objects};

/// Opens a dataset at its root: nothing if there is none; an error if there is half of one (I6).
pub(crate) fn open(objects: &Objects) -> Result<Option<Value>, String> {
    let document = |key: &str| objects.get(key).map(|bytes| serde_json::from_slice::<Value>(bytes).unwrap());
    let (format, root, arrays) = if let Some(root) = document("zarr.json") {
        let arrays = root["consolidated_metadata"]["metadata"].clone();
        (Format::V3, root, arrays)
    } else if let Some(root) = document(".zmetadata") {
        let metadata = root["metadata"].as_object().unwrap().iter();
        let arrays = metadata.filter_map(|(key, value)| Some((key.strip_suffix("/.zarray")?, value.clone())));
        let arrays = arrays.map(|(name, value)| (name.to_owned(), value)).collect();
        (Format::V2, root, Value::Object(arrays))
    } else if let Some(root) = document(".zgroup") {
        let arrays = objects.keys().filter_map(|key| key.strip_suffix("/.zarray"));
        let arrays = arrays.map(|name| (name.to_owned(), document(&format!("{name}/.zarray")).unwrap()));
        (Format::V2, root, Value::Object(arrays.collect()))
    } else {
        return Ok(None);
    };
    for (name, array) in arrays.as_object().ok_or("no arrays")? {
        let needed = if format == Format::V3 { format!("{name}/zarr.json") } else { format!("{name}/.zarray") };
        if !objects.contains_key(&needed) {
            return Err(format!("{needed} is missing"));
        }
        let chunks =
            if format == Format::V3 { &array["chunk_grid"]["configuration"]["chunk_shape"] } else { &array["chunks"] };
        let path = ArrayPath::new(name).unwrap();
        for chunk in ChunkGrid::new(sizes(&array["shape"]), sizes(chunks)).unwrap().indices() {
            let key = zarr::chunk_key(&path, &chunk, format);
            if !objects.contains_key(&key) {
                return Err(format!("{key} is missing"));
            }
        }
    }
    Ok(Some(root))
}

fn sizes(value: &Value) -> Shape {
    Shape::new(value.as_array().unwrap().iter().map(|size| size.as_u64().unwrap()).collect()).unwrap()
}

/// The run that the root names.
pub(crate) fn published_by(objects: &Objects) -> Option<String> {
    let root = open(objects).unwrap()?;
    let attributes = if root["metadata"].is_object() { &root["metadata"][".zattrs"] } else { &root["attributes"] };
    Some(attributes["dap2zarr"]["run"].as_str().unwrap().to_owned())
}

/// Compares every value of every array with the server's, and the padding with the fill value.
pub(crate) fn assert_values(objects: &Objects, plan: &Plan, dataset: &Dataset) {
    let mut keys = 0;
    for array in &plan.arrays {
        let spec = &array.spec;
        let variable = dataset.variable(spec.path.as_str());
        let codec = ChunkCodec::new(spec, plan.format, &plan.codec).unwrap();
        let size = spec.element.size();
        let fill = spec.fill.clone().unwrap_or_else(|| vec![0; size]);
        let grid = array.grid().unwrap();
        for chunk in grid.indices() {
            let key = zarr::chunk_key(&spec.path, &chunk, plan.format);
            let bytes = codec.decode(objects[&key].to_vec()).unwrap();
            for (ordinal, element) in bytes.chunks(size).enumerate() {
                let index = global(&chunk, spec.chunk_shape.sizes(), ordinal as u64);
                let inside = index.iter().zip(spec.shape.sizes()).all(|(index, size)| index < size);
                let at_source: Vec<u64> =
                    index.iter().zip(&array.offset).map(|(index, offset)| index + offset).collect();
                let expected = if inside { variable.native(variable.position(&at_source)) } else { fill.clone() };
                assert_eq!(element, expected, "{key} at {index:?}");
            }
            keys += 1;
        }
    }
    assert_eq!(keys, plan.totals.chunks);
}

fn global(chunk: &ChunkIndex, chunk_shape: &[u64], ordinal: u64) -> Vec<u64> {
    let mut rest = ordinal;
    let mut index: Vec<u64> = chunk.as_slice().to_vec();
    for (axis, size) in chunk_shape.iter().enumerate().rev() {
        index[axis] = index[axis] * size + rest % size;
        rest /= size;
    }
    index
}

/// The objects without what names the run: the same for every run of one request over one dataset.
pub(crate) fn comparable(objects: &Objects) -> BTreeMap<String, Vec<u8>> {
    let without = |key: &str, bytes: &[u8]| {
        let mut root: Value = match serde_json::from_slice(bytes) {
            Ok(root) if ["zarr.json", ".zattrs", ".zmetadata"].contains(&key) => root,
            _ => return bytes.to_vec(),
        };
        let attributes = match key {
            "zarr.json" => &mut root["attributes"],
            ".zattrs" => &mut root,
            _ => &mut root["metadata"][".zattrs"],
        };
        assert!(attributes.as_object_mut().unwrap().remove("dap2zarr").is_some());
        serde_json::to_vec(&root).unwrap()
    };
    objects.iter().map(|(key, bytes)| (key.clone(), without(key, bytes))).collect()
}
