//! The verbs that move a run forward, and [`handle`], the one door to them.
//!
//! This crate answers one question: given a message and the ports, what happens next? `plan` reads the source's
//! metadata, makes the plan and sends one message per chunk; `chunk` fetches, encodes and writes one chunk; `finalize`
//! collects receipts and publishes the dataset when all are there. What a verb touches it touches through a port
//! ([`ports`]), so the same code runs in one process, on Lambda, and in a simulation.
//!
//! A verb may be called any number of times with the same message, in any order, by several hosts at once: what it
//! does is idempotent or guarded by a conditional write in the state store.

mod buffers;
mod cadence;
mod chunk;
mod class;
mod clear;
#[cfg(feature = "conformance")]
pub mod conformance;
mod deadline;
mod decide;
mod describe;
mod draw;
mod enqueue;
mod fetch;
mod finalize;
mod fits;
mod lease;
mod ledger;
mod limits;
mod meter;
mod open;
mod plan;
mod plan_cache;
pub mod ports;
mod preview;
mod probe;
mod publish;
mod reconcile;
mod retry;
mod sendings;
mod state;
mod sweep;
mod target;
mod tick;
mod trouble;
mod watch;

use std::time::Duration;

pub use deadline::Deadline;
pub use fits::worker_memory;
use jiff::Timestamp;
pub use ledger::{Progress, progress};
pub use meter::{InFlight, Meter};
use ports::Ports;
pub use preview::{examine, preview};
pub use probe::{Probed, probe};
use run::{ChunkTask, PlanTask, Reason, Record, RunId};
pub use state::cancel;

/// What a host hands in.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Open the run of a request that was dropped into the state store, and plan it.
    Request {
        /// The request's key.
        key: String,
    },
    /// Plan a run and send its chunks.
    Plan(PlanTask),
    /// Make one chunk.
    Chunk(ChunkTask),
    /// Take in what workers said: a batch, of one run or several.
    Records(Vec<Record>),
    /// Look after one open run: finish what a crash left, send deferred chunks whose time has come.
    Sweep {
        /// The run.
        run: RunId,
        /// The host saw the chunk queue empty, nothing in flight, for long enough: what has no receipt is sent again.
        stalled: bool,
    },
    /// Look after every open run, and after requests that nobody opened: what a host without a loop of its own asks for
    /// once a minute.
    Tick,
}

/// What a host should do with the message. Errors have classified themselves by then.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is done: remove it.
    Done,
    /// Deliver it again after this long.
    Retry(Duration),
    /// Remove it: the chunk waits until then, and the sweep sends it again.
    Deferred(Timestamp),
    /// Remove it: it failed for good, which is written down where the finalizer sees it.
    Failed(Reason),
}

/// Handles one message.
///
/// Never panics on what a message or a port says. Returns before the deadline as far as that is in its hands.
pub async fn handle(message: Message, ports: &Ports, deadline: Deadline) -> Outcome {
    let result = match message {
        Message::Request { key } => open::request(&key, ports, deadline).await,
        Message::Plan(task) => plan::plan(&task.run, ports, deadline).await,
        Message::Chunk(task) => chunk::chunk(&task, ports, deadline).await,
        Message::Records(records) => finalize::records(records, ports, deadline).await,
        Message::Sweep { run, stalled } => sweep::sweep(&run, stalled, ports, deadline).await.map(|_| ()),
        Message::Tick => tick::tick(ports, deadline).await,
    };
    match result {
        Ok(()) => Outcome::Done,
        Err(trouble) => trouble.into(),
    }
}
