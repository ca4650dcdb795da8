//! What was asked, planned and done.
//!
//! This crate answers one question: what do the documents of a run say? It holds the request, the plan, the chunk
//! tasks and receipts, the run's end, and where each of them lies in the state store; and the planner, a pure function
//! from a request and a dataset to a plan. It touches nothing outside itself: no clock, no file, no network.
//!
//! Every document carries `"version": 1`; unknown fields are refused where a person writes the document (the request),
//! and ignored where we do.

mod advice;
mod digest;
mod end;
mod fingerprint;
pub mod keys;
mod plan;
mod planner;
mod reason;
mod record;
mod report;
mod request;
mod target;
mod task;
mod url;

pub use advice::{Advice, Group};
pub use digest::{Digest, RunId, TargetId};
pub use end::{Decision, End, Verdict};
pub use fingerprint::{Change, Fingerprint, fingerprint};
pub use plan::{Plan, PlannedArray, Skipped, Totals};
pub use planner::{PlanError, Planning, advised_plan, plan};
pub use reason::{Reason, ReasonKind};
pub use record::{Failure, Receipt, Record, SegmentName, Timings, Wait, What, read_segment, write_segment};
pub use report::{Actual, Percentiles, Report, report};
pub use request::{IndexRange, MAX_REQUEST_LENGTH, Mode, Request, RequestError};
pub use target::{Target, TargetError};
pub use task::{ChunkTask, PlanMessage, PlanTask};
pub use url::{SourceUrl, SourceUrlError};

/// The version of dap2zarr, as it stands in documents and in the User-Agent.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The version of the documents this crate writes and reads.
pub const DOCUMENT_VERSION: u32 = 1;
