//! The [`Store`](steps::ports::Store) port on S3 and on endpoints that speak its protocol.
//!
//! This crate answers one question: how is an object of ours kept in a bucket? It builds the client (timeouts, checksums,
//! addressing), finds the credentials, and turns every answer into a value or a [`StoreError`](steps::ports::StoreError)
//! that says what to do next. It makes one attempt at each request: attempts, pauses and budgets belong to the verbs.
//!
//! A *custom endpoint* (anything given by URL) is not AWS: it gets path-style addresses, a `Content-MD5` in place of AWS's
//! newer checksums, and keys from the environment or a profile, never those of a role.
//!
//! ```no_run
//! use aws::{S3Options, S3Store, endpoint_from_environment};
//! use steps::ports::Store;
//!
//! # async fn example() -> Result<(), steps::ports::StoreError> {
//! let endpoint_url = endpoint_from_environment(|name| std::env::var(name).ok());
//! let store = S3Store::open("my-bucket", "sst.zarr", &S3Options { endpoint_url, ..S3Options::default() }).await?;
//! store.check().await?;
//! let metadata = store.get("zarr.json").await?;
//! # Ok(())
//! # }
//! ```

mod body;
mod client;
mod credentials;
mod error;
mod list;
mod options;
mod place;
mod probe;
mod store;

pub use client::put_timeout;
pub use credentials::Keys;
pub use options::{S3Options, endpoint_from_environment, endpoint_from_profile, state_endpoint_from_environment};
pub use store::S3Store;
