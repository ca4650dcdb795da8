//! The whole command, from outside: against the test DAP server with its faults, folders and an S3 endpoint, and against
//! real files behind a server that is not ours. Everything is on 127.0.0.1.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "the helpers of tests are test code too, outside of any function marked as one"
)]

#[path = "../../../../shared/aws/tests/it/endpoint.rs"]
mod endpoint;
mod setup;

mod advice;
mod bad_input;
mod decode;
mod faults;
mod interruption;
mod memory;
mod output;
mod real_files;
mod repeatable;
mod s3;
