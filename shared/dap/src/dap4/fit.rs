//! Whether there are checksums, and in which order groups come: found out from lengths and checksums.

use super::{
    layout::{Layout, Top},
    walk::{Cursor, Measure, ValuesChecksum, walk},
};
use crate::{DecodeError, limits::MAX_TAIL_BYTES, server_error::find_error};

/// That values may be under the wrong name.
const UNDECIDED: &str = "the response does not tell whether the variables of a group come before those of the groups \
                         in it, as specified, or after them, as from Hyrax up to 1.17.1; the first was assumed. To be \
                         sure, ask for one variable at a time";

/// Where a variable of a group lies in the data.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Placed {
    pub(super) start: usize,
    pub(super) end: usize,
    /// The CRC-32 the server sent.
    pub(super) checksum: Option<u32>,
}

/// How the data are laid out.
#[derive(Debug, PartialEq)]
pub(super) struct Fit {
    /// By position in [`Layout::tops`].
    pub(super) placed: Vec<Placed>,
    pub(super) warning: Option<String>,
}

/// Why one way to lay the data out is not theirs.
struct Misfit {
    error: DecodeError,
    /// Whether the lengths fit, and only checksums do not.
    complete: bool,
    /// Bytes that made sense.
    progress: usize,
}

/// Finds the layout that the data have.
///
/// Sizes decide about checksums where they are known: a server may send them or not, whatever was asked for
/// (netcdf-c#2829). Where texts or Sequences have sizes of their own, both ways are tried. Checksums decide about the
/// order of groups.
pub(super) fn fit(layout: &Layout<'_>, data: &[u8], little: bool) -> Result<Fit, DecodeError> {
    let mut best: Option<Misfit> = None;
    for checksums in ways(&layout.tops, data.len()) {
        for order in &layout.orders {
            match attempt(layout, order, *checksums, data, little) {
                Ok(placed) => {
                    // A checksum does not tell whose it is: variables of the same size can stand for each other.
                    let also =
                        |other: &Vec<usize>| other != order && attempt(layout, other, *checksums, data, little).is_ok();
                    let undecided = layout.orders.iter().any(also);
                    return Ok(Fit { placed, warning: undecided.then(|| UNDECIDED.to_owned()) });
                }
                Err(misfit) => {
                    let rank = |misfit: &Misfit| (misfit.complete, misfit.progress);
                    if best.as_ref().is_none_or(|best| rank(best) < rank(&misfit)) {
                        best = Some(misfit);
                    }
                }
            }
        }
    }
    let nothing = || DecodeError::Trailing { at: 0, bytes: u64::try_from(data.len()).unwrap_or(u64::MAX) };
    Err(best.map_or_else(nothing, |misfit| with_server_error(misfit, data)))
}

/// Whether to look for checksums: yes, no, or either.
fn ways(tops: &[Top], length: usize) -> &'static [bool] {
    let exact = tops.iter().try_fold(0_u64, |sum, top| Some(sum.saturating_add(top.exact?)));
    match exact {
        None => &[true, false],
        // A response that is cut before its first checksum could have any; the walk tells where it ends.
        Some(exact) if u64::try_from(length).unwrap_or(u64::MAX) <= exact => &[false],
        Some(_) => &[true],
    }
}

fn attempt(
    layout: &Layout<'_>,
    order: &[usize],
    checksums: bool,
    data: &[u8],
    little: bool,
) -> Result<Vec<Placed>, Misfit> {
    let mut cursor = Cursor::new(data, 0, little);
    let mut placed = vec![Placed::default(); layout.tops.len()];
    for at in order {
        let (Some(top), Some(place)) = (layout.tops.get(*at), placed.get_mut(*at)) else { continue };
        let start = cursor.at();
        let walked = walk(&top.steps, &mut cursor, &mut Measure, &top.name).and_then(|()| {
            let end = cursor.at();
            let checksum = if checksums { Some(cursor.checksum(&top.name)?) } else { None };
            Ok(Placed { start, end, checksum })
        });
        *place = walked.map_err(|error| Misfit { error, complete: false, progress: cursor.at() })?;
    }
    if cursor.left() > 0 {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let error = DecodeError::Trailing { at: number(cursor.at()), bytes: number(cursor.left()) };
        return Err(Misfit { error, complete: false, progress: cursor.at() });
    }
    for at in order {
        let (Some(top), Some(place)) = (layout.tops.get(*at), placed.get(*at)) else { continue };
        verify(top, place, data, little).map_err(|error| Misfit { error, complete: true, progress: place.start })?;
    }
    Ok(placed)
}

/// Holds a variable against its checksum: over its bytes as sent (the specification, THREDDS), or over its values alone
/// (libdap). For numbers both are the same.
fn verify(top: &Top, place: &Placed, data: &[u8], little: bool) -> Result<(), DecodeError> {
    let Some(expected) = place.checksum else { return Ok(()) };
    let found = crc32fast::hash(data.get(place.start..place.end).unwrap_or_default());
    if found == expected {
        return Ok(());
    }
    if top.exact.is_none() {
        let mut values = ValuesChecksum::default();
        walk(&top.steps, &mut Cursor::new(data, place.start, little), &mut values, &top.name)?;
        if values.0.finalize() == expected {
            return Ok(());
        }
    }
    Err(DecodeError::Checksum { variable: top.name.clone(), expected, found })
}

/// The server's own words where it gave up in the middle of the data.
fn with_server_error(misfit: Misfit, data: &[u8]) -> DecodeError {
    let last = data.len().saturating_sub(MAX_TAIL_BYTES);
    match find_error(data.get(last..).unwrap_or_default()) {
        Some(error) if !misfit.complete => DecodeError::ServerError(error),
        Some(_) | None => misfit.error,
    }
}
