use std::{process::ExitCode, time::Duration};

use run::{Reason, ReasonKind, Request, Verdict, keys};

use crate::{
    arguments::ResumeArguments,
    failure::Failure,
    printer::Printer,
    runs,
    stack::Stack,
    standing::{Standing, View},
    submit, watch,
};

/// How often, and how long apart, a run that is about to end is looked at: the sweep comes once a minute.
const LOOKS: u32 = 40;
const PAUSE: Duration = Duration::from_secs(5);

/// Submits the request of a run that ended again; the stack's planner goes on where that one stopped.
pub(crate) async fn resume(arguments: &ResumeArguments, printer: &Printer) -> Result<ExitCode, Failure> {
    let stack = Stack::find(&arguments.stack).await?;
    let view = settled(&stack, &arguments.run, printer).await?;
    if let Some(text) = needless(&view) {
        printer.note(&text);
        if arguments.watch && view.end.is_none() {
            return watch::watch(&stack, &view.run, printer).await;
        }
        if printer.json() {
            let document = serde_json::json!({ "run": view.run, "request": null, "submitted": false });
            Printer::data(&document.to_string());
        } else {
            Printer::data(view.run.as_str());
        }
        return Ok(ExitCode::SUCCESS);
    }
    let Some(object) = stack.state.get(&keys::request(&view.run)).await? else {
        return Err(runs::bad(format!("run {} left no request to go on with: submit it anew", view.run)));
    };
    let request = Request::from_json(&object.bytes).map_err(|error| Failure::request(&error))?;
    let sent = submit::send(&stack, &request, None, arguments.force, printer).await?;
    sent.tell(&stack, arguments.watch, printer).await
}

/// The run; one that is about to end unpublished is waited for.
async fn settled(stack: &Stack, text: &str, printer: &Printer) -> Result<View, Failure> {
    for look in 1..=LOOKS {
        let found = runs::find(&stack.state, text).await?;
        let view = runs::view(&stack.state, found, None).await?;
        if !matches!(view.standing(), Standing::Ending(verdict) if verdict != Verdict::Publish) {
            return Ok(view);
        }
        if look == 1 {
            printer.note("the run is about to end; waiting for that");
        }
        tokio::time::sleep(PAUSE).await;
    }
    let message = format!("run {text} does not come to its end; look at its logs and at the stack's alarms");
    Err(Reason::new(ReasonKind::State, message).into())
}

/// Why there is nothing to resume, if so.
fn needless(view: &View) -> Option<String> {
    let run = &view.run;
    match view.standing() {
        Standing::Ended(Verdict::Publish) => Some(format!("run {run} was published: there is nothing left to do")),
        Standing::Ended(_) => None,
        standing @ (Standing::Waiting
        | Standing::Planning
        | Standing::Converting { .. }
        | Standing::Reconciling { .. }
        | Standing::Ending(_)) => Some(format!(
            "run {run} is open ({}) and needs no help: what is missing is sent again by the stack itself",
            standing.name()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standing::tests::views;

    #[test]
    fn only_what_ended_unpublished_is_resumed() {
        let resumed: Vec<_> = views().iter().map(|view| (view.standing().name(), needless(view).is_none())).collect();
        for (name, resumed) in resumed {
            assert_eq!(resumed, matches!(name, "failed" | "cancelled" | "superseded"), "{name}");
        }
    }
}
