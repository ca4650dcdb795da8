use std::process::ExitCode;

use local::FolderStore;
use run::{End, Percentiles, Reason, ReasonKind, Report, Verdict, keys};

use crate::{
    arguments::ReportArguments,
    failure::Failure,
    host,
    printer::Printer,
    runs,
    stack::{Stack, State},
    standing::View,
    summary,
    units::{bytes, counted, time},
};

/// Shows the report of a run that ended.
pub(crate) async fn report(arguments: &ReportArguments, printer: &Printer) -> Result<ExitCode, Failure> {
    let state = state(arguments).await?;
    let found = runs::find(&state, &arguments.run).await?;
    let view = runs::view(&state, found, None).await?;
    let Some(end) = &view.end else {
        let (run, words) = (&view.run, view.standing().words());
        return Err(runs::bad(format!("run {run} has not ended, so it has no report yet ({words})")));
    };
    let report: Option<Report> = state.document(&keys::report(&view.run)).await?;
    if printer.json() {
        Printer::data(&summary::document(end, report.as_ref()).to_string());
    } else {
        Printer::data(&text(&view, end, report.as_ref()));
    }
    Ok(ExitCode::SUCCESS)
}

/// The stack's state, or this machine's.
async fn state(arguments: &ReportArguments) -> Result<State, Failure> {
    let here = std::env::var_os("DAP2ZARR_STATE_DIR").filter(|folder| !folder.is_empty()).map(Into::into);
    let folder = match &arguments.state_dir {
        Some(folder) => Some(folder.clone()),
        None if Stack::is_named(&arguments.stack) => return Ok(Stack::find(&arguments.stack).await?.state),
        None => here.or_else(host::users_state_folder),
    };
    let folder = folder.ok_or_else(|| {
        let message = "where is the run? name a stack with --stack, or a folder with --state-dir";
        Failure::from(Reason::new(ReasonKind::BadRequest, message))
    })?;
    if !folder.is_dir() {
        return Err(runs::bad(format!(
            "there is no folder {} with runs of this machine; name another with --state-dir, or a stack with --stack",
            folder.display()
        )));
    }
    Ok(State::new(FolderStore::new(&folder)))
}

/// What a person reads.
fn text(view: &View, end: &End, report: Option<&Report>) -> String {
    let mut lines = Vec::new();
    match (&end.verdict, report) {
        (Verdict::Publish, Some(report)) => lines.extend(summary::published(report, &view.target())),
        _ => lines.push(view.standing().words()),
    }
    if let (Some(report), false) = (report, end.is_published()) {
        lines.push(format!(
            "  {} of {} were written, {} stored",
            report.chunks,
            counted(report.planned.chunks, "chunk"),
            bytes(report.bytes_stored)
        ));
        lines.extend(summary::notes(&report.skipped, &report.notes));
    }
    if end.missing_chunks > 0 {
        lines.push(format!("  {} missing:", counted(end.missing_chunks, "chunk")));
        lines.extend(summary::missing(end).into_iter().map(|line| format!("  {line}")));
    }
    let planned = view.plan.as_ref().map(|plan| plan.made_at);
    let moments = [("planned", planned), ("ended", Some(end.at))];
    lines.push(String::new());
    lines.push(format!("{:9} {}", "run", view.run));
    if let Some(request) = &view.request {
        lines.push(format!("{:9} {}", "source", request.source));
        lines.push(format!("{:9} {}", "target", request.target));
    }
    lines.extend(moments.iter().filter_map(|(name, at)| Some(format!("{name:9} {}", time((*at)?)))));
    if let Some(report) = report.filter(|report| report.chunks > 0) {
        lines.push(String::new());
        lines.push(format!("{:9} {:>9} {:>9} {:>9}", "a chunk's", "median", "90 %", "slowest"));
        for (name, of) in [("fetch", report.fetch_s), ("encode", report.encode_s), ("put", report.put_s)] {
            let Percentiles { p50, p90, max } = of;
            lines.push(format!("{name:9} {p50:>7.2} s {p90:>7.2} s {max:>7.2} s"));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standing::tests::{report_of, views};

    #[test]
    fn a_report_is_a_text() {
        let texts = views().into_iter().filter_map(|view| {
            let report = view.plan.as_ref().and_then(|_| report_of(&view));
            Some(text(&view, view.end.as_ref()?, report.as_ref()))
        });
        insta::assert_snapshot!(texts.collect::<Vec<_>>().join("\n────\n"));
    }
}
