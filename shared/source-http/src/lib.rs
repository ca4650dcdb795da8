//! How is an OPeNDAP server asked over HTTP, politely?
//!
//! [`HttpSource`] is the [`steps::ports::Source`] of the command line and of the workers: it asks, streams the answer to
//! whoever decodes it, and says of every failure whether another attempt makes sense.
//!
//! ```
//! use std::sync::Arc;
//! use source_http::{HttpOptions, HttpSource};
//!
//! let options = HttpOptions { contact: Some("me@example.org".to_owned()), ..HttpOptions::default() };
//! let source = HttpSource::new(options, Arc::new(steps::Meter::default()))?;
//! # Ok::<(), source_http::SetupError>(())
//! ```
//!
//! | what happens | what comes of it |
//! |---|---|
//! | more requests than the cap of a host | they wait for their turn, outside all time limits |
//! | 408, 425, 429, 5xx | transient, with the pause of `Retry-After` |
//! | 401, 403 | permanent, unless the server's own words say that the request is too large |
//! | 413, "too big", "too large" | too large, with the limit if the server names it |
//! | 404, 410, an error that says "not found" | permanent |
//! | 400 or 404 for encoded brackets | asked once more with raw ones; what worked is remembered for the host |
//! | a redirect | followed at most 5 times, never from https to http, never with brackets encoded twice |
//! | a name that does not resolve, a port where nobody listens | permanent at first contact, later transient |
//! | no connection, no first byte, a pause, a trickle | transient, see [`Timeouts`] |
//! | a body that ends early, broken compression | transient |
//!
//! It does not retry, decode DAP, keep cookies or send credentials, and does not look at addresses: whoever may choose
//! the URL may make it ask any host.

mod body;
mod exchange;
mod hosts;
mod memory;
mod options;
mod redirect;
mod refusal;
mod source;
mod trouble;

pub use options::{HttpOptions, SetupError, Timeouts};
pub use source::HttpSource;
