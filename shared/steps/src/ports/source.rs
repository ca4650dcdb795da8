use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use dap::{BodyError, Query};
use run::{Reason, SourceUrl};

use crate::Deadline;

/// One of the documents in which a DAP2 server describes a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Document {
    /// Structure: variables, types, dimensions.
    Dds,
    /// Attributes.
    Das,
}

impl Document {
    /// The suffix of its URL, dot included.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Dds => ".dds",
            Self::Das => ".das",
        }
    }

    /// Its name in the state store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dds => "dds",
            Self::Das => "das",
        }
    }
}

/// Takes a response's body as it comes.
pub trait Sink: Send {
    /// The next bytes, content encoding undone.
    ///
    /// # Errors
    /// [`BodyError`] when the body is not what was asked for: the source stops reading.
    fn feed(&mut self, bytes: &[u8]) -> Result<(), BodyError>;
}

/// OPeNDAP servers. One call is one request: whoever calls decides about another attempt.
///
/// An implementation keeps the number of requests in flight per host below its cap, waiting where needed; the time a
/// caller waits for its turn is not counted against the server.
#[async_trait]
pub trait Source: Send + Sync + std::fmt::Debug {
    /// A document, whole.
    ///
    /// # Errors
    /// See [`SourceError`].
    async fn document(&self, url: &SourceUrl, document: Document, deadline: Deadline) -> Result<Bytes, SourceError>;

    /// The body of one constrained data request, fed to `sink` piece by piece.
    ///
    /// # Errors
    /// See [`SourceError`]. The sink may have taken part of the body by then.
    async fn fetch(
        &self,
        url: &SourceUrl,
        query: &Query,
        sink: &mut dyn Sink,
        deadline: Deadline,
    ) -> Result<(), SourceError>;
}

/// Why a request to a source did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Worth another attempt: no connection, a time-out, 429, 5xx, a body that was cut.
    #[error("{reason}")]
    Transient {
        /// What happened, for when there is no further attempt.
        reason: Reason,
        /// How long the server asked us to wait.
        retry_after: Option<Duration>,
    },
    /// Another attempt would not change it.
    #[error("{0}")]
    Permanent(Reason),
    /// The request is larger than the server allows.
    #[error("{reason}")]
    TooLarge {
        /// The server's limit in bytes, where it says.
        limit_bytes: Option<u64>,
        /// The server's words.
        reason: Reason,
    },
    /// The sink refused the body.
    #[error(transparent)]
    Body(#[from] BodyError),
}
