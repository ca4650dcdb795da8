//! Which chunks suit a dataset's readers, and what a conversion costs.
//!
//! This crate answers one question: of all the ways to cut an array, which serves the reads that were asked for? It
//! knows arrays by the lengths of their axes, reads by how far they reach along each, and a reader by latency and
//! bandwidth; every score follows from these by a stated rule. It is arithmetic: no clock, no file, no network, and the
//! same question has the same answer.
//!
//! [`advise`] proposes: it enumerates shapes ([`Axis`] by axis), keeps those within the [`Window`], scores them against
//! the [`Reads`], and ranks. [`score`] judges one shape, such as a user's own. [`shards`] says whether a second, finer
//! grid inside the chunks would help. [`estimate`] turns a plan's totals into seconds and dollars.

mod axis;
mod candidates;
mod estimate;
mod lengths;
mod prices;
mod read;
mod reader;
mod score;
mod search;
mod shards;
mod touched;
mod warning;
mod window;

pub use axis::{Axis, Subject};
pub use estimate::{Dollars, Estimate, SourceSpeed, Work, Workers, estimate};
pub use prices::Prices;
pub use read::{Extent, Pattern, Read, Reads, ReadsError};
pub use reader::{Reader, ReaderError};
pub use score::{Alignment, Last, ReadCost, Score, Terms, pieces, score};
pub use search::{BestFor, Choice, NoShape, Point, Ranked, advise};
pub use shards::{Sharding, shards};
pub use warning::Warning;
pub use window::{Fit, LEAST_BYTES, MOST_BYTES, Window, WindowError};

/// A count as a number with a fraction: exact below 2^53, and close enough for a score above.
#[expect(clippy::cast_precision_loss, reason = "scores are for comparison and for people")]
pub(crate) const fn real(count: u64) -> f64 {
    count as f64
}

/// `1,470`: for people.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.char_indices() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_are_told_apart() {
        let texts = [0, 999, 1_000, 1_234_567].map(super::count);
        assert_eq!(texts, ["0", "999", "1,000", "1,234,567"]);
    }
}
