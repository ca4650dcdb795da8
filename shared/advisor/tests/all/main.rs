//! The advisor on real shapes, and on any.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "the helpers of tests are test code too, outside of any function marked as one"
)]

mod best;
mod prism;
mod properties;
