//! The crate from outside: against an endpoint that keeps objects, against servers that refuse and lie, and in
//! environments of many kinds. Everything is on 127.0.0.1.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "the helpers of tests are test code too, outside of any function marked as one"
)]

mod endpoint;
mod environment;
mod faults;
mod localstack;
mod s3s;
mod scripted;
mod secrets;
mod sqs;
mod targets;
mod versions;
