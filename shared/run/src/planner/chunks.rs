//! The chunk shapes of a plan: one choice for all arrays over the same dimensions.

use std::collections::BTreeMap;

use advisor::{Subject, Terms};

use super::{Draft, PlanError};
use crate::{Request, advice::Group};

/// Dimensions by name, with their sizes and what the user chose.
type Lengths = Vec<(String, u64, Option<u64>)>;

/// Arrays over the same dimensions share a grid, so that a reader who combines them reads whole chunks of each. The
/// chunks are chosen for the largest type among them, and by the source's chunks of the largest of them: both then fit.
/// Larger groups choose first; smaller ones prefer the lengths along dimensions they share.
pub(super) fn choose(request: &Request, drafts: &mut [Draft<'_>]) -> Result<Vec<Group>, PlanError> {
    let mut groups: Vec<(Subject, Vec<usize>)> = Vec::new();
    let mut known: BTreeMap<(u64, Lengths), usize> = BTreeMap::new();
    let mut order: Vec<usize> = (0..drafts.len()).collect();
    // Stable: arrays of one size stay in the source's order.
    order.sort_by_key(|at| std::cmp::Reverse(drafts.get(*at).map_or(0, |draft| draft.subject.bytes())));
    for at in order {
        let Some(draft) = drafts.get(at).filter(|draft| !draft.is_one_chunk()) else { continue };
        let axes = &draft.subject.axes;
        let lengths = axes.iter().map(|axis| (axis.name.clone(), axis.size, axis.chosen)).collect();
        // Both bounds of a window that was asked for hold for every type, and then one grid may not do for all.
        let width = if request.chunk_bytes.is_strict() { draft.subject.element_bytes } else { 0 };
        let key: (u64, Lengths) = (width, lengths);
        let group = *known.entry(key).or_insert(groups.len());
        match groups.get_mut(group) {
            Some((subject, members)) => {
                join(subject, &draft.subject);
                members.push(at);
            }
            None => groups.push((draft.subject.clone(), vec![at])),
        }
    }
    let terms = terms(request, groups.len());
    let mut chosen = Vec::new();
    let mut lengths: BTreeMap<String, u64> = BTreeMap::new();
    for (subject, members) in groups {
        let names: Vec<String> =
            members.iter().filter_map(|at| drafts.get(*at)).map(|draft| draft.variable.name.clone()).collect();
        let advised = advisor::advise(&subject, &terms, &|name| lengths.get(name).copied());
        let choice = advised.map_err(|source| PlanError::NoShape { array: first(&names), source })?;
        let Some(proposed) = choice.first().cloned() else { continue };
        for (axis, length) in subject.axes.iter().zip(&proposed.chunk) {
            lengths.entry(axis.name.clone()).or_insert(*length);
        }
        for at in &members {
            if let Some(draft) = drafts.get_mut(*at) {
                draft.chunk.clone_from(&proposed.chunk);
            }
        }
        chosen.push(Group::new(names, subject, choice, proposed, &terms, request.format));
    }
    Ok(chosen)
}

/// Shapes to look at for all arrays of a plan together: some tenths of a second.
const ALL_SHAPES: u64 = 2_000_000;

/// What shapes are judged by, where there are so many groups to look at.
fn terms(request: &Request, groups: usize) -> Terms<'_> {
    Terms {
        reads: &request.reads,
        reader: request.reader,
        window: request.chunk_bytes,
        request_bytes: request.request_bytes,
        shapes: (ALL_SHAPES / (groups as u64).max(1)).min(Terms::SHAPES),
    }
}

/// Takes a further array into account.
fn join(subject: &mut Subject, other: &Subject) {
    subject.element_bytes = subject.element_bytes.max(other.element_bytes);
    subject.wire_bytes = subject.wire_bytes.max(other.wire_bytes);
    for (axis, other) in subject.axes.iter_mut().zip(&other.axes) {
        axis.source_chunk = axis.source_chunk.or(other.source_chunk);
    }
}

fn first(names: &[String]) -> String {
    names.first().cloned().unwrap_or_default()
}
