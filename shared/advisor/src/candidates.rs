//! Chunk lengths worth a look, axis by axis.

use cf::{Cadence, Role};

use crate::{
    Axis, Reader, Reads, Terms,
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
    /// Whether people count time in steps of it.
    pub(crate) calendar: bool,
}

/// Shapes looked at for one array: enough for a good one, few enough for hundreds of arrays in a second.
const MOST_SHAPES: u64 = 30_000;
/// Even splits that are all tried; above, each is a quarter more than the one before.
const EVERY_SPLIT: u64 = 16;
/// The same for axes that are neither time nor horizontal.
const FEW_SPLITS: u64 = 4;

/// Lengths for each axis.
pub(crate) fn lengths(axes: &[Axis], extents: &[Vec<u64>]) -> Vec<Vec<Length>> {
    let mut all: Vec<Vec<Length>> = axes
        .iter()
        .enumerate()
        .map(|(position, axis)| {
            let reach = |read: &Vec<u64>| read.get(position).copied().unwrap_or(1);
            let of = |length: u64| Length {
                steps: length,
                count: axis.size.div_ceil(length),
                touched: extents.iter().map(|read| touched(axis.size, length, reach(read))).collect(),
                read_again: axis.source_chunk.map_or(1.0, |source| {
                    let (sum, there) = read_again(axis.size, length, source, axis.offset);
                    real(sum) / real(there)
                }),
                sliver: axis.size % length != 0 && real(axis.size % length) / real(length) < HALF,
                calendar: axis.cadence.is_some_and(|cadence| on_the_calendar(cadence, length)),
            };
            sizes(axis).into_iter().map(of).collect()
        })
        .collect();
    thin(&mut all);
    all
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

/// Leaves lengths out until the shapes are few enough: every other one of the longest list, but for its ends and those
/// that lie on the source's chunks or the calendar's steps, as long as there are others.
fn thin(all: &mut [Vec<Length>]) {
    while product(all.iter().map(|lengths| lengths.len() as u64)) > MOST_SHAPES {
        let Some(longest) = all.iter_mut().max_by_key(|lengths| lengths.len()).filter(|longest| longest.len() > 2)
        else {
            return;
        };
        let before = longest.len();
        let mut position = 0;
        longest.retain(|length| {
            position += 1;
            let end = position == 1 || position == before;
            end || length.calendar
                || (length.read_again <= 1.0 && !length.sliver && position % 3 != 0)
                || position % 2 == 0
        });
        if longest.len() == before {
            let mut position = 0;
            longest.retain(|_| {
                position += 1;
                position == 1 || position == before || position % 2 == 0
            });
        }
    }
}

/// How far each read that ranks shapes reaches along each axis: a time series and a map first, then those asked for.
pub(crate) fn extents(axes: &[Axis], reads: &Reads) -> Vec<Vec<u64>> {
    let ends = [crate::Pattern::TimeSeries, crate::Pattern::Map];
    let patterns = ends.iter().chain(reads.iter().map(|read| &read.pattern));
    patterns.map(|pattern| pattern.extents(axes)).collect()
}

/// A shape by its lengths' positions, and what it costs.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) chunk: Vec<u64>,
    pub(crate) bytes: u64,
    pub(crate) chunks: u64,
    /// Seconds of a time series and of a map.
    pub(crate) series_s: f64,
    pub(crate) map_s: f64,
    /// Seconds of the reads asked for, by weight.
    pub(crate) cost_s: f64,
    pub(crate) read_again: f64,
    pub(crate) slivers: u32,
    pub(crate) calendar: bool,
    pub(crate) requests: u64,
}

/// Every shape of the lengths whose size is accepted.
pub(crate) fn candidates(
    axes: &[Axis],
    element_bytes: u64,
    wire_bytes: u64,
    terms: &Terms<'_>,
    accept: impl Fn(u64) -> bool,
) -> Vec<Candidate> {
    let extents = extents(axes, terms.reads);
    let lengths = lengths(axes, &extents);
    let weights: Vec<f64> = terms.reads.iter().map(crate::Read::weight).collect();
    let mut found = Vec::new();
    let mut picked: Vec<&Length> = Vec::with_capacity(axes.len());
    walk(&lengths, &mut picked, &mut |picked| {
        if !square(axes, picked) {
            return;
        }
        let bytes = product(picked.iter().map(|length| length.steps)).saturating_mul(element_bytes);
        if accept(bytes) {
            found.push(candidate(picked, bytes, wire_bytes, terms.reader, terms.request_bytes, &weights));
        }
    });
    found
}

fn walk<'a>(lengths: &'a [Vec<Length>], picked: &mut Vec<&'a Length>, visit: &mut impl FnMut(&[&'a Length])) {
    let Some((first, rest)) = lengths.split_first() else {
        visit(picked);
        return;
    };
    for length in first {
        picked.push(length);
        walk(rest, picked, visit);
        picked.pop();
    }
}

/// Tiles of a map are square in grid cells, roughly, or span the whole axis on one side: a window somewhere costs least
/// then. Lengths that the user chose are not argued with.
fn square(axes: &[Axis], picked: &[&Length]) -> bool {
    const LONGEST: f64 = 2.5;
    let of = |role: Role| {
        let mut along = axes.iter().zip(picked).filter(move |(axis, _)| axis.role == role);
        let first = along.next()?;
        along.next().is_none().then_some(first)
    };
    let (Some((y, height)), Some((x, width))) = (of(Role::Y), of(Role::X)) else { return true };
    if y.chosen.is_some() || x.chosen.is_some() {
        return true;
    }
    let whole = |axis: &Axis, length: &Length| length.steps >= axis.size;
    let ratio = real(height.steps) / real(width.steps);
    if ratio > LONGEST {
        whole(x, width)
    } else if ratio < 1.0 / LONGEST {
        whole(y, height)
    } else {
        true
    }
}

fn candidate(
    picked: &[&Length],
    bytes: u64,
    wire_bytes: u64,
    reader: Reader,
    request_bytes: u64,
    weights: &[f64],
) -> Candidate {
    let chunk: Vec<u64> = picked.iter().map(|length| length.steps).collect();
    let each = reader.chunk_s(bytes);
    let seconds = |read: usize| {
        picked.iter().map(|length| length.touched.get(read).copied().unwrap_or(1.0)).product::<f64>() * each
    };
    Candidate {
        bytes,
        chunks: product(picked.iter().map(|length| length.count)),
        series_s: seconds(0),
        map_s: seconds(1),
        cost_s: weights.iter().enumerate().map(|(read, weight)| weight * seconds(read + 2)).sum(),
        read_again: picked.iter().map(|length| length.read_again).product(),
        slivers: picked.iter().map(|length| u32::from(length.sliver)).sum(),
        calendar: picked.iter().any(|length| length.calendar),
        requests: crate::score::pieces(&chunk, wire_bytes, request_bytes),
        chunk,
    }
}
