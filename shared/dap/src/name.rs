//! Names: opaque on the wire, readable where that loses nothing.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Whether a character can stand in a log line and a file name without hiding or reordering its neighbours.
pub(crate) fn is_printable(c: char) -> bool {
    let invisible =
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !c.is_control() && !invisible
}

/// A name as people read it: percent-decoded once if that gives UTF-8 that can be printed, else as sent.
pub(crate) fn shown(raw: &str) -> Cow<'_, str> {
    match percent_decode_str(raw).decode_utf8() {
        Ok(decoded) if !decoded.is_empty() && decoded.chars().all(is_printable) => decoded,
        Ok(_) | Err(_) => Cow::Borrowed(raw),
    }
}

/// Bytes of a name or a text as characters: UTF-8, or ISO-8859-1 if they are not that.
pub(crate) fn characters(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// At most `most` characters for a message, the unprintable ones as spaces.
pub(crate) fn excerpt(bytes: &[u8], most: usize) -> String {
    let head = bytes.get(..bytes.len().min(most.saturating_mul(4))).unwrap_or_default();
    let text = String::from_utf8_lossy(head);
    let mut words = text.split(|c: char| !is_printable(c) || c.is_whitespace()).filter(|word| !word.is_empty());
    let mut line = words.next().unwrap_or_default().to_owned();
    for word in words {
        line.push(' ');
        line.push_str(word);
    }
    line.chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_decoded_once_and_only_where_they_can_be_read() {
        assert_eq!(shown("sea%20temp"), "sea temp");
        assert_eq!(shown("sea%2520temp"), "sea%20temp");
        assert_eq!(shown("per%cent"), "per%cent");
        assert_eq!(shown("bell%07"), "bell%07");
        assert_eq!(shown("latin%E9"), "latin%E9");
        assert_eq!(shown("caf%C3%A9"), "café");
    }

    #[test]
    fn excerpts_are_one_printable_line() {
        assert_eq!(excerpt(b" a\n\x1b[31mb \0c", 20), "a [31mb c");
        assert_eq!(excerpt("é".repeat(50).as_bytes(), 3), "ééé");
    }
}
