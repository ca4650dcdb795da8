//! Taking a DAP4 response out of its chunks (DAP4 specification, volume 1, "Chunked Data Response").
//!
//! ```text
//! chunk  = flags (8 bits) length (24 bits), big-endian; then as many bytes
//! flags  = 1 last | 2 error | 4 little-endian data | 8 no checksums (netCDF's client)
//! first chunk = DMR, CRLF; all others together = data
//! ```

use std::borrow::Cow;

use crate::{
    DecodeError, ParseError, ServerError,
    dmr::first_element,
    name::excerpt,
    server_error::{find_error, not_dap},
};

const LAST: u8 = 1;
const ERROR: u8 = 2;
const LITTLE: u8 = 4;
const KNOWN: u8 = 15;

/// A response out of its chunks.
#[derive(Debug, PartialEq)]
pub(super) struct Response<'a> {
    /// The DMR that describes the data.
    pub(super) dmr: &'a [u8],
    /// The data. Borrowed where they came in one chunk.
    pub(super) data: Cow<'a, [u8]>,
    /// Whether the data's numbers, lengths and checksums have their least significant byte first.
    pub(super) little: bool,
}

/// One chunk: its flags, and where it begins.
struct Chunk<'a> {
    flags: u8,
    payload: &'a [u8],
}

/// Takes a whole response apart.
pub(super) fn response(body: &[u8]) -> Result<Response<'_>, DecodeError> {
    if body.is_empty() {
        return Err(DecodeError::Ended { at: 0, expected: "a DAP4 response, which opens with a DMR".to_owned() });
    }
    naked(body)?;
    let mut at = 0;
    let first = chunk(body, &mut at)?;
    let mut last = first.flags & LAST != 0;
    let mut payloads = Vec::new();
    while !last {
        let next = chunk(body, &mut at)?;
        last = next.flags & LAST != 0;
        if !next.payload.is_empty() {
            payloads.push(next.payload);
        }
    }
    let rest = body.get(at..).unwrap_or_default();
    if !rest.is_empty() {
        return Err(find_error(tail(rest))
            .map_or(DecodeError::Trailing { at: to_u64(at), bytes: to_u64(rest.len()) }, DecodeError::ServerError));
    }
    let data = match payloads.as_slice() {
        [] => Cow::Borrowed(&[][..]),
        [one] => Cow::Borrowed(*one),
        several => Cow::Owned(several.concat()),
    };
    Ok(Response { dmr: first.payload, data, little: first.flags & LITTLE != 0 })
}

/// What stands in place of a chunked response: servers send errors without a chunk around them (libdap4#266), proxies
/// send pages.
fn naked(body: &[u8]) -> Result<(), DecodeError> {
    let text = body.trim_ascii_start();
    if let Some(error) = ServerError::recognise(text).filter(|_| is_text(body)) {
        return Err(DecodeError::ServerError(error));
    }
    if !is_text(body) {
        return Ok(());
    }
    if first_element(text).0.ends_with(b"Dataset") {
        let found = "a DMR without one: a response to a request for metadata alone".to_owned();
        return Err(DecodeError::Wrong { at: 0, expected: "a chunk header and a DMR".to_owned(), found });
    }
    Err(DecodeError::Metadata(ParseError::NotDap { title: not_dap(body) }))
}

/// Whether a body is text from its first byte on; that of a chunk is at most 15.
fn is_text(body: &[u8]) -> bool {
    let head = body.get(..body.len().min(4)).unwrap_or_default();
    body.first().is_some_and(|first| *first > KNOWN || b"\t\n\r".contains(first))
        && head.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
}

fn chunk<'a>(body: &'a [u8], at: &mut usize) -> Result<Chunk<'a>, DecodeError> {
    let start = *at;
    let rest = body.get(start..).unwrap_or_default();
    let Some((&[flags, high, middle, low], payload)) = rest.split_first_chunk::<4>() else {
        let expected =
            "the header of another chunk, none was marked as the last (place in the body as sent)".to_owned();
        return Err(DecodeError::Ended { at: to_u64(start), expected });
    };
    let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
    if flags > KNOWN || (start == 0 && length > payload.len() && swapped(rest)) {
        return Err(no_header(rest, start));
    }
    let Some(payload) = payload.get(..length) else {
        if let Some(error) = find_error(tail(rest)) {
            return Err(DecodeError::ServerError(error));
        }
        let expected = format!("{length} bytes of a chunk (place in the body as sent)");
        return Err(DecodeError::Ended { at: to_u64(start + 4), expected });
    };
    if flags & ERROR != 0 {
        let error = ServerError::recognise(payload);
        let plain = || ServerError { code: None, message: excerpt(payload, 2_000) };
        return Err(DecodeError::ServerError(error.unwrap_or_else(plain)));
    }
    *at = start + 4 + length;
    Ok(Chunk { flags, payload })
}

/// Whether these bytes are what THREDDS 4.6 sends: the first header with its bytes in the other order, then a DMR,
/// which has its bytes.
fn swapped(rest: &[u8]) -> bool {
    match rest {
        [low, middle, high, flags, b'<', ..] => {
            let length = usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low);
            *flags & !(LAST | LITTLE) == 0 && (20..=rest.len()).contains(&length)
        }
        _ => false,
    }
}

fn no_header(rest: &[u8], start: usize) -> DecodeError {
    if let Some(error) = ServerError::recognise(rest).or_else(|| find_error(tail(rest))) {
        return DecodeError::ServerError(error);
    }
    let found = if start == 0 && swapped(rest) {
        "one with its bytes in the other order, as THREDDS 4.6 sends it: that is not DAP4 as it was published, \
         ask this server for DAP2"
            .to_owned()
    } else {
        format!("`{}`", excerpt(rest, 40))
    };
    DecodeError::Wrong {
        at: to_u64(start),
        expected: "the header of a chunk (place in the body as sent)".to_owned(),
        found,
    }
}

/// The first bytes of what should not be there, to find an error in.
fn tail(rest: &[u8]) -> &[u8] {
    rest.get(..rest.len().min(crate::limits::MAX_TAIL_BYTES)).unwrap_or_default()
}

fn to_u64(at: usize) -> u64 {
    u64::try_from(at).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&[flags], &length[1..], payload].concat()
    }

    #[test]
    fn chunks_are_joined_and_the_first_says_the_byte_order() {
        // THREDDS: little-endian is said once; Hyrax: each time, and an empty chunk ends.
        let thredds = [chunk(4, b"<Dataset/>\r\n"), chunk(1, b"abcd")].concat();
        let hyrax = [chunk(4, b"<Dataset/>\r\n"), chunk(4, b"ab"), chunk(4, b"cd"), chunk(5, b"")].concat();
        for body in [thredds, hyrax] {
            let response = response(&body).unwrap();
            assert_eq!((response.dmr, &*response.data), (&b"<Dataset/>\r\n"[..], &b"abcd"[..]));
            assert!(response.little);
        }
        let big = chunk(1, b"<Dataset/>");
        assert_eq!(response(&big), Ok(Response { dmr: b"<Dataset/>", data: Cow::Borrowed(b""), little: false }));
    }

    #[test]
    fn a_response_that_is_cut_says_where() {
        let body = [chunk(4, b"<Dataset/>"), chunk(1, b"abcd")].concat();
        for cut in 0..body.len() {
            assert!(matches!(response(&body[..cut]), Err(DecodeError::Ended { .. })), "{cut}");
        }
        let longer = [body.as_slice(), b"x"].concat();
        assert_eq!(response(&longer), Err(DecodeError::Trailing { at: to_u64(body.len()), bytes: 1 }));
    }

    #[test]
    fn errors_are_recognised_wherever_they_stand() {
        let error =
            b"<?xml version=\"1.0\"?>\n<dap4:Error httpcode=\"400\"><dap4:Message>no</dap4:Message></dap4:Error>";
        let opened = chunk(4, b"<Dataset/>");
        let expected = Err(DecodeError::ServerError(ServerError { code: Some(400), message: "no".to_owned() }));
        let bodies = [
            error.to_vec(),
            [b"\n".as_slice(), error].concat(),
            [opened.as_slice(), error].concat(),
            [opened.as_slice(), &chunk(2, error)].concat(),
            [opened.as_slice(), &chunk(1, b"ab"), error].concat(),
            chunk(3, error),
        ];
        for body in bodies {
            assert_eq!(response(&body), expected, "{}", String::from_utf8_lossy(&body));
        }
        let plain = response(&chunk(2, b"gave up")).unwrap_err();
        assert_eq!(plain.to_string(), "the server says: gave up");
    }

    #[test]
    fn what_is_no_chunk_is_refused_with_a_reason() {
        let error = response(b"\x14\x00\x00\x04<Dataset></Dataset> ").unwrap_err().to_string();
        assert!(error.contains("THREDDS 4.6"), "{error}");
        let error =
            response(&[b"\x05\x01\x00\x04<Dataset>".as_slice(), &[b' '; 300]].concat()).unwrap_err().to_string();
        assert!(error.contains("THREDDS 4.6"), "{error}");
        let error = response(b"<?xml version='1.0'?><Dataset/>").unwrap_err().to_string();
        assert!(error.contains("metadata alone"), "{error}");
        let error = response(b"<html><title>Log in</title></html>").unwrap_err();
        assert!(matches!(error, DecodeError::Metadata(ParseError::NotDap { title }) if title == "Log in"));
        assert!(matches!(response(b"\x80\x00\x00\x04\x00\x00\x00\x00"), Err(DecodeError::Wrong { at: 0, .. })));
    }
}
