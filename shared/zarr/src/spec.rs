use grid::{ChunkGrid, ElementType, GridError, Shape};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{ArrayPath, ZarrError};

/// All that a Zarr array's documents say, whatever the format.
///
/// In JSON, `fill` is the element's bytes in little-endian order as lower-case hexadecimal, so that a document does not
/// depend on the machine that wrote it: -1 as `int16` is `"ffff"`, -999 is `"19fc"`. A document whose parts contradict
/// each other is refused when it is read; one built in memory, when it is used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SpecDocument", into = "SpecDocument")]
pub struct ArraySpec {
    /// Where the array is below the root.
    pub path: ArrayPath,
    /// Elements along each dimension, slowest first.
    pub shape: Shape,
    /// Elements of one chunk along each dimension; the same rank as `shape`, no 0. Chunks at the edge are stored whole.
    pub chunk_shape: Shape,
    /// The type of the elements.
    pub element: ElementType,
    /// What the source declares as its fill value: one element in native order, or nothing if it declares none.
    pub fill: Option<Vec<u8>>,
    /// The name of each dimension.
    pub dimensions: Vec<String>,
    /// The attributes as they are written: what [`array_attributes`](crate::array_attributes) made for the format.
    pub attributes: Map<String, Value>,
}

impl ArraySpec {
    /// The array cut into its chunks.
    ///
    /// # Errors
    /// [`GridError::RankMismatch`], [`GridError::EmptyChunk`].
    pub fn grid(&self) -> Result<ChunkGrid, GridError> {
        ChunkGrid::new(self.shape.clone(), self.chunk_shape.clone())
    }

    /// Bytes of one chunk before it is encoded, or nothing if they cannot be addressed.
    pub fn chunk_bytes(&self) -> Option<u64> {
        self.chunk_shape.bytes(self.element.size()).and_then(|bytes| u64::try_from(bytes).ok())
    }

    /// # Errors
    /// [`ZarrError::Grid`], [`ZarrError::Inconsistent`] if the parts contradict each other.
    pub(crate) fn check(&self) -> Result<(), ZarrError> {
        self.grid().map_err(|source| ZarrError::Grid { path: self.path.to_string(), source })?;
        let same = |what, expected: usize, found: usize| {
            if expected == found {
                return Ok(());
            }
            Err(ZarrError::Inconsistent { path: self.path.to_string(), what, expected, found })
        };
        same("dimension names", self.shape.rank(), self.dimensions.len())?;
        same("bytes of fill value", self.element.size(), self.fill.as_ref().map_or(self.element.size(), Vec::len))
    }
}

/// The document form of an [`ArraySpec`].
#[derive(Serialize, Deserialize)]
struct SpecDocument {
    path: ArrayPath,
    shape: Shape,
    chunk_shape: Shape,
    element: ElementType,
    fill: Option<String>,
    dimensions: Vec<String>,
    attributes: Map<String, Value>,
}

impl TryFrom<SpecDocument> for ArraySpec {
    type Error = SpecError;
    fn try_from(document: SpecDocument) -> Result<Self, SpecError> {
        let fill = match document.fill {
            Some(text) => Some(native(from_hex(&text).ok_or(SpecError::NotHex { found: text })?)),
            None => None,
        };
        let spec = Self {
            path: document.path,
            shape: document.shape,
            chunk_shape: document.chunk_shape,
            element: document.element,
            fill,
            dimensions: document.dimensions,
            attributes: document.attributes,
        };
        spec.check()?;
        Ok(spec)
    }
}

impl From<ArraySpec> for SpecDocument {
    fn from(spec: ArraySpec) -> Self {
        Self {
            path: spec.path,
            shape: spec.shape,
            chunk_shape: spec.chunk_shape,
            element: spec.element,
            fill: spec.fill.map(|bytes| to_hex(&native(bytes))),
            dimensions: spec.dimensions,
            attributes: spec.attributes,
        }
    }
}

/// Why a document is no array description.
#[derive(Debug, thiserror::Error)]
enum SpecError {
    #[error("expected a fill value in lower-case hexadecimal such as \"19fc\", found {found:?}")]
    NotHex { found: String },
    #[error(transparent)]
    Inconsistent(#[from] ZarrError),
}

/// One element's bytes from little-endian to native order, or back.
pub(crate) fn native(mut element: Vec<u8>) -> Vec<u8> {
    if cfg!(target_endian = "big") {
        element.reverse();
    }
    element
}

/// Two lower-case digits per byte.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spec(fill: Option<Vec<u8>>) -> ArraySpec {
        ArraySpec {
            path: ArrayPath::new("sst").unwrap(),
            shape: Shape::new(vec![5, 7]).unwrap(),
            chunk_shape: Shape::new(vec![2, 7]).unwrap(),
            element: ElementType::Int16,
            fill,
            dimensions: vec!["y".to_owned(), "x".to_owned()],
            attributes: Map::new(),
        }
    }

    #[test]
    fn a_fill_value_is_little_endian_hexadecimal_in_json() {
        let spec = spec(Some((-999_i16).to_ne_bytes().to_vec()));
        let json = serde_json::to_value(&spec).unwrap();
        assert_eq!(json["fill"], "19fc");
        assert_eq!(json["element"], "int16");
        assert_eq!(serde_json::from_value::<ArraySpec>(json).unwrap(), spec);
        assert_eq!(spec.chunk_bytes(), Some(28));
        assert_eq!(spec.grid().unwrap().counts(), [3, 1]);
    }

    #[test]
    fn contradictory_documents_are_refused() {
        let good = serde_json::to_value(spec(None)).unwrap();
        for (field, value, message) in [
            (
                "fill",
                Value::from("19FC"),
                "expected a fill value in lower-case hexadecimal such as \"19fc\", found \"19FC\"",
            ),
            (
                "fill",
                Value::from("19f"),
                "expected a fill value in lower-case hexadecimal such as \"19fc\", found \"19f\"",
            ),
            ("fill", Value::from("19"), "array `sst` needs 2 bytes of fill value, found 1"),
            ("dimensions", serde_json::json!(["x"]), "array `sst` needs 2 dimension names, found 1"),
            ("chunk_shape", serde_json::json!([2, 0]), "array `sst` cannot be cut into chunks"),
            ("path", Value::from("a/b"), "\"a/b\" cannot name an array: it contains a slash"),
        ] {
            let mut bad = good.clone();
            bad[field] = value;
            assert_eq!(serde_json::from_value::<ArraySpec>(bad).unwrap_err().to_string(), message);
        }
    }

    proptest! {
        #[test]
        fn hexadecimal_is_its_own_inverse(bytes in prop::collection::vec(any::<u8>(), 0..9)) {
            prop_assert_eq!(from_hex(&to_hex(&bytes)), Some(bytes));
        }
    }
}
