//! The commands against a deployed stack, from outside: an S3 endpoint with a stack's state bucket, what its functions
//! would have written there, and stand-ins for `CloudFormation` and `CloudWatch` Logs. Everything is on 127.0.0.1.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of tests are test code too, outside of any function marked as one"
)]

mod cloud;
#[path = "../../../shared/aws/tests/it/endpoint.rs"]
mod endpoint;
mod setup;

mod ending;
mod logs;
mod report;
mod stack;
mod status;
mod submit;
