//! The advisor on real shapes, and on any.
#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests are test code too, outside of any function marked as one"
)]

mod prism;
mod properties;
