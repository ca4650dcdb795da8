//! The third verb: from records to a published dataset.

use std::collections::BTreeMap;

use run::{Failure, PlannedArray, Reason, ReasonKind, Record, RunId, What};

use crate::{
    Deadline, decide,
    enqueue::enqueue,
    ledger::{self, ChunkName, Ledger},
    plan_cache::{Loaded, plan_of},
    ports::Ports,
    reconcile, state,
    trouble::Trouble,
};

/// So many chunks that failed end the run: the rest would tell nothing new.
const MOST_FAILURES: usize = 20;
/// So many deferrals of one chunk are a failure: the budget has to end.
const MOST_DEFERRALS: usize = 10;

/// Takes in a batch of records, then looks whether a run is complete.
pub(crate) async fn records(records: Vec<Record>, ports: &Ports, deadline: Deadline) -> Result<(), Trouble> {
    let mut runs: BTreeMap<RunId, Vec<Record>> = BTreeMap::new();
    for record in records {
        runs.entry(record.run.clone()).or_default().push(record);
    }
    let mut result = Ok(());
    for (run, records) in runs {
        let taken = take_in(&run, records, ports, deadline).await;
        // A run whose documents are broken holds up no other; a batch that has to come back comes back whole.
        result = match (result, taken) {
            (Err(Trouble::Retry(one)), Err(Trouble::Retry(two))) => Err(Trouble::Retry(one.max(two))),
            (Err(first @ Trouble::Retry(_)), _) | (Err(first), Ok(())) => Err(first),
            (_, taken) => taken,
        };
    }
    result
}

async fn take_in(run: &RunId, mut records: Vec<Record>, ports: &Ports, deadline: Deadline) -> Result<(), Trouble> {
    if state::end(run, ports).await?.is_some() {
        return Ok(());
    }
    let Some(loaded) = plan_of(run, ports).await? else {
        tracing::warn!(%run, "records of a run that has no plan are dropped");
        return Ok(());
    };
    records.retain(|record| is_planned(&loaded, record));
    if records.is_empty() {
        return Ok(());
    }
    // Our own segment first, then the LIST of all: of two finalizers at once at least one sees everything.
    ledger::write(run, &records, ports).await?;
    let fatal = records.iter().find_map(|record| match &record.what {
        What::Failure(failure) if failure.reason.kind.ends_run() => Some(failure),
        What::Failure(_) | What::Receipt(_) | What::Deferred { .. } => None,
    });
    if let Some(failure) = fatal {
        return decide::fail(run, of_chunk(&loaded, failure), ports).await;
    }
    advance(&loaded, false, ports, deadline).await
}

/// Whether a record speaks of a chunk of the plan. Any other would be counted for one that is.
fn is_planned(loaded: &Loaded, record: &Record) -> bool {
    let (array, chunk) = record.chunk();
    let grid = loaded.plan.array(array).and_then(PlannedArray::grid);
    let planned = grid.is_some_and(|grid| grid.ordinal(chunk).is_some());
    if !planned {
        tracing::warn!(run = %record.run, array, %chunk, "a record of a chunk that is not planned is dropped");
    }
    planned
}

/// Looks after an open run; for one that has ended, only what a crash left undone after its end.
pub(crate) async fn sweep(run: &RunId, stalled: bool, ports: &Ports, deadline: Deadline) -> Result<(), Trouble> {
    if state::end(run, ports).await?.is_some() {
        return decide::finish(run, ports).await;
    }
    if let Some(decision) = state::decision(run, ports).await? {
        return decide::carry_out(&decision, ports).await;
    }
    match plan_of(run, ports).await? {
        Some(loaded) => advance(&loaded, stalled, ports, deadline).await,
        None => Ok(()),
    }
}

/// Moves a run as far as its records allow.
pub(crate) async fn advance(loaded: &Loaded, stalled: bool, ports: &Ports, deadline: Deadline) -> Result<(), Trouble> {
    let plan = &loaded.plan;
    let run = &plan.run;
    if let Some(decision) = state::decision(run, ports).await? {
        return decide::carry_out(&decision, ports).await;
    }
    let counts = ledger::counts(run, ports).await?;
    let complete = counts.receipts + counts.failures >= plan.totals.chunks;
    let many_failures = counts.failures > MOST_FAILURES as u64;
    if !(complete || many_failures || stalled || counts.deferrals > 0) {
        return Ok(());
    }
    let ledger = Ledger::load(run, ports).await?;
    if let Some(reason) = hopeless(loaded, &ledger) {
        return decide::fail(run, reason, ports).await;
    }
    if (ledger.receipts.len() + ledger.failures.len()) as u64 == plan.totals.chunks {
        return match ledger.failures.values().next() {
            Some(failure) => decide::fail(run, summary(loaded, failure, &ledger), ports).await,
            None => reconcile::reconcile(loaded, &ledger, stalled, ports, deadline).await,
        };
    }
    send_again(loaded, &ledger, stalled, ports).await
}

/// Why a run that is not complete cannot become complete any more.
fn hopeless(loaded: &Loaded, ledger: &Ledger) -> Option<Reason> {
    if ledger.failures.len() > MOST_FAILURES {
        return ledger.failures.values().next().map(|failure| summary(loaded, failure, ledger));
    }
    let (chunk, times) = ledger.deferred.iter().find(|(_, times)| times.len() > MOST_DEFERRALS)?;
    let (name, until, times) = (name(loaded, chunk), times.last()?, times.len());
    let message =
        format!("the source asked to wait again and again: {name} was deferred {times} times, now until {until}");
    Some(Reason::new(ReasonKind::SourceUnreachable, message))
}

/// Sends deferred chunks whose time has come and, if the run stalled, whatever has no receipt.
async fn send_again(loaded: &Loaded, ledger: &Ledger, stalled: bool, ports: &Ports) -> Result<(), Trouble> {
    let run = &loaded.plan.run;
    let now = ports.world.now();
    let mut due = Vec::new();
    let deferred = ledger.deferred.keys().filter_map(|chunk| Some((chunk, ledger.waits_until(chunk)?)));
    for ((array, chunk), until) in deferred.filter(|(_, until)| *until <= now) {
        // Once for each deferral: of two sweeps at once, or one after the other, only the first sends.
        let marker = format!("runs/{run}/sent/{array}-{chunk}-{}", until.as_millisecond());
        if state::put_new(ports, &marker, bytes::Bytes::new()).await? {
            due.push((*array, chunk.clone()));
        }
    }
    if stalled {
        let waiting = |chunk: &ChunkName| ledger.waits_until(chunk).is_some_and(|until| until > now);
        let known = |chunk: &ChunkName| ledger.receipts.contains_key(chunk) || ledger.failures.contains_key(chunk);
        due = loaded.plan.chunks().filter(|chunk| !known(chunk) && !waiting(chunk)).collect();
    }
    let sent = enqueue(loaded, due.into_iter(), false, ports).await?;
    if sent > 0 {
        tracing::info!(%run, sent, stalled, "chunks sent again");
    }
    Ok(())
}

fn name(loaded: &Loaded, (array, chunk): &ChunkName) -> String {
    let path = loaded.plan.array(*array).map(|array| array.spec.path.to_string()).unwrap_or_default();
    format!("chunk {chunk} of `{path}`")
}

/// The failure of a chunk as the failure of its run.
fn of_chunk(loaded: &Loaded, failure: &Failure) -> Reason {
    let name = name(loaded, &(failure.array, failure.chunk.clone()));
    Reason::new(failure.reason.kind, format!("{name}: {}", failure.reason.message))
}

fn summary(loaded: &Loaded, first: &Failure, ledger: &Ledger) -> Reason {
    let reason = of_chunk(loaded, first);
    match ledger.failures.len() {
        1 => reason,
        count => Reason::new(reason.kind, format!("{count} chunks failed, the first: {}", reason.message)),
    }
}
