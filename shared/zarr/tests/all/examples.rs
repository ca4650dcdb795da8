//! Arrays to try things on.

use grid::{ElementType, Shape};
use serde_json::Map;
use zarr::{ArrayPath, ArraySpec, Codec, Format};

/// Every codec of the grammar, at its ends.
pub(crate) const CODECS: [&str; 15] = [
    "none",
    "blosc",
    "blosc:lz4:0:noshuffle",
    "blosc:lz4:5:shuffle",
    "blosc:lz4:9:bitshuffle",
    "blosc:lz4hc:5:shuffle",
    "blosc:zlib:5:bitshuffle",
    "blosc:zstd:9:bitshuffle",
    "blosc:zstd:1:noshuffle",
    "zstd:1",
    "zstd:22",
    "gzip:0",
    "gzip:9",
    "zlib:0",
    "zlib:9",
];

/// Every combination that exists.
pub(crate) fn combinations() -> impl Iterator<Item = (ElementType, Format, Codec)> {
    ElementType::ALL.into_iter().flat_map(|element| {
        [Format::V2, Format::V3].into_iter().flat_map(move |format| {
            CODECS
                .into_iter()
                .filter(move |codec| format == Format::V2 || !codec.starts_with("zlib"))
                .map(move |codec| (element, format, codec.parse().unwrap()))
        })
    })
}

pub(crate) fn spec(element: ElementType, shape: &[u64], chunk_shape: &[u64], fill: Option<Vec<u8>>) -> ArraySpec {
    ArraySpec {
        path: ArrayPath::new("sst").unwrap(),
        shape: Shape::new(shape.to_vec()).unwrap(),
        chunk_shape: Shape::new(chunk_shape.to_vec()).unwrap(),
        element,
        fill,
        dimensions: (0..shape.len()).map(|axis| format!("d{axis}")).collect(),
        attributes: Map::new(),
    }
}
