//! How far a run is, in words, from the documents it has written. Pure.

use jiff::Timestamp;
use run::{Decision, End, Plan, Reason, Request, RunId, SegmentName, Verdict};
use serde_json::{Value, json};
use steps::{Progress, ports::Entry};

use crate::{
    summary,
    units::{age, bytes, count, counted, time},
};

/// What a listing says of a run: which documents it has, and the counts in its segments' names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each document")]
pub(crate) struct Seen {
    pub(crate) request: bool,
    pub(crate) plan: bool,
    pub(crate) decision: bool,
    pub(crate) end: bool,
    pub(crate) report: bool,
    pub(crate) counts: Progress,
    pub(crate) repairs: usize,
    /// Segments that hold deferrals.
    pub(crate) deferring: Vec<String>,
    /// When the first document was written, and the last.
    pub(crate) first: Option<Timestamp>,
    pub(crate) last: Option<Timestamp>,
}

impl Seen {
    /// Takes in one object: `rest` is its key below the run.
    pub(crate) fn add(&mut self, rest: &str, entry: &Entry) {
        match rest {
            "request.json" => self.request = true,
            "plan.json" => self.plan = true,
            "decision.json" => self.decision = true,
            "end.json" => self.end = true,
            "report.json" => self.report = true,
            // The sweep's own note is no news.
            "watch.json" => return,
            _ => {}
        }
        if let Some(name) = rest.strip_prefix("receipts/").and_then(SegmentName::parse) {
            self.counts.receipts += name.receipts;
            self.counts.failures += name.failures;
            self.counts.deferrals += name.deferrals;
            if name.deferrals > 0 {
                self.deferring.push(entry.key.clone());
            }
        }
        self.repairs += usize::from(rest.starts_with("repair/"));
        if let Some(at) = entry.modified {
            self.first = Some(self.first.map_or(at, |first| first.min(at)));
            self.last = Some(self.last.map_or(at, |last| last.max(at)));
        }
    }
}

/// A run's documents, as far as they are there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct View {
    pub(crate) run: RunId,
    pub(crate) seen: Seen,
    pub(crate) request: Option<Request>,
    pub(crate) plan: Option<Plan>,
    pub(crate) decision: Option<Decision>,
    pub(crate) end: Option<End>,
    /// Chunks that wait because the source asked for a pause, and until when.
    pub(crate) deferred: Option<(u64, Timestamp)>,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    Waiting,
    Planning,
    Converting { done: u64, failed: u64, of: u64 },
    Reconciling { repairs: usize },
    Ending(Verdict),
    Ended(Verdict),
}

impl View {
    pub(crate) fn standing(&self) -> Standing {
        if let Some(end) = &self.end {
            return Standing::Ended(end.verdict.clone());
        }
        if let Some(decision) = &self.decision {
            return Standing::Ending(decision.verdict.clone());
        }
        let Some(plan) = &self.plan else {
            return if self.seen.request { Standing::Planning } else { Standing::Waiting };
        };
        // The counts are upper bounds: a chunk may be counted twice.
        let of = plan.totals.chunks;
        let done = self.seen.counts.receipts.min(of);
        let failed = self.seen.counts.failures.min(of - done);
        if done + failed < of {
            Standing::Converting { done, failed, of }
        } else {
            Standing::Reconciling { repairs: self.seen.repairs }
        }
    }

    fn source(&self) -> String {
        self.request.as_ref().map(|request| request.source.to_string()).unwrap_or_default()
    }

    pub(crate) fn target(&self) -> String {
        self.request.as_ref().map(|request| request.target.to_string()).unwrap_or_default()
    }

    /// When it was planned, or what is known before.
    fn began(&self) -> Option<Timestamp> {
        self.plan.as_ref().map(|plan| plan.made_at).or(self.seen.first)
    }

    /// Chunks that count as done of those planned; of a published run all.
    fn chunks(&self) -> Option<(u64, u64)> {
        let of = self.plan.as_ref()?.totals.chunks;
        let done = match &self.end {
            Some(end) => of.saturating_sub(end.missing_chunks),
            None => self.seen.counts.receipts.min(of),
        };
        Some((done, of))
    }

    /// The cells of the table: run, state, source, target, chunks, failures, deferred, age.
    pub(crate) fn row(&self, now: Timestamp) -> Vec<String> {
        let since = self.end.as_ref().map(|end| end.at).or_else(|| self.began());
        vec![
            self.run.to_string(),
            self.standing().name().to_owned(),
            self.source(),
            self.target(),
            self.chunks().map(|(done, of)| format!("{}/{}", count(done), count(of))).unwrap_or_default(),
            zero_is_empty(self.seen.counts.failures),
            zero_is_empty(self.deferred.map_or(0, |(chunks, _)| chunks)),
            since.map(|since| age(seconds(since, now))).unwrap_or_default(),
        ]
    }

    /// What a person reads about one run.
    pub(crate) fn text(&self, now: Timestamp) -> String {
        let mut lines = vec![("run", self.run.to_string()), ("state", self.standing().words())];
        if self.request.is_some() {
            lines.extend([("source", self.source()), ("target", self.target())]);
        }
        if let Some(plan) = &self.plan {
            let totals = &plan.totals;
            let (chunks, requests) = (counted(totals.chunks, "chunk"), counted(totals.requests, "request"));
            lines.push(("planned", format!("{chunks}, {} in {requests}", bytes(totals.bytes))));
        }
        if self.end.is_none() && self.seen.counts.failures > 0 {
            let failures = counted(self.seen.counts.failures, "chunk");
            lines.push(("failed", format!("{failures}; the run will fail when the others are accounted for")));
        }
        if let (None, Some((chunks, until))) = (&self.end, self.deferred) {
            let why = "the source asked for a pause";
            lines.push(("deferred", format!("{} until {}: {why}", counted(chunks, "chunk"), time(until))));
        }
        let ago = |at: Timestamp| format!("{}, {} ago", time(at), age(seconds(at, now)));
        lines.extend(self.began().map(|began| ("began", ago(began))));
        match &self.end {
            Some(end) => lines.push(("ended", ago(end.at))),
            None => lines.extend(self.seen.last.map(|last| ("news", ago(last)))),
        }
        let mut text: Vec<String> = lines.into_iter().map(|(name, value)| format!("{name:9} {value}")).collect();
        if let Some(end) = self.end.as_ref().filter(|end| end.missing_chunks > 0) {
            text.push(format!("missing   {}:", counted(end.missing_chunks, "chunk")));
            text.extend(summary::missing(end));
        }
        text.join("\n")
    }

    /// The same for programs.
    pub(crate) fn json(&self) -> Value {
        let chunks = self.chunks().map(|(done, planned)| json!({ "done": done, "planned": planned }));
        let end = self.end.as_ref();
        let mut document = json!({
            "run": self.run,
            "state": self.standing().name(),
            "source": self.request.as_ref().map(|request| &request.source),
            "target": self.request.as_ref().map(|_| self.target()),
            "chunks": chunks,
            "failures": self.seen.counts.failures,
            "deferred": self.deferred.map(|(chunks, until)| json!({ "chunks": chunks, "until": until })),
            "began": self.began(),
            "news": self.seen.last,
            "ended": end.map(|end| end.at),
        });
        if let (Some(end), Some(fields)) = (end, document.as_object_mut()) {
            fields.insert("verdict".to_owned(), json!(end.verdict));
            fields.insert("missing_chunks".to_owned(), json!(end.missing_chunks));
            fields.insert("missing".to_owned(), json!(end.missing));
        }
        document
    }
}

impl Standing {
    /// In one word.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Planning => "planning",
            Self::Converting { .. } => "converting",
            Self::Reconciling { repairs: 0 } => "reconciling",
            Self::Reconciling { .. } => "repairing",
            Self::Ending(Verdict::Publish) => "publishing",
            Self::Ending(Verdict::Cancelled) => "cancelling",
            Self::Ending(Verdict::Failed { .. }) => "failing",
            Self::Ending(Verdict::Superseded { .. }) => "ending",
            Self::Ended(Verdict::Publish) => "published",
            Self::Ended(Verdict::Failed { .. }) => "failed",
            Self::Ended(Verdict::Cancelled) => "cancelled",
            Self::Ended(Verdict::Superseded { .. }) => "superseded",
        }
    }

    /// In a sentence.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Waiting => "waiting for the planner".to_owned(),
            Self::Planning => "planning: the source's metadata is being read".to_owned(),
            Self::Converting { done, failed: 0, of } => {
                format!("converting: {} of {} ({} %)", count(*done), counted(*of, "chunk"), percent(*done, *of))
            }
            Self::Converting { done, failed, of } => {
                let chunks = counted(*of, "chunk");
                format!("converting: {} of {chunks} ({} %), {failed} failed", count(*done), percent(*done, *of))
            }
            Self::Reconciling { repairs: 0 } => "reconciling: every object in the target is being checked".to_owned(),
            Self::Reconciling { repairs } => {
                format!("repairing: objects were missing or different in the target (round {repairs})")
            }
            Self::Ending(Verdict::Publish) => "publishing: the metadata is being written".to_owned(),
            Self::Ending(Verdict::Failed { reason }) => format!("failing: {}", reason.message),
            Self::Ending(Verdict::Cancelled) => "cancelling: chunks in the works are finished".to_owned(),
            Self::Ending(Verdict::Superseded { by }) => format!("ending: run {by} has the target"),
            Self::Ended(Verdict::Publish) => "published".to_owned(),
            Self::Ended(Verdict::Failed { reason: Reason { message, .. } }) => format!("failed: {message}"),
            Self::Ended(Verdict::Cancelled) => "cancelled: nothing was published".to_owned(),
            Self::Ended(Verdict::Superseded { by }) => format!("superseded: run {by} has the target"),
        }
    }
}

fn percent(done: u64, of: u64) -> u64 {
    done.saturating_mul(100).checked_div(of).unwrap_or_default()
}

fn seconds(since: Timestamp, now: Timestamp) -> i64 {
    now.as_second().saturating_sub(since.as_second())
}

fn zero_is_empty(number: u64) -> String {
    if number == 0 { String::new() } else { count(number) }
}

#[cfg(test)]
pub(crate) mod tests;
