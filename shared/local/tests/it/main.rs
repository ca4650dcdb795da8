//! Whole runs on ports in memory that fail, lose, repeat, delay and stop at any call: what the verbs, the queues and the
//! drive promise together. A module names the faults it covers (F…) and the invariants it holds (I…).
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "the helpers of tests are test code too, outside of any function marked as one"
)]

mod bench;
mod dataset;
mod gate;
mod ports;
mod reader;
mod stack;

mod attempts;
mod cadence;
mod crash;
mod documents;
mod forged;
mod happy;
mod messages;
mod probe;
mod repair;
mod requests;
mod schedule;
mod source;
mod stack_faults;
mod stack_schedule;
mod stores;
mod tick;
mod writers;
