use serde::Serialize;

use crate::{Axis, Fit, Last, Subject, Window};

/// Something about a chunk shape that a person should know.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Warning {
    /// A chunk lies outside the window.
    Size {
        /// Bytes of a chunk.
        bytes: u64,
        /// The window's end it lies beyond.
        bound: u64,
        /// On which side.
        side: Fit,
    },
    /// The last chunk along an axis is less than half full.
    Sliver {
        /// The dimension.
        dimension: String,
        /// Elements in the last chunk.
        length: u64,
        /// Elements in a full one.
        chunk: u64,
        /// The next smaller length that splits the axis evenly, and what that leaves.
        better: u64,
    },
    /// Source chunks are read more than once.
    Misaligned {
        /// How often each is read in all.
        times_read: f64,
    },
    /// A chunk takes more than one request.
    Split {
        /// How many.
        requests: u64,
        /// Bytes of uncompressed data that one may ask for.
        limit: u64,
    },
}

/// A last chunk with less than this share of a full one is hardly there.
pub(crate) const ALMOST_NOTHING: f64 = 0.1;
/// Below this share of a full chunk the last one is worth a word.
pub(crate) const HALF: f64 = 0.5;
/// Source chunks read again in less than this many cases in a hundred are not worth a word.
const OFTEN: f64 = 1.25;

impl Warning {
    /// Whether it is worse than a matter of taste.
    pub fn is_strong(&self) -> bool {
        match self {
            Self::Size { .. } => true,
            Self::Sliver { length, chunk, .. } => crate::real(*length) / crate::real(*chunk) < ALMOST_NOTHING,
            Self::Misaligned { times_read } => *times_read > 2.0,
            Self::Split { .. } => false,
        }
    }

    /// What it is, for people.
    pub fn words(&self) -> String {
        match self {
            Self::Size { bytes, bound, side: Fit::Above } => {
                let (size, bound) = (size(*bytes), size(*bound));
                format!("a chunk has {size}, more than the {bound} that readers' memory holds well")
            }
            Self::Size { bytes, bound, .. } => {
                let (size, bound) = (size(*bytes), size(*bound));
                format!("a chunk has {size}, less than {bound}: waiting and the number of objects will dominate")
            }
            Self::Sliver { dimension, length, chunk, better } => {
                let much = if self.is_strong() { "only " } else { "" };
                format!(
                    "along {dimension} the last chunk has {much}{length} of {chunk} elements; {better} would split it evenly"
                )
            }
            Self::Misaligned { times_read } => {
                format!("the server reads each of its own chunks {times_read:.1} times on average")
            }
            Self::Split { requests, limit } => {
                format!("each chunk is asked for in {requests} requests, since one may bring {} at most", size(*limit))
            }
        }
    }
}

/// Bytes for people, with three digits: `36.1 MB`.
fn size(bytes: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    let Some((unit, name)) = units.into_iter().find(|(unit, _)| bytes >= *unit) else {
        return format!("{bytes} bytes");
    };
    let value = crate::real(bytes) / crate::real(unit);
    match value {
        ..9.995 => format!("{value:.2} {name}"),
        ..99.95 => format!("{value:.1} {name}"),
        _ => format!("{value:.0} {name}"),
    }
}

/// What there is to say of a shape.
pub(crate) fn warnings(
    subject: &Subject,
    chunk: &[u64],
    last: &[Last],
    times_read: Option<f64>,
    requests: u64,
    limit: u64,
    window: Window,
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let bytes = subject.chunk_bytes(chunk);
    match window.fit(bytes) {
        Fit::Inside => {}
        // A small array that stands in one chunk could not be larger.
        Fit::Below if subject.bytes() <= bytes => {}
        Fit::Below => warnings.push(Warning::Size { bytes, bound: window.least(), side: Fit::Below }),
        Fit::Above => warnings.push(Warning::Size { bytes, bound: window.most(), side: Fit::Above }),
    }
    for ((axis, chunk), last) in subject.axes.iter().zip(chunk).zip(last) {
        if last.share < HALF {
            let (dimension, better) = (axis.name.clone(), even(axis, *chunk));
            warnings.push(Warning::Sliver { dimension, length: last.length, chunk: *chunk, better });
        }
    }
    if let Some(times_read) = times_read.filter(|times| *times > OFTEN) {
        warnings.push(Warning::Misaligned { times_read });
    }
    if requests > 1 {
        warnings.push(Warning::Split { requests, limit });
    }
    warnings
}

/// The length that makes as many chunks along the axis, all nearly alike.
fn even(axis: &Axis, chunk: u64) -> u64 {
    axis.size.div_ceil(axis.size.div_ceil(chunk.max(1)).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_as_people_read_them() {
        assert_eq!(["999 bytes", "1.00 kB", "36.1 MB", "2.00 GB"], [999, 1_000, 36_091_008, 2_000_000_000].map(size));
        let large = Warning::Size { bytes: 423_900_000, bound: 200_000_000, side: Fit::Above };
        assert_eq!(large.words(), "a chunk has 424 MB, more than the 200 MB that readers' memory holds well");
        let split = Warning::Split { requests: 5, limit: 100_000_000 };
        assert_eq!(split.words(), "each chunk is asked for in 5 requests, since one may bring 100 MB at most");
    }
}
