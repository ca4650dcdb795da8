//! From bytes to characters, and what is looked at before an XML parser may see them.

use std::borrow::Cow;

use roxmltree::{Document, ParsingOptions};

use crate::{
    ParseError, Position, ServerError,
    limits::{MAX_TEXT_BYTES, MAX_XML_ATTRIBUTES, MAX_XML_DEPTH, MAX_XML_NAMESPACES, MAX_XML_NODES},
    name::excerpt,
    server_error::not_dap,
};

/// The text of a DMR, fit for an XML parser, and remarks.
pub(super) fn text(bytes: &[u8]) -> Result<(String, Vec<String>), ParseError> {
    if bytes.len() > MAX_TEXT_BYTES {
        return Err(ParseError::TooLarge { what: "the DMR", found: bytes.len(), limit: MAX_TEXT_BYTES });
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii();
    if bytes.is_empty() {
        return Err(ParseError::Ended { at: position("", 0), expected: "a DMR, an XML document" });
    }
    recognise(bytes)?;
    let mut warnings = Vec::new();
    let mut text = characters(bytes, &mut warnings)?.into_owned();
    let forbidden =
        |c: char| (c.is_control() && c < ' ' && !"\t\n\r".contains(c)) || matches!(c, '\u{fffe}' | '\u{ffff}');
    if text.contains(forbidden) {
        warnings.push("the DMR has control characters, which XML forbids; they were replaced by U+FFFD".to_owned());
        text = text.replace(forbidden, "\u{fffd}");
    }
    survey(&text)?;
    Ok((text, warnings))
}

/// Parses what [`text`] has passed.
pub(super) fn document(text: &str) -> Result<Document<'_>, ParseError> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_XML_NODES, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|error| {
        if error == roxmltree::Error::NodesLimitReached {
            let limit = usize::try_from(MAX_XML_NODES).unwrap_or(usize::MAX);
            return ParseError::TooMany { what: "elements and texts in the DMR", limit };
        }
        let row = usize::try_from(error.pos().row).unwrap_or(1);
        let byte = text.split_inclusive('\n').take(row.saturating_sub(1)).map(str::len).sum();
        let at = Position { document: "DMR", byte, line: row };
        ParseError::Unexpected { at, expected: "well-formed XML", found: excerpt(error.to_string().as_bytes(), 200) }
    })
}

/// The place of a byte.
pub(super) fn position(text: &str, byte: usize) -> Position {
    let before = text.as_bytes().get(..byte).unwrap_or(text.as_bytes());
    Position { document: "DMR", byte, line: before.split(|byte| *byte == b'\n').count() }
}

/// Tells a DMR from what a server sends instead of one. An error may be cut or be no XML at all.
fn recognise(bytes: &[u8]) -> Result<(), ParseError> {
    let (name, at) = first_element(bytes);
    if name.rsplit(|byte| *byte == b':').next() == Some(b"Dataset") {
        return old_version(bytes.get(at..).unwrap_or_default());
    }
    if let Some(error) = ServerError::recognise(bytes) {
        return Err(ParseError::ServerError(error));
    }
    if bytes.first() == Some(&b'<') && (at == bytes.len() || name.is_empty()) {
        let end = Position { document: "DMR", byte: bytes.len(), line: 1 };
        return Err(ParseError::Ended { at: end, expected: "<Dataset …>, the root of a DMR" });
    }
    Err(ParseError::NotDap { title: not_dap(bytes) })
}

/// Refuses the DDX of DAP 2 and 3, which has the same root element, by what stands in that element's tag: a DDX need
/// not be well-formed for that (Hyrax sends names with `%`).
fn old_version(tag: &[u8]) -> Result<(), ParseError> {
    let tag = tag.get(..start_tag(tag).0.unwrap_or(tag.len())).unwrap_or_default();
    let tag = String::from_utf8_lossy(tag).replace('\'', "\"");
    let old = ["ns/DAP2", "ns/DAP/2", "ns/DAP/3", "dapVersion=\"2", "dapVersion=\"3"];
    match old.iter().find(|mark| tag.contains(*mark)) {
        Some(mark) => Err(ParseError::Unexpected {
            at: position("", 0),
            expected: "a DMR of DAP4",
            found: format!("a DDX of an older version (`{}`); ask for DDS and DAS instead", mark.replace('"', "")),
        }),
        None => Ok(()),
    }
}

/// The name of the first element, and the byte after it; no name if there is none.
pub(crate) fn first_element(bytes: &[u8]) -> (&[u8], usize) {
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(open) = rest.iter().position(|byte| *byte == b'<') else { return (&[], bytes.len()) };
        let tag = rest.get(open + 1..).unwrap_or_default();
        let close: &[u8] = match tag {
            [b'?', ..] => b"?>",
            [b'!', b'-', b'-', ..] => b"-->",
            [b'!', ..] => b">",
            _ => {
                let length = tag.iter().position(|byte| b" \t\r\n/>".contains(byte)).unwrap_or(tag.len());
                return (tag.get(..length).unwrap_or_default(), at + open + 1 + length);
            }
        };
        let Some(end) = tag.windows(close.len()).position(|window| window == close) else { return (&[], bytes.len()) };
        at += open + 1 + end + close.len();
    }
}

/// Characters by the encoding that the XML declaration names: Hyrax says ISO-8859-1 and means it.
fn characters<'a>(bytes: &'a [u8], warnings: &mut Vec<String>) -> Result<Cow<'a, str>, ParseError> {
    let latin = |bytes: &[u8]| Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect::<String>());
    match encoding(bytes).to_ascii_lowercase().as_str() {
        "" | "utf-8" | "utf8" | "us-ascii" | "ascii" => Ok(std::str::from_utf8(bytes).map_or_else(
            |_| {
                warnings.push("the DMR is not the UTF-8 it says, it was read as ISO-8859-1".to_owned());
                latin(bytes)
            },
            Cow::Borrowed,
        )),
        "iso-8859-1" | "iso8859-1" | "iso_8859-1" | "latin1" | "latin-1" => Ok(latin(bytes)),
        "windows-1252" | "cp1252" => {
            if bytes.iter().any(|byte| (0x80..0xa0).contains(byte)) {
                warnings.push("the DMR is in windows-1252, it was read as ISO-8859-1".to_owned());
            }
            Ok(latin(bytes))
        }
        other => Err(ParseError::Unexpected {
            at: position("", 0),
            expected: "an XML document in UTF-8 or ISO-8859-1",
            found: excerpt(other.as_bytes(), 40),
        }),
    }
}

/// The encoding in the XML declaration; empty if there is none.
fn encoding(bytes: &[u8]) -> String {
    let head = bytes.get(..bytes.len().min(200)).unwrap_or_default();
    let head = String::from_utf8_lossy(head);
    let declaration =
        head.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")).map_or("", |(inside, _)| inside);
    let value = declaration.split_once("encoding").and_then(|(_, rest)| rest.trim_start().strip_prefix('='));
    let value = value.unwrap_or_default().trim_start();
    value.split(['"', '\'']).nth(1).unwrap_or_default().to_owned()
}

/// Refuses what would make a parser slow or run out of stack: deep nesting, elements with very many attributes (they
/// are compared each with each), very many namespaces (they are looked through for every name), document types.
fn survey(text: &str) -> Result<(), ParseError> {
    let bytes = text.as_bytes();
    let (mut at, mut depth, mut namespaces) = (0, 0_usize, 0_usize);
    while let Some(open) = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'<')) {
        let tag = at + open;
        let rest = bytes.get(tag + 1..).unwrap_or_default();
        let skip = |close: &[u8]| rest.windows(close.len()).position(|window| window == close);
        let length = match rest {
            [b'!', b'-', b'-', ..] => skip(b"-->"),
            [b'!', b'[', ..] => skip(b"]]>"),
            [b'?', ..] => skip(b"?>"),
            [b'!', ..] => {
                let found = "a document type (<!DOCTYPE …>), which can hide anything".to_owned();
                return Err(ParseError::Unexpected { at: position(text, tag), expected: "a DMR without one", found });
            }
            [b'/', ..] => {
                depth = depth.saturating_sub(1);
                skip(b">")
            }
            _ => {
                let (length, attributes, declares) = start_tag(rest);
                namespaces += declares;
                if attributes > MAX_XML_ATTRIBUTES {
                    return Err(ParseError::TooMany {
                        what: "attributes of one XML element",
                        limit: MAX_XML_ATTRIBUTES,
                    });
                }
                if namespaces > MAX_XML_NAMESPACES {
                    return Err(ParseError::TooMany { what: "XML namespaces", limit: MAX_XML_NAMESPACES });
                }
                let closes_itself = length.and_then(|length| rest.get(length.checked_sub(1)?)) == Some(&b'/');
                depth += usize::from(!closes_itself);
                length
            }
        };
        if depth > MAX_XML_DEPTH {
            return Err(ParseError::TooDeep { at: position(text, tag), limit: MAX_XML_DEPTH });
        }
        // An end that is missing is for the parser to tell.
        let Some(length) = length else { return Ok(()) };
        at = tag + 1 + length;
    }
    Ok(())
}

/// Bytes up to the `>` of a start tag, its attributes, and how many of them declare namespaces.
fn start_tag(rest: &[u8]) -> (Option<usize>, usize, usize) {
    let (mut quote, mut attributes, mut namespaces) = (None, 0, 0);
    for (at, byte) in rest.iter().enumerate() {
        match quote {
            Some(mark) if mark == *byte => quote = None,
            Some(_) => {}
            None => match byte {
                b'"' | b'\'' => {
                    quote = Some(*byte);
                    attributes += 1;
                }
                b'x' if rest.get(at..).is_some_and(|rest| rest.starts_with(b"xmlns")) => namespaces += 1,
                b'>' => return (Some(at), attributes, namespaces),
                _ => {}
            },
        }
    }
    (None, attributes, namespaces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declared_encoding_counts() {
        let (latin, warnings) = text(b"<?xml version='1.0' encoding='ISO-8859-1'?><Dataset a='\xe9'/>").unwrap();
        assert!(latin.contains("a='\u{e9}'") && warnings.is_empty());
        let (wrong, warnings) = text(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><Dataset a='\xe9'/>").unwrap();
        assert!(wrong.contains("a='\u{e9}'") && warnings.len() == 1);
        let (plain, warnings) = text("\u{feff} <Dataset a='é'/>\r\n".as_bytes()).unwrap();
        assert_eq!((plain.as_str(), warnings.len()), ("<Dataset a='é'/>", 0));
        let error = text(b"<?xml version=\"1.0\" encoding=\"EBCDIC\"?><Dataset/>").unwrap_err();
        assert!(error.to_string().contains("UTF-8 or ISO-8859-1, found ebcdic"), "{error}");
        let (replaced, warnings) = text(b"<Dataset a='\x01'/>").unwrap();
        assert_eq!((replaced.as_str(), warnings.len()), ("<Dataset a='\u{fffd}'/>", 1));
    }

    #[test]
    fn what_could_hurt_a_parser_is_refused() {
        let deep = "<a>".repeat(MAX_XML_DEPTH + 1);
        assert!(matches!(survey(&deep), Err(ParseError::TooDeep { .. })));
        let flat = "<a/><b></b>".repeat(MAX_XML_DEPTH + 1);
        assert_eq!(survey(&flat), Ok(()));
        let wide = format!("<a {}>", "b='' ".repeat(MAX_XML_ATTRIBUTES + 1));
        assert!(matches!(survey(&wide), Err(ParseError::TooMany { .. })));
        let spaces = "<a xmlns:b='c'/>".repeat(MAX_XML_NAMESPACES + 1);
        assert!(matches!(survey(&spaces), Err(ParseError::TooMany { .. })));
        assert!(matches!(survey("<!DOCTYPE a [ <!ENTITY b 'c'> ]><a>&b;</a>"), Err(ParseError::Unexpected { .. })));
        assert_eq!(survey("<!-- <!DOCTYPE --><a b='>' c=\"/>\"><![CDATA[<!DOCTYPE]]></a>"), Ok(()));
    }

    #[test]
    fn the_first_element_tells_what_it_is() {
        assert_eq!(first_element(b"<?xml ?>\n<!-- <x> -->\n<dap4:Error a=''>").0, b"dap4:Error");
        assert_eq!(first_element(b"<Dataset/>").0, b"Dataset");
        assert_eq!(first_element(b"<?xml").0, b"");
        assert!(matches!(text(b"<html><title>Login</title>"), Err(ParseError::NotDap { title }) if title == "Login"));
        assert!(matches!(text(b"<dap4:Error httpcode='400'><dap4:Mess"), Err(ParseError::ServerError(_))));
        assert!(matches!(text(b"<?xml version='1.0'"), Err(ParseError::Ended { .. })));
        assert!(matches!(text(b"  "), Err(ParseError::Ended { .. })));
    }
}
