use grid::GridError;

use crate::ServerError;

/// Where in a text something went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Which text: `DDS`, `DAS` or `DMR`.
    pub document: &'static str,
    /// Bytes before it.
    pub byte: usize,
    /// Its line, the first is 1.
    pub line: usize,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} line {}, byte {}", self.document, self.line, self.byte)
    }
}

/// Why a DDS or a DAS cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Something else stands where the grammar wants a certain thing.
    #[error("{at}: expected {expected}, found {found}")]
    Unexpected {
        /// Where.
        at: Position,
        /// What the grammar wants.
        expected: &'static str,
        /// What is there, shortened and without control characters.
        found: String,
    },
    /// The text stops in the middle: a response cut short.
    #[error("the text ends at {at}, expected {expected}")]
    Ended {
        /// The end.
        at: Position,
        /// What the grammar wants.
        expected: &'static str,
    },
    /// Deeper nesting than we follow.
    #[error("{at}: nested more than {limit} levels deep")]
    TooDeep {
        /// The brace that is one too many.
        at: Position,
        /// The most we accept.
        limit: usize,
    },
    /// More of something than we accept.
    #[error("more than {limit} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The most we accept.
        limit: usize,
    },
    /// A text or a name with more bytes than we accept.
    #[error("{what} has {found} bytes, at most {limit} are accepted")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its bytes; at least this many if they were not all read.
        found: usize,
        /// The most we accept.
        limit: usize,
    },
    /// Sizes that make no array.
    #[error("the sizes of `{name}` make no array")]
    Shape {
        /// The variable.
        name: String,
        /// What is wrong with them.
        #[source]
        source: GridError,
    },
    /// Not what was asked for, and no error a DAP server would send: a login page, a proxy's apology.
    #[error("expected a DAP response, found a page or text that says: {title}")]
    NotDap {
        /// The page's title or the response's first words.
        title: String,
    },
    /// The server said why.
    #[error(transparent)]
    ServerError(ServerError),
}

/// Why a `.dods` response gives no array.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The server says why, in place of a response or in the middle of one, whatever the HTTP status was.
    #[error(transparent)]
    ServerError(ServerError),
    /// Neither a response nor a server error: a login page, a proxy's apology.
    #[error("expected a DAP response, found a page or text that says: {title}")]
    NotDap {
        /// The page's title or the response's first words.
        title: String,
    },
    /// The response describes another array than the one asked for.
    #[error("asked for {expected}, the response holds {found}")]
    WrongShape {
        /// What was asked for.
        expected: String,
        /// What the response says it holds.
        found: String,
    },
    /// The response stops before its end.
    #[error("response ends at byte {found}, expected {expected} bytes")]
    Truncated {
        /// Bytes of a whole response; at least, if it ends in its header.
        expected: u64,
        /// Bytes that came.
        found: u64,
    },
    /// The response goes on after its end.
    #[error("response has at least {found} bytes, expected {expected}")]
    TooLong {
        /// Bytes of a whole response.
        expected: u64,
        /// Bytes that came until it was noticed.
        found: u64,
    },
    /// An element count in the body is not that of the array asked for.
    #[error("response counts {found} elements, asked for {expected}")]
    BadCount {
        /// Elements asked for.
        expected: u64,
        /// The count in the body.
        found: u64,
    },
    /// The DDS that opens the response cannot be read.
    #[error("the DDS that opens the response cannot be read")]
    Header(#[source] ParseError),
    /// A value on the wire that the type cannot have, or a buffer that is not the array's.
    #[error("a value of the response cannot be used")]
    Value(#[source] GridError),
}
