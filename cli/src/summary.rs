//! What a person reads when a conversion has ended.

use std::time::Duration;

use run::{End, Reason, Report, Skipped, Target};

use crate::{
    printer::Printer,
    units::{bytes, count, counted, duration},
};

/// Lines of missing chunks that are shown; the rest is in `end.json`.
const MOST_MISSING: usize = 10;

pub(crate) fn published(report: &Report, target: &Target, printer: &Printer) {
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
    printer.note(&format!("published {target}"));
    printer.note(&format!(
        "  {} of data in {}, stored as {} ({ratio:.1} times smaller)",
        bytes(report.planned.bytes),
        counted(report.chunks, "chunk"),
        bytes(report.bytes_stored),
    ));
    printer.note(&format!(
        "  {} ({}/s from the source), {}, {}",
        duration(elapsed),
        bytes(rate),
        counted(report.requests, "request"),
        if report.retries == 1 { "1 retry".to_owned() } else { format!("{} retries", count(report.retries)) },
    ));
    if report.fill_only_chunks > 0 {
        printer.note(&format!("  {} nothing but the fill value", holds(report.fill_only_chunks)));
    }
    notes(&report.skipped, &report.notes, printer);
    printer.note(&format!("  open it: xarray.open_zarr(\"{target}\")"));
}

fn holds(chunks: u64) -> String {
    if chunks == 1 { "1 chunk holds".to_owned() } else { format!("{} chunks hold", count(chunks)) }
}

/// What the dataset has not, and what a person should know.
pub(crate) fn notes(skipped: &[Skipped], notes: &[String], printer: &Printer) {
    for skipped in skipped {
        printer.note(&format!("  left out `{}`: {}", skipped.name, skipped.reason));
    }
    for note in notes {
        printer.note(&format!("  note: {note}"));
    }
}

pub(crate) fn failed(reason: &Reason, end: &End, printer: &Printer) {
    printer.error(&reason.message);
    if end.missing_chunks > 0 {
        printer.note(&format!("nothing is published; {} missing:", are(end.missing_chunks)));
        for missing in end.missing.iter().take(MOST_MISSING) {
            printer.note(&format!("  {missing}"));
        }
        let rest = end.missing_chunks.saturating_sub(MOST_MISSING as u64);
        if rest > 0 {
            printer.note(&format!("  and {} more", count(rest)));
        }
        printer.note("run the same command again: what is written already is not fetched again");
    } else {
        printer.note("nothing is published");
    }
}

fn are(chunks: u64) -> String {
    if chunks == 1 { "1 chunk is".to_owned() } else { format!("{} chunks are", count(chunks)) }
}
