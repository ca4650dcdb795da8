use std::{sync::Arc, time::SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use dap::Query;
use run::{Reason, ReasonKind, SourceUrl};
use steps::{
    Deadline, Meter,
    ports::{Document, Sink, Source, SourceError},
};
use tokio::time::Instant;

use crate::{
    HttpOptions, SetupError,
    body::after,
    exchange::{Answer, Exchange},
    memory::Memory,
    refusal::{MAX_PAGE_BYTES, Refusal},
    resolver::{Lookup, System},
    trouble::plain,
};

/// The largest DDS or DAS.
const MAX_DOCUMENT_BYTES: usize = 16 << 20;
/// The responses of a dataset that hold data.
const DATA: &str = ".dods";

/// OPeNDAP servers, over HTTP.
#[derive(Debug)]
pub struct HttpSource {
    exchange: Exchange,
    memory: Memory,
    meter: Arc<Meter>,
}

/// Why there was no data.
enum Failed {
    Refused(Refusal),
    Otherwise(SourceError),
}

impl From<SourceError> for Failed {
    fn from(error: SourceError) -> Self {
        Self::Otherwise(error)
    }
}

impl From<Failed> for SourceError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Refused(refusal) => refusal.of_data(),
            Failed::Otherwise(error) => error,
        }
    }
}

impl HttpSource {
    /// A source that counts its data requests in `meter`.
    ///
    /// # Errors
    /// [`SetupError`]: a contact that cannot be sent, no root certificates.
    pub fn new(options: HttpOptions, meter: Arc<Meter>) -> Result<Self, SetupError> {
        Self::with_lookup(options, meter, &(Arc::new(System) as Arc<dyn Lookup>))
    }

    pub(crate) fn with_lookup(
        options: HttpOptions,
        meter: Arc<Meter>,
        lookup: &Arc<dyn Lookup>,
    ) -> Result<Self, SetupError> {
        Ok(Self { exchange: Exchange::new(options, lookup)?, memory: Memory::default(), meter })
    }

    fn until(&self, deadline: Deadline) -> Option<Instant> {
        deadline.left((self.exchange.options.now)()).map(|left| after(Instant::now(), left))
    }

    fn wall_clock(&self) -> SystemTime {
        (self.exchange.options.now)().into()
    }

    /// One answer for a dataset; where it came from is remembered.
    async fn ask(
        &self,
        url: &SourceUrl,
        suffix: &str,
        query: Option<&str>,
        until: Option<Instant>,
    ) -> Result<Answer<'_>, SourceError> {
        let meter = query.map(|_| &*self.meter);
        let asked = self.memory.response(url, suffix, query);
        match self.exchange.get(asked, until, meter).await {
            Ok(answer) => {
                if answer.status.is_success() {
                    self.memory.answered_at(url, suffix, query, &answer.url);
                }
                Ok(answer)
            }
            Err(error) => {
                self.memory.forget_move(url);
                Err(error)
            }
        }
    }

    /// One data request; `query` is encoded.
    async fn data(
        &self,
        url: &SourceUrl,
        query: &str,
        sink: &mut dyn Sink,
        until: Option<Instant>,
    ) -> Result<(), Failed> {
        let mut answer = self.ask(url, DATA, Some(query), until).await?;
        if !answer.status.is_success() {
            return Err(Failed::Refused(answer.refusal(self.wall_clock()).await));
        }
        let Some(first) = answer.body.next().await? else { return Ok(()) };
        if may_be_error(&first) {
            let page = answer.body.page(MAX_PAGE_BYTES, first.to_vec()).await;
            if let Some(refusal) = Refusal::in_place_of_data(answer.status, &answer.url, &page) {
                return Err(Failed::Refused(refusal));
            }
            sink.feed(&page).map_err(SourceError::Body)?;
        } else {
            sink.feed(&first).map_err(SourceError::Body)?;
        }
        while let Some(piece) = answer.body.next().await? {
            sink.feed(&piece).map_err(SourceError::Body)?;
        }
        Ok(())
    }
}

/// Whether a body begins as a server's error does (ESE-RFC-004 §9.3).
fn may_be_error(first: &[u8]) -> bool {
    first.trim_ascii_start().get(..5).is_some_and(|word| word.eq_ignore_ascii_case(b"Error"))
}

#[async_trait]
impl Source for HttpSource {
    async fn document(&self, url: &SourceUrl, document: Document, deadline: Deadline) -> Result<Bytes, SourceError> {
        let until = self.until(deadline);
        let mut answer = self.ask(url, document.suffix(), None, until).await?;
        if !answer.status.is_success() {
            return Err(answer.refusal(self.wall_clock()).await.of_document(url, document));
        }
        let mut text = Vec::new();
        while let Some(piece) = answer.body.next().await? {
            if text.len() + piece.len() > MAX_DOCUMENT_BYTES {
                let at = plain(&answer.url);
                let message = format!("{at} is larger than {MAX_DOCUMENT_BYTES} bytes; no dataset's description is");
                return Err(SourceError::Permanent(Reason::new(ReasonKind::SourceNotOpendap, message)));
            }
            text.extend_from_slice(&piece);
        }
        Ok(text.into())
    }

    async fn fetch(
        &self,
        url: &SourceUrl,
        query: &Query,
        sink: &mut dyn Sink,
        deadline: Deadline,
    ) -> Result<(), SourceError> {
        let until = self.until(deadline);
        let host = self.exchange.hosts.host(url.host());
        let (encoded, raw) = (query.encoded(), query.raw_brackets());
        if host.wants_raw_brackets() {
            return Ok(self.data(url, &raw, sink, until).await?);
        }
        let first = match self.data(url, &encoded, sink, until).await {
            Ok(()) => {
                self.memory.encoded_brackets_worked(url);
                return Ok(());
            }
            Err(Failed::Refused(refusal)) if refusal.may_be_brackets() && encoded != raw => refusal,
            Err(failed) => return Err(failed.into()),
        };
        if self.memory.encoded_brackets_work(url) {
            return Err(first.of_data());
        }
        tracing::debug!(%url, %query, "refused; asking once more with raw brackets");
        match self.data(url, &raw, sink, until).await {
            Ok(()) => {
                host.raw_brackets_worked();
                Ok(())
            }
            Err(Failed::Refused(_)) => Err(first.of_data()),
            Err(Failed::Otherwise(error)) => Err(error),
        }
    }
}
