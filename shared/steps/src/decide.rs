//! What becomes of a run: decided once, then carried out by whoever sees it.

use std::time::Duration;

use run::{DOCUMENT_VERSION, Decision, End, Reason, ReasonKind, RunId, Verdict, keys};

use crate::{
    Deadline,
    ledger::{ChunkName, Ledger},
    plan_cache::{Loaded, plan_of},
    ports::Ports,
    publish, reconcile, state,
    trouble::{Trouble, readable},
};

/// How long a host that may not publish waits for one that may: a sweep, and the time it takes.
const LEFT_TO_THE_SWEEP: Duration = Duration::from_mins(2);

/// Writes the decision if there is none yet, and returns the one that stands.
pub(crate) async fn decide(run: &RunId, verdict: Verdict, ports: &Ports) -> Result<Decision, Trouble> {
    let ours = Decision { version: DOCUMENT_VERSION, run: run.clone(), verdict, at: ports.world.now() };
    state::put_new(ports, &keys::decision(run), state::json(&ours)?).await?;
    // Whether our write won, lost, or its reply was lost: what is there now is the decision.
    let Some(decision) = state::decision(run, ports).await? else {
        return Err(Trouble::Retry(Duration::from_secs(5)));
    };
    tracing::info!(%run, verdict = ?decision.verdict, "decided");
    Ok(decision)
}

/// Fails a run, unless something else was decided before; then carries out what was decided.
pub(crate) async fn fail(run: &RunId, reason: Reason, ports: &Ports) -> Result<(), Trouble> {
    let decision = decide(run, Verdict::Failed { reason }, ports).await?;
    carry_out(&decision, ports).await
}

/// Ends a run because another does its work, unless something else was decided before; then carries out what was.
pub(crate) async fn supersede(run: &RunId, by: RunId, ports: &Ports) -> Result<(), Trouble> {
    let decision = decide(run, Verdict::Superseded { by }, ports).await?;
    carry_out(&decision, ports).await
}

/// Carries a decision out, from wherever a crash may have left it. Every step may be repeated.
pub(crate) async fn carry_out(decision: &Decision, ports: &Ports) -> Result<(), Trouble> {
    let run = &decision.run;
    if state::end(run, ports).await?.is_none() {
        let missing = match &decision.verdict {
            Verdict::Publish if !ports.settings.publishes => return Err(Trouble::Retry(LEFT_TO_THE_SWEEP)),
            Verdict::Publish => {
                let Some(loaded) = plan_of(run, ports).await? else {
                    let message = format!("run {run} is to be published, but its plan is gone");
                    return Err(Trouble::failed(ReasonKind::State, message));
                };
                publish::publish(&loaded.plan, ports).await?;
                Vec::new()
            }
            // Documents that cannot be read may be why the run ends: then there is nothing to name.
            Verdict::Failed { .. } | Verdict::Cancelled | Verdict::Superseded { .. } => {
                match readable(plan_of(run, ports).await)?.flatten() {
                    Some(loaded) => readable(missing(&loaded, ports).await)?.unwrap_or_default(),
                    None => Vec::new(),
                }
            }
        };
        let end = End {
            version: DOCUMENT_VERSION,
            run: run.clone(),
            verdict: decision.verdict.clone(),
            at: ports.world.now(),
            missing_chunks: missing.len() as u64,
            missing: missing.into_iter().take(End::MOST_MISSING).collect(),
        };
        if state::put_new(ports, &keys::end(run), state::json(&end)?).await? {
            log(&end);
        }
    }
    finish(run, ports).await
}

/// One line for each run that ends, by whoever wrote its end: what alarms and dashboards count.
fn log(end: &End) {
    let (run, missing) = (&end.run, end.missing_chunks);
    match &end.verdict {
        Verdict::Publish => tracing::info!(metric = "run_published", %run, "the dataset is published"),
        Verdict::Failed { reason } => {
            let Reason { kind, message } = reason;
            tracing::info!(metric = "run_failed", %run, ?kind, reason = message, missing, "the run failed");
        }
        Verdict::Cancelled => tracing::info!(metric = "run_cancelled", %run, missing, "the run was cancelled"),
        Verdict::Superseded { by } => tracing::info!(metric = "run_superseded", %run, %by, "another run does the work"),
    }
}

/// What is left to do once the end is written: the report, and then the marker goes.
pub(crate) async fn finish(run: &RunId, ports: &Ports) -> Result<(), Trouble> {
    if state::get(ports, &keys::report(run)).await?.is_none() {
        report(run, ports).await?;
    }
    state::delete(ports, &keys::open(run)).await
}

/// Every chunk of the plan that is not in the target as a receipt says, in words. Where the target cannot be read, which
/// may be why the run failed, only what has no receipt.
async fn missing(loaded: &Loaded, ports: &Ports) -> Result<Vec<String>, Trouble> {
    let plan = &loaded.plan;
    let ledger = Ledger::load(&plan.run, ports).await?;
    let without_receipt = || plan.chunks().filter(|chunk| !ledger.receipts.contains_key(chunk)).collect();
    let missing: Vec<ChunkName> = if ledger.receipts.is_empty() {
        without_receipt()
    } else {
        match reconcile::wrong_objects(loaded, &ledger, ports, Deadline::NONE).await {
            Ok(wrong) => wrong,
            Err(trouble) => {
                tracing::warn!(run = %plan.run, ?trouble, "the target cannot be read, what is missing follows from receipts");
                without_receipt()
            }
        }
    };
    let words = missing.into_iter().map(|chunk| {
        let name = plan.array(chunk.0).map(|array| array.spec.path.to_string()).unwrap_or_default();
        let reason = match ledger.failures.get(&chunk) {
            Some(failure) => &failure.reason.message,
            None if ledger.receipts.contains_key(&chunk) => "written, but missing or different in the target",
            None => "not tried or not finished",
        };
        format!("{name}/{}: {reason}", chunk.1)
    });
    Ok(words.collect())
}

async fn report(run: &RunId, ports: &Ports) -> Result<(), Trouble> {
    let Some(end) = state::end(run, ports).await? else { return Ok(()) };
    let Some(loaded) = readable(plan_of(run, ports).await)?.flatten() else { return Ok(()) };
    let Some(ledger) = readable(Ledger::load(run, ports).await)? else { return Ok(()) };
    let receipts = ledger.last_receipts();
    state::put_json(ports, &keys::report(run), &run::report(&loaded.plan, &end, &receipts)).await
}
