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
//! | a host, a port or an address that [`Reach`] does not allow, a redirect's too | permanent; nothing is sent there |
//!
//! Where others choose the URLs, [`Reach::Guarded`] keeps them from asking for what only we can reach. By default
//! ([`Reach::Anywhere`]) no address is looked at: whoever may choose the URL may make it ask any host.
//!
//! It does not retry, decode DAP, keep cookies or send credentials.

mod address;
mod allowed;
mod body;
mod clients;
mod exchange;
mod hosts;
mod memory;
mod options;
mod reach;
mod redirect;
mod refusal;
mod resolver;
mod source;
mod trouble;

pub use address::is_public;
pub use allowed::{AllowedHosts, AllowedHostsError};
pub use options::{HttpOptions, SetupError, Timeouts};
pub use reach::{NotAllowed, Reach};
pub use source::HttpSource;
