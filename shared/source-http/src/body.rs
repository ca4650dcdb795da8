use std::{pin::Pin, time::Duration};

use bytes::Bytes;
use reqwest::{Response, Url};
use run::ReasonKind;
use steps::ports::SourceError;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{
    options::Timeouts,
    trouble::{cut, plain, transient},
};

/// The body of a response as it comes, with an eye on the clock.
///
/// One timer serves all limits and is looked at only while nothing comes, so that a fast body costs one reading of the
/// clock per piece.
#[derive(Debug)]
pub(crate) struct Body {
    response: Response,
    url: Url,
    timeouts: Timeouts,
    /// Bytes so far, content encoding undone.
    read: u64,
    /// What the server promised, unless the content is encoded.
    promised: Option<u64>,
    /// When the request was sent, then when the last piece came.
    since: Instant,
    /// When a window of the slowness rule began, and the bytes before it.
    window: (Instant, u64),
    until: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

impl Body {
    /// `sent`: when the request was sent. `until`: when the caller has to return.
    pub(crate) fn new(response: Response, url: Url, timeouts: Timeouts, sent: Instant, until: Option<Instant>) -> Self {
        let promised = response.content_length();
        let timer = Box::pin(sleep_until(earliest(after(sent, timeouts.first_byte), until)));
        Self { response, url, timeouts, read: 0, promised, since: sent, window: (sent, 0), until, timer }
    }

    /// The next piece, or nothing at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, SourceError> {
        loop {
            let piece = tokio::select! {
                biased;
                piece = self.response.chunk() => piece,
                () = &mut self.timer => {
                    self.judge()?;
                    continue;
                }
            };
            let piece = piece.map_err(|error| cut(&error, &self.url, self.read, self.promised))?;
            if let Some(piece) = &piece {
                self.arrived(piece.len() as u64)?;
            }
            return Ok(piece);
        }
    }

    /// `page` and what comes behind it, until there are `most` bytes or a little more; an error ends it.
    pub(crate) async fn page(&mut self, most: usize, mut page: Vec<u8>) -> Vec<u8> {
        while page.len() < most {
            let Ok(Some(piece)) = self.next().await else { break };
            page.extend_from_slice(&piece);
        }
        page
    }

    fn arrived(&mut self, bytes: u64) -> Result<(), SourceError> {
        let first = self.read == 0;
        self.read += bytes;
        self.since = Instant::now();
        if first {
            self.window = (self.since, self.read);
            self.rearm();
        }
        // While pieces come faster than they are taken, nobody looks at the timer.
        if self.until.is_some_and(|until| self.since >= until) { Err(self.out_of_time()) } else { Ok(()) }
    }

    fn rearm(&mut self) {
        let next = after(self.since, self.patience()).min(self.window_end());
        self.timer.as_mut().reset(earliest(next, self.until));
    }

    fn patience(&self) -> Duration {
        if self.read == 0 { self.timeouts.first_byte } else { self.timeouts.idle }
    }

    fn window_end(&self) -> Instant {
        let length = if self.read == 0 { self.timeouts.first_byte } else { self.timeouts.idle.saturating_mul(2) };
        after(self.window.0, length)
    }

    /// The timer went off: is it a limit, or was it set before the last piece came?
    fn judge(&mut self) -> Result<(), SourceError> {
        let now = Instant::now();
        let (at, read) = (plain(&self.url), self.read);
        if self.until.is_some_and(|until| now >= until) {
            return Err(self.out_of_time());
        }
        if now >= after(self.since, self.patience()) {
            return Err(self.silent(&at));
        }
        if now >= self.window_end() {
            let (length, bytes) = (self.timeouts.idle.as_secs_f64() * 2.0, read - self.window.1);
            #[expect(clippy::cast_precision_loss, reason = "an average need not be exact")]
            if (bytes as f64) < self.timeouts.slowest_bytes_per_second as f64 * length {
                let message = format!("the response of {at} brought only {bytes} bytes in {length} s, {read} in all");
                return Err(transient(ReasonKind::BodyWrong, message));
            }
            self.window = (now, read);
        }
        self.rearm();
        Ok(())
    }

    fn out_of_time(&self) -> SourceError {
        let (at, read) = (plain(&self.url), self.read);
        let message = format!("the response of {at} had brought {read} bytes when the time for it was up");
        transient(ReasonKind::SourceUnreachable, message)
    }

    fn silent(&self, at: &str) -> SourceError {
        let (read, waited) = (self.read, self.patience().as_secs_f64());
        if read == 0 {
            return transient(ReasonKind::SourceUnreachable, format!("no data from {at} within {waited} s"));
        }
        let message = match self.promised {
            Some(length) => format!("the response of {at} stopped for {waited} s at byte {read} of {length}"),
            None => format!("the response of {at} stopped for {waited} s at byte {read}"),
        };
        transient(ReasonKind::BodyWrong, message)
    }
}

/// `time` plus `wait`, or a day if that is further away than clocks can say.
pub(crate) fn after(time: Instant, wait: Duration) -> Instant {
    time.checked_add(wait).unwrap_or_else(|| time + Duration::from_hours(24))
}

pub(crate) fn earliest(time: Instant, until: Option<Instant>) -> Instant {
    until.map_or(time, |until| until.min(time))
}
