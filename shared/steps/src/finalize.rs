//! The third verb: from records to a published dataset.

use std::collections::BTreeMap;

use run::{Failure, PlannedArray, Reason, Record, RunId, What};

use crate::{
    Deadline, decide,
    ledger::{self, ChunkName, Ledger, Progress, Segments},
    plan_cache::{Loaded, plan_of},
    ports::Ports,
    reconcile::{self, Repair},
    state,
    trouble::Trouble,
};

/// So many chunks that failed end the run: the rest would tell nothing new.
const MOST_FAILURES: usize = 20;

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
        tracing::error!(metric = "foreign_message", %run, "records of a run that has no plan are dropped");
        return Ok(());
    };
    records.retain(|record| is_planned(&loaded, record));
    if records.is_empty() {
        return Ok(());
    }
    // Our own segment first, then the LIST of all: of two finalizers at once at least one sees everything.
    ledger::write(run, &records, ports).await?;
    let fatal = records.iter().any(|record| match &record.what {
        What::Failure(failure) => failure.reason.kind.ends_run(),
        What::Receipt(_) | What::Deferred { .. } => false,
    });
    advance(&loaded, fatal, ports, deadline).await
}

/// Whether a record speaks of a chunk of the plan. Any other would be counted for one that is.
fn is_planned(loaded: &Loaded, record: &Record) -> bool {
    let (array, chunk) = record.chunk();
    let grid = loaded.plan.array(array).and_then(PlannedArray::grid);
    let planned = grid.is_some_and(|grid| grid.ordinal(chunk).is_some());
    if !planned {
        let run = &record.run;
        tracing::error!(metric = "foreign_message", %run, array, %chunk, "a record of a chunk that is not planned is dropped");
    }
    planned
}

/// Moves a run as far as its records allow, which is looked at where `fatal` says that one of them may end it or where their
/// number does. Sends nothing: what has to be made again is sent by the sweep, whose
/// messages do not come from a message, so that no platform takes them for a loop.
pub(crate) async fn advance(loaded: &Loaded, fatal: bool, ports: &Ports, deadline: Deadline) -> Result<(), Trouble> {
    let run = &loaded.plan.run;
    if let Some(decision) = state::decision(run, ports).await? {
        return decide::carry_out(&decision, ports).await;
    }
    let segments = Segments::list(run, ports).await?;
    if !fatal && !may_end(loaded, segments.counts()) {
        return Ok(());
    }
    let ledger = Ledger::of(run, &segments, ports).await?;
    conclude(loaded, &ledger, false, ports, deadline).await.map(|_| ())
}

/// Whether the counts allow that a run has come to its end: only then are its segments worth reading.
pub(crate) fn may_end(loaded: &Loaded, counts: Progress) -> bool {
    counts.receipts + counts.failures >= loaded.plan.totals.chunks || counts.failures > MOST_FAILURES as u64
}

/// How a run stands after a look at its records.
#[derive(Debug)]
pub(crate) enum Standing {
    /// It has ended.
    Ended,
    /// Chunks have neither a receipt nor a failure.
    Open,
    /// An open round of repair waits for these of its chunks.
    Repairing(Repair, Vec<ChunkName>),
    /// These objects are missing or different, after so many rounds.
    Wrong(Vec<ChunkName>, u32),
}

/// Ends the run if its records say that it has to end. `stalled` says that nothing is under way any more.
pub(crate) async fn conclude(
    loaded: &Loaded,
    ledger: &Ledger,
    stalled: bool,
    ports: &Ports,
    deadline: Deadline,
) -> Result<Standing, Trouble> {
    let mut failures = ledger.failures.values();
    let fatal = failures.clone().find(|failure| failure.reason.kind.ends_run());
    let complete = (ledger.receipts.len() + ledger.failures.len()) as u64 == loaded.plan.totals.chunks;
    let reason = match (fatal, failures.next()) {
        (Some(fatal), _) => Some(of_chunk(loaded, fatal)),
        (None, Some(first)) if complete || ledger.failures.len() > MOST_FAILURES => {
            Some(summary(loaded, first, ledger))
        }
        (None, _) => None,
    };
    match reason {
        Some(reason) => decide::fail(&loaded.plan.run, reason, ports).await.map(|()| Standing::Ended),
        None if complete => reconcile::reconcile(loaded, ledger, stalled, ports, deadline).await,
        None => Ok(Standing::Open),
    }
}

pub(crate) fn name(loaded: &Loaded, (array, chunk): &ChunkName) -> String {
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
