//! Where each document of a run lies in the state store.

use crate::{RunId, SegmentName, TargetId};

/// The request, normalised.
pub fn request(run: &RunId) -> String {
    format!("runs/{run}/request.json")
}

/// One of the source's documents, verbatim: `name` is `dds` or `das`.
pub fn source(run: &RunId, name: &str) -> String {
    format!("runs/{run}/source/{name}")
}

/// The plan: put-if-absent, the first planner wins.
pub fn plan(run: &RunId) -> String {
    format!("runs/{run}/plan.json")
}

/// The prefix of the receipts' segments.
pub fn segments(run: &RunId) -> String {
    format!("runs/{run}/receipts/")
}

/// One segment of receipts.
pub fn segment(run: &RunId, segment: &SegmentName) -> String {
    format!("runs/{run}/receipts/{}", segment.name)
}

/// The prefix of the repair rounds.
pub fn repairs(run: &RunId) -> String {
    format!("runs/{run}/repair/")
}

/// What opens repair round `round`, counted from 1.
pub fn repair(run: &RunId, round: u32) -> String {
    format!("runs/{run}/repair/{round}.json")
}

/// The decision.
pub fn decision(run: &RunId) -> String {
    format!("runs/{run}/decision.json")
}

/// The end.
pub fn end(run: &RunId) -> String {
    format!("runs/{run}/end.json")
}

/// The report.
pub fn report(run: &RunId) -> String {
    format!("runs/{run}/report.json")
}

/// The prefix of every run.
pub fn runs() -> &'static str {
    "runs/"
}

/// The prefix of the markers of open runs.
pub fn open_runs() -> &'static str {
    "runs/open/"
}

/// The marker of an open run.
pub fn open(run: &RunId) -> String {
    format!("runs/open/{run}")
}

/// Who may write a target.
pub fn target(target: &TargetId) -> String {
    format!("targets/{}.json", target.digest())
}
