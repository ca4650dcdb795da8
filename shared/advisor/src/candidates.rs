//! Chunk shapes worth a look.

use cf::Role;

use crate::{
    Axis, Fit, Subject, Terms,
    axis::product,
    lengths::{Length, extents, lengths, thin},
    real,
};

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
    pub(crate) irregular: u8,
    pub(crate) requests: u64,
}

/// Axes whose lengths are refined together, two at a time.
const REFINED_AXES: usize = 3;

/// Shapes whose size is accepted: a coarse look at all, then a fine one around the best for the reads asked for, for time
/// series and for maps. Each once.
pub(crate) fn candidates(subject: &Subject, terms: &Terms<'_>, accept: impl Fn(u64) -> bool) -> Vec<Candidate> {
    let axes = &subject.axes;
    let extents = extents(axes, terms.reads);
    let fine = lengths(axes, &extents);
    let mut coarse = fine.clone();
    thin(&mut coarse, axes, &extents, terms.shapes);
    let weights: Vec<f64> = terms.reads.iter().map(crate::Read::weight).collect();
    let look = |lists: &[&[Length]], found: &mut Vec<Candidate>| {
        walk(lists, &mut Vec::with_capacity(axes.len()), &mut |picked| {
            let bytes = product(picked.iter().map(|length| length.steps)).saturating_mul(subject.element_bytes);
            if accept(bytes) && square(axes, picked) {
                found.push(candidate(picked, bytes, subject.wire_bytes, terms, &weights));
            }
        });
    };
    let mut found = Vec::new();
    look(&coarse.iter().map(Vec::as_slice).collect::<Vec<_>>(), &mut found);
    let best = |cost: fn(&Candidate) -> f64| {
        let first = found.iter().min_by(|a, b| cost(a).total_cmp(&cost(b)).then_with(|| a.chunk.cmp(&b.chunk)));
        first.map(|candidate| candidate.chunk.clone())
    };
    let mut starts: Vec<Vec<u64>> =
        [best(|c| c.cost_s), best(|c| c.series_s), best(|c| c.map_s)].into_iter().flatten().collect();
    starts.dedup();
    let mut longest: Vec<usize> = (0..axes.len()).collect();
    longest.sort_by_key(|at| std::cmp::Reverse(coarse.get(*at).map_or(0, Vec::len)));
    longest.truncate(REFINED_AXES);
    // As many again at most: where there are many arrays, none is refined.
    let mut left = terms.shapes;
    for start in &starts {
        for (position, one) in longest.iter().enumerate() {
            for two in longest.iter().skip(position + 1) {
                let lists: Vec<&[Length]> = fine
                    .iter()
                    .zip(start)
                    .enumerate()
                    .map(
                        |(at, (list, steps))| {
                            if at == *one || at == *two { list.as_slice() } else { exactly(list, *steps) }
                        },
                    )
                    .collect();
                let shapes = product(lists.iter().map(|list| list.len() as u64));
                if shapes <= left {
                    left -= shapes;
                    look(&lists, &mut found);
                }
            }
        }
    }
    found.sort_by(|a, b| a.chunk.cmp(&b.chunk));
    found.dedup_by(|a, b| a.chunk == b.chunk);
    found
}

/// The one length of a list.
fn exactly(list: &[Length], steps: u64) -> &[Length] {
    let at = list.iter().position(|length| length.steps == steps).unwrap_or(0);
    list.get(at..=at).unwrap_or_default()
}

/// A shape within the window although no candidate is: all lengths but one from the lists, that one as long as it has to be.
pub(crate) fn exact(subject: &Subject, terms: &Terms<'_>) -> Option<Candidate> {
    let axes = &subject.axes;
    let extents = extents(axes, terms.reads);
    let mut lists = lengths(axes, &extents);
    thin(&mut lists, axes, &extents, terms.shapes);
    let weights: Vec<f64> = terms.reads.iter().map(crate::Read::weight).collect();
    let reaches = |at: usize| -> Vec<u64> { extents.iter().filter_map(|read| read.get(at).copied()).collect() };
    let mut found: Option<Candidate> = None;
    for (at, axis) in axes.iter().enumerate().filter(|(_, axis)| axis.chosen.is_none()) {
        let others: Vec<&[Length]> = lists
            .iter()
            .enumerate()
            .map(|(other, list)| if other == at { exactly(list, axis.size) } else { list.as_slice() })
            .collect();
        walk(&others, &mut Vec::new(), &mut |picked| {
            let rest = picked.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, length)| length.steps);
            let row = product(rest).saturating_mul(subject.element_bytes).max(1);
            let steps = (terms.window.most() / row).min(axis.size);
            let bytes = steps.saturating_mul(row);
            if steps == 0 || terms.window.fit(bytes) != Fit::Inside {
                return;
            }
            let length = Length::of(axis, steps, &reaches(at));
            let picked: Vec<&Length> =
                picked.iter().enumerate().map(|(other, list)| if other == at { &length } else { *list }).collect();
            let candidate = candidate(&picked, bytes, subject.wire_bytes, terms, &weights);
            if found.as_ref().is_none_or(|found| candidate.cost_s < found.cost_s) {
                found = Some(candidate);
            }
        });
    }
    found.or_else(|| {
        let lists: Vec<Length> = axes
            .iter()
            .enumerate()
            .zip(slab(subject, terms.window.most()))
            .map(|((at, axis), steps)| Length::of(axis, steps, &reaches(at)))
            .collect();
        let bytes = product(lists.iter().map(|length| length.steps)).saturating_mul(subject.element_bytes);
        let picked: Vec<&Length> = lists.iter().collect();
        let inside = terms.window.fit(bytes) == Fit::Inside;
        inside.then(|| candidate(&picked, bytes, subject.wire_bytes, terms, &weights))
    })
}

/// The largest block of at most so many bytes that is contiguous in C order, but for lengths that the user chose: slow axes
/// are cut to one element until the rest fits.
fn slab(subject: &Subject, most: u64) -> Vec<u64> {
    let mut chunk: Vec<u64> =
        subject.axes.iter().map(|axis| axis.chosen.unwrap_or(axis.size).clamp(1, axis.size.max(1))).collect();
    for (at, axis) in subject.axes.iter().enumerate().filter(|(_, axis)| axis.chosen.is_none()) {
        let bytes = subject.chunk_bytes(&chunk);
        if bytes <= most {
            break;
        }
        if let Some(length) = chunk.get_mut(at) {
            *length = 1;
        }
        let row = subject.chunk_bytes(&chunk).max(1);
        if let Some(length) = chunk.get_mut(at) {
            *length = (most / row).clamp(1, axis.size.max(1));
        }
    }
    chunk
}

fn walk<'a>(lengths: &[&'a [Length]], picked: &mut Vec<&'a Length>, visit: &mut impl FnMut(&[&'a Length])) {
    let Some((first, rest)) = lengths.split_first() else {
        visit(picked);
        return;
    };
    for length in *first {
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

fn candidate(picked: &[&Length], bytes: u64, wire_bytes: u64, terms: &Terms<'_>, weights: &[f64]) -> Candidate {
    let chunk: Vec<u64> = picked.iter().map(|length| length.steps).collect();
    let each = terms.reader.chunk_s(bytes);
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
        irregular: picked.iter().map(|length| length.irregular).min().unwrap_or(2),
        requests: crate::score::pieces(&chunk, wire_bytes, terms.request_bytes),
        chunk,
    }
}
