//! A store's objects, and whether two stores have the same.

use std::{collections::BTreeMap, fs, path::Path};

/// The root attribute that tells who made a dataset and when: the one thing that may differ between two conversions.
const PROVENANCE: &str = "\"dap2zarr\"";

/// Every object below a folder, by key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Objects(BTreeMap<String, Vec<u8>>);

impl Objects {
    /// The files below a folder; nothing if it is not there.
    ///
    /// # Panics
    /// If a file cannot be read.
    pub fn of(root: &Path) -> Self {
        let mut objects = BTreeMap::new();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            for entry in entries {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let key = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                    objects.insert(key, fs::read(&path).unwrap());
                }
            }
        }
        Self(objects)
    }

    /// Whether a reader finds a dataset.
    pub fn is_published(&self) -> bool {
        ["zarr.json", ".zgroup", ".zmetadata"].iter().any(|key| self.0.contains_key(*key))
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// An object's content.
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.0.get(key).map(Vec::as_slice)
    }

    /// What the stores do not have in common, byte for byte but for the provenance; nothing if they are the same.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let keys: std::collections::BTreeSet<_> = self.0.keys().chain(other.0.keys()).collect();
        let mut differences = Vec::new();
        for key in keys {
            match (self.get(key), other.get(key)) {
                (Some(one), Some(two)) if one == two => {}
                (Some(one), Some(two)) if may_tell(key) && without_provenance(one) == without_provenance(two) => {}
                (Some(one), Some(two)) => {
                    differences.push(format!("{key} differs: {} and {} bytes", one.len(), two.len()));
                }
                (Some(_), None) => differences.push(format!("{key} is only in the first")),
                (None, _) => differences.push(format!("{key} is only in the second")),
            }
        }
        differences
    }

    /// Compares with what another conversion made.
    ///
    /// # Panics
    /// If they differ, or one of them is no dataset.
    #[track_caller]
    pub fn assert_same(&self, other: &Self) {
        assert!(self.is_published() && other.is_published(), "one of the stores is no dataset");
        let differences = self.differences(other);
        assert!(differences.is_empty(), "the stores differ:\n{}", differences.join("\n"));
    }
}

impl From<BTreeMap<String, Vec<u8>>> for Objects {
    fn from(objects: BTreeMap<String, Vec<u8>>) -> Self {
        Self(objects)
    }
}

fn may_tell(key: &str) -> bool {
    matches!(key, "zarr.json" | ".zattrs" | ".zmetadata")
}

/// The document without the value of the attribute `dap2zarr`, which holds no braces: cut out of the text, so that the
/// order of everything else still counts.
fn without_provenance(document: &[u8]) -> String {
    let text = String::from_utf8(document.to_vec()).unwrap();
    let Some((before, after)) = text.split_once(PROVENANCE) else { return text };
    let (_, after) = after.split_once('}').unwrap_or(("", after));
    assert!(!after.contains(PROVENANCE), "the provenance stands once in a document");
    format!("{before}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(attributes: &str, chunk: &[u8]) -> Objects {
        let root = format!("{{\"attributes\": {attributes}, \"zarr_format\": 3}}");
        Objects([("zarr.json".to_owned(), root.into_bytes()), ("v/c/0".to_owned(), chunk.to_vec())].into())
    }

    #[test]
    fn only_the_provenance_may_differ() {
        let one = store(r#"{"dap2zarr": {"run": "a"}, "title": "x"}"#, b"1");
        assert!(one.differences(&store(r#"{"dap2zarr": {"run": "b"}, "title": "x"}"#, b"1")).is_empty());
        assert_eq!(one.differences(&store(r#"{"dap2zarr": {"run": "a"}, "title": "y"}"#, b"1")).len(), 1);
        assert_eq!(one.differences(&store(r#"{"title": "x", "dap2zarr": {"run": "a"}}"#, b"1")).len(), 1);
        assert_eq!(one.differences(&store(r#"{"dap2zarr": {"run": "a"}, "title": "x"}"#, b"2")).len(), 1);
        assert_eq!(
            one.differences(&Objects::default()),
            ["v/c/0 is only in the first", "zarr.json is only in the first"]
        );
    }
}
