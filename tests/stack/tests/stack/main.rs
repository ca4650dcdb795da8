//! The deployed stack: the real template on LocalStack, driven as users drive it.
//!
//! `scripts/stack-tests.sh` starts LocalStack, deploys the stacks and runs these tests; without it each of them says
//! loudly that it was skipped. They share three stacks and run side by side, so each has a source of its own and writes
//! below a prefix of its own.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    reason = "the helpers of tests are test code too, outside of any function marked as one"
)]

#[path = "../../../../shared/aws/tests/it/endpoint.rs"]
mod endpoint;
mod proxy;
mod setup;

mod bad_input;
mod cancelled;
mod dead_letter;
mod elsewhere;
mod events;
mod many;
mod memory;
mod overwritten;
mod published;
