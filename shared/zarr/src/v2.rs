//! Zarr specification version 2, as zarr-python, xarray, `TensorStore`, GDAL and netCDF-C read it.

use serde_json::{Map, Value, json};

use crate::{ArraySpec, Codec, Format, ZarrError, compression::Compression, fill::Scalar};
use grid::ElementType;

/// The content of `.zgroup`.
pub(crate) fn group() -> Value {
    json!({"zarr_format": 2})
}

/// The content of `.zarray`. Where the source declares no fill value it is null, never 0: readers mask what equals it.
pub(crate) fn array(spec: &ArraySpec, codec: &Codec) -> Result<Value, ZarrError> {
    spec.check()?;
    let fill = spec.fill.as_deref().and_then(|bytes| Scalar::read(bytes, spec.element));
    Ok(json!({
        "zarr_format": 2,
        "shape": spec.shape.sizes(),
        "chunks": spec.chunk_shape.sizes(),
        "dtype": dtype(spec.element),
        "compressor": compressor(codec),
        "fill_value": fill.map_or(Value::Null, |fill| fill.fill_value(Format::V2)),
        "filters": null,
        "order": "C",
        "dimension_separator": ".",
    }))
}

/// The content of `.zattrs`: v2 has no other place for the names of the dimensions.
pub(crate) fn attributes(spec: &ArraySpec) -> Value {
    let mut attributes = spec.attributes.clone();
    attributes.insert("_ARRAY_DIMENSIONS".to_owned(), json!(spec.dimensions));
    attributes.into()
}

/// The content of `.zmetadata`.
pub(crate) fn consolidated(attributes: &Value, arrays: &[ArraySpec], codec: &Codec) -> Result<Value, ZarrError> {
    let mut metadata = Map::new();
    metadata.insert(".zgroup".to_owned(), group());
    metadata.insert(".zattrs".to_owned(), attributes.clone());
    for spec in arrays {
        metadata.insert(format!("{}/.zarray", spec.path), array(spec, codec)?);
        metadata.insert(format!("{}/.zattrs", spec.path), self::attributes(spec));
    }
    Ok(json!({"metadata": metadata, "zarr_consolidated_format": 1}))
}

/// Numpy's spelling, little-endian.
const fn dtype(element: ElementType) -> &'static str {
    match element {
        ElementType::Int8 => "|i1",
        ElementType::UInt8 => "|u1",
        ElementType::Int16 => "<i2",
        ElementType::UInt16 => "<u2",
        ElementType::Int32 => "<i4",
        ElementType::UInt32 => "<u4",
        ElementType::Int64 => "<i8",
        ElementType::UInt64 => "<u8",
        ElementType::Float32 => "<f4",
        ElementType::Float64 => "<f8",
    }
}

/// The codec as numcodecs spells it.
fn compressor(codec: &Codec) -> Value {
    match codec.0 {
        Compression::None => Value::Null,
        Compression::Blosc { cname, level, shuffle } => {
            json!({"id": "blosc", "cname": cname, "clevel": level, "shuffle": shuffle.number(), "blocksize": 0})
        }
        Compression::Zstd { level } => json!({"id": "zstd", "level": level}),
        Compression::Gzip { level } => json!({"id": "gzip", "level": level}),
        Compression::Zlib { level } => json!({"id": "zlib", "level": level}),
    }
}
