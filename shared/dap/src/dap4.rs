//! Whole DAP4 data responses (DAP4 specification, volume 1, "Data Response").

mod assemble;
mod chunks;
mod fit;
mod layout;
mod walk;

use crate::{DecodeError, Decoded, dmr::parse_dmr};

/// The CRC-32 the server sent with each of [`Decoded::variables`], in their order: one for all members of a Structure
/// or Sequence, since a server sends one for each variable of a group. Nothing where it sent none.
///
/// Those that are here have been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksums(Vec<Option<u32>>);

impl Checksums {
    /// The checksums, one place for each variable.
    pub fn as_slice(&self) -> &[Option<u32>] {
        &self.0
    }
}

/// Reads a whole `.dap` response; with a full DMR, attributes are taken from there (a server may leave some out of the
/// DMR that opens a response).
///
/// Numbers, texts and blobs of every shape are read; a member of a Structure is `s.v` with the Structure's dimensions
/// before its own; the fields of a Sequence are arrays along a new dimension named after it. Sequences inside arrays or
/// Sequences are listed as unsupported. An enumeration gives integers, with CF's `flag_values` and `flag_meanings`; a
/// `Char` gives unsigned bytes.
///
/// # Errors
/// [`DecodeError`]: the response or the DMR is cut or damaged, does not match its own description or its checksums, or
/// says that the server failed.
pub fn decode_dap(body: &[u8], dmr: Option<&[u8]>) -> Result<Decoded, DecodeError> {
    decode_dap_with_checksums(body, dmr).map(|(decoded, _)| decoded)
}

/// [`decode_dap`], and the checksums the server sent.
///
/// # Errors
/// As [`decode_dap`].
pub fn decode_dap_with_checksums(body: &[u8], dmr: Option<&[u8]>) -> Result<(Decoded, Checksums), DecodeError> {
    let response = chunks::response(body)?;
    let own = parse_dmr(response.dmr).map_err(DecodeError::of_metadata)?;
    let full = dmr.map(parse_dmr).transpose().map_err(DecodeError::of_metadata)?;
    let layout = layout::Layout::of(&own)?;
    let found = fit::fit(&layout, &response.data, response.little)?;
    let mut values = walk::Fill::new(&layout, response.little);
    for (top, placed) in layout.tops.iter().zip(&found.placed) {
        let mut cursor = walk::Cursor::new(&response.data, placed.start, response.little);
        walk::walk(&top.steps, &mut cursor, &mut values, &top.name)?;
    }
    let sent =
        layout.columns.iter().map(|column| found.placed.get(column.top).and_then(|placed| placed.checksum)).collect();
    Ok((assemble::assemble(&own, full.as_ref(), &layout, values, found.warning.as_deref()), Checksums(sent)))
}
