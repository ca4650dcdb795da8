use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

/// What an object says of itself besides its bytes: short ASCII keys and values.
pub type Metadata = BTreeMap<String, String>;

/// Objects under keys: a bucket's prefix, or a folder.
///
/// Keys are relative, `/`-separated, never empty, and hold no empty, `.` or `..` segment. A PUT is whole or not at all: no
/// reader ever sees half an object. What was acknowledged is seen by every later call. `crate::conformance::store` is
/// the test of all this.
#[async_trait]
pub trait Store: Send + Sync + std::fmt::Debug {
    /// Writes an object, whatever was there, and returns the endpoint's `ETag` if it has one.
    ///
    /// # Errors
    /// See [`StoreError`].
    async fn put(&self, key: &str, bytes: Bytes, metadata: &Metadata) -> Result<Option<String>, StoreError>;

    /// Writes an object only if there is none of that key. `false`: there is one, nothing was written.
    ///
    /// # Errors
    /// See [`StoreError`].
    async fn put_new(&self, key: &str, bytes: Bytes) -> Result<bool, StoreError>;

    /// Writes an object only if the one there has this `ETag`. `false`: it has not, nothing was written.
    ///
    /// # Errors
    /// See [`StoreError`].
    async fn put_if_match(&self, key: &str, bytes: Bytes, etag: &str) -> Result<bool, StoreError>;

    /// An object, or nothing.
    ///
    /// # Errors
    /// See [`StoreError`].
    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError>;

    /// What is known of an object without reading it, or nothing if there is none.
    ///
    /// # Errors
    /// See [`StoreError`].
    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError>;

    /// Every object whose key begins with `prefix`, sorted by key. An empty prefix lists everything.
    ///
    /// # Errors
    /// See [`StoreError`].
    async fn list(&self, prefix: &str) -> Result<Vec<Entry>, StoreError>;

    /// Removes an object; that there is none is no error.
    ///
    /// # Errors
    /// See [`StoreError`].
    async fn delete(&self, key: &str) -> Result<(), StoreError>;
}

/// An object as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its bytes.
    pub bytes: Bytes,
    /// What [`Store::put_if_match`] takes; opaque.
    pub etag: Option<String>,
    /// Names this version of the object where the store keeps versions (a versioned bucket); opaque.
    pub version: Option<String>,
    /// When it was written, to the second at least, where the store says.
    pub modified: Option<Timestamp>,
}

/// An object without its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// Length in bytes.
    pub length: u64,
    /// Opaque; some stores have none.
    pub etag: Option<String>,
    /// As in [`Object::version`].
    pub version: Option<String>,
    /// As it was given to [`Store::put`]; empty where the store keeps none (a folder).
    pub metadata: Metadata,
}

/// One line of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Length in bytes.
    pub length: u64,
    /// Opaque; some listings have none.
    pub etag: Option<String>,
    /// As in [`Object::modified`].
    pub modified: Option<Timestamp>,
}

/// Why a store did not do what it was asked. The message names the place and the operation, says what was expected and
/// found, and holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Worth another attempt: no connection, a time-out, 5xx, 409, a digest that did not match.
    #[error("{message}")]
    Transient {
        /// What happened.
        message: String,
        /// How long the endpoint asked us to wait.
        retry_after: Option<Duration>,
    },
    /// The bucket or the folder does not exist.
    #[error("{message}")]
    Missing {
        /// What happened.
        message: String,
    },
    /// Credentials are missing or refused, or do not allow this.
    #[error("{message}")]
    Denied {
        /// What happened.
        message: String,
    },
    /// No room left.
    #[error("{message}")]
    Full {
        /// What happened.
        message: String,
    },
    /// Anything else that another attempt would not change.
    #[error("{message}")]
    Refused {
        /// What happened.
        message: String,
    },
}

impl StoreError {
    /// Whether another attempt may succeed.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Transient { .. })
    }

    /// How long the endpoint asked us to wait.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Transient { retry_after, .. } => *retry_after,
            Self::Missing { .. } | Self::Denied { .. } | Self::Full { .. } | Self::Refused { .. } => None,
        }
    }
}
