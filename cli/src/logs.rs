//! What a stack's functions logged about a run.

mod fetch;
mod line;

use std::{
    collections::BTreeSet,
    process::ExitCode,
    time::{Duration, SystemTime},
};

use fetch::{Event, Logs};
use jiff::Timestamp;
use run::ReasonKind;

use crate::{
    arguments::{FunctionArgument, LogsArguments},
    convert::{INTERRUPTED, interrupted},
    failure::Failure,
    printer::Printer,
    runs::{self, Found},
    stack::Stack,
    standing::View,
    units::Since,
};

/// Between two looks for new lines.
const PAUSE: Duration = Duration::from_secs(4);
/// `CloudWatch` shows a line some seconds after it was written, now and then later than a younger one.
const LATE: Duration = Duration::from_secs(20);
/// What is not known when a run began is looked for this far back.
const DEFAULT_SINCE: Duration = Duration::from_hours(24);

/// Prints a run's lines of the stack's logs.
pub(crate) async fn logs(arguments: &LogsArguments, printer: &Printer) -> Result<ExitCode, Failure> {
    let stack = Stack::find(&arguments.stack).await?;
    let Some(outputs) = &stack.outputs else {
        let message = "the logs are found by the names of the stack's functions, which a state bucket does not tell: name \
                       the stack with --stack or DAP2ZARR_STACK";
        return Err(runs::bad(message.to_owned()));
    };
    let found = runs::find(&stack.state, &arguments.run).await?;
    let view = runs::view(&stack.state, found, None).await?;
    let wanted = |function: FunctionArgument| arguments.function.is_none_or(|only| only == function);
    let functions: Vec<_> = outputs.functions.iter().filter(|(function, _)| wanted(*function)).cloned().collect();
    let chunk = arguments.chunk.as_deref().map(|text| line::Chunk::parse(text, view.plan.as_ref())).transpose();
    let chunk = chunk.map_err(runs::bad)?;
    let logs = Logs::new(&stack.aws, functions, &view.run);
    let mut reading =
        Reading { since: since(arguments.since, &view), shown: BTreeSet::new(), chunk, json: arguments.json };
    tokio::select! {
        done = follow(&stack, &view, &logs, &mut reading, arguments.follow) => {
            if done? == 0 && !arguments.json {
                printer.note(&format!("no line of run {} was found; logs appear after some seconds", view.run));
            }
            Ok(ExitCode::SUCCESS)
        }
        () = interrupted() => Ok(ExitCode::from(INTERRUPTED)),
    }
}

/// What has been read.
struct Reading {
    since: Timestamp,
    /// Lines that were printed and may be read again.
    shown: BTreeSet<(Timestamp, String)>,
    chunk: Option<line::Chunk>,
    json: bool,
}

/// Prints the lines that are there, then new ones until the run has ended; returns how many.
async fn follow(
    stack: &Stack,
    view: &View,
    logs: &Logs,
    reading: &mut Reading,
    follow: bool,
) -> Result<usize, Failure> {
    let mut count = 0;
    let mut over = view.end.is_some();
    let mut ended_at = None;
    loop {
        count += reading.print(logs.read(reading.since).await?);
        if !follow {
            return Ok(count);
        }
        if over {
            // What was written last still has to appear.
            let since = *ended_at.get_or_insert_with(SystemTime::now);
            if view.end.is_some() || since.elapsed().unwrap_or_default() > LATE {
                return Ok(count);
            }
        } else {
            let found = Found { run: view.run.clone(), seen: runs::look(&stack.state, &view.run).await? };
            over = found.seen.end;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

impl Reading {
    fn print(&mut self, mut events: Vec<Event>) -> usize {
        events.sort();
        let mut count = 0;
        for event in events {
            if !self.shown.insert((event.at, event.id.clone())) {
                continue;
            }
            let line = line::Line::read(event.at, event.function, &event.message);
            if self.chunk.as_ref().is_some_and(|chunk| !line.is_about(chunk)) {
                continue;
            }
            count += 1;
            Printer::data(&if self.json { event.message.trim_end().to_owned() } else { line.to_string() });
        }
        if let Some((latest, _)) = self.shown.last() {
            let back = latest.checked_sub(LATE).unwrap_or(*latest);
            self.since = self.since.max(back);
            let since = self.since;
            self.shown.retain(|(at, _)| *at >= since);
        }
        count
    }
}

fn since(asked: Option<Since>, view: &View) -> Timestamp {
    let ago = |duration: Duration| Timestamp::now().checked_sub(duration).unwrap_or(Timestamp::UNIX_EPOCH);
    match asked {
        Some(Since::At(time)) => time,
        Some(Since::Ago(duration)) => ago(duration),
        // The planner logs before it writes.
        None => {
            view.seen.first.map_or_else(|| ago(DEFAULT_SINCE), |first| first.checked_sub(LATE * 6).unwrap_or(first))
        }
    }
}

/// The kind of failures of reading logs.
const KIND: ReasonKind = ReasonKind::State;
