//! The three handlers on ports in memory.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers of tests are test code too, outside of any function marked as one"
)]

mod chunk;
mod configuration;
mod finalizer;
mod planner;
mod ports;
