use std::time::Duration;

use jiff::Timestamp;
use reqwest::{Client, ClientBuilder, header::HeaderValue, redirect::Policy};

use crate::Reach;

/// Bytes of an HTTP/2 body that may be on the way: a stream is not held up by 100 ms of distance at 80 MB/s.
const HTTP2_WINDOW_BYTES: u32 = 8 << 20;

/// How to ask.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Requests in flight per host, documents and repeated attempts included; at least 1.
    pub concurrency: u32,
    /// Whom the operator of a server can write to, for the User-Agent.
    pub contact: Option<String>,
    /// The run, for the User-Agent.
    pub run: Option<String>,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// Whether a host that was never reached and has no address, or refuses the connection, is taken for a typing
    /// error, so that no attempt is wasted on it. Right for a person at a keyboard; wrong for a worker that starts
    /// afresh in the middle of a run.
    pub give_up_early: bool,
    /// What may be asked.
    pub reach: Reach,
    /// Whether `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` are obeyed. Loopback is never asked through a proxy, and
    /// under [`Reach::Guarded`] nothing is.
    pub system_proxy: bool,
    /// The clock deadlines are read by.
    pub now: fn() -> Timestamp,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            concurrency: 4,
            contact: None,
            run: None,
            timeouts: Timeouts::default(),
            give_up_early: true,
            reach: Reach::default(),
            system_proxy: false,
            now: Timestamp::now,
        }
    }
}

/// How long to wait for what. Waiting for a turn is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// From the request to the first byte of the body. ERDDAP lets a third request of one address wait for 120 s.
    pub first_byte: Duration,
    /// From one piece of the body to the next.
    pub idle: Duration,
    /// A body that brings fewer bytes than this in each second, on average over two `idle`, is given up.
    pub slowest_bytes_per_second: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(150),
            idle: Duration::from_secs(30),
            slowest_bytes_per_second: 1_000,
        }
    }
}

/// Why there is no source.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The contact or the run cannot be sent.
    #[error("`{text}` cannot stand in a User-Agent: expected printable ASCII without parentheses")]
    UserAgent {
        /// What was given.
        text: String,
    },
    /// No client, in practice because there are no root certificates.
    #[error("cannot set up HTTP; are the system's root certificates (ca-certificates) installed?")]
    Client(#[source] reqwest::Error),
}

impl HttpOptions {
    /// `name/version (contact; run ID)`, so that an operator can tell who asks.
    fn user_agent(&self) -> Result<HeaderValue, SetupError> {
        let run = self.run.as_ref().map(|run| format!("run {run}"));
        let comment: Vec<String> = self.contact.iter().cloned().chain(run).filter(|text| !text.is_empty()).collect();
        for text in &comment {
            if text.contains(|c: char| !(c == ' ' || c.is_ascii_graphic()) || c == '(' || c == ')') {
                return Err(SetupError::UserAgent { text: text.escape_default().to_string() });
            }
        }
        let name = concat!("dap2zarr/", env!("CARGO_PKG_VERSION"));
        let text = if comment.is_empty() { name.to_owned() } else { format!("{name} ({})", comment.join("; ")) };
        HeaderValue::from_str(&text).map_err(|_| SetupError::UserAgent { text })
    }

    /// A client that obeys the proxies of the environment, unless it is told otherwise.
    pub(crate) fn builder(&self) -> Result<ClientBuilder, SetupError> {
        let builder = Client::builder()
            .user_agent(self.user_agent()?)
            .redirect(Policy::none())
            .connect_timeout(self.timeouts.connect)
            .tcp_nodelay(true)
            .pool_max_idle_per_host(usize::try_from(self.concurrency).unwrap_or(usize::MAX))
            .http2_initial_stream_window_size(HTTP2_WINDOW_BYTES)
            .http2_initial_connection_window_size(HTTP2_WINDOW_BYTES.saturating_mul(2));
        Ok(builder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user_agent(contact: Option<&str>, run: Option<&str>) -> Result<String, SetupError> {
        let text = |text: Option<&str>| text.map(str::to_owned);
        let options = HttpOptions { contact: text(contact), run: text(run), ..HttpOptions::default() };
        options.user_agent().map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_user_agent_says_who_asks() {
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(user_agent(None, None).unwrap(), format!("dap2zarr/{version}"));
        assert_eq!(user_agent(Some("me@x.org"), None).unwrap(), format!("dap2zarr/{version} (me@x.org)"));
        assert_eq!(user_agent(Some("me@x.org"), Some("r1")).unwrap(), format!("dap2zarr/{version} (me@x.org; run r1)"));
    }

    #[test]
    fn a_contact_cannot_add_a_header() {
        for text in ["a\r\nHost: b", "a) (b", "ä"] {
            assert!(matches!(user_agent(Some(text), None), Err(SetupError::UserAgent { .. })), "{text}");
        }
    }
}
