use std::{error::Error, io, time::Duration};

use reqwest::Url;
use run::{Reason, ReasonKind};
use steps::ports::SourceError;

use crate::NotAllowed;

/// A URL for messages: without query and user, in which secrets travel.
pub(crate) fn plain(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Fails for URLs that cannot have either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

/// The host of a URL, with the port if it is not the scheme's own.
pub(crate) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

pub(crate) fn transient(kind: ReasonKind, message: String) -> SourceError {
    SourceError::Transient { reason: Reason::new(kind, message), retry_after: None }
}

/// The request was not sent, and will not be.
pub(crate) fn not_allowed(error: &NotAllowed) -> SourceError {
    permanent(ReasonKind::SourceNotAllowed, error.to_string())
}

fn permanent(kind: ReasonKind, message: String) -> SourceError {
    SourceError::Permanent(Reason::new(kind, message))
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause| (*cause).source())
}

/// The innermost cause: what the operating system, TLS or the HTTP parser said.
fn root(error: &reqwest::Error) -> String {
    causes(error).last().map_or_else(|| "unknown error".to_owned(), ToString::to_string)
}

fn io_kind(error: &reqwest::Error) -> Option<io::ErrorKind> {
    let outer = causes(error).find_map(|cause| cause.downcast_ref::<io::Error>())?;
    // The TLS layer's error comes wrapped in another, which its causes leave out.
    let inner = outer.get_ref().and_then(|inner| inner.downcast_ref::<io::Error>());
    Some(inner.unwrap_or(outer).kind())
}

/// No answer came. `typo`: the host was never reached, so a name or a port that does not exist is most likely a typing
/// error, which no attempt mends.
pub(crate) fn no_answer(error: &reqwest::Error, url: &Url, connect: Duration, typo: bool) -> SourceError {
    let kind = ReasonKind::SourceUnreachable;
    let at = authority(url);
    let root = root(error);
    let first = if typo { permanent } else { transient };
    if error.is_builder() {
        return permanent(ReasonKind::BadRequest, format!("{} cannot be asked for: {root}", plain(url)));
    }
    if let Some(error) = causes(error).find_map(|cause| cause.downcast_ref()) {
        return not_allowed(error);
    }
    if error.is_dns() {
        // The resolver, not the name, is at fault.
        let temporary = root.contains("Temporary failure") || root.contains("Try again");
        let make = if temporary { transient } else { first };
        return make(kind, format!("no such host `{at}`: check the URL and the network ({root})"));
    }
    if error.is_connect() && error.is_timeout() {
        let waited = connect.as_secs_f64();
        let message = format!("no connection to `{at}` within {waited} s: is the server up, the port right?");
        return transient(kind, message);
    }
    match io_kind(error) {
        Some(io::ErrorKind::ConnectionRefused) => {
            first(kind, format!("`{at}` refuses the connection: is the server up, the port right?"))
        }
        Some(io::ErrorKind::InvalidData) if error.is_connect() => {
            permanent(kind, format!("no secure connection to `{at}`: {root}; expected a valid certificate"))
        }
        _ if error.is_connect() => transient(kind, format!("no connection to `{at}`: {root}")),
        _ => transient(kind, format!("`{at}` ended the connection without an answer: {root}")),
    }
}

/// A body that ended before its end.
pub(crate) fn cut(error: &reqwest::Error, url: &Url, read: u64, promised: Option<u64>) -> SourceError {
    let root = root(error);
    let at = plain(url);
    let message = match promised {
        Some(length) if read < length => {
            format!("the response of {at} ended at byte {read}, Content-Length said {length} ({root})")
        }
        _ => format!("the response of {at} broke off after {read} bytes ({root})"),
    };
    transient(ReasonKind::BodyWrong, message)
}
