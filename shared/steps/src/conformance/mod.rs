//! One suite for each port: what every implementation must do, in memory, in a folder, on S3. An implementation's tests
//! call these; they panic with what was expected and found.
#![expect(clippy::unwrap_used, clippy::panic, reason = "this module is a test that lives where others can call it")]

mod queue;
mod source;
mod store;

pub use queue::queue;
pub use source::{Served, source};
pub use store::{Kind, store};
