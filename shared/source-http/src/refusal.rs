use std::time::{Duration, SystemTime};

use dap::{BodyError, ServerError, ServerErrorKind, page_title};
use reqwest::{
    StatusCode, Url,
    header::{DATE, HeaderMap, RETRY_AFTER},
};
use run::{Reason, ReasonKind, SourceUrl};
use steps::ports::{Document, SourceError};

use crate::trouble::plain;

/// Bytes of an error's body that are read.
pub(crate) const MAX_PAGE_BYTES: usize = 64 << 10;
/// Characters of a page that is neither HTML nor a server error.
const MAX_WORDS: usize = 200;

/// An answer that is not what was asked for.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    said: Option<ServerError>,
    page: Option<String>,
    retry_after: Option<Duration>,
    at: String,
}

/// What a refusal means for the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Not now.
    Busy,
    /// The server failed at it; it may not the next time.
    Broken,
    /// More than the server sends, with its limit.
    TooLarge(Option<u64>),
    Unauthorised,
    NotFound,
    /// Not this request, ever.
    Refused,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, headers: &HeaderMap, at: &Url, page: &[u8], now: SystemTime) -> Self {
        let said = ServerError::recognise(page);
        let page = if said.is_some() { None } else { page_title(page).or_else(|| first_words(page)) };
        Self { status, said, page, retry_after: retry_after(headers, now), at: plain(at) }
    }

    /// An error that came in place of data, with a status of success; nothing if it is none.
    pub(crate) fn in_place_of_data(status: StatusCode, at: &Url, page: &[u8]) -> Option<Self> {
        let said = ServerError::recognise(page)?;
        Some(Self { status, said: Some(said), page: None, retry_after: None, at: plain(at) })
    }

    /// Whether the encoding of the brackets may be the reason.
    pub(crate) fn may_be_brackets(&self) -> bool {
        // GDS repeats what it did not find: "variable tautot%5b0%5d was not found".
        let repeats = |said: &ServerError| said.message.to_ascii_lowercase().contains("%5b");
        let unclear = matches!(self.meaning(), Meaning::NotFound | Meaning::Refused);
        let status = matches!(self.status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND);
        (unclear && status) || self.said.as_ref().is_some_and(repeats)
    }

    /// The error of a data request.
    pub(crate) fn of_data(self) -> SourceError {
        if self.status.is_success()
            && let Some(said) = self.said
        {
            return SourceError::Body(BodyError::ServerError(said));
        }
        self.classified("the file or the variable is gone, or the server does not know it by this name")
    }

    /// The error of a request for a document.
    pub(crate) fn of_document(self, url: &SourceUrl, document: Document) -> SourceError {
        match document {
            Document::Dds if self.meaning() == Meaning::NotFound => {
                let text = format!("no such dataset: {}; check the path (open {url}.html in a browser)", self.text());
                SourceError::Permanent(Reason::new(ReasonKind::SourceNotFound, text))
            }
            Document::Dds | Document::Das => self.classified("a dataset without its attributes is not copied"),
        }
    }

    fn meaning(&self) -> Meaning {
        let status = self.status.as_u16();
        // Said by what stands in front of the server as often as by the server; it passes.
        if matches!(status, 408 | 425 | 429 | 502 | 503 | 504) || self.is_busy() {
            return Meaning::Busy;
        }
        match (self.said.as_ref().map(ServerError::kind), status) {
            (Some(ServerErrorKind::TooLarge { limit_bytes }), _) => Meaning::TooLarge(limit_bytes),
            (_, 413) => Meaning::TooLarge(None),
            (Some(ServerErrorKind::NotFound), _) | (Some(ServerErrorKind::Other) | None, 404 | 410) => {
                Meaning::NotFound
            }
            (Some(ServerErrorKind::Unauthorised), _) | (_, 401 | 403 | 407) => Meaning::Unauthorised,
            (_, 501 | 505) => Meaning::Refused,
            (_, 500..) => Meaning::Broken,
            _ => Meaning::Refused,
        }
    }

    fn classified(self, if_not_found: &str) -> SourceError {
        let text = self.text();
        let permanent = |kind, text| SourceError::Permanent(Reason::new(kind, text));
        let transient = |kind, text| {
            let reason = Reason::new(kind, text);
            SourceError::Transient { reason, retry_after: self.retry_after }
        };
        match self.meaning() {
            Meaning::Busy => transient(ReasonKind::SourceUnreachable, text),
            Meaning::Broken => transient(ReasonKind::SourceRefused, text),
            Meaning::TooLarge(limit_bytes) => {
                SourceError::TooLarge { limit_bytes, reason: Reason::new(ReasonKind::SourceRefused, text) }
            }
            Meaning::Unauthorised => permanent(
                ReasonKind::SourceUnauthorised,
                format!("{text}; it wants credentials, which cannot be given: choose an open dataset"),
            ),
            Meaning::NotFound => permanent(ReasonKind::SourceNotFound, format!("{text}; {if_not_found}")),
            Meaning::Refused => permanent(ReasonKind::SourceRefused, text),
        }
    }

    /// GES DISC turns away with a page and any status (pydata/xarray#4459).
    fn is_busy(&self) -> bool {
        let text = self.page.as_deref().unwrap_or_default().to_ascii_lowercase();
        ["concurrent connections", "too many requests", "too many connections"].iter().any(|words| text.contains(words))
    }

    fn text(&self) -> String {
        let answered = format!("{} answered {}", self.at, self.status);
        match (&self.said, &self.page) {
            (Some(said), _) => format!("{answered}, {said}"),
            (None, Some(page)) => format!("{answered}, with a page that says: {page}"),
            (None, None) => answered,
        }
    }
}

/// The first line of a text.
fn first_words(page: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(page);
    let words: String = text.trim().lines().next()?.chars().take(MAX_WORDS).collect();
    (!words.is_empty() && !words.contains(char::REPLACEMENT_CHARACTER)).then_some(words)
}

/// `Retry-After` (RFC 9110 §10.2.3), in seconds or as a date; a date is compared to the server's own clock if it sends it.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| httpdate::parse_http_date(text).ok();
    let server = headers.get(DATE).and_then(|value| date(value.to_str().ok()?));
    Some(date(text)?.duration_since(server.unwrap_or(now)).unwrap_or_default())
}
