//! Zarr core specification version 3, as zarr-python, xarray, `TensorStore`, zarrita and GDAL read it.

use serde_json::{Map, Value, json};

use crate::{ArraySpec, Codec, Format, ZarrError, compression::Compression, fill::Scalar};

/// The content of an array's `zarr.json`. Where the source declares no fill value it is 0, since v3 demands one; readers
/// mask what equals the `_FillValue` attribute, and there is none then.
pub(crate) fn array(spec: &ArraySpec, codec: &Codec) -> Result<Value, ZarrError> {
    spec.check()?;
    let fill = spec.fill.as_deref().and_then(|bytes| Scalar::read(bytes, spec.element));
    Ok(json!({
        "zarr_format": 3,
        "node_type": "array",
        "shape": spec.shape.sizes(),
        "data_type": spec.element.name(),
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": spec.chunk_shape.sizes()}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": fill.unwrap_or(Scalar::zero(spec.element)).fill_value(Format::V3),
        "codecs": codecs(spec, codec)?,
        "attributes": spec.attributes,
        "dimension_names": spec.dimensions,
        "storage_transformers": [],
    }))
}

/// The content of the root's `zarr.json`, every array's document repeated in it.
pub(crate) fn group(attributes: &Value, arrays: &[ArraySpec], codec: &Codec) -> Result<Value, ZarrError> {
    let mut metadata = Map::new();
    for spec in arrays {
        metadata.insert(spec.path.to_string(), array(spec, codec)?);
    }
    Ok(json!({
        "zarr_format": 3,
        "node_type": "group",
        "attributes": attributes,
        "consolidated_metadata": {"kind": "inline", "must_understand": false, "metadata": metadata},
    }))
}

/// `bytes`, then the compression. Every codec is an object: zarr-python 3.1.6 does not read the short form, a bare name.
fn codecs(spec: &ArraySpec, codec: &Codec) -> Result<Value, ZarrError> {
    let size = spec.element.size();
    let bytes = match size {
        1 => json!({"name": "bytes"}),
        _ => json!({"name": "bytes", "configuration": {"endian": "little"}}),
    };
    let (name, configuration) = match codec.0 {
        Compression::None => return Ok(json!([bytes])),
        Compression::Blosc { cname, level, shuffle } => (
            "blosc",
            json!({"typesize": size, "cname": cname, "clevel": level, "shuffle": shuffle.name(), "blocksize": 0}),
        ),
        Compression::Zstd { level } => ("zstd", json!({"level": level, "checksum": false})),
        Compression::Gzip { level } => ("gzip", json!({"level": level})),
        Compression::Zlib { .. } => {
            return Err(ZarrError::CodecNotInFormat { codec: codec.clone(), format: Format::V3 });
        }
    };
    Ok(json!([bytes, {"name": name, "configuration": configuration}]))
}
