use grid::{ChunkBuffer, Scatter};

use crate::{
    BodyError, Projection, WireType,
    header::{Asked, data_line},
    limits::{MAX_HEADER_BYTES, MAX_PAGE_BYTES, MAX_TAIL_BYTES},
    server_error::{find_error, not_dap},
};

/// How far a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// More bytes are needed.
    More,
    /// The array is complete; any further byte is an error.
    Complete,
}

/// Decodes one `.dods` response that holds one array, as its bytes come (ESE-RFC-004 §7, XDR RFC 4506).
///
/// The response is a DDS, a line `Data:`, and the array in XDR: its element count twice and its elements, or a scalar
/// without counts. The bytes may be cut anywhere: any split gives the same buffer or the same error. The elements
/// go to the buffer as they come; what is kept is the DDS (at most 1 MiB) and a few KiB, so that an error message a
/// server wrote into the data can be told from data.
#[derive(Debug)]
pub struct BodyDecoder {
    asked: Asked,
    scatter: Scatter,
    elements: u64,
    state: State,
    /// The header, a count, or what may be a message: bytes that cannot be judged yet.
    held: Vec<u8>,
    /// The last bytes of the data, for the message of a server that gave up.
    tail: Vec<u8>,
    seen: u64,
    header_bytes: Option<u64>,
    /// Bytes left of the data or of the padding.
    left: u64,
}

#[derive(Debug)]
enum State {
    /// Reading the DDS; whether its first word has been seen to be `Dataset`.
    Header { is_dds: bool },
    /// The first count.
    Count,
    /// The second count.
    Again,
    /// A scalar of one byte, in four.
    ByteScalar,
    /// Elements.
    Data,
    /// Padding after an array of bytes.
    Padding,
    /// A second count of zero, which libdap does not send.
    ZeroAgain,
    /// The end.
    Complete,
    /// Not a response: a page or a message.
    Page,
    /// Something is wrong; a few more bytes may say what.
    Wrong { error: BodyError, room: usize },
}

impl BodyDecoder {
    /// A decoder of the response to a [`crate::Query`] for `slab_counts` elements along each dimension, none for a
    /// scalar. `scatter` puts as many elements of [`WireType::wire_element`] into the buffer.
    pub fn new(projection: &Projection, wire: WireType, slab_counts: &[u64], scatter: Scatter) -> Self {
        let elements = slab_counts.iter().fold(1_u64, |product, count| product.saturating_mul(*count));
        Self {
            asked: Asked { projection: projection.clone(), wire, counts: slab_counts.to_vec() },
            scatter,
            elements,
            state: State::Header { is_dds: false },
            held: Vec::new(),
            tail: Vec::new(),
            seen: 0,
            header_bytes: None,
            left: 0,
        }
    }

    /// Takes the next bytes of the response. After an error the decoder is of no more use.
    ///
    /// # Errors
    /// Every [`BodyError`]. [`BodyError::NotDap`] and errors that may turn out to be the server's own message come up to
    /// 64 KiB late, or from [`BodyDecoder::finish`].
    pub fn feed(&mut self, bytes: &[u8], buffer: &mut ChunkBuffer) -> Result<Progress, BodyError> {
        self.seen = self.seen.saturating_add(bytes.len() as u64);
        let mut rest = bytes;
        while !rest.is_empty() {
            let before = bytes.get(..bytes.len() - rest.len()).unwrap_or_default();
            let taken = self.step(before, rest, buffer)?;
            rest = rest.get(taken..).unwrap_or_default();
        }
        self.remember(bytes);
        Ok(if matches!(self.state, State::Complete) { Progress::Complete } else { Progress::More })
    }

    /// Ends the response.
    ///
    /// # Errors
    /// [`BodyError::Truncated`] unless the array is complete; or what was wrong, if that could not be told before.
    pub fn finish(mut self) -> Result<(), BodyError> {
        match std::mem::replace(&mut self.state, State::Complete) {
            State::Complete => Ok(()),
            // libdap sends one count of zero, others send two (corpus: zero_length_array, live zero.nc).
            State::ZeroAgain if self.held.is_empty() => Ok(()),
            State::Page => Err(self.page()),
            State::Wrong { error, .. } => Err(find_error(&self.held).map_or(error, BodyError::ServerError)),
            State::Header { is_dds: false } if !b"dataset".starts_with(&self.first_word()) => Err(self.page()),
            State::Header { .. } => Err(self.truncated()),
            State::Count | State::Again | State::ByteScalar | State::Data | State::Padding | State::ZeroAgain => {
                Err(find_error(self.last()).map_or_else(|| self.truncated(), BodyError::ServerError))
            }
        }
    }

    /// Bytes after the `Data:` line: both counts, the elements and the padding. 8 for an array without elements, which
    /// servers send in 8 or in 4 bytes.
    pub fn data_bytes(&self) -> u64 {
        let width = self.asked.wire.wire_element().width as u64;
        let data = self.elements.saturating_mul(width).saturating_add(3) / 4 * 4;
        if self.asked.counts.is_empty() { data } else { data.saturating_add(8) }
    }

    /// Bytes fed so far.
    pub const fn bytes_seen(&self) -> u64 {
        self.seen
    }

    /// Bytes of the whole response, once its header has been read: what a `Content-Length` must say. Nothing for an
    /// array without elements, where servers differ.
    pub fn expected_total(&self) -> Option<u64> {
        self.header_bytes.filter(|_| self.elements > 0).map(|header| header.saturating_add(self.data_bytes()))
    }

    /// Takes some of `rest`, at least one byte. `before` is what came before it in the same piece.
    fn step(&mut self, before: &[u8], rest: &[u8], buffer: &mut ChunkBuffer) -> Result<usize, BodyError> {
        match &mut self.state {
            State::Header { .. } => self.header(rest),
            State::Count | State::Again | State::ByteScalar | State::ZeroAgain => self.word(before, rest, buffer),
            State::Data => self.data(before, rest, buffer),
            State::Padding => {
                let taken = clamp(self.left, rest.len());
                self.left -= taken as u64;
                if self.left == 0 {
                    self.state = State::Complete;
                }
                Ok(taken)
            }
            State::Complete => {
                let expected = self.seen_before(rest);
                self.suspect(BodyError::TooLong { expected, found: expected + 1 }, before, rest)
            }
            State::Page => {
                let taken = rest.len().min(MAX_PAGE_BYTES.saturating_sub(self.held.len()));
                self.held.extend_from_slice(rest.get(..taken).unwrap_or_default());
                if self.held.len() >= MAX_PAGE_BYTES { Err(self.page()) } else { Ok(taken) }
            }
            State::Wrong { room, .. } => {
                let taken = rest.len().min(*room);
                *room -= taken;
                self.held.extend_from_slice(rest.get(..taken).unwrap_or_default());
                self.judge().map(|()| taken)
            }
        }
    }

    fn header(&mut self, rest: &[u8]) -> Result<usize, BodyError> {
        let former = self.held.len();
        let taken = rest.len().min(MAX_HEADER_BYTES + 1 - former.min(MAX_HEADER_BYTES));
        self.held.extend_from_slice(rest.get(..taken).unwrap_or_default());
        if let State::Header { is_dds: false } = self.state {
            let word = self.first_word();
            if !b"dataset".starts_with(&word) || (word.is_empty() && self.held.len() > MAX_TAIL_BYTES) {
                self.state = State::Page;
                self.held.truncate(MAX_PAGE_BYTES);
                return if self.held.len() >= MAX_PAGE_BYTES { Err(self.page()) } else { Ok(taken) };
            }
            self.state = State::Header { is_dds: word.len() == 7 };
        }
        let Some((dds, end)) = data_line(&self.held, former) else {
            let too_large = self.held.len() > MAX_HEADER_BYTES;
            return if too_large { Err(self.header_too_large()) } else { Ok(taken) };
        };
        self.asked.check(self.held.get(..dds).unwrap_or_default())?;
        self.check_scatter()?;
        self.header_bytes = Some(end as u64);
        self.held = Vec::new();
        self.begin();
        Ok(end - former)
    }

    /// The state after the `Data:` line.
    fn begin(&mut self) {
        self.left = self.elements.saturating_mul(self.asked.wire.wire_element().width as u64);
        self.state = match (self.asked.counts.as_slice(), self.asked.wire) {
            ([], WireType::Byte) => State::ByteScalar,
            ([], _) => State::Data,
            _ => State::Count,
        };
    }

    /// A word of four bytes: a count, or a scalar of one byte.
    fn word(&mut self, before: &[u8], rest: &[u8], buffer: &mut ChunkBuffer) -> Result<usize, BodyError> {
        let taken = rest.len().min(4 - self.held.len().min(3));
        self.held.extend_from_slice(rest.get(..taken).unwrap_or_default());
        let Ok(word) = <[u8; 4]>::try_from(self.held.as_slice()) else { return Ok(taken) };
        self.held.clear();
        if let State::ByteScalar = self.state {
            let Some(value) = byte_scalar(word) else {
                let expected = format!("{} in four bytes", self.asked.wire);
                let error = BodyError::WrongShape { expected, found: format!("{:#010x}", u32::from_be_bytes(word)) };
                return self.suspect_word(error, word, before, rest, taken);
            };
            self.scatter.feed(&[value], buffer).map_err(BodyError::Value)?;
            self.state = State::Complete;
            return Ok(taken);
        }
        let found = u64::from(u32::from_be_bytes(word));
        if found != self.elements {
            let error = BodyError::BadCount { expected: self.elements, found };
            return self.suspect_word(error, word, before, rest, taken);
        }
        self.state = match self.state {
            State::Count if self.elements == 0 => State::ZeroAgain,
            State::Count => State::Again,
            State::Again => State::Data,
            // The second zero.
            State::ZeroAgain
            | State::Header { .. }
            | State::ByteScalar
            | State::Data
            | State::Padding
            | State::Complete
            | State::Page
            | State::Wrong { .. } => State::Complete,
        };
        Ok(taken)
    }

    fn data(&mut self, before: &[u8], rest: &[u8], buffer: &mut ChunkBuffer) -> Result<usize, BodyError> {
        // 16-bit values can be found wrong: small pieces, so that we know where.
        let most = if self.scatter_narrows() { MAX_TAIL_BYTES } else { usize::MAX };
        let taken = clamp(self.left, rest.len()).min(most);
        let piece = rest.get(..taken).unwrap_or_default();
        if let Err(error) = self.scatter.feed(piece, buffer) {
            return self.suspect(BodyError::Value(error), before, rest);
        }
        self.left -= taken as u64;
        if self.left == 0 {
            let padding = self.elements.wrapping_neg() % 4;
            let padded = self.asked.wire == WireType::Byte && padding > 0;
            self.left = padding;
            self.state = if padded { State::Padding } else { State::Complete };
        }
        Ok(taken)
    }

    fn scatter_narrows(&self) -> bool {
        matches!(self.asked.wire, WireType::Int16 | WireType::UInt16)
    }

    /// A scatter for another number of elements is the caller's mistake; the body would be misread.
    fn check_scatter(&self) -> Result<(), BodyError> {
        let expected = self.elements.saturating_mul(self.asked.wire.wire_element().width as u64);
        let found = self.scatter.bytes_left();
        if found == expected {
            return Ok(());
        }
        let expected = format!("{expected} bytes of {}", self.asked.projection);
        Err(BodyError::WrongShape { expected, found: format!("a buffer for {found} bytes") })
    }

    /// Something is wrong at `rest`: holds back the error until it is clear whether a server's message is the cause.
    fn suspect(&mut self, error: BodyError, before: &[u8], rest: &[u8]) -> Result<usize, BodyError> {
        self.remember(before);
        self.held = self.last().to_vec();
        let taken = rest.len().min(2 * MAX_TAIL_BYTES);
        self.held.extend_from_slice(rest.get(..taken).unwrap_or_default());
        self.state = State::Wrong { error, room: 2 * MAX_TAIL_BYTES - taken };
        self.judge().map(|()| taken)
    }

    /// The same for a word that has been put together from pieces.
    fn suspect_word(
        &mut self,
        error: BodyError,
        word: [u8; 4],
        before: &[u8],
        rest: &[u8],
        taken: usize,
    ) -> Result<usize, BodyError> {
        self.remember(before);
        let known = self.tail.len().saturating_sub(4 - taken);
        self.tail.truncate(known);
        let rest = rest.get(taken..).unwrap_or_default();
        self.suspect(error, &word, rest).map(|more| taken + more)
    }

    /// Ends the wait for a message.
    fn judge(&mut self) -> Result<(), BodyError> {
        if let State::Wrong { error, room: 0 } = &self.state {
            return Err(find_error(&self.held).map_or_else(|| error.clone(), BodyError::ServerError));
        }
        Ok(())
    }

    /// Keeps the last bytes of the data.
    fn remember(&mut self, bytes: &[u8]) {
        if self.header_bytes.is_none() {
            return;
        }
        let last = bytes.get(bytes.len().saturating_sub(MAX_TAIL_BYTES)..).unwrap_or_default();
        let surplus = (self.tail.len() + last.len()).saturating_sub(2 * MAX_TAIL_BYTES);
        if surplus > 0 {
            // Half of it at once, so that many small pieces cost little.
            self.tail.drain(..surplus.max(MAX_TAIL_BYTES).min(self.tail.len()));
        }
        self.tail.extend_from_slice(last);
    }

    /// The last bytes of the data, as many for any split.
    fn last(&self) -> &[u8] {
        self.tail.get(self.tail.len().saturating_sub(MAX_TAIL_BYTES)..).unwrap_or_default()
    }

    /// The first seven letters of the response in lower case, as far as they are there.
    fn first_word(&self) -> Vec<u8> {
        let word = self.held.trim_ascii_start();
        word.get(..word.len().min(7)).unwrap_or_default().to_ascii_lowercase()
    }

    fn seen_before(&self, rest: &[u8]) -> u64 {
        self.seen.saturating_sub(rest.len() as u64)
    }

    fn page(&self) -> BodyError {
        match crate::ServerError::recognise(&self.held) {
            Some(error) => BodyError::ServerError(error),
            None => BodyError::NotDap { title: not_dap(&self.held) },
        }
    }

    fn truncated(&self) -> BodyError {
        let header = self.header_bytes.unwrap_or(self.seen);
        BodyError::Truncated { expected: header.saturating_add(self.data_bytes()), found: self.seen }
    }

    fn header_too_large(&self) -> BodyError {
        BodyError::Header(crate::ParseError::TooLarge {
            what: "the DDS of a response",
            found: self.held.len(),
            limit: MAX_HEADER_BYTES,
        })
    }
}

fn clamp(left: u64, available: usize) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(available)
}

/// The value of a scalar byte. libdap and the Java servers send it as an integer, so last (libdap extends its sign);
/// ERDDAP and pydap send it first and pad. The forms never collide. Nothing if it is neither.
pub(crate) fn byte_scalar(word: [u8; 4]) -> Option<u8> {
    match word {
        [0, 0, 0, value] | [0xff, 0xff, 0xff, value] | [value, 0, 0, 0] => Some(value),
        _ => None,
    }
}
