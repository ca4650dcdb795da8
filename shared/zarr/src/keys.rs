use grid::ChunkIndex;

use crate::{ArrayPath, Format};

/// The key of a chunk below the store's root: v2 `sst/0.1.2` (a scalar's `sst/0`), v3 `sst/c/0/1/2` (a scalar's
/// `sst/c`); Zarr v2 specification, "Chunks", and v3 core specification, "Default chunk key encoding".
pub fn chunk_key(path: &ArrayPath, index: &ChunkIndex, format: Format) -> String {
    match format {
        Format::V2 => format!("{path}/{index}"),
        Format::V3 => {
            let mut key = format!("{path}/c");
            for position in index.as_slice() {
                key.push('/');
                key.push_str(&position.to_string());
            }
            key
        }
    }
}

/// Whether a key is a metadata document of either format, at any level of the hierarchy.
pub fn is_node_document(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or(key);
    matches!(name, "zarr.json" | ".zgroup" | ".zattrs" | ".zarray" | ".zmetadata")
}

/// The root documents of both formats, in the order in which to remove them: what readers open first goes first, so
/// that a store half removed is not mistaken for a whole one.
pub fn root_keys() -> [&'static str; 4] {
    [".zmetadata", "zarr.json", ".zgroup", ".zattrs"]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_specifications() {
        let path = ArrayPath::new("sst").unwrap();
        let index = ChunkIndex::new(vec![0, 1, 2]);
        assert_eq!(chunk_key(&path, &index, Format::V2), "sst/0.1.2");
        assert_eq!(chunk_key(&path, &index, Format::V3), "sst/c/0/1/2");
        assert_eq!(chunk_key(&path, &ChunkIndex::new(vec![]), Format::V2), "sst/0");
        assert_eq!(chunk_key(&path, &ChunkIndex::new(vec![]), Format::V3), "sst/c");
    }

    #[test]
    fn documents_are_told_from_chunks_at_any_level() {
        for key in root_keys().into_iter().chain(["a/zarr.json", "a/.zarray", "a/b/.zattrs", "a/.zgroup"]) {
            assert!(is_node_document(key), "{key}");
        }
        for key in ["a/0.0", "a/c/0", "a/c", "zarr.json/0", "xzarr.json", "", "a/"] {
            assert!(!is_node_document(key), "{key}");
        }
    }
}
