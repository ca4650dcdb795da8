use std::collections::{BTreeMap, BTreeSet};

use advisor::{Reader, Reads, Window};
use serde::{Deserialize, Serialize};
use zarr::{Codec, Format};

use crate::{DOCUMENT_VERSION, Digest, SourceUrl, Target};

/// The largest request we let anybody ask for, in bytes of uncompressed data: THREDDS refuses more by default.
const MAX_REQUEST_BYTES: u64 = 500_000_000;

/// The most bytes of a request's document: thousands of variables by name still fit.
pub const MAX_REQUEST_LENGTH: u64 = 1_000_000;

/// What a user asks for: the document dropped into `requests/`, and what the command line builds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The version of this document: 1.
    pub version: u32,
    /// The dataset.
    pub source: SourceUrl,
    /// Where the Zarr dataset goes.
    pub target: Target,
    /// The variables to convert; all where absent. Coordinates and bounds of chosen variables come along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variables: Option<BTreeSet<String>>,
    /// Index ranges by dimension; whole dimensions where absent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ranges: BTreeMap<String, IndexRange>,
    /// Chunk sizes in elements by `DIMENSION`, or by `VARIABLE:DIMENSION`, which comes before it; the planner chooses the
    /// others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub chunks: BTreeMap<String, u64>,
    /// Bytes of uncompressed data a chunk may have, where the planner chooses.
    #[serde(default, skip_serializing_if = "is_default")]
    pub chunk_bytes: Window,
    /// The reads the dataset is to serve: by these the planner chooses.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reads: Reads,
    /// Who reads it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reader: Reader,
    /// The most bytes of uncompressed data to ask the source for in one request.
    #[serde(default = "default_request_bytes")]
    pub request_bytes: u64,
    /// Zarr format.
    #[serde(default)]
    pub format: Format,
    /// Compression of chunks.
    #[serde(default)]
    pub codec: Codec,
    /// What to do with a dataset that is already there.
    #[serde(default)]
    pub mode: Mode,
    /// The most requests to the source in flight at once; the host's own number where absent. No part of the run's
    /// identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// How the source's operators can reach you; goes into the User-Agent. No part of the run's identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
const fn default_request_bytes() -> u64 {
    100_000_000
}

/// Of a document of any version, what every version has.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// How a dataset is put in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The target must be empty.
    #[default]
    Create,
    /// What is there is made unreadable first, then replaced.
    Overwrite,
}

/// A range of indices along a dimension, both ends included, as DAP writes them: `0:143`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IndexRange {
    first: u64,
    last: u64,
}

impl IndexRange {
    /// First index.
    pub const fn first(self) -> u64 {
        self.first
    }

    /// Last index, included.
    pub const fn last(self) -> u64 {
        self.last
    }

    /// Number of indices; at least 1.
    pub const fn length(self) -> u64 {
        self.last - self.first + 1
    }
}

impl std::str::FromStr for IndexRange {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            || format!("`{text}` is not a range of indices: expected FIRST:LAST, both included, such as 0:143");
        let (first, last) = text.split_once(':').ok_or_else(expected)?;
        let first: u64 = first.trim().parse().map_err(|_| expected())?;
        let last: u64 = last.trim().parse().map_err(|_| expected())?;
        if first > last || last == u64::MAX {
            return Err(format!("the range {text} is empty: its last index lies before its first"));
        }
        Ok(Self { first, last })
    }
}

impl TryFrom<String> for IndexRange {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<IndexRange> for String {
    fn from(range: IndexRange) -> Self {
        range.to_string()
    }
}

impl std::fmt::Display for IndexRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.first, self.last)
    }
}

/// Why a request is refused before anything is fetched.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Not the JSON we expect. The message names the line and column.
    #[error("the request is not valid{}: {message}", at(path))]
    Malformed {
        /// The field it happened at, such as `chunks.time`; empty for the document itself.
        path: String,
        /// What was found and what was expected.
        message: String,
    },
    /// Not a document that we read at all.
    #[error("the request {what}")]
    Unreadable {
        /// What it is.
        what: &'static str,
    },
    /// More than anybody writes.
    #[error("the request has {found} bytes, at most {MAX_REQUEST_LENGTH} are read")]
    TooLong {
        /// Its length.
        found: u64,
    },
    /// A version this program does not know.
    #[error("the request has version {found}, this program reads version {DOCUMENT_VERSION}")]
    Version {
        /// The version found.
        found: u32,
    },
    /// A number outside its bounds.
    #[error("`{field}` is {found}, expected {expected}")]
    OutOfBounds {
        /// The field's name.
        field: String,
        /// Its value.
        found: u64,
        /// The bounds, in words.
        expected: String,
    },
    /// A reader that cannot be.
    #[error(transparent)]
    Reader(#[from] advisor::ReaderError),
}

fn at(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!(" at `{path}`") }
}

/// Parts of a stranger's document end up in a message: so much of them.
const MOST_QUOTED: usize = 500;

impl RequestError {
    fn malformed(path: &str, error: &serde_json::Error) -> Self {
        let some = |text: &str| text.chars().take(MOST_QUOTED).collect::<String>();
        // The document itself, and a place that cannot be named.
        let path = if matches!(path, "." | "?") { String::new() } else { some(path) };
        Self::Malformed { path, message: some(&error.to_string()) }
    }
}

impl From<serde_json::Error> for RequestError {
    fn from(error: serde_json::Error) -> Self {
        Self::malformed("", &error)
    }
}

impl Request {
    /// A request with every default.
    pub fn new(source: SourceUrl, target: Target) -> Self {
        Self {
            version: DOCUMENT_VERSION,
            source,
            target,
            variables: None,
            ranges: BTreeMap::new(),
            chunks: BTreeMap::new(),
            chunk_bytes: Window::default(),
            reads: Reads::default(),
            reader: Reader::default(),
            request_bytes: default_request_bytes(),
            format: Format::default(),
            codec: Codec::default(),
            mode: Mode::default(),
            concurrency: None,
            contact: None,
        }
    }

    /// Reads and checks a request. A byte order mark, which editors on Windows put there, does not count.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, RequestError> {
        let found = bytes.len() as u64;
        if found > MAX_REQUEST_LENGTH {
            return Err(RequestError::TooLong { found });
        }
        if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
            return Err(RequestError::Unreadable { what: "is UTF-16 text, expected UTF-8; save it as UTF-8" });
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(RequestError::Unreadable { what: "is empty, expected a JSON object" });
        }
        // The version first: what a later one has besides is then not called unknown.
        if let Ok(Versioned { version: found }) = serde_json::from_slice(bytes)
            && found != DOCUMENT_VERSION
        {
            return Err(RequestError::Version { found });
        }
        let mut document = serde_json::Deserializer::from_slice(bytes);
        let request: Self = serde_path_to_error::deserialize(&mut document)
            .map_err(|error| RequestError::malformed(&error.path().to_string(), error.inner()))?;
        document.end()?;
        request.check()?;
        Ok(request)
    }

    /// Checks what the types do not.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub fn check(&self) -> Result<(), RequestError> {
        if self.version != DOCUMENT_VERSION {
            return Err(RequestError::Version { found: self.version });
        }
        let bounds = |field: &str, found: u64, least: u64, most: u64, unit: &str| {
            if (least..=most).contains(&found) {
                return Ok(());
            }
            let expected = format!("{least} to {most}{unit}");
            Err(RequestError::OutOfBounds { field: field.to_owned(), found, expected })
        };
        bounds("request_bytes", self.request_bytes, 1_000, MAX_REQUEST_BYTES, " bytes (THREDDS refuses more)")?;
        bounds("concurrency", u64::from(self.concurrency.unwrap_or(1)), 1, 1_000, "")?;
        self.reader.check()?;
        for (dimension, size) in &self.chunks {
            let field = format!("chunks.{dimension}");
            bounds(&field, *size, 1, u64::MAX, " elements").map_err(|_| RequestError::OutOfBounds {
                field,
                found: *size,
                expected: "at least 1".to_owned(),
            })?;
        }
        Ok(())
    }

    /// The digest that names the request's runs: all of it but the number of requests in flight and the contact, which
    /// change nothing in the dataset.
    ///
    /// # Errors
    /// [`RequestError::Malformed`] if the request cannot be written as JSON, which does not happen.
    pub fn digest(&self) -> Result<Digest, RequestError> {
        let normal = Self { concurrency: None, contact: None, ..self.clone() };
        Ok(Digest::of(&serde_json::to_vec(&normal)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        let target = Target::Folder { path: "/data/x.zarr".to_owned() };
        Request::new("http://h/x.nc".parse().unwrap(), target)
    }

    #[test]
    fn the_digest_ignores_what_changes_nothing_in_the_dataset() {
        let one = request();
        let two = Request { concurrency: Some(9), contact: Some("me@example.org".to_owned()), ..request() };
        let three = Request { format: Format::V2, ..request() };
        assert_eq!(one.digest().unwrap(), two.digest().unwrap());
        assert_ne!(one.digest().unwrap(), three.digest().unwrap());
    }

    #[test]
    fn a_request_survives_its_document() {
        let one = Request { ranges: [("time".to_owned(), "0:143".parse().unwrap())].into(), ..request() };
        assert_eq!(Request::from_json(&serde_json::to_vec(&one).unwrap()).unwrap(), one);
    }

    #[test]
    fn unknown_fields_and_versions_are_refused_by_name() {
        let mut value = serde_json::to_value(request()).unwrap();
        value["chunk"] = 1.into();
        let error = Request::from_json(value.to_string().as_bytes()).unwrap_err();
        assert!(error.to_string().contains("unknown field `chunk`"), "{error}");
        let error = Request { version: 2, ..request() }.check().unwrap_err();
        assert_eq!(error.to_string(), "the request has version 2, this program reads version 1");
    }

    #[test]
    fn what_is_wrong_is_named_by_its_path_line_and_column() {
        let good = serde_json::to_string(&request()).unwrap();
        assert!(Request::from_json(format!("\u{feff}{good}\n").as_bytes()).is_ok(), "a byte order mark");
        let chunks = good.replacen('{', "{\n \"chunks\": {\"time\": \"two\"},", 1);
        for (document, expected) in [
            (
                chunks.as_bytes(),
                "the request is not valid at `chunks.time`: invalid type: string \"two\", expected u64 at line 2 \
                 column 25",
            ),
            (b"\xff\xfe{\0", "the request is UTF-16 text, expected UTF-8; save it as UTF-8"),
            (b" \n", "the request is empty, expected a JSON object"),
            (b"{", "the request is not valid: EOF while parsing an object at line 1 column 1"),
            (
                format!("{good}x").as_bytes(),
                &format!("the request is not valid: trailing characters at line 1 column {}", good.len() + 1),
            ),
            (&vec![b' '; 1_000_001], "the request has 1000001 bytes, at most 1000000 are read"),
        ] {
            assert_eq!(Request::from_json(document).unwrap_err().to_string(), expected);
        }
        let deep = "[".repeat(100_000);
        assert!(Request::from_json(deep.as_bytes()).is_err(), "nesting ends in an error, not in the stack's end");
        let long = format!("{{\"{}\": 1}}", "x".repeat(100_000));
        assert!(Request::from_json(long.as_bytes()).unwrap_err().to_string().len() < 2_000);
    }

    #[test]
    fn a_chunk_size_of_zero_is_refused() {
        let error = Request { chunks: [("time".to_owned(), 0)].into(), ..request() }.check().unwrap_err();
        assert_eq!(error.to_string(), "`chunks.time` is 0, expected at least 1");
    }

    #[test]
    fn ranges_include_both_ends() {
        let range: IndexRange = "0:143".parse().unwrap();
        assert_eq!((range.first(), range.last(), range.length()), (0, 143, 144));
        for text in ["5", "3:1", "-1:2", "a:b", "0:1:2"] {
            assert!(text.parse::<IndexRange>().is_err(), "{text}");
        }
    }
}
