use serde::{Deserialize, Serialize};

/// The sizes a chunk may have, in bytes of uncompressed data.
///
/// The default is 10 to 200 MB, the window that dask's and Pangeo's guides to chunk sizes come to: below it latency and
/// the number of objects dominate, above it the memory of whoever reads or writes a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
pub struct Window {
    least: u64,
    most: u64,
    strict: bool,
}

/// In a document: one number, the most; or both.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(untagged, expecting = "invalid type: expected a number of bytes, or {\"least\": bytes, \"most\": bytes}")]
enum Document {
    Most(u64),
    Both { least: u64, most: u64 },
}

/// The smallest size that may be asked for, in bytes.
pub const LEAST_BYTES: u64 = 1_000;
/// The largest size that may be asked for, in bytes: compressors count in 31 bits.
pub const MOST_BYTES: u64 = 2_000_000_000;
/// Where only the most is given, the least is this part of it.
const SHARE: u64 = 8;

/// Why there is no such window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// A size out of bounds.
    #[error(
        "`chunk_bytes` is {found}, expected {LEAST_BYTES} to {MOST_BYTES} bytes; the nearest is {}",
        found.clamp(&LEAST_BYTES, &MOST_BYTES)
    )]
    OutOfBounds {
        /// The size.
        found: u64,
    },
    /// The least is more than the most.
    #[error("`chunk_bytes` runs from {least} down to {most} bytes; the nearest that can be is {most}:{least}")]
    Reversed {
        /// The lower end.
        least: u64,
        /// The upper end.
        most: u64,
    },
}

impl Default for Window {
    fn default() -> Self {
        Self { least: 10_000_000, most: 200_000_000, strict: false }
    }
}

impl Window {
    /// From `least` to `most` bytes. A large variable that no chunk shape within fits is then refused.
    ///
    /// # Errors
    /// [`WindowError`]: out of bounds, or the wrong way round.
    pub const fn new(least: u64, most: u64) -> Result<Self, WindowError> {
        if least > most {
            return Err(WindowError::Reversed { least, most });
        }
        if most < LEAST_BYTES || most > MOST_BYTES {
            return Err(WindowError::OutOfBounds { found: most });
        }
        if least < LEAST_BYTES {
            return Err(WindowError::OutOfBounds { found: least });
        }
        Ok(Self { least, most, strict: true })
    }

    /// At most `most` bytes, and not much less.
    ///
    /// # Errors
    /// [`WindowError::OutOfBounds`].
    pub const fn at_most(most: u64) -> Result<Self, WindowError> {
        if most < LEAST_BYTES || most > MOST_BYTES {
            return Err(WindowError::OutOfBounds { found: most });
        }
        Ok(Self { least: most / SHARE, most, strict: false })
    }

    /// The lower end, in bytes.
    pub const fn least(self) -> u64 {
        self.least
    }

    /// The upper end, in bytes.
    pub const fn most(self) -> u64 {
        self.most
    }

    /// Whether both ends were asked for, so that a shape beside them is an error and not a warning.
    pub const fn is_strict(self) -> bool {
        self.strict
    }

    /// Where a size lies.
    pub const fn fit(self, bytes: u64) -> Fit {
        if bytes > self.most {
            Fit::Above
        } else if bytes < self.least {
            Fit::Below
        } else {
            Fit::Inside
        }
    }
}

/// Where a chunk's size lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// Within the window.
    Inside,
    /// Smaller.
    Below,
    /// Larger.
    Above,
}

impl TryFrom<Document> for Window {
    type Error = WindowError;
    fn try_from(document: Document) -> Result<Self, WindowError> {
        match document {
            Document::Most(most) => Self::at_most(most),
            Document::Both { least, most } => Self::new(least, most),
        }
    }
}

impl From<Window> for Document {
    fn from(window: Window) -> Self {
        if !window.strict && window.least == window.most / SHARE {
            Self::Most(window.most)
        } else {
            Self::Both { least: window.least, most: window.most }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_survives_its_document() {
        for text in ["64000000", r#"{"least":10000000,"most":200000000}"#] {
            let window: Window = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&window).unwrap(), text);
        }
        let most: Window = serde_json::from_str("64000000").unwrap();
        assert_eq!((most.least(), most.most(), most.is_strict()), (8_000_000, 64_000_000, false));
    }

    #[test]
    fn a_window_that_cannot_be_says_the_nearest() {
        let error = |text: &str| serde_json::from_str::<Window>(text).unwrap_err().to_string();
        assert!(error("10").contains("expected 1000 to 2000000000 bytes; the nearest is 1000"));
        assert!(error(r#"{"least":5000,"most":2000}"#).contains("the nearest that can be is 2000:5000"));
        assert!(error("-5").contains("a number of bytes"));
        assert!(error(r#""big""#).contains("a number of bytes"));
    }

    #[test]
    fn sizes_lie_inside_or_beside() {
        let window = Window::default();
        assert_eq!(window.fit(9_999_999), Fit::Below);
        assert_eq!(window.fit(10_000_000), Fit::Inside);
        assert_eq!(window.fit(200_000_001), Fit::Above);
    }
}
