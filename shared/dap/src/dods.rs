//! A whole `.dods` response of DAP2: the DDS, the line `Data:`, and every variable in XDR (ESE-RFC-004 §7, RFC 4506).

mod gather;
mod plan;
mod reader;

#[cfg(test)]
mod tests;

use self::{
    gather::gather,
    plan::Plan,
    reader::{Columns, Zero, read},
};
use crate::{
    DecodeError, Decoded, ParseError, ServerError,
    das::Warnings,
    dds,
    header::data_line,
    limits::{MAX_TAIL_BYTES, MAX_TEXT_BYTES},
    server_error::find_error,
};

/// Decodes a whole DAP2 data response.
///
/// `das` is the dataset's DAS, whose attributes are attached; attributes of variables that are not in the response are
/// left out with a warning. `saved`: the body was read from a file. Then one byte too many at its end is taken for what
/// an editor or a shell added (four files of real servers' responses have one), with a warning; what comes from a
/// server must have its exact length.
///
/// All types of DAP2 are read. Structures are flattened to their members `s.v`, arrays of Structures to arrays of their
/// members with the Structure's dimensions first. A Grid becomes its array, under the Grid's name, and its maps, unless
/// a variable or a map of another Grid has the same name and the same values; maps that share a name and have different
/// values are called `grid.map`. A Sequence becomes one array `seq.v` a member, along a dimension called as the
/// Sequence. Sequences inside Sequences or inside arrays of Structures, arrays of Sequences and arrays of Grids are in
/// [`Decoded::unsupported`].
///
/// `Byte` with the attribute `_Unsigned "false"` gives 8-bit signed values (THREDDS), `Int16` and `Int32` with
/// `_Unsigned "true"` unsigned ones.
///
/// Memory: what the values take, which is at most twice the body's length for numbers; six times for empty strings, of
/// which each takes four bytes there.
///
/// # Errors
/// Every [`DecodeError`] but [`DecodeError::Checksum`]. A server's message in place of the data, or in the middle of
/// it, is told instead of what it breaks.
pub fn decode_dods(body: &[u8], das: Option<&[u8]>, saved: bool) -> Result<Decoded, DecodeError> {
    let mut warnings = Warnings::default();
    let (dds, start) = header(body)?;
    let dds = dds::parse(dds).map_err(DecodeError::of_metadata)?;
    if dds.trailing > 0 {
        warnings.push(format!("{} bytes after the end of the DDS were ignored", dds.trailing));
    }
    let plan = Plan::of(&dds.declarations, start as u64)?;
    let columns = values(&plan, body, start, saved).map_err(|error| explained(error, body, start))?;
    if columns.end < body.len() {
        warnings.push("one byte after the end of the data was ignored".to_owned());
    }
    gather(plan, columns, das, warnings)
}

/// The DDS, and where the data begin.
fn header(body: &[u8]) -> Result<(&[u8], usize), DecodeError> {
    let head = body.get(..body.len().min(MAX_TEXT_BYTES)).unwrap_or_default();
    if let Some((dds, start)) = data_line(head, 0) {
        return Ok((head.get(..dds).unwrap_or_default(), start));
    }
    // A page or a message instead of a response says so in its first word.
    match dds::parse(head) {
        Err(ParseError::Ended { expected, .. }) => {
            Err(DecodeError::Ended { at: body.len() as u64, expected: format!("{expected} in the DDS") })
        }
        Err(error) => Err(DecodeError::of_metadata(error)),
        Ok(_) if head.len() < body.len() => Err(DecodeError::TooLarge {
            what: "bytes of the DDS that opens a response".to_owned(),
            found: body.len() as u64,
            limit: MAX_TEXT_BYTES as u64,
        }),
        Ok(_) => Err(DecodeError::Ended { at: body.len() as u64, expected: "a line `Data:`".to_owned() }),
    }
}

/// The values. An array without elements is one count of zero (libdap) or two (the Java servers, pydap): which it is
/// shows in the length of the whole.
fn values(plan: &Plan, body: &[u8], start: usize, saved: bool) -> Result<Columns, DecodeError> {
    let once = match read(plan, body, start, saved, Zero::Once) {
        Err(error) if plan.has_empty_arrays => error,
        result => return result,
    };
    read(plan, body, start, saved, Zero::Twice)
        .map_err(|twice| if offset(&twice) > offset(&once) { twice } else { once })
}

const fn offset(error: &DecodeError) -> u64 {
    match error {
        DecodeError::Ended { at, .. } | DecodeError::Wrong { at, .. } | DecodeError::Trailing { at, .. } => *at,
        DecodeError::Metadata(_)
        | DecodeError::TooLarge { .. }
        | DecodeError::ServerError(_)
        | DecodeError::Checksum { .. } => 0,
    }
}

/// The server's own message, if there is one where the data go wrong or at their end.
fn explained(error: DecodeError, body: &[u8], start: usize) -> DecodeError {
    let at = usize::try_from(offset(&error)).unwrap_or(usize::MAX).max(start);
    let here = body.get(at..).unwrap_or_default();
    let here = here.get(..here.len().min(MAX_TAIL_BYTES)).unwrap_or_default();
    let last = body.get(start.max(body.len().saturating_sub(2 * MAX_TAIL_BYTES))..).unwrap_or_default();
    let message = ServerError::recognise(body.get(at..).unwrap_or_default());
    message.or_else(|| find_error(here)).or_else(|| find_error(last)).map_or(error, DecodeError::ServerError)
}
