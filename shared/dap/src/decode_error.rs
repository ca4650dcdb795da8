use crate::{ParseError, ServerError};

/// Why a whole response gives no values. Offsets are bytes from the start of the response; of a DAP4 response, from the
/// start of its data with the chunk headers taken out, unless the text says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The metadata that opens the response, or the attributes that go with it, cannot be read.
    #[error("the description of the data cannot be read")]
    Metadata(#[source] ParseError),
    /// The response stops in the middle: a connection that was cut, or a server that gave up.
    #[error("the response ends at byte {at}, expected {expected}")]
    Ended {
        /// Where what was expected begins; the response is shorter than that needs.
        at: u64,
        /// What should stand there.
        expected: String,
    },
    /// Something else stands where the metadata promises a certain thing.
    #[error("byte {at} of the response: expected {expected}, found {found}")]
    Wrong {
        /// Where.
        at: u64,
        /// What the metadata, or the protocol, promises.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The response goes on after all the values it promises.
    #[error("{bytes} bytes more than the response promises, from byte {at}: it does not match its own description")]
    Trailing {
        /// The first byte that belongs to nothing.
        at: u64,
        /// How many there are.
        bytes: u64,
    },
    /// More of something than we accept, or than a response of this length can hold.
    #[error("{what}: {found}, at most {limit} are accepted; ask for less at a time")]
    TooLarge {
        /// What is too large, with its unit.
        what: String,
        /// How much there is.
        found: u64,
        /// The most we accept.
        limit: u64,
    },
    /// The server says why, in place of a response or in the middle of one, whatever the HTTP status was.
    #[error(transparent)]
    ServerError(ServerError),
    /// The values are not those the server sent (DAP4 only).
    #[error(
        "variable `{variable}` has checksum {found:08x}, the server sent {expected:08x}: it was damaged on the way, \
         fetch it again"
    )]
    Checksum {
        /// The variable.
        variable: String,
        /// The CRC-32 the server sent.
        expected: u32,
        /// The CRC-32 of the bytes that came.
        found: u32,
    },
}

impl DecodeError {
    /// What is wrong with the text before the data: the server may have said so itself.
    pub(crate) fn of_metadata(error: ParseError) -> Self {
        match error {
            ParseError::ServerError(error) => Self::ServerError(error),
            error @ (ParseError::Unexpected { .. }
            | ParseError::Ended { .. }
            | ParseError::TooDeep { .. }
            | ParseError::TooMany { .. }
            | ParseError::TooLarge { .. }
            | ParseError::Shape { .. }
            | ParseError::NotDap { .. }) => Self::Metadata(error),
        }
    }
}
