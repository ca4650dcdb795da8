//! What a stack keeps on AWS, and on what speaks its protocols: objects ([`Store`](steps::ports::Store) on S3), messages
//! ([`Queue`](steps::ports::Queue) on SQS) and keys (Secrets Manager).
//!
//! This crate answers one question: how is an object or a message of ours kept there? It builds the clients (timeouts,
//! checksums, addressing), finds the credentials, and turns every answer into a value or an error
//! ([`StoreError`](steps::ports::StoreError), [`QueueError`](steps::ports::QueueError)) that says what to do next.
//! It makes one attempt at each request of a store: attempts, pauses and budgets belong to the verbs. Those of queues and
//! secrets it tries a few times, since nobody above does.
//!
//! A *custom endpoint* (anything given by URL) is not AWS: it gets path-style addresses, a `Content-MD5` in place of AWS's
//! newer checksums, and keys from the environment, a profile or a secret, never those that AWS hands out to a role by a
//! call.
//!
//! A deployed stack makes everything from one [`Aws`], and opens what requests name by [`StackTargets`], which refuses
//! whatever its operator did not set:
//!
//! ```no_run
//! use aws::{Aws, StackTarget, StackTargets};
//! use steps::ports::{Queue, Targets};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let aws = Aws::from_environment().await?;
//! let state = aws.store("state-bucket", "");
//! let chunks = aws.queue("https://sqs.eu-west-1.amazonaws.com/123456789012/chunks")?;
//! let allowed = StackTarget { bucket: "datasets".to_owned(), ..StackTarget::default() };
//! let targets = StackTargets::new(allowed, "state-bucket", aws)?;
//! let target = targets.open(&run::Target::s3("s3://datasets/sst.zarr", None, None)?).await?;
//! chunks.send(&["a message".to_owned()]).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A store alone:
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

mod attempts;
mod body;
mod client;
mod credentials;
mod error;
mod fault;
mod list;
mod options;
mod place;
mod probe;
mod renewing;
mod secret;
mod services;
mod sqs;
mod store;
mod targets;

pub use client::put_timeout;
pub use credentials::Keys;
pub use options::{S3Options, endpoint_from_environment, endpoint_from_profile, state_endpoint_from_environment};
pub use services::Aws;
pub use sqs::SqsQueue;
pub use store::S3Store;
pub use targets::{StackTarget, StackTargets};
