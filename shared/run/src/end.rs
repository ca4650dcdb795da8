use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Reason, RunId};

/// What becomes of a run. Written once; publication, failure, cancellation and supersession compete for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every chunk is there: the metadata may be written.
    Publish,
    /// The run failed.
    Failed {
        /// The first cause.
        reason: Reason,
    },
    /// Somebody cancelled the run.
    Cancelled,
    /// A newer run took the target.
    Superseded {
        /// That run.
        by: RunId,
    },
}

/// `decision.json`: put-if-absent, before any metadata of the target is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Version of this document.
    pub version: u32,
    /// The run.
    pub run: RunId,
    /// What was decided.
    pub verdict: Verdict,
    /// When.
    pub at: Timestamp,
}

/// `end.json`: what came of the run, once. Agrees with the decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Version of this document.
    pub version: u32,
    /// The run.
    pub run: RunId,
    /// What came of it.
    pub verdict: Verdict,
    /// When it ended.
    pub at: Timestamp,
    /// Every chunk of the plan that is not in the target, as `array/chunk: reason`, in the plan's order; at most
    /// [`End::MOST_MISSING`] of them.
    pub missing: Vec<String>,
    /// Number of chunks of the plan that are not in the target.
    pub missing_chunks: u64,
}

impl End {
    /// How many missing chunks are listed by name.
    pub const MOST_MISSING: usize = 1_000;

    /// Whether the dataset was published.
    pub const fn is_published(&self) -> bool {
        matches!(self.verdict, Verdict::Publish)
    }
}
