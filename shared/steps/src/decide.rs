//! What becomes of a run: decided once, then carried out by whoever sees it.

use run::{DOCUMENT_VERSION, Decision, End, Reason, ReasonKind, RunId, Verdict, keys};

use crate::{
    Deadline,
    ledger::{ChunkName, Ledger},
    plan_cache::{Loaded, plan_of},
    ports::Ports,
    publish, reconcile, state,
    trouble::Trouble,
};

/// Writes the decision if there is none yet, and returns the one that stands.
pub(crate) async fn decide(run: &RunId, verdict: Verdict, ports: &Ports) -> Result<Decision, Trouble> {
    let ours = Decision { version: DOCUMENT_VERSION, run: run.clone(), verdict, at: ports.world.now() };
    state::put_new(ports, &keys::decision(run), state::json(&ours)?).await?;
    // Whether our write won, lost, or its reply was lost: what is there now is the decision.
    let Some(decision) = state::decision(run, ports).await? else {
        return Err(Trouble::Retry(std::time::Duration::from_secs(5)));
    };
    tracing::info!(%run, verdict = ?decision.verdict, "decided");
    Ok(decision)
}

/// Fails a run, unless something else was decided before; then carries out what was decided.
pub(crate) async fn fail(run: &RunId, reason: Reason, ports: &Ports) -> Result<(), Trouble> {
    let decision = decide(run, Verdict::Failed { reason }, ports).await?;
    carry_out(&decision, ports).await
}

/// Carries a decision out, from wherever a crash may have left it. Every step may be repeated.
pub(crate) async fn carry_out(decision: &Decision, ports: &Ports) -> Result<(), Trouble> {
    let run = &decision.run;
    if state::end(run, ports).await?.is_none() {
        let missing = match (&decision.verdict, plan_of(run, ports).await?) {
            (Verdict::Publish, Some(loaded)) => {
                publish::publish(&loaded.plan, ports).await?;
                Vec::new()
            }
            (Verdict::Publish, None) => {
                let message = format!("run {run} is to be published, but its plan is gone");
                return Err(Trouble::failed(ReasonKind::State, message));
            }
            (_, None) => Vec::new(),
            (_, Some(loaded)) => missing(&loaded, ports).await?,
        };
        let end = End {
            version: DOCUMENT_VERSION,
            run: run.clone(),
            verdict: decision.verdict.clone(),
            at: ports.world.now(),
            missing_chunks: missing.len() as u64,
            missing: missing.into_iter().take(End::MOST_MISSING).collect(),
        };
        state::put_new(ports, &keys::end(run), state::json(&end)?).await?;
    }
    finish(run, ports).await
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
    let (Some(end), Some(loaded)) = (state::end(run, ports).await?, plan_of(run, ports).await?) else { return Ok(()) };
    let receipts = Ledger::load(run, ports).await?.last_receipts();
    state::put_json(ports, &keys::report(run), &run::report(&loaded.plan, &end, &receipts)).await
}
