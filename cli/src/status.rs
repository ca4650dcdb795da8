use std::process::ExitCode;

use jiff::Timestamp;
use run::RunId;

use crate::{
    arguments::StatusArguments,
    failure::Failure,
    plan::{align_numbers, new_table},
    printer::Printer,
    runs::{self, Found},
    stack::{Stack, State},
    standing::View,
    watch,
};

/// Shows a stack's runs, or how far one is.
pub(crate) async fn status(arguments: &StatusArguments, printer: &Printer) -> Result<ExitCode, Failure> {
    let stack = Stack::find(&arguments.stack).await?;
    let Some(text) = &arguments.run else {
        return table(&stack.state, arguments.ended, printer).await;
    };
    let found = runs::find(&stack.state, text).await?;
    if arguments.watch {
        return watch::watch(&stack, &found.run, printer).await;
    }
    let view = runs::view(&stack.state, found, None).await?;
    if printer.json() {
        Printer::data(&view.json().to_string());
    } else {
        Printer::data(&view.text(Timestamp::now()));
    }
    Ok(ExitCode::SUCCESS)
}

async fn table(state: &State, ended: usize, printer: &Printer) -> Result<ExitCode, Failure> {
    let views = recent(state, ended, printer).await?;
    if printer.json() {
        let runs: Vec<_> = views.iter().map(View::json).collect();
        Printer::data(&serde_json::json!({ "runs": runs }).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    if views.is_empty() {
        printer.note(if ended == 0 { "no run is open" } else { "there is no run yet; begin one with dap2zarr submit" });
        return Ok(ExitCode::SUCCESS);
    }
    Printer::data(&rows(&views, Timestamp::now()));
    Ok(ExitCode::SUCCESS)
}

fn rows(views: &[View], now: Timestamp) -> String {
    let mut table = new_table(&["run", "state", "source", "target", "chunks", "failures", "deferred", "age"]);
    for view in views {
        table.add_row(view.row(now));
    }
    align_numbers(&mut table, &[4, 5, 6, 7]);
    // A row stays a line, however narrow the terminal: people cut and grep it.
    table.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
    table.trim_fmt()
}

/// The open runs, and those that ended last, latest first.
async fn recent(state: &State, ended: usize, printer: &Printer) -> Result<Vec<View>, Failure> {
    let mut shown: Vec<Found> = Vec::new();
    if ended == 0 {
        for run in runs::open(state).await? {
            let seen = runs::look(state, &run).await?;
            shown.push(Found { run, seen });
        }
    } else {
        let found = runs::group(&state.list(run::keys::runs()).await?);
        let found: Vec<Found> = found.into_iter().map(|(run, seen)| Found { run, seen }).collect();
        let (mut over, mut open): (Vec<_>, Vec<_>) = found.into_iter().partition(|found| found.seen.end);
        over.sort_by_key(|found| std::cmp::Reverse(latest(found)));
        over.truncate(ended);
        open.sort_by_key(|found| std::cmp::Reverse(latest(found)));
        shown.extend(open);
        shown.extend(over);
    }
    let mut views = Vec::new();
    for found in shown {
        let run = found.run.clone();
        match runs::view(state, found, None).await {
            Ok(view) => views.push(view),
            // One run's broken document hides no other run.
            Err(failure) => printer.note(&format!("run {run} is left out: {}", failure.message())),
        }
    }
    Ok(views)
}

fn latest(found: &Found) -> (Option<Timestamp>, RunId) {
    (found.seen.last, found.run.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standing::tests::views;

    #[test]
    fn runs_stand_in_a_table() {
        insta::assert_snapshot!(rows(&views(), Timestamp::from_second(1_900_000_000).unwrap()));
    }
}
