//! Progress on long work: a bar on a terminal, a line now and then elsewhere.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use run::{Plan, RunId, keys};
use steps::{Meter, ports::Ports};
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    host::Host,
    printer::Printer,
    units::{bytes, count, duration},
};

/// Between two looks at the counts.
const TICK: Duration = Duration::from_millis(250);
/// Between two lines where there is no terminal.
const LINE: Duration = Duration::from_secs(10);
/// The rate is that of the last so many ticks.
const WINDOW: usize = 20;

/// Shows progress until it is stopped.
#[derive(Debug)]
pub(crate) struct Watching {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Watching {
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        // A task that panicked has shown all it could.
        let _ = self.task.await;
    }
}

/// Begins to show progress of a run.
pub(crate) fn watch(run: RunId, host: &Host, printer: Printer) -> Watching {
    let (stop, stopped) = watch::channel(false);
    let view = View {
        run,
        ports: Arc::clone(&host.ports),
        meter: Arc::clone(&host.meter),
        started: Instant::now(),
        samples: Vec::new(),
        before: None,
    };
    Watching { stop, task: tokio::spawn(view.show(printer, stopped)) }
}

struct View {
    run: RunId,
    ports: Arc<Ports>,
    meter: Arc<Meter>,
    started: Instant,
    /// Bytes at the last ticks.
    samples: Vec<(Instant, u64)>,
    /// Chunks that were done before this process began.
    before: Option<u64>,
}

impl View {
    async fn show(mut self, printer: Printer, mut stopped: watch::Receiver<bool>) {
        if printer.quiet() {
            return;
        }
        let bar = Printer::is_terminal().then(bar);
        printer.set_bar(bar.clone());
        let mut plan = None;
        let mut last_line = Instant::now();
        while !*stopped.borrow() {
            if plan.is_none() {
                plan = self.plan().await;
                if let (Some(plan), None) = (&plan, &bar) {
                    printer.note(&planned(plan));
                }
            }
            if let Some(plan) = &plan {
                let (done, line) = self.line(plan).await;
                if let Some(bar) = &bar {
                    bar.set_length(plan.totals.chunks);
                    bar.set_position(done);
                    bar.set_message(line);
                } else if last_line.elapsed() >= LINE {
                    last_line = Instant::now();
                    printer.note(&format!("{}/{} chunks, {line}", count(done), count(plan.totals.chunks)));
                }
            }
            // Either the next tick or the end; both are fine.
            let _ = tokio::time::timeout(TICK, stopped.wait_for(|stop| *stop)).await;
        }
        printer.set_bar(None);
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
    }

    async fn plan(&self) -> Option<Plan> {
        let object = self.ports.state.get(&keys::plan(&self.run)).await.ok()??;
        serde_json::from_slice(&object.bytes).ok()
    }

    /// Chunks done, and the rest of what is shown.
    async fn line(&mut self, plan: &Plan) -> (u64, String) {
        let done = steps::progress(&self.run, &self.ports).await.map_or(0, |progress| progress.receipts);
        let done = done.min(plan.totals.chunks);
        let before = *self.before.get_or_insert(done);
        let fetched = self.meter.bytes();
        let rate = self.rate(fetched);
        let left = self.left(plan.totals.chunks, done, before);
        let retries = self.meter.retries();
        let line = format!(
            "{}, {}/s, {} in flight, {}, {}",
            bytes(fetched),
            bytes(rate),
            self.meter.in_flight(),
            if retries == 1 { "1 retry".to_owned() } else { format!("{} retries", count(retries)) },
            left.map_or_else(|| "…".to_owned(), |left| format!("{} left", duration(left))),
        );
        (done, line)
    }

    fn rate(&mut self, fetched: u64) -> u64 {
        let now = Instant::now();
        self.samples.push((now, fetched));
        if self.samples.len() > WINDOW {
            self.samples.remove(0);
        }
        let Some((since, bytes)) = self.samples.first() else { return 0 };
        let milliseconds = u64::try_from(now.duration_since(*since).as_millis()).unwrap_or(u64::MAX).max(1);
        fetched.saturating_sub(*bytes).saturating_mul(1000) / milliseconds
    }

    /// Time left if the rest goes like what this process has done so far.
    fn left(&self, chunks: u64, done: u64, before: u64) -> Option<Duration> {
        let ours = u32::try_from(done.saturating_sub(before)).ok().filter(|ours| *ours > 0)?;
        let rest = u32::try_from(chunks - done).ok()?;
        Some(self.started.elapsed() / ours * rest)
    }
}

/// A bar of chunks on the terminal.
pub(crate) fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let template = "[{bar:30}] {pos}/{len} chunks, {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

/// What a plan amounts to.
pub(crate) fn planned(plan: &Plan) -> String {
    format!(
        "planned {} of {} in {} requests",
        crate::units::counted(plan.totals.chunks, "chunk"),
        bytes(plan.totals.bytes),
        count(plan.totals.requests)
    )
}
