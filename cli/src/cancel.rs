use std::{process::ExitCode, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use dap::Query;
use local::{MemoryQueue, SystemWorld};
use run::{Reason, ReasonKind, RunId, SourceUrl, Target, Verdict};
use steps::{
    Deadline, Meter,
    ports::{Document, Ports, Settings, Sink, Source, SourceError, Store, StoreError, Targets},
};

use crate::{
    arguments::CancelArguments,
    failure::{Failure, exit_code},
    printer::Printer,
    runs,
    stack::Stack,
    standing::{Standing, View},
    units::counted,
};

/// How often, and how long apart, a request is looked after that no planner has opened yet.
const LOOKS: u32 = 15;
const PAUSE: Duration = Duration::from_secs(2);

/// Stops a run.
pub(crate) async fn cancel(arguments: &CancelArguments, printer: &Printer) -> Result<ExitCode, Failure> {
    let stack = Stack::find(&arguments.stack).await?;
    let view = opened(&stack, &arguments.run, printer).await?;
    let verdict = match view.standing() {
        Standing::Ended(verdict) => verdict,
        Standing::Waiting
        | Standing::Planning
        | Standing::Converting { .. }
        | Standing::Reconciling { .. }
        | Standing::Ending(_) => decide(&view.run, &stack).await?,
    };
    if printer.json() {
        Printer::data(&serde_json::json!({ "run": view.run, "verdict": verdict }).to_string());
    }
    match said(&view, &verdict) {
        Ok(text) => {
            printer.note(&text);
            Ok(ExitCode::SUCCESS)
        }
        Err(text) => {
            printer.error(&text);
            Ok(ExitCode::from(exit_code(ReasonKind::BadRequest)))
        }
    }
}

/// The run, once its planner has opened it: before, there is nothing that a decision could be about.
async fn opened(stack: &Stack, text: &str, printer: &Printer) -> Result<View, Failure> {
    for look in 1..=LOOKS {
        let found = runs::find(&stack.state, text).await?;
        let view = runs::view(&stack.state, found, None).await?;
        if view.standing() != Standing::Waiting {
            return Ok(view);
        }
        if look == 1 {
            printer.note("the planner has not opened this run yet; waiting for it");
        }
        tokio::time::sleep(PAUSE).await;
    }
    let message =
        format!("run {text} was submitted, but no planner has opened it; look at the stack's alarms, then try again");
    Err(Reason::new(ReasonKind::State, message).into())
}

async fn decide(run: &RunId, stack: &Stack) -> Result<Verdict, Failure> {
    let ports = ports(Arc::clone(&stack.state.store));
    let decided = steps::cancel(run, &ports).await;
    decided.map_err(|error| Reason::new(ReasonKind::State, format!("run {run} cannot be cancelled: {error}")).into())
}

/// What stands now; an error if the run publishes all the same.
fn said(view: &View, verdict: &Verdict) -> Result<String, String> {
    let run = &view.run;
    let over = view.end.is_some();
    match verdict {
        Verdict::Publish if over => Err(format!("run {run} was published already: {}", view.target())),
        Verdict::Publish => Err(format!("too late: run {run} is complete and is being published")),
        Verdict::Cancelled => {
            let written = view.seen.counts.receipts;
            let rest = if written == 0 {
                "nothing was written to the target".to_owned()
            } else {
                format!("{} in the target stay there, for resume or the next run", counted(written, "chunk"))
            };
            let word = if over { "was cancelled" } else { "is cancelled: it ends within a minute or so" };
            Ok(format!("run {run} {word}; nothing is published; {rest}"))
        }
        Verdict::Failed { reason } => Ok(format!("run {run} failed before it could be cancelled: {}", reason.message)),
        Verdict::Superseded { by } => Ok(format!("run {run} was ended before: run {by} has the target")),
    }
}

/// Ports with nothing behind them but the state.
fn ports(state: Arc<dyn Store>) -> Ports {
    let queue = || Arc::new(MemoryQueue::new(Duration::ZERO));
    Ports::new(
        Arc::new(Nothing),
        state,
        Arc::new(Nothing),
        queue(),
        queue(),
        queue(),
        Arc::new(SystemWorld::new(1)),
        Arc::new(Meter::default()),
        Settings::default(),
    )
}

/// A source and a target that cancelling does not need.
#[derive(Debug)]
struct Nothing;

#[async_trait]
impl Source for Nothing {
    async fn document(&self, _: &SourceUrl, _: Document, _: Deadline) -> Result<Bytes, SourceError> {
        Err(SourceError::Permanent(unused()))
    }
    async fn fetch(&self, _: &SourceUrl, _: &Query, _: &mut dyn Sink, _: Deadline) -> Result<(), SourceError> {
        Err(SourceError::Permanent(unused()))
    }
}

#[async_trait]
impl Targets for Nothing {
    async fn open(&self, _: &Target) -> Result<Arc<dyn Store>, StoreError> {
        Err(StoreError::Refused { message: unused().message })
    }
}

fn unused() -> Reason {
    Reason::new(ReasonKind::Internal, "cancelling touches nothing but the state")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standing::tests::views;

    #[test]
    fn what_stands_is_said() {
        let lines: Vec<String> = views()
            .iter()
            .map(|view| {
                let verdict = view.end.as_ref().map_or(Verdict::Cancelled, |end| end.verdict.clone());
                match said(view, &verdict) {
                    Ok(text) => format!("0 {text}"),
                    Err(text) => format!("2 {text}"),
                }
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
