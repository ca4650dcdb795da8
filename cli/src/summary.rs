//! What a person reads when a run has ended, and what a shell is told.

use std::{process::ExitCode, time::Duration};

use run::{End, Reason, ReasonKind, Report, Skipped, Verdict};
use serde_json::{Value, json};

use crate::{
    failure::exit_code,
    printer::Printer,
    units::{bytes, count, counted, duration},
};

/// Lines of missing chunks that are shown; the rest is in `end.json`.
const MOST_MISSING: usize = 10;

/// Says what came of a run and picks the exit code. `again` is what to do after a failure.
pub(crate) fn ended(end: &End, report: Option<&Report>, target: &str, again: &str, printer: &Printer) -> ExitCode {
    match &end.verdict {
        Verdict::Publish => {
            for line in report.map(|report| published(report, target)).unwrap_or_default() {
                printer.note(&line);
            }
        }
        Verdict::Failed { reason } => failed(reason, end, again, printer),
        Verdict::Cancelled => printer.error("the run was cancelled"),
        Verdict::Superseded { by } => printer.error(&format!("run {by} took {target}")),
    }
    code(end)
}

/// What a run's end means for a shell.
fn code(end: &End) -> ExitCode {
    let kind = match &end.verdict {
        Verdict::Publish => return ExitCode::SUCCESS,
        // A chunk's body that stays wrong; a document's is the source's failure, since no chunk is asked for then.
        Verdict::Failed { reason } if reason.kind == ReasonKind::BodyWrong && end.missing_chunks > 0 => {
            ReasonKind::Incomplete
        }
        Verdict::Failed { reason } => reason.kind,
        Verdict::Cancelled | Verdict::Superseded { .. } => ReasonKind::Superseded,
    };
    ExitCode::from(exit_code(kind))
}

/// The report, or what is known without one, and what is missing.
pub(crate) fn document(end: &End, report: Option<&Report>) -> Value {
    let mut document = report.map_or_else(|| json!({ "run": end.run, "verdict": end.verdict }), |report| json!(report));
    if let Some(fields) = document.as_object_mut() {
        fields.insert("missing".to_owned(), json!(end.missing));
        fields.insert("missing_chunks".to_owned(), json!(end.missing_chunks));
    }
    document
}

/// What a published run did.
pub(crate) fn published(report: &Report, target: &str) -> Vec<String> {
    let elapsed = Duration::from_secs_f64(report.elapsed_s.max(0.0));
    #[expect(clippy::cast_precision_loss, reason = "a ratio with two digits")]
    let ratio = report.planned.bytes as f64 / (report.bytes_stored.max(1)) as f64;
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate for people"
    )]
    let rate = (report.bytes_fetched as f64 / elapsed.as_secs_f64().max(0.001)) as u64;
    let mut lines = vec![
        format!("published {target}"),
        format!(
            "  {} of data in {}, stored as {} ({ratio:.1} times smaller)",
            bytes(report.planned.bytes),
            counted(report.chunks, "chunk"),
            bytes(report.bytes_stored),
        ),
        format!(
            "  {} ({}/s from the source), {}, {}",
            duration(elapsed),
            bytes(rate),
            counted(report.requests, "request"),
            if report.retries == 1 { "1 retry".to_owned() } else { format!("{} retries", count(report.retries)) },
        ),
    ];
    if report.fill_only_chunks > 0 {
        lines.push(format!("  {} nothing but the fill value", holds(report.fill_only_chunks)));
    }
    lines.extend(notes(&report.skipped, &report.notes));
    lines.push(format!("  open it: xarray.open_zarr(\"{target}\")"));
    lines
}

fn holds(chunks: u64) -> String {
    if chunks == 1 { "1 chunk holds".to_owned() } else { format!("{} chunks hold", count(chunks)) }
}

/// What the dataset has not, and what a person should know.
pub(crate) fn notes(skipped: &[Skipped], notes: &[String]) -> Vec<String> {
    let skipped = skipped.iter().map(|skipped| format!("  left out `{}`: {}", skipped.name, skipped.reason));
    skipped.chain(notes.iter().map(|note| format!("  note: {note}"))).collect()
}

fn failed(reason: &Reason, end: &End, again: &str, printer: &Printer) {
    printer.error(&reason.message);
    if end.missing_chunks == 0 {
        printer.note("nothing is published");
        return;
    }
    printer.note(&format!("nothing is published; {} missing:", are(end.missing_chunks)));
    for line in missing(end) {
        printer.note(&line);
    }
    printer.note(again);
}

/// The missing chunks by name, as many as people read.
pub(crate) fn missing(end: &End) -> Vec<String> {
    let mut lines: Vec<String> = end.missing.iter().take(MOST_MISSING).map(|chunk| format!("  {chunk}")).collect();
    let rest = end.missing_chunks.saturating_sub(MOST_MISSING as u64);
    if rest > 0 {
        lines.push(format!("  and {} more", count(rest)));
    }
    lines
}

fn are(chunks: u64) -> String {
    if chunks == 1 { "1 chunk is".to_owned() } else { format!("{} chunks are", count(chunks)) }
}
