//! What becomes of a run: decided once, then carried out by whoever sees it.

use std::collections::BTreeMap;

use grid::ChunkIndex;
use run::{DOCUMENT_VERSION, Decision, End, Plan, Reason, RunId, Verdict, keys};

use crate::{ledger::Ledger, plan_cache::plan_of, ports::Ports, publish, state, trouble::Trouble};

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
        let loaded = plan_of(run, ports).await?;
        let ledger = Ledger::load(run, ports).await?;
        if let (Verdict::Publish, Some(loaded)) = (&decision.verdict, &loaded) {
            publish::publish(&loaded.plan, ports).await?;
        }
        let missing = match (&decision.verdict, &loaded) {
            (Verdict::Publish, _) | (_, None) => BTreeMap::new(),
            (_, Some(loaded)) => missing(&loaded.plan, &ledger),
        };
        let end = End {
            version: DOCUMENT_VERSION,
            run: run.clone(),
            verdict: decision.verdict.clone(),
            at: ports.world.now(),
            missing_chunks: missing.len() as u64,
            missing: missing.into_values().take(End::MOST_MISSING).collect(),
        };
        state::put_new(ports, &keys::end(run), state::json(&end)?).await?;
    }
    report(run, ports).await?;
    state::delete(ports, &keys::open(run)).await
}

/// Every chunk of the plan that has no receipt, in words.
fn missing(plan: &Plan, ledger: &Ledger) -> BTreeMap<(u32, ChunkIndex), String> {
    let chunks = plan.chunks().filter(|chunk| !ledger.receipts.contains_key(chunk));
    chunks
        .map(|(array, chunk)| {
            let name = plan.array(array).map(|array| array.spec.path.to_string()).unwrap_or_default();
            let reason = ledger.failures.get(&(array, chunk.clone()));
            let reason =
                reason.map_or_else(|| "not tried or not finished".to_owned(), |failure| failure.reason.message.clone());
            let words = format!("{name}/{chunk}: {reason}");
            ((array, chunk), words)
        })
        .collect()
}

async fn report(run: &RunId, ports: &Ports) -> Result<(), Trouble> {
    let (Some(end), Some(loaded)) = (state::end(run, ports).await?, plan_of(run, ports).await?) else { return Ok(()) };
    let receipts = Ledger::load(run, ports).await?.last_receipts();
    state::put_json(ports, &keys::report(run), &run::report(&loaded.plan, &end, &receipts)).await
}
