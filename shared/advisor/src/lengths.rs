//! Chunk lengths worth a look, axis by axis.

use cf::{Cadence, Role};

use crate::{
    Axis, Reads,
    axis::product,
    real,
    touched::{read_again, touched},
    warning::HALF,
};

/// A chunk length along one axis, with its part of every score: scores of a shape are products of these.
#[derive(Debug, Clone)]
pub(crate) struct Length {
    pub(crate) steps: u64,
    pub(crate) count: u64,
    /// Chunks touched, by read: a time series, a map, then each of the reads asked for.
    pub(crate) touched: Vec<f64>,
    /// How often a source chunk is read; 1 where the source does not tell.
    pub(crate) read_again: f64,
    /// Whether the last chunk is less than half full.
    pub(crate) sliver: bool,
    /// 0 if it cuts time into steps of the calendar, 1 into equal parts, 2 neither.
    pub(crate) irregular: u8,
}

/// Even splits that are all tried; above, each is a quarter more than the one before.
const EVERY_SPLIT: u64 = 16;
/// The same for axes that are neither time nor horizontal.
const FEW_SPLITS: u64 = 4;

impl Length {
    /// A length and what it scores, for reads that reach so far along the axis.
    pub(crate) fn of(axis: &Axis, steps: u64, reaches: &[u64]) -> Self {
        Self {
            steps,
            count: axis.size.div_ceil(steps),
            touched: reaches.iter().map(|reach| touched(axis.size, steps, *reach)).collect(),
            read_again: axis.source_chunk.map_or(1.0, |source| {
                let (sum, there) = read_again(axis.size, steps, source, axis.offset);
                real(sum) / real(there)
            }),
            sliver: !axis.size.is_multiple_of(steps) && real(axis.size % steps) / real(steps) < HALF,
            irregular: match (axis.role, axis.cadence) {
                (Role::Time, Some(cadence)) if on_the_calendar(cadence, steps) => 0,
                (Role::Time, _) if axis.size.is_multiple_of(steps) => 1,
                _ => 2,
            },
        }
    }
}

/// Lengths for each axis.
pub(crate) fn lengths(axes: &[Axis], extents: &[Vec<u64>]) -> Vec<Vec<Length>> {
    let lists = axes.iter().enumerate().map(|(position, axis)| {
        let reaches: Vec<u64> = extents.iter().map(|read| read.get(position).copied().unwrap_or(1)).collect();
        sizes(axis).into_iter().map(|steps| Length::of(axis, steps, &reaches)).collect()
    });
    lists.collect()
}

/// Whether people count time in steps of it: days, months, quarters; or whole years, where a year has a whole number of
/// steps.
fn on_the_calendar(cadence: Cadence, length: u64) -> bool {
    let year = cadence.per_year();
    let years = real(length) / year;
    (year.fract() == 0.0 && years.fract() == 0.0) || cadence.steps().contains(&length)
}

/// Lengths along one axis: the user's; else even splits, multiples of the source's chunk that split it evenly, steps of
/// the calendar, and divisors.
fn sizes(axis: &Axis) -> Vec<u64> {
    let size = axis.size.max(1);
    if let Some(chosen) = axis.chosen {
        return vec![chosen.clamp(1, size)];
    }
    let fine = matches!(axis.role, Role::Time | Role::Y | Role::X);
    let every = if fine { EVERY_SPLIT } else { FEW_SPLITS };
    let mut sizes = Vec::new();
    for parts in splits(size, every) {
        sizes.push(size.div_ceil(parts));
    }
    if let Some(source) = axis.source_chunk.filter(|source| (2..size).contains(source)) {
        let units = size.div_ceil(source);
        sizes.extend(splits(units, every).map(|parts| (units.div_ceil(parts) * source).min(size)));
    }
    if let Some(cadence) = axis.cadence {
        sizes.extend(cadence.steps().into_iter().filter(|steps| *steps <= size));
    }
    let divisors = (2..=64_u64).filter(|parts| size.is_multiple_of(*parts)).map(|parts| size / parts);
    sizes.extend(divisors.take(if fine { 24 } else { 4 }));
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

/// Numbers of parts to try: all small ones, then fewer and fewer, and single elements.
fn splits(size: u64, every: u64) -> impl Iterator<Item = u64> {
    let next = move |parts: &u64| Some(if *parts < every { parts + 1 } else { parts + (parts / 4).max(1) });
    std::iter::successors(Some(1), next).take_while(move |parts| *parts < size).chain([size])
}

/// Leaves lengths out until there are at most `most` shapes. First along axes that tell no read from another, where every
/// read takes one element or all: these keep one element, the source's chunk and the whole. Then every other length of the
/// longest list goes, but for its ends; and where there are too many axes even for two lengths, the fastest ones are whole.
pub(crate) fn thin(all: &mut [Vec<Length>], axes: &[Axis], extents: &[Vec<u64>], most: u64) {
    for (position, (lengths, axis)) in all.iter_mut().zip(axes).enumerate() {
        let mut reaches = extents.iter().filter_map(|read| read.get(position));
        let first = reaches.next().copied().unwrap_or(1);
        let idle = reaches.all(|reach| *reach == first) && (first == 1 || first >= axis.size);
        if idle {
            let kept = [1, axis.source_chunk.unwrap_or(1), axis.size];
            let chosen = axis.chosen.is_some();
            lengths.retain(|length| chosen || kept.contains(&length.steps));
        }
    }
    while product(all.iter().map(|lengths| lengths.len() as u64)) > most {
        // Of lists as long, the last: the fastest axis.
        let Some(longest) = all.iter_mut().max_by_key(|lengths| lengths.len()) else { return };
        let before = longest.len();
        let mut position = 0;
        longest.retain(|_| {
            position += 1;
            position == before || (before > 2 && (position == 1 || (before > 3 && position % 2 == 0)))
        });
    }
}

/// How far each read that ranks shapes reaches along each axis: a time series and a map first, then those asked for.
pub(crate) fn extents(axes: &[Axis], reads: &Reads) -> Vec<Vec<u64>> {
    let ends = [crate::Pattern::TimeSeries, crate::Pattern::Map];
    let patterns = ends.iter().chain(reads.iter().map(|read| &read.pattern));
    patterns.map(|pattern| pattern.extents(axes)).collect()
}
