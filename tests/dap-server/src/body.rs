//! The body of an answer, made and sent piece by piece, and cut, flipped or slowed as ordered.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use crate::behaviour::Behaviour;
use crate::fault::FaultKind;
use crate::server::{InFlight, Shared};
use crate::text;
use crate::xdr::{Encoder, as_u64, as_usize};

/// The connection is to close here, which is what hyper does when a body fails.
#[derive(Debug, thiserror::Error)]
#[error("the connection closes here, as ordered")]
pub(crate) struct Closed;

/// What follows the last byte.
#[derive(Debug)]
enum End {
    Proper,
    Text(Bytes),
    /// Close the connection, after a moment.
    Close,
    /// The moment is over.
    Closed,
    Hang,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Body {
    /// Made and not yet sent; at first the text.
    made: BytesMut,
    encoder: Encoder,
    /// Bytes to send before the end.
    until: u64,
    sent: u64,
    end: End,
    promised: Option<u64>,
    /// Offsets and masks.
    flips: Vec<(u64, u8)>,
    /// A whole and right data body, to be counted as answered.
    counts: bool,
    piece_bytes: usize,
    bytes_per_second: Option<u64>,
    started: Instant,
    wait: Option<Pin<Box<Sleep>>>,
    shared: Arc<Shared>,
    /// Held until the body is dropped.
    in_flight: Option<InFlight>,
}

impl Body {
    /// A text.
    pub(crate) fn text(text: &str, shared: &Arc<Shared>, behaviour: &Behaviour) -> Self {
        Self::new(text, Encoder::new(Vec::new()), 0, shared, behaviour)
    }

    /// A DDS, `Data:` and `data_bytes` of binary data.
    pub(crate) fn data(
        dds: &str,
        encoder: Encoder,
        data_bytes: u64,
        shared: &Arc<Shared>,
        behaviour: &Behaviour,
    ) -> Self {
        let head = format!("{dds}Data:\n");
        let mut body = Self::new(&head, encoder, data_bytes, shared, behaviour);
        body.counts = true;
        body
    }

    fn new(head: &str, encoder: Encoder, data_bytes: u64, shared: &Arc<Shared>, behaviour: &Behaviour) -> Self {
        let length = as_u64(head.len()) + data_bytes;
        Self {
            made: BytesMut::from(head),
            encoder,
            until: length,
            sent: 0,
            end: End::Proper,
            promised: (!behaviour.chunked).then_some(length),
            flips: Vec::new(),
            counts: false,
            piece_bytes: behaviour.piece_bytes.max(1),
            bytes_per_second: behaviour.bytes_per_second,
            started: Instant::now(),
            wait: None,
            shared: Arc::clone(shared),
            in_flight: None,
        }
    }

    /// Keeps the request in flight until the body is gone.
    pub(crate) fn hold(&mut self, in_flight: Option<InFlight>) {
        self.in_flight = in_flight;
    }

    /// Another last byte of the data.
    pub(crate) fn change_value(&mut self) {
        if let Some(last) = self.until.checked_sub(1) {
            self.flips.push((last, 1));
        }
    }

    /// Applies a fault that concerns the body; the others leave it alone.
    pub(crate) fn spoil(&mut self, fault: &FaultKind) {
        // A text has no data: its "data" is all of it.
        let data_from = if self.counts { as_u64(self.made.len()) } else { 0 };
        let data_bytes = self.until - data_from;
        self.counts = false;
        match fault {
            FaultKind::Truncate(at) => {
                self.until = at.offset(self.until);
                self.end = End::Close;
            }
            FaultKind::Stall(at) => {
                self.until = at.offset(self.until);
                self.end = End::Hang;
            }
            FaultKind::Short(at) => {
                self.until -= at.offset(self.until);
                self.promised = self.promised.map(|_| self.until);
            }
            FaultKind::ErrorInBody(at) => {
                self.until = data_from + at.offset(data_bytes);
                self.promised = None;
                self.end = End::Text(text::error(500, "read failed in the middle").into());
            }
            FaultKind::Flip(at) => {
                if let Some(last) = data_bytes.checked_sub(1) {
                    self.flips.push((data_from + at.offset(data_bytes).min(last), 0xFF));
                }
            }
            FaultKind::Status(..) | FaultKind::ErrorBody(_) | FaultKind::Html | FaultKind::CutDds | FaultKind::Drop => {
            }
        }
    }

    /// The next bytes before the end.
    fn piece(&mut self) -> Bytes {
        if as_u64(self.made.len()) < as_u64(self.piece_bytes).min(self.until - self.sent) {
            self.made.reserve(self.piece_bytes);
            self.encoder.fill(&mut self.made, self.piece_bytes);
        }
        let slow = self.bytes_per_second.map(|rate| (rate / 20).max(1));
        let most = slow.unwrap_or(u64::MAX).min(self.until - self.sent);
        let mut piece = if as_u64(self.made.len()) <= most {
            std::mem::take(&mut self.made)
        } else {
            self.made.split_to(as_usize(most))
        };
        for (offset, mask) in &self.flips {
            let place = offset.checked_sub(self.sent).map(as_usize);
            if let Some(byte) = place.and_then(|place| piece.get_mut(place)) {
                *byte ^= mask;
            }
        }
        piece.freeze()
    }

    fn hand_over(&mut self, piece: Bytes) -> Frame<Bytes> {
        let bytes = as_u64(piece.len());
        self.sent += bytes;
        let mut stats = self.shared.stats();
        stats.bytes_sent += bytes;
        if self.counts && self.sent == self.until {
            stats.answered += 1;
        }
        drop(stats);
        if let Some(rate) = self.bytes_per_second {
            let due = Duration::from_nanos(self.sent.saturating_mul(1_000_000_000) / rate.max(1));
            self.wait = Some(Box::pin(sleep_until(self.started + due)));
        }
        Frame::data(piece)
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Closed>>> {
        if let Some(wait) = &mut self.wait {
            ready!(wait.as_mut().poll(cx));
            self.wait = None;
        }
        if self.sent < self.until {
            let piece = self.piece();
            if !piece.is_empty() {
                return Poll::Ready(Some(Ok(self.hand_over(piece))));
            }
        }
        match std::mem::replace(&mut self.end, End::Proper) {
            End::Proper => Poll::Ready(None),
            End::Text(text) => Poll::Ready(Some(Ok(self.hand_over(text)))),
            // hyper flushes what it holds while the body is pending, and drops it when the body fails.
            End::Close => {
                self.end = End::Closed;
                self.wait = Some(Box::pin(sleep(Duration::from_millis(30))));
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            End::Closed => Poll::Ready(Some(Err(Closed))),
            End::Hang => {
                self.end = End::Hang;
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.sent >= self.until && matches!(self.end, End::Proper)
    }

    fn size_hint(&self) -> SizeHint {
        self.promised.map_or_else(SizeHint::default, |length| SizeHint::with_exact(length.saturating_sub(self.sent)))
    }
}
