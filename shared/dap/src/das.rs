//! The DAS: which attributes there are (ESE-RFC-004 §5).
//!
//! ```text
//! das       = "Attributes" "{" entry* "}"
//! entry     = type name [value ("," value)*] ";"
//!           | name "{" entry* "}"
//!           | "Alias" name target ";"
//! value     = word | '"' escaped '"'
//! ```
//! Servers break this grammar inside values, so an attribute that cannot be read costs that attribute alone. Nesting
//! is followed without recursion.

use cf::Values;

use crate::{
    ParseError,
    limits::{MAX_ATTRIBUTES, MAX_DEPTH, MAX_WARNINGS},
    name::{characters, excerpt},
    text::{Cursor, check_name, is_blank},
    values::{AttributeType, Token, numbers, texts},
};

/// What ends a word of a DAS.
const DELIMITERS: &[u8] = b"{};,\"";

/// A container of attributes, in order, names as sent and not necessarily different.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Table(pub(crate) Vec<(String, Entry)>);

/// What a name stands for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Entry {
    Values(Values),
    Table(Table),
}

/// Remarks, the first thousand of them.
#[derive(Debug, Default)]
pub(crate) struct Warnings {
    kept: Vec<String>,
    more: usize,
}

impl Warnings {
    pub(crate) fn push(&mut self, warning: String) {
        self.push_with(|| warning);
    }

    /// The same, written only if it is kept.
    pub(crate) fn push_with(&mut self, warning: impl FnOnce() -> String) {
        if self.kept.len() < MAX_WARNINGS {
            self.kept.push(warning());
        } else {
            self.more += 1;
        }
    }

    pub(crate) fn into_lines(mut self) -> Vec<String> {
        if self.more > 0 {
            self.kept.push(format!("and {} more", self.more));
        }
        self.kept
    }
}

/// Reads a DAS.
pub(crate) fn parse(bytes: &[u8], warnings: &mut Warnings) -> Result<Table, ParseError> {
    let mut cursor = Cursor::after_keyword(bytes, "Attributes")?;
    cursor.expect(b'{', "`{` after Attributes")?;
    let mut parser = Parser { cursor, warnings, count: 0, waste: bytes.len().saturating_mul(4).max(1 << 20) };
    let table = parser.tables()?;
    let trailing = parser.cursor.rest().iter().filter(|byte| !is_blank(**byte)).count();
    if trailing > 0 {
        parser.warnings.push(format!("{trailing} bytes after the end of the DAS were ignored"));
    }
    Ok(table)
}

struct Parser<'a, 'w> {
    cursor: Cursor<'a>,
    warnings: &'w mut Warnings,
    /// Attributes, containers and values so far.
    count: usize,
    /// Bytes that may still be looked at in vain, so that hostile text takes linear time.
    waste: usize,
}

/// An attribute line that breaks the grammar.
struct Broken<'a> {
    /// The values before the one that does.
    tokens: Vec<Token<'a>>,
    /// The opening quote of that one, if it has any.
    quote: Option<usize>,
    /// How far we had to look to see it.
    seen: usize,
}

impl<'a> Parser<'a, '_> {
    /// Everything up to and with the closing brace of the outermost table.
    fn tables(&mut self) -> Result<Table, ParseError> {
        let mut outer: Vec<(Table, String)> = Vec::new();
        let mut table = Table::default();
        loop {
            match self.cursor.peek() {
                None => return Err(self.cursor.unexpected("`}`")),
                Some(b'}') => {
                    self.cursor.eat(b'}');
                    let Some((mut parent, name)) = outer.pop() else { return Ok(table) };
                    parent.0.push((name, Entry::Table(table)));
                    table = parent;
                }
                Some(b';' | b',') => self.cursor.go_to(self.cursor.at() + 1),
                Some(b'<') => self.xml()?,
                Some(b'"') => self.skip_line(self.cursor.at())?,
                Some(_) => {
                    if let Some(name) = self.entry(&mut table)? {
                        if outer.len() + 1 >= MAX_DEPTH {
                            return Err(ParseError::TooDeep { at: self.cursor.position(), limit: MAX_DEPTH });
                        }
                        outer.push((std::mem::take(&mut table), name));
                    }
                }
            }
        }
    }

    /// One attribute, put into `table`; or the opening of a container, whose name is returned.
    fn entry(&mut self, table: &mut Table) -> Result<Option<String>, ParseError> {
        self.count(1)?;
        let start = self.cursor.at();
        let keyword = self.cursor.word(DELIMITERS, "an attribute, a container or `}`")?;
        if self.cursor.eat(b'{') {
            check_name(keyword)?;
            return Ok(Some(characters(keyword)));
        }
        let Some(kind) = AttributeType::from_keyword(keyword) else { return self.unknown(start) };
        let name = self.cursor.word_if_any(DELIMITERS).filter(|name| check_name(name).is_ok());
        let Some(name) = name else { return self.skip_line(start).map(|()| None) };
        let (name, values_at) = (characters(name), self.cursor.at());
        let tokens = match self.tokens() {
            Ok(tokens) => Some(tokens),
            Err(broken) if broken.quote.is_some() => self.recover(start, &name, broken)?,
            Err(broken) => {
                self.lose(broken.seen - values_at)?;
                self.cursor.go_to(values_at);
                self.skip_line(start).map(|()| None)?
            }
        };
        let Some(tokens) = tokens else { return Ok(None) };
        self.count(tokens.len())?;
        match kind {
            AttributeType::Alias => {}
            AttributeType::Xml => self.warn(start, || format!("attribute `{name}` is XML and was left out")),
            AttributeType::Text => table.0.push((name, Entry::Values(texts(&tokens)))),
            AttributeType::Number(declared) => {
                let (values, remark) = numbers(declared, &tokens);
                if let Some(remark) = remark {
                    self.warn(start, || format!("attribute `{name}` {remark}"));
                }
                table.0.push((name, Entry::Values(values)));
            }
        }
        Ok(None)
    }

    /// The values of an attribute and the `;`, by the grammar.
    fn tokens(&mut self) -> Result<Vec<Token<'a>>, Broken<'a>> {
        let mut tokens = Vec::new();
        if self.cursor.eat(b';') {
            return Ok(tokens);
        }
        loop {
            let quote = (self.cursor.peek() == Some(b'"')).then(|| self.cursor.at());
            let token = match quote {
                Some(_) => self.quoted().map(Token::Quoted),
                None => self.cursor.word_if_any(DELIMITERS).map(Token::Bare),
            };
            let next = self.cursor.peek();
            let (Some(token), Some(b';' | b',')) = (token, next) else {
                return Err(Broken { tokens, quote, seen: self.cursor.at() });
            };
            tokens.push(token);
            self.cursor.go_to(self.cursor.at() + 1);
            if next == Some(b';') {
                return Ok(tokens);
            }
        }
    }

    /// A quoted value, its quotes left out; nothing if it does not close.
    fn quoted(&mut self) -> Option<&'a [u8]> {
        let from = self.cursor.at() + 1;
        let mut escaped = false;
        let inside = self.cursor.rest().iter().skip(1).position(|byte| {
            let closes = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            closes
        });
        let to = inside.map_or(usize::MAX, |length| from + length);
        self.cursor.go_to(to.saturating_add(1));
        inside.map(|_| self.cursor.between(from, to))
    }

    /// Servers that do not escape: pydap writes bare quotes, THREDDS up to 4.6.3 ends values in `\"` (thredds#598). The
    /// value then goes to the first `";` at the end of a line.
    fn recover(&mut self, start: usize, name: &str, broken: Broken<'a>) -> Result<Option<Vec<Token<'a>>>, ParseError> {
        let quote = broken.quote.unwrap_or(broken.seen);
        self.cursor.go_to(quote);
        let rest = self.cursor.rest();
        let Some((length, end)) = verbatim(rest) else {
            self.lose(broken.seen.saturating_sub(quote) + rest.len())?;
            return self.skip_line(start).map(|()| None);
        };
        self.lose(broken.seen.saturating_sub(quote + length))?;
        let value = self.cursor.between(quote + 1, quote + length);
        self.warn(start, || {
            format!("attribute `{name}` has unescaped quotes or backslashes and was taken as it stands")
        });
        self.cursor.go_to(quote + end);
        let mut tokens = broken.tokens;
        tokens.push(Token::Verbatim(value));
        Ok(Some(tokens))
    }

    /// Skips a line that cannot be read, braces left out.
    fn skip_line(&mut self, start: usize) -> Result<(), ParseError> {
        let rest = self.cursor.rest();
        let length = rest.iter().position(|byte| matches!(byte, b';' | b'\n' | b'{' | b'}')).unwrap_or(rest.len());
        self.cursor.go_to(self.cursor.at() + length);
        let line = self.cursor.between(start, self.cursor.at());
        self.warn(start, || format!("`{}` cannot be read and was left out", excerpt(line, 60)));
        match self.cursor.rest().first() {
            Some(b'{') => Err(self.cursor.unexpected("`;` or a line end")),
            _ => Ok(()),
        }
    }

    /// A line that begins with no type: a container whose name has blanks, or nothing we know.
    fn unknown(&mut self, start: usize) -> Result<Option<String>, ParseError> {
        let rest = self.cursor.rest();
        let length = rest.iter().position(|byte| matches!(byte, b';' | b'\n' | b'{' | b'}' | b'"' | b','));
        if let Some(length) = length.filter(|length| rest.get(*length) == Some(&b'{')) {
            let name = self.cursor.between(start, self.cursor.at() + length).trim_ascii();
            check_name(name)?;
            self.cursor.go_to(self.cursor.at() + length + 1);
            return Ok(Some(characters(name)));
        }
        self.skip_line(start).map(|()| None)
    }

    /// Skips bare XML, which libdap once wrote in place of an attribute: up to the end tag of its first element, or to
    /// the end of the line.
    fn xml(&mut self) -> Result<(), ParseError> {
        let start = self.cursor.at();
        let rest = self.cursor.rest();
        let name = rest.iter().skip(1).take_while(|byte| !is_blank(**byte) && !b"/>".contains(byte)).count();
        let tag = [b"</", rest.get(1..=name).unwrap_or_default(), b">"].concat();
        let line = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let end = if name == 0 { None } else { rest.windows(tag.len()).position(|window| window == tag) };
        if end.is_none() {
            self.lose(rest.len())?;
        }
        self.cursor.go_to(start + end.map_or(line, |end| end + tag.len()));
        self.warn(start, || "XML was left out".to_owned());
        Ok(())
    }

    fn count(&mut self, more: usize) -> Result<(), ParseError> {
        self.count += more;
        if self.count > MAX_ATTRIBUTES {
            return Err(ParseError::TooMany { what: "attributes", limit: MAX_ATTRIBUTES });
        }
        Ok(())
    }

    fn lose(&mut self, bytes: usize) -> Result<(), ParseError> {
        match self.waste.checked_sub(bytes) {
            Some(left) => self.waste = left,
            None => return Err(self.cursor.unexpected("attributes that can be read; there are too many that cannot")),
        }
        Ok(())
    }

    fn warn(&mut self, at: usize, what: impl FnOnce() -> String) {
        self.warnings.push_with(|| format!("DAS, byte {at}: {}", what()));
    }
}

/// Where an unescaped value that begins with a quote ends: its last quote, and the byte after the `;`.
fn verbatim(rest: &[u8]) -> Option<(usize, usize)> {
    let mut from = 1;
    loop {
        let quote = from + rest.get(from..)?.iter().position(|byte| *byte == b'"')?;
        let after = rest.get(quote + 1..).unwrap_or_default();
        let blanks = after.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let line = after.get(blanks..).unwrap_or_default().strip_prefix(b";").unwrap_or(b"?");
        let end = line.iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r'));
        if matches!(end, None | Some(b'\n')) {
            return Some((quote, quote + 1 + blanks + 1));
        }
        from = quote + 1;
    }
}
