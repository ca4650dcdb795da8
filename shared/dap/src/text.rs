use crate::{
    ParseError, Position, ServerError,
    limits::{MAX_NAME_BYTES, MAX_TEXT_BYTES},
    name::excerpt,
    server_error::not_dap,
};

/// A place in a DDS or a DAS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    document: &'static str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// The place after the keyword that opens a text (`Dataset`, `Attributes`), if that is what the text is.
    pub(crate) fn after_keyword(bytes: &'a [u8], keyword: &'static str) -> Result<Self, ParseError> {
        if bytes.len() > MAX_TEXT_BYTES {
            return Err(ParseError::TooLarge { what: "the text", found: bytes.len(), limit: MAX_TEXT_BYTES });
        }
        let document = if keyword == "Dataset" { "DDS" } else { "DAS" };
        let mut cursor = Self { document, bytes: bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes), at: 0 };
        cursor.skip_blank();
        let rest = cursor.rest();
        let head = rest.get(..keyword.len().min(rest.len())).unwrap_or_default();
        if !head.eq_ignore_ascii_case(keyword.as_bytes().get(..head.len()).unwrap_or_default()) {
            return Err(match ServerError::recognise(rest) {
                Some(error) => ParseError::ServerError(error),
                None => ParseError::NotDap { title: not_dap(rest) },
            });
        }
        cursor.at += head.len();
        if head.len() < keyword.len() {
            return Err(ParseError::Ended { at: cursor.position(), expected: keyword });
        }
        Ok(cursor)
    }

    /// Bytes before this place.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// Goes to another place.
    pub(crate) fn go_to(&mut self, at: usize) {
        self.at = at.min(self.bytes.len());
    }

    /// Everything from here.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The bytes between two places.
    pub(crate) fn between(&self, from: usize, to: usize) -> &'a [u8] {
        self.bytes.get(from..to).unwrap_or_default()
    }

    /// Byte and line; counts the lines, so for errors only.
    pub(crate) fn position(&self) -> Position {
        let before = self.bytes.get(..self.at).unwrap_or_default();
        Position { document: self.document, byte: self.at, line: before.split(|byte| *byte == b'\n').count() }
    }

    /// Skips white space, stray NULs (netcdf-c#1593) and comments from `#` to the end of the line (libdap's lexers).
    pub(crate) fn skip_blank(&mut self) {
        while let Some(byte) = self.rest().first() {
            match byte {
                b'#' => self.at += self.rest().iter().take_while(|byte| **byte != b'\n').count(),
                byte if is_blank(*byte) => self.at += 1,
                _ => return,
            }
        }
    }

    /// The next byte that is not blank.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        self.skip_blank();
        self.rest().first().copied()
    }

    /// Takes the next byte if it is this one.
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Takes this byte or fails.
    pub(crate) fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), ParseError> {
        if self.eat(byte) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    /// Takes a keyword in any case, followed by anything.
    pub(crate) fn keyword(&mut self, keyword: &'static str) -> Result<(), ParseError> {
        self.skip_blank();
        let head = self.rest().get(..keyword.len()).unwrap_or_default();
        if !head.eq_ignore_ascii_case(keyword.as_bytes()) {
            return Err(self.unexpected(keyword));
        }
        self.at += keyword.len();
        Ok(())
    }

    /// Takes the longest run of bytes that are neither blank nor one of `delimiters`; at least one.
    pub(crate) fn word(&mut self, delimiters: &[u8], expected: &'static str) -> Result<&'a [u8], ParseError> {
        // Not `ok_or`: an error counts the lines before it.
        self.word_if_any(delimiters).ok_or_else(|| self.unexpected(expected))
    }

    /// The same, for those who go on without: takes no time to fail.
    pub(crate) fn word_if_any(&mut self, delimiters: &[u8]) -> Option<&'a [u8]> {
        self.skip_blank();
        let rest = self.rest();
        let length = rest.iter().take_while(|byte| !is_blank(**byte) && !delimiters.contains(byte)).count();
        self.at += length;
        rest.get(..length).filter(|word| !word.is_empty())
    }

    /// A word that is a name.
    pub(crate) fn name(&mut self, delimiters: &[u8], expected: &'static str) -> Result<&'a [u8], ParseError> {
        let name = self.word(delimiters, expected)?;
        check_name(name)?;
        Ok(name)
    }

    /// The error that something else stands here, or nothing at all.
    pub(crate) fn unexpected(&self, expected: &'static str) -> ParseError {
        let at = self.position();
        match self.rest() {
            [] => ParseError::Ended { at, expected },
            rest => ParseError::Unexpected { at, expected, found: format!("`{}`", excerpt(rest, 20)) },
        }
    }
}

/// Refuses names that are too long.
pub(crate) fn check_name(name: &[u8]) -> Result<(), ParseError> {
    if name.len() > MAX_NAME_BYTES {
        return Err(ParseError::TooLarge { what: "a name", found: name.len(), limit: MAX_NAME_BYTES });
    }
    Ok(())
}

/// White space, or another control character that belongs to no token.
pub(crate) const fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0 || byte == 0x0b
}
