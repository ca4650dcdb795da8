//! Watching a stack's run until it has ended.

use std::{
    collections::VecDeque,
    process::ExitCode,
    time::{Duration, Instant},
};

use indicatif::ProgressBar;
use run::{End, Report, RunId, Verdict, keys};

use crate::{
    convert::{INTERRUPTED, interrupted},
    failure::Failure,
    printer::Printer,
    progress,
    runs::{self, Found},
    stack::Stack,
    standing::{Standing, View},
    summary,
    units::{count, duration},
};

/// Between two looks; longer while there is no news.
const SHORTEST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(10);
/// Between two lines where there is no terminal.
const LINE: Duration = Duration::from_secs(10);
/// The rate is that of the last so many looks with news.
const WINDOW: usize = 10;
/// How often the report is looked for after the end, a second apart: it is written right after.
const REPORT_LOOKS: u32 = 10;

/// Shows how far a run is until it has ended, or until the user has seen enough.
pub(crate) async fn watch(stack: &Stack, run: &RunId, printer: &Printer) -> Result<ExitCode, Failure> {
    let mut screen = Screen { printer, bar: None, state: "", samples: VecDeque::new(), line: None };
    let ended = tokio::select! {
        ended = until_ended(stack, run, &mut screen) => Some(ended),
        () = interrupted() => None,
    };
    screen.clear();
    if let Some(view) = ended {
        return ended_run(stack, &view?, printer).await;
    }
    printer.note(&format!(
        "stopped watching; the run goes on: dap2zarr status {run} --watch{again}, or dap2zarr cancel {run}{again}",
        again = stack.again
    ));
    if printer.json() {
        Printer::data(&serde_json::json!({ "run": run, "verdict": null }).to_string());
    }
    Ok(ExitCode::from(INTERRUPTED))
}

async fn until_ended(stack: &Stack, run: &RunId, screen: &mut Screen<'_>) -> Result<View, Failure> {
    let mut pause = SHORTEST;
    let mut before: Option<View> = None;
    loop {
        let found = match &before {
            // Before the planner has opened it, the run may go by another name than the one that was computed.
            None => runs::find(&stack.state, run.as_str()).await?,
            Some(view) if view.standing() == Standing::Waiting => runs::find(&stack.state, run.as_str()).await?,
            Some(view) => Found { run: view.run.clone(), seen: runs::look(&stack.state, &view.run).await? },
        };
        let news = before.as_ref().is_none_or(|before| before.seen != found.seen);
        pause = if news { SHORTEST } else { (pause * 3 / 2).min(LONGEST) };
        let view = runs::view(&stack.state, found, before.take()).await?;
        if view.end.is_some() {
            return Ok(view);
        }
        screen.show(&view);
        before = Some(view);
        tokio::time::sleep(pause).await;
    }
}

/// Says what came of a run, and picks the exit code.
pub(crate) async fn ended_run(stack: &Stack, view: &View, printer: &Printer) -> Result<ExitCode, Failure> {
    let Some(end) = &view.end else { return Ok(ExitCode::SUCCESS) };
    let report = report(stack, end, view.plan.is_some()).await?;
    if printer.json() {
        Printer::data(&summary::document(end, report.as_ref()).to_string());
    }
    let again = format!(
        "dap2zarr resume {}{}: what is written already is not fetched again if the source is as it was",
        end.run, stack.again
    );
    if report.is_none() && matches!(end.verdict, Verdict::Publish) {
        printer.note(&format!("published {}", view.target()));
    }
    Ok(summary::ended(end, report.as_ref(), &view.target(), &again, printer))
}

/// The report, which is written right after the end if there was a plan.
async fn report(stack: &Stack, end: &End, planned: bool) -> Result<Option<Report>, Failure> {
    for look in 1..=REPORT_LOOKS {
        let report = stack.state.document(&keys::report(&end.run)).await?;
        let late = end.at.duration_until(jiff::Timestamp::now()).as_secs() > 60;
        if report.is_some() || !planned || late || look == REPORT_LOOKS {
            return Ok(report);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(None)
}

/// What the user sees: a bar on a terminal, a line now and then elsewhere.
struct Screen<'a> {
    printer: &'a Printer,
    bar: Option<ProgressBar>,
    /// The state that was said last.
    state: &'static str,
    /// Chunks done at the last looks with news.
    samples: VecDeque<(Instant, u64)>,
    line: Option<Instant>,
}

impl Screen<'_> {
    fn show(&mut self, view: &View) {
        let standing = view.standing();
        let changed = self.state != standing.name();
        self.state = standing.name();
        if changed {
            self.clear();
            if let (Standing::Converting { .. }, Some(plan)) = (&standing, &view.plan) {
                self.printer.note(&progress::planned(plan));
            } else {
                self.printer.note(&standing.words());
            }
        }
        let Standing::Converting { done, failed, of } = standing else { return };
        let line = self.converting(view, done, failed, of);
        if Printer::is_terminal() && !self.printer.quiet() {
            let bar = self.bar.get_or_insert_with(progress::bar);
            self.printer.set_bar(Some(bar.clone()));
            bar.set_length(of);
            bar.set_position(done);
            bar.set_message(line);
        } else if self.line.is_none_or(|line| line.elapsed() >= LINE) {
            self.line = Some(Instant::now());
            self.printer.note(&format!("{}/{} chunks, {line}", count(done), count(of)));
        }
    }

    /// Rate, failures, deferrals and the time left.
    fn converting(&mut self, view: &View, done: u64, failed: u64, of: u64) -> String {
        if self.samples.back().is_none_or(|(_, before)| *before != done) {
            self.samples.push_back((Instant::now(), done));
        }
        if self.samples.len() > WINDOW {
            self.samples.pop_front();
        }
        let mut parts = Vec::new();
        if let Some((since, before)) = self.samples.front().filter(|(_, before)| *before < done) {
            #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
            let rate = (done - before) as f64 / since.elapsed().as_secs_f64().max(0.001);
            #[expect(clippy::cast_precision_loss, reason = "an estimate for people")]
            let left = Duration::try_from_secs_f64((of - done) as f64 / rate).unwrap_or_default();
            parts.push(format!("{rate:.1}/s"));
            parts.push(format!("{} left", duration(left)));
        }
        if failed > 0 {
            parts.push(format!("{failed} failed"));
        }
        if let Some((chunks, until)) = view.deferred {
            parts.push(format!("{} deferred until {}", count(chunks), until.strftime("%H:%M:%SZ")));
        }
        if parts.is_empty() { "…".to_owned() } else { parts.join(", ") }
    }

    /// Takes the bar away; a finished one shows nothing any more, so the next is a new one.
    fn clear(&mut self) {
        self.printer.set_bar(None);
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
