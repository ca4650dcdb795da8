//! The verbs as Lambda functions: events in, batch item failures out.
//!
//! This crate answers one question: what does a function do with the events it is called for? It reads the
//! configuration from the environment, puts the ports together, hands each message to [`steps::handle`], and says to the
//! event source which messages are to be delivered again. It knows no protocol and no format, and decides nothing about
//! a run.
//!
//! | outcome | chunk | planner | finalizer |
//! |---|---|---|---|
//! | done | removed | removed | removed |
//! | failed | removed; a record says why | removed; the run's end says why | removed, and said at `error` |
//! | deferred | removed; a record says until when | hidden until then | removed; the sweep goes on |
//! | retry | hidden, then delivered again | the same | the same, all of the batch's |
//! | a panic, or no time left | the same, after 5 s | the same | the same, that record's alone |
//! | a foreign message | removed, and said at `error` | the same | the same |
//! | the last delivery | a failure record; then a dead letter | | |
//!
//! A handler is made of ports, so that it runs without AWS too:
//!
//! ```
//! use std::sync::Arc;
//! use lambda_host::{NeverHidden, PlannerHandler};
//!
//! fn planner(ports: Arc<steps::ports::Ports>) -> PlannerHandler {
//!     PlannerHandler::new(ports, Arc::new(NeverHidden))
//! }
//! ```

mod allowance;
mod chunk;
mod configuration;
mod finalizer;
mod host;
pub mod log;
mod message;
mod order;
mod planner;
mod serve;
mod source;
mod variables;

pub use chunk::{ChunkHandler, ChunkLimits};
pub use configuration::{Configuration, ConfigurationError, Function, TargetPlace};
pub use finalizer::{Call, FinalizerEvent, FinalizerHandler};
pub use host::{Host, HostError};
pub use message::{NeverHidden, Visibility};
pub use planner::PlannerHandler;
pub use serve::{Handler, HandlerError, Invocation, cannot_start, serve};
