use serde::{Deserialize, Serialize};

/// What a reader of the dataset has to wait for. Integers, so that a request that holds it has one digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reader {
    /// Milliseconds until a GET's first byte. Default 200: AWS's S3 performance guide speaks of 100 to 200 ms.
    pub latency_ms: u32,
    /// Bytes of uncompressed data a second in one GET. Default 180 MB: the same guide's 85 to 90 MB/s for a connection,
    /// divided by the 0.49 that the default codec leaves of a byte.
    pub bytes_per_second: u64,
    /// GETs at a time where several are sent at once. Default 8.
    pub at_once: u32,
}

impl Default for Reader {
    fn default() -> Self {
        Self { latency_ms: 200, bytes_per_second: 180_000_000, at_once: 8 }
    }
}

/// Why a reader cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`reader.{field}` is {found}, expected {expected}; the nearest is {nearest}")]
pub struct ReaderError {
    field: &'static str,
    found: u64,
    expected: &'static str,
    nearest: u64,
}

impl Reader {
    /// Checks the numbers: a latency up to a minute, at least a byte a second, 1 to 10,000 GETs at once.
    ///
    /// # Errors
    /// [`ReaderError`] with the nearest number that can be.
    pub fn check(self) -> Result<(), ReaderError> {
        let bounds = |field, found: u64, least: u64, most: u64, expected| {
            let nearest = found.clamp(least, most);
            if nearest == found { Ok(()) } else { Err(ReaderError { field, found, expected, nearest }) }
        };
        bounds("latency_ms", self.latency_ms.into(), 0, 60_000, "0 to 60000 milliseconds")?;
        bounds("bytes_per_second", self.bytes_per_second, 1_000, 1_000_000_000_000, "1000 to 1000000000000")?;
        bounds("at_once", self.at_once.into(), 1, 10_000, "1 to 10000")
    }

    /// Seconds until a GET's first byte.
    pub fn latency_s(self) -> f64 {
        f64::from(self.latency_ms) / 1000.0
    }

    /// Seconds for one chunk of so many bytes.
    pub fn chunk_s(self, bytes: u64) -> f64 {
        self.latency_s() + crate::real(bytes) / crate::real(self.bytes_per_second.max(1))
    }
}
