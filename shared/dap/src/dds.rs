//! The DDS: which arrays there are (ESE-RFC-004 §6).
//!
//! ```text
//! dds         = "Dataset" "{" declaration* "}" [name] ";"
//! declaration = type name dimension* ";"
//!             | ("Structure" | "Sequence") "{" declaration* "}" name dimension* ";"
//!             | "Grid" "{" "Array" ":" declaration "Maps" ":" declaration* "}" name ";"
//! dimension   = "[" [name "="] size "]"
//! ```
//! Keywords are taken in any case: Hyrax writes `Array:`, ERDDAP `ARRAY:`.

use grid::{MAX_RANK, Shape};

use crate::{
    Dimension, ParseError, WireType,
    limits::{MAX_DEPTH, MAX_VARIABLES},
    name::{characters, excerpt, is_printable, shown},
    text::{Cursor, is_blank},
};

/// What ends a word of a DDS.
const DELIMITERS: &[u8] = b"{}[];=,";

/// A parsed DDS.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dds {
    pub(crate) name: String,
    pub(crate) declarations: Vec<Declaration>,
    /// Bytes after the end that are not blank.
    pub(crate) trailing: usize,
}

/// One declaration.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Declaration {
    /// As sent; ISO-8859-1 if it was not UTF-8.
    pub(crate) name: String,
    /// Whether the name was UTF-8, so that it can be sent back.
    pub(crate) name_is_utf8: bool,
    pub(crate) kind: Kind,
    pub(crate) dimensions: Vec<Dimension>,
}

/// What is declared.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Number(WireType),
    /// `String`, `Url`, or a type DAP2 does not have.
    Other(String),
    Structure(Vec<Declaration>),
    Sequence(Vec<Declaration>),
    Grid {
        array: Box<Declaration>,
        maps: Vec<Declaration>,
    },
}

/// Reads a DDS.
pub(crate) fn parse(bytes: &[u8]) -> Result<Dds, ParseError> {
    let cursor = Cursor::after_keyword(bytes, "Dataset")?;
    let mut parser = Parser { cursor, count: 0 };
    parser.cursor.expect(b'{', "`{` after Dataset")?;
    let declarations = parser.declarations(1)?;
    let (name, trailing) = parser.trailer()?;
    Ok(Dds { name, declarations, trailing })
}

struct Parser<'a> {
    cursor: Cursor<'a>,
    count: usize,
}

impl Parser<'_> {
    /// The dataset's name may hold anything up to the `;`: slashes, `%2E`, `+`.
    fn trailer(&mut self) -> Result<(String, usize), ParseError> {
        let rest = self.cursor.rest();
        let Some(length) = rest.iter().position(|byte| *byte == b';') else {
            self.cursor.go_to(usize::MAX);
            return Err(self.cursor.unexpected("`;` after the dataset's name"));
        };
        let name = rest.get(..length).unwrap_or_default().trim_ascii();
        let trailing = rest.iter().skip(length + 1).filter(|byte| !is_blank(**byte)).count();
        Ok((characters(name), trailing))
    }

    /// Declarations up to and with the closing brace.
    fn declarations(&mut self, depth: usize) -> Result<Vec<Declaration>, ParseError> {
        if depth > MAX_DEPTH {
            return Err(ParseError::TooDeep { at: self.cursor.position(), limit: MAX_DEPTH });
        }
        let mut declarations = Vec::new();
        while !self.cursor.eat(b'}') {
            declarations.push(self.declaration(depth)?);
        }
        Ok(declarations)
    }

    fn declaration(&mut self, depth: usize) -> Result<Declaration, ParseError> {
        self.count += 1;
        if self.count > MAX_VARIABLES {
            return Err(ParseError::TooMany { what: "declarations", limit: MAX_VARIABLES });
        }
        let keyword = excerpt(self.cursor.word(DELIMITERS, "a type or `}`")?, 40);
        let kind = match keyword.to_ascii_lowercase().as_str() {
            "structure" => {
                self.cursor.expect(b'{', "`{` after Structure")?;
                Kind::Structure(self.declarations(depth + 1)?)
            }
            "sequence" => {
                self.cursor.expect(b'{', "`{` after Sequence")?;
                Kind::Sequence(self.declarations(depth + 1)?)
            }
            "grid" => self.grid(depth + 1)?,
            _ => WireType::from_keyword(&keyword).map_or(Kind::Other(keyword), Kind::Number),
        };
        let name = self.cursor.name(DELIMITERS, "a name")?;
        let name_is_utf8 = std::str::from_utf8(name).is_ok();
        let name = characters(name);
        let dimensions = self.dimensions(&name)?;
        self.cursor.expect(b';', "`;` or `[`")?;
        Ok(Declaration { name, name_is_utf8, kind, dimensions })
    }

    fn grid(&mut self, depth: usize) -> Result<Kind, ParseError> {
        if depth > MAX_DEPTH {
            return Err(ParseError::TooDeep { at: self.cursor.position(), limit: MAX_DEPTH });
        }
        self.cursor.expect(b'{', "`{` after Grid")?;
        self.cursor.keyword("Array")?;
        self.cursor.expect(b':', "`:` after Array")?;
        let array = Box::new(self.declaration(depth)?);
        self.cursor.keyword("Maps")?;
        self.cursor.expect(b':', "`:` after Maps")?;
        let maps = self.declarations(depth)?;
        Ok(Kind::Grid { array, maps })
    }

    fn dimensions(&mut self, name: &str) -> Result<Vec<Dimension>, ParseError> {
        let mut dimensions = Vec::new();
        while self.cursor.eat(b'[') {
            dimensions.push(self.dimension()?);
            if dimensions.len() > MAX_RANK {
                break;
            }
        }
        Shape::new(dimensions.iter().map(|dimension| dimension.size).collect())
            .map_err(|source| ParseError::Shape { name: name.to_owned(), source })?;
        Ok(dimensions)
    }

    fn dimension(&mut self) -> Result<Dimension, ParseError> {
        let start = self.cursor;
        let mut word = self.cursor.name(DELIMITERS, "a size or a dimension's name")?;
        let mut name = None;
        if self.cursor.eat(b'=') {
            // pydap 3.5.4 writes `[/time = 6]` (pydap#496).
            let raw = characters(word.strip_prefix(b"/").unwrap_or(word));
            name = Some(shown(&raw).into_owned()).filter(|name| !name.is_empty() && name.chars().all(is_printable));
            self.cursor.skip_blank();
            word = self.cursor.word(DELIMITERS, "a size")?;
        }
        let size = std::str::from_utf8(word).ok().and_then(|digits| digits.parse().ok());
        match self.cursor.peek() {
            None => return Err(self.cursor.unexpected("`]`")),
            Some(_) if size.is_none() => return Err(start.unexpected("a size")),
            Some(_) => self.cursor.expect(b']', "`]`")?,
        }
        let size = size.unwrap_or_default();
        Ok(Dimension { name, size })
    }
}
