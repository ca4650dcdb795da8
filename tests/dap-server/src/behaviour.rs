//! How the server behaves: slow, strict, limited, broken, changing.

use std::time::Duration;

use crate::dataset::Dataset;
use crate::fault::Fault;

/// How many data requests are answered at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// At most so many.
    pub requests: u64,
    /// The others wait (`true`) or get 503 (`false`).
    pub queue: bool,
}

/// What becomes of a dataset while it is being read.
#[derive(Clone, Debug)]
pub enum Change {
    /// Every dataset's globals gain `String history "changed"`.
    Attribute,
    /// The last byte of every data body is another.
    Value,
    /// This dataset takes the place of the one with its name.
    Replace(Box<Dataset>),
}

/// The switches. The default is a fast server without faults.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// Waits so long before the first byte of every answer.
    pub latency: Duration,
    /// Sends a body no faster than this.
    pub bytes_per_second: Option<u64>,
    /// Data requests at a time.
    pub limit: Option<Limit>,
    /// Sends chunked bodies, without Content-Length.
    pub chunked: bool,
    /// Bytes made and sent at a time.
    pub piece_bytes: usize,
    /// 400 for `[` and `]` in a query, as Tomcat answers.
    pub refuse_raw_brackets: bool,
    /// 404 for `%5B` and `%5D` in a query, as IRI answers.
    pub refuse_encoded_brackets: bool,
    /// 403 for data requests larger than this uncompressed, as THREDDS answers (its default is 500,000,000).
    pub max_request_bytes: Option<u64>,
    /// The first fault that strikes wins, and those behind it do not count the request.
    pub faults: Vec<Fault>,
    /// After so many requests for DDS, DAS or data, this changes.
    pub change_after: Option<(u64, Change)>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            bytes_per_second: None,
            limit: None,
            chunked: false,
            piece_bytes: 256 * 1024,
            refuse_raw_brackets: false,
            refuse_encoded_brackets: false,
            max_request_bytes: None,
            faults: Vec::new(),
            change_after: None,
        }
    }
}

impl Behaviour {
    /// With this fault behind the others.
    #[must_use]
    pub fn with(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }
}
