//! What a person reads when a run has ended, and what a shell is told.

use std::{process::ExitCode, time::Duration};

use advisor::Dollars;
use run::{End, Reason, ReasonKind, Report, Skipped, Verdict};
use serde_json::{Value, json};

use crate::{
    failure::exit_code,
    printer::Printer,
    units::{bytes, count, counted, dollars, duration, lasting, whole},
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
    lines.extend(beside_the_estimate(report));
    if report.fill_only_chunks > 0 {
        lines.push(format!("  {} nothing but the fill value", holds(report.fill_only_chunks)));
    }
    lines.extend(notes(&report.skipped, &report.notes));
    lines.push(format!("  open it: xarray.open_zarr(\"{target}\")"));
    lines
}

/// What was expected and what came of it.
pub(crate) fn beside_the_estimate(report: &Report) -> Vec<String> {
    let (Some(estimated), actual) = (&report.estimated, &report.actual) else { return Vec::new() };
    let mut lines = vec![format!("  estimated {}, took {}", lasting(estimated.seconds), lasting(actual.seconds))];
    if let (Some(planned), Some(spent)) = (estimated.gb_seconds, actual.gb_seconds) {
        lines.push(format!(
            "  estimated {} GB seconds{}, used {}{}",
            count(whole(planned)),
            paid(estimated.dollars),
            count(whole(spent)),
            paid(actual.dollars),
        ));
    }
    if let Some(Dollars { storage_month, .. }) = actual.dollars {
        lines.push(format!("  storage {} a month", dollars(storage_month)));
    }
    lines
}

fn paid(bill: Option<Dollars>) -> String {
    bill.map_or_else(String::new, |bill| format!(" and {}", dollars(bill.total)))
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

#[cfg(test)]
mod tests {
    use advisor::{Prices, SourceSpeed, Work, Workers, estimate};

    use super::*;
    use crate::standing::tests::{report_of, views};

    #[test]
    fn what_was_expected_stands_beside_what_came_of_it() {
        let view = views().into_iter().find(|view| view.end.as_ref().is_some_and(End::is_published)).unwrap();
        let mut report = report_of(&view).unwrap();
        let work = Work { chunks: 438, requests: 438, bytes: 15_800_000_000, wire_bytes: 15_800_000_000 };
        let workers = Workers { at_once: 4, memory: Some(1769 << 20) };
        let estimated = estimate(work, workers, SourceSpeed::default(), &Prices::default());
        report.estimated = Some(estimated);
        report.actual.seconds = 2_402.0;
        let took_here = beside_the_estimate(&report);
        assert_eq!(took_here.first().unwrap(), "  estimated 47 min 52 s, took 40 min 02 s");
        report.actual.gb_seconds = Some(14_000.0);
        report.actual.dollars = estimated.dollars.map(|dollars| Dollars { total: 0.19, ..dollars });
        let took = beside_the_estimate(&report);
        assert_eq!(
            took.get(1..).unwrap(),
            ["  estimated 19,775 GB seconds and $0.27, used 14,000 and $0.19", "  storage $0.18 a month"]
        );
        report.estimated = None;
        assert_eq!(beside_the_estimate(&report), Vec::<String>::new(), "reports of older versions say nothing");
    }

    #[test]
    fn a_report_of_an_older_version_is_read() {
        let view = views().into_iter().find(|view| view.end.is_some()).unwrap();
        let mut document = serde_json::to_value(report_of(&view).unwrap()).unwrap();
        for key in ["estimated", "actual"] {
            assert!(document.as_object_mut().unwrap().remove(key).is_some(), "{key}");
        }
        let report: Report = serde_json::from_value(document).unwrap();
        assert_eq!(report.estimated, None);
    }
}
