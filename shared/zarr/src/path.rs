use serde::{Deserialize, Serialize};

/// The longest name of a node in bytes: a file name's length on the file systems people copy stores to.
const MAX_BYTES: usize = 255;

/// A variable's name as the path of a Zarr node below the root: one segment, without a slash at either end.
///
/// Invariants, from the Zarr v3 core specification, "Node names", and from what file systems, object stores and terminals
/// do with names:
/// - at least 1 and at most 255 bytes of UTF-8;
/// - no `/` and no `\`; not made of `.` alone, so neither `.` nor `..`;
/// - no control character, no line or paragraph separator, no character that changes the direction of text;
/// - not `zarr.json`, not beginning with `.z` (v2's documents) or `__` (reserved in v3).
///
/// A path is one to one with its text: nothing is escaped here.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ArrayPath(String);

impl ArrayPath {
    /// # Errors
    /// [`PathError`] with the rule that `name` breaks.
    pub fn new(name: impl Into<String>) -> Result<Self, PathError> {
        let name = name.into();
        match broken_rule(&name) {
            Some(rule) => Err(PathError { name: name.chars().take(MAX_BYTES).collect(), rule }),
            None => Ok(Self(name)),
        }
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn broken_rule(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("it is empty");
    }
    if name.len() > MAX_BYTES {
        return Some("it has more than 255 bytes");
    }
    if name.contains(['/', '\\']) {
        return Some("it contains a slash");
    }
    if name.chars().all(|character| character == '.') {
        return Some("it is made of dots alone");
    }
    if name.chars().any(|character| character.is_control() || is_invisible(character)) {
        return Some("it contains a control character");
    }
    if name == "zarr.json" || name.starts_with(".z") {
        return Some("it is the name of a Zarr document");
    }
    if name.starts_with("__") {
        return Some("names beginning with `__` are reserved");
    }
    None
}

/// Separators of lines, and what reorders the text around it (Unicode Standard Annex 9, table 4).
const fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

impl std::fmt::Display for ArrayPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ArrayPath {
    type Error = PathError;
    fn try_from(name: String) -> Result<Self, PathError> {
        Self::new(name)
    }
}

impl std::str::FromStr for ArrayPath {
    type Err = PathError;
    fn from_str(name: &str) -> Result<Self, PathError> {
        Self::new(name)
    }
}

impl From<ArrayPath> for String {
    fn from(path: ArrayPath) -> Self {
        path.0
    }
}

/// A name that cannot be an [`ArrayPath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} cannot name an array: {rule}")]
pub struct PathError {
    /// The name, at most its first 255 characters.
    pub name: String,
    /// The rule it breaks.
    pub rule: &'static str,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_leave_their_place_or_clash_with_documents_are_refused() {
        let long = "a".repeat(256);
        for name in [
            "",
            ".",
            "..",
            "...",
            "a/b",
            "/etc",
            "../x",
            "a\\b",
            "zarr.json",
            ".zarray",
            ".zgroup",
            "__x",
            "a\0",
            "a\nb",
            "a\u{202e}b",
            "a\u{2028}",
            "\u{7f}",
            "\u{85}",
            &long,
        ] {
            assert!(ArrayPath::new(name).is_err(), "{name:?}");
            assert!(serde_json::from_value::<ArrayPath>(name.into()).is_err(), "{name:?}");
        }
    }

    #[test]
    fn odd_names_that_do_no_harm_are_kept() {
        for name in ["c", "sst", "_x", "température", "a b", "a%2Fb", "x.y", ".hidden", "0", "zarr", &"a".repeat(255)]
        {
            assert_eq!(ArrayPath::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn an_error_shows_no_raw_control_character() {
        let error = ArrayPath::new("a\u{202e}\n\u{1b}[31m").unwrap_err().to_string();
        assert_eq!(error, "\"a\\u{202e}\\n\\u{1b}[31m\" cannot name an array: it contains a control character");
    }

    proptest! {
        #[test]
        fn a_path_stays_one_segment_and_survives_its_document(name in "\\PC{0,20}|[./_z]{1,6}") {
            if let Ok(path) = ArrayPath::new(name.clone()) {
                prop_assert_eq!(path.to_string(), name);
                let json = serde_json::to_string(&path).unwrap();
                prop_assert_eq!(serde_json::from_str::<ArrayPath>(&json).unwrap(), path);
            }
        }
    }
}
