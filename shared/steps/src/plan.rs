//! The first verb: from a request to a plan and its chunk messages.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use run::{Mode, Plan, Reason, ReasonKind, Record, Request, RunId, Target, Verdict, What, keys};

use crate::{
    Deadline, clear, decide, describe,
    draw::Drawing,
    enqueue::enqueue,
    finalize, fits, lease,
    lease::{Lease, Taken},
    ledger::{self, Ledger},
    plan_cache::{Loaded, plan_of},
    ports::{Document, Entry, Ports, Store},
    sendings, state, target,
    trouble::{Trouble, readable},
};

/// Receipts taken over from a former run, in one segment.
const SEGMENT: usize = 1_000;

/// Plans the run unless that was done before, takes the target, and sends a message for every chunk without a receipt.
/// A request that cannot be planned ends the run.
pub(crate) async fn plan(run: &RunId, ports: &Ports, deadline: Deadline) -> Result<(), Trouble> {
    if let Some(decision) = state::decision(run, ports).await? {
        let is_ours = ports.settings.publishes || decision.verdict != Verdict::Publish;
        return if is_ours { decide::carry_out(&decision, ports).await } else { Ok(()) };
    }
    match start(run, ports, deadline).await {
        Err(Trouble::Failed(reason)) if !is_known(run, ports).await? => {
            tracing::error!(metric = "foreign_message", %run, "a message to plan a run that nobody opened is dropped");
            Err(Trouble::Failed(reason))
        }
        Err(Trouble::Failed(reason)) => {
            decide::fail(run, reason.clone(), ports).await?;
            Err(Trouble::Failed(reason))
        }
        // No record speaks of it and no sweep sends it again: it is this message that has to come back.
        Err(Trouble::Deferred(until, _)) => Err(Trouble::until(until, ports)),
        other => other,
    }
}

/// Whether somebody opened the run: a forged name must leave nothing behind.
async fn is_known(run: &RunId, ports: &Ports) -> Result<bool, Trouble> {
    Ok(state::head(ports, &keys::request(run)).await?.is_some()
        || state::head(ports, &keys::open(run)).await?.is_some()
        || state::head(ports, &keys::plan(run)).await?.is_some())
}

async fn start(run: &RunId, ports: &Ports, deadline: Deadline) -> Result<(), Trouble> {
    let loaded = match plan_of(run, ports).await? {
        Some(loaded) => loaded,
        None => make(run, ports, deadline).await?,
    };
    let plan = &loaded.plan;
    let lease = match lease::acquire(run, &plan.target.id(), ports).await? {
        Taken::Ours(lease) => lease,
        Taken::WorkedOn { by } => return decide::supersede(run, by, ports).await,
    };
    let target = target::open(&plan.target, ports, deadline).await?;
    match plan.mode {
        Mode::Create => check_unpublished(&plan.target, target.as_ref(), ports, deadline).await?,
        // A planner that was held up for long may find its run published by now.
        Mode::Overwrite if state::decision(run, ports).await?.is_none() => {
            clear::clear(run, target.as_ref(), ports).await?;
        }
        Mode::Overwrite => return Ok(()),
    }
    adopt(&loaded, &lease, ports).await?;
    let ledger = Ledger::load(run, ports).await?;
    let open = plan.chunks().filter(|chunk| ledger.is_open(chunk) && !ledger.deferred.contains_key(chunk));
    let sent = enqueue(&loaded, open, false, ports).await?;
    sendings::planned(run, ports).await?;
    tracing::info!(%run, chunks = plan.totals.chunks, sent, "chunks sent");
    // With everything taken over from a former run no record will come that would end this one.
    if sent == 0 && ports.settings.publishes {
        finalize::advance(&loaded, false, ports, deadline).await
    } else {
        Ok(())
    }
}

/// Reads the request and the source, and writes the plan; of two planners at once the first wins.
async fn make(run: &RunId, ports: &Ports, deadline: Deadline) -> Result<Arc<Loaded>, Trouble> {
    let Some(object) = state::get(ports, &keys::request(run)).await? else {
        return Err(Trouble::failed(ReasonKind::BadRequest, format!("there is no request for run {run}")));
    };
    let request = Request::from_json(&object.bytes).map_err(|error| bad_request(&error))?;
    fits::check_concurrency(&request, &ports.settings).map_err(Trouble::Failed)?;
    // The target first: a bucket that does not exist should cost the source nothing.
    let target = target::open(&request.target, ports, deadline).await?;
    check_target(&request, &target::list(target.as_ref(), ports, deadline).await?, ports).await?;
    let first = describe::describe(&request.source, ports, deadline).await?;
    let das_again = describe::document(&request.source, Document::Das, ports, deadline).await?;
    let second = describe::parse(&request.source, &first.dds, &das_again)?;
    state::put(ports, &keys::source(run, Document::Dds.name()), first.dds.clone()).await?;
    state::put(ports, &keys::source(run, Document::Das.name()), first.das.clone()).await?;
    let drawing = Drawing {
        request: &request,
        run: run.clone(),
        continues: continued(run, &request, ports).await?,
        first: &first,
        second: &second,
        now: to_the_second(ports.world.now()),
    };
    let (plan, _) = drawing.draw(ports, deadline).await?;
    state::put_new(ports, &keys::plan(run), plan.to_json()?.into()).await?;
    plan_of(run, ports)
        .await?
        .ok_or_else(|| Trouble::failed(ReasonKind::State, format!("the plan of run {run} vanished")))
}

/// Documents show whole seconds.
fn to_the_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn bad_request(error: &run::RequestError) -> Trouble {
    Trouble::Failed(Reason::from_error(ReasonKind::BadRequest, error))
}

/// The run whose work this one goes on with: the last that took the target, if it was one of the same request, planned, and
/// ended without publishing. One that ended before it took the target left nothing there.
async fn continued(run: &RunId, request: &Request, ports: &Ports) -> Result<Option<RunId>, Trouble> {
    let digest = request.digest().map_err(|error| bad_request(&error))?;
    let Some(lease) = lease::holder(&request.target.id(), ports).await? else { return Ok(None) };
    let former = lease.run;
    if former == *run || !former.is_of(&digest) {
        return Ok(None);
    }
    if state::end(&former, ports).await?.is_none_or(|end| end.is_published()) {
        return Ok(None);
    }
    let planned = readable(plan_of(&former, ports).await)?.flatten().is_some();
    Ok(planned.then_some(former))
}

/// Whether the request may write where it wants to: nothing of somebody else's is ever replaced.
async fn check_target(request: &Request, entries: &[Entry], ports: &Ports) -> Result<(), Trouble> {
    let target: &Target = &request.target;
    let published = entries.iter().any(|entry| zarr::root_keys().contains(&entry.key.as_str()));
    if entries.is_empty() {
        return Ok(());
    }
    if request.mode == Mode::Create && published {
        return Err(already_published(target));
    }
    let Left { arrays: left, unknown } = arrays_of_former_runs(target, ports).await?;
    let documents: BTreeSet<&str> = entries.iter().filter_map(|entry| array_of_document(&entry.key)).collect();
    // Chunks of an attempt that was never published; when overwriting, the arrays of the dataset that is there.
    let ours = |key: &str| {
        let first = key.split('/').next().unwrap_or_default();
        zarr::root_keys().contains(&key)
            || left.contains(first)
            // What create removes later lies below arrays it knows, so what is left of an unreadable plan may stay.
            || (request.mode == Mode::Create && unknown)
            || (request.mode == Mode::Overwrite && published && documents.contains(first))
    };
    let Some(foreign) = entries.iter().find(|entry| !ours(&entry.key)) else { return Ok(()) };
    let message = match request.mode {
        Mode::Create => format!("{target} is not empty: it holds `{}`; choose an empty or new target", foreign.key),
        Mode::Overwrite => format!(
            "{target} holds `{}`, which is not part of a Zarr dataset and would be lost, so nothing is overwritten; \
             choose another target",
            foreign.key
        ),
    };
    Err(Trouble::failed(ReasonKind::TargetOccupied, message))
}

/// What former runs may have left in a target.
#[derive(Default)]
struct Left {
    /// Below these arrays.
    arrays: BTreeSet<String>,
    /// And elsewhere, since a plan cannot be read.
    unknown: bool,
}

/// The arrays of runs that wrote to this target before: of the last one, and of those that never published.
async fn arrays_of_former_runs(target: &Target, ports: &Ports) -> Result<Left, Trouble> {
    let mut left = Left::default();
    let Some(lease) = lease::holder(&target.id(), ports).await? else { return Ok(left) };
    let mut runs = lease.unpublished;
    // What a published run left is a dataset; where its root is gone, somebody else has tidied up.
    if state::end(&lease.run, ports).await?.is_none_or(|end| !end.is_published()) {
        runs.extend(lease.former);
        runs.push(lease.run);
    }
    for run in runs {
        match readable(plan_of(&run, ports).await)? {
            Some(Some(loaded)) => {
                left.arrays.extend(loaded.plan.arrays.iter().map(|array| array.spec.path.to_string()));
            }
            Some(None) => {}
            None => left.unknown = true,
        }
    }
    Ok(left)
}

/// The node directly below the root that a document belongs to.
fn array_of_document(key: &str) -> Option<&str> {
    let (first, rest) = key.split_once('/')?;
    zarr::is_node_document(rest).then_some(first)
}

/// The target was looked at before this run took it: meanwhile another run may have published there.
async fn check_unpublished(
    address: &Target,
    target: &dyn Store,
    ports: &Ports,
    deadline: Deadline,
) -> Result<(), Trouble> {
    for key in zarr::root_keys() {
        if target::head(key, target, ports, deadline).await?.is_some() {
            return Err(already_published(address));
        }
    }
    Ok(())
}

fn already_published(target: &Target) -> Trouble {
    let message =
        format!("{target} already holds a Zarr dataset; choose another target, or --mode overwrite to replace it");
    Trouble::failed(ReasonKind::TargetOccupied, message)
}

/// Takes over the receipts of the run this one continues, if nobody wrote to the target in between and the plans have
/// the same chunks. Reconciling checks every object before it counts.
async fn adopt(loaded: &Loaded, lease: &Lease, ports: &Ports) -> Result<(), Trouble> {
    let plan: &Plan = &loaded.plan;
    let Some(former) = plan.continues.as_ref().filter(|former| lease.former.as_ref() == Some(*former)) else {
        return Ok(());
    };
    let before = readable(plan_of(former, ports).await)?.flatten();
    if !before.is_some_and(|before| before.plan.has_chunks_of(plan)) {
        return Ok(());
    }
    let Some(ledger) = readable(Ledger::load(former, ports).await)? else { return Ok(()) };
    let receipts = ledger.last_receipts();
    let records: Vec<_> =
        receipts.into_iter().map(|receipt| Record { run: plan.run.clone(), what: What::Receipt(receipt) }).collect();
    tracing::info!(run = %plan.run, %former, chunks = records.len(), "going on where the former run stopped");
    for some in records.chunks(SEGMENT) {
        ledger::write(&plan.run, some, ports).await?;
    }
    Ok(())
}
