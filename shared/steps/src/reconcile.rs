//! Before publishing: is everything that was planned in the target, and is the source still what it was?

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use run::{Change, Digest, Reason, ReasonKind, Receipt, Verdict, keys};
use serde::{Deserialize, Serialize};

use crate::{
    Deadline, decide,
    describe::describe,
    enqueue::enqueue,
    finalize::Standing,
    ledger::{ChunkName, Ledger},
    plan_cache::Loaded,
    ports::{Entry, Ports, Store},
    state, target,
    trouble::Trouble,
};

/// `repair/N.json`: what a round of repair sends again.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Repair {
    version: u32,
    /// When the round was opened: only receipts from after count.
    pub(crate) at: Timestamp,
    chunks: Vec<ChunkName>,
}

/// Compares the plan, the receipts and a LIST of the target; decides, or says what stands in the way. `stalled` says that
/// nothing is under way any more, so that an open round of repair is waited for only where its chunks were deferred.
pub(crate) async fn reconcile(
    loaded: &Loaded,
    ledger: &Ledger,
    stalled: bool,
    ports: &Ports,
    deadline: Deadline,
) -> Result<Standing, Trouble> {
    let plan = &loaded.plan;
    let repairs = state::list(ports, &keys::repairs(&plan.run)).await?;
    let rounds = u32::try_from(repairs.len()).unwrap_or(u32::MAX);
    if let Some((repair, pending)) = pending(loaded, ledger, rounds, ports).await? {
        let now = ports.world.now();
        let waits = |chunk: &ChunkName| ledger.waits_until(chunk).is_some_and(|until| until > now);
        if !stalled || pending.iter().any(waits) {
            return Ok(Standing::Repairing(repair, pending));
        }
    }
    if let Some(reason) = diverged(loaded, ledger) {
        return decide::fail(&plan.run, reason, ports).await.map(|()| Standing::Ended);
    }
    let wrong = match wrong_objects(loaded, ledger, ports, deadline).await {
        // Whoever may not look will not be able to in a minute either.
        Err(Trouble::Failed(reason)) if is_refused(reason.kind) => {
            return decide::fail(&plan.run, reason, ports).await.map(|()| Standing::Ended);
        }
        other => other?,
    };
    if !wrong.is_empty() {
        return Ok(Standing::Wrong(wrong, rounds));
    }
    if let Some(reason) = source_changed(loaded, ledger, ports, deadline).await? {
        return decide::fail(&plan.run, reason, ports).await.map(|()| Standing::Ended);
    }
    let decision = decide::decide(&plan.run, Verdict::Publish, ports).await?;
    decide::carry_out(&decision, ports).await.map(|()| Standing::Ended)
}

/// Whether the target refused for good.
const fn is_refused(kind: ReasonKind) -> bool {
    matches!(kind, ReasonKind::TargetDenied | ReasonKind::TargetMissing | ReasonKind::TargetFull)
}

/// The last round of repair and those of its chunks that have no receipt from after it was opened, if there are any.
async fn pending(
    loaded: &Loaded,
    ledger: &Ledger,
    rounds: u32,
    ports: &Ports,
) -> Result<Option<(Repair, Vec<ChunkName>)>, Trouble> {
    if rounds == 0 {
        return Ok(None);
    }
    let repair: Option<Repair> = state::get_json(ports, &keys::repair(&loaded.plan.run, rounds)).await?;
    let Some(repair) = repair else { return Ok(None) };
    let fresh = |chunk: &&ChunkName| {
        ledger.receipts.get(*chunk).is_some_and(|receipts| receipts.iter().any(|r| r.finished_at >= repair.at))
    };
    let pending: Vec<_> = repair.chunks.iter().filter(|chunk| !fresh(chunk)).cloned().collect();
    Ok((!pending.is_empty()).then_some((repair, pending)))
}

/// Two receipts of one chunk with different bytes: the source gave different answers to one request.
fn diverged(loaded: &Loaded, ledger: &Ledger) -> Option<Reason> {
    let differ =
        |receipts: &Vec<Receipt>| receipts.windows(2).any(|pair| matches!(pair, [a, b] if a.sha256 != b.sha256));
    let ((array, chunk), _) = ledger.receipts.iter().find(|(_, receipts)| differ(receipts))?;
    let name = loaded.plan.array(*array).map(|array| array.spec.path.to_string()).unwrap_or_default();
    let message = format!("chunk {chunk} of `{name}` was fetched twice and came out different: the source is changing");
    Some(Reason::new(ReasonKind::Diverged, message))
}

/// Planned chunks whose object is missing, or is not the one a receipt speaks of; in the plan's order.
pub(crate) async fn wrong_objects(
    loaded: &Loaded,
    ledger: &Ledger,
    ports: &Ports,
    deadline: Deadline,
) -> Result<Vec<ChunkName>, Trouble> {
    let plan = &loaded.plan;
    let target = target::open(&plan.target, ports, deadline).await?;
    let entries = target::list(target.as_ref(), ports, deadline).await?;
    let objects: BTreeMap<&str, &Entry> = entries.iter().map(|entry| (entry.key.as_str(), entry)).collect();
    let mut wrong = Vec::new();
    for chunk in plan.chunks() {
        let receipts = ledger.receipts.get(&chunk).map(Vec::as_slice).unwrap_or_default();
        let key = plan.array(chunk.0).map(|array| zarr::chunk_key(&array.spec.path, &chunk.1, plan.format));
        let right = match key.and_then(|key| objects.get(key.as_str())) {
            Some(entry) => is_right(entry, receipts, target.as_ref(), ports, deadline).await?,
            None => false,
        };
        if !right {
            wrong.push(chunk);
        }
    }
    Ok(wrong)
}

/// Whether an object is what one of its chunk's receipts says: by length, and by `ETag` where both have one. Where the
/// tags differ the bytes decide: some endpoints give one object two tags.
async fn is_right(
    entry: &Entry,
    receipts: &[Receipt],
    target: &dyn Store,
    ports: &Ports,
    deadline: Deadline,
) -> Result<bool, Trouble> {
    let same_length: Vec<_> = receipts.iter().filter(|receipt| receipt.length == entry.length).collect();
    if same_length.is_empty() {
        return Ok(false);
    }
    let same_tag = |receipt: &&Receipt| match (&receipt.etag, &entry.etag) {
        (Some(one), Some(two)) => one == two,
        (None, _) | (_, None) => true,
    };
    if same_length.iter().any(same_tag) {
        return Ok(true);
    }
    tracing::info!(key = entry.key, "the object's tag is in doubt, so it is read");
    let bytes = target::get(&entry.key, target, ports, deadline).await?;
    let digest = bytes.map(|bytes| Digest::of(&bytes));
    Ok(same_length.iter().any(|receipt| Some(&receipt.sha256) == digest.as_ref()))
}

/// Opens the next round of repair and sends its chunks, or fails the run if there was the last. Returns how many were
/// sent; nothing if the run ended.
pub(crate) async fn repair(
    loaded: &Loaded,
    wrong: Vec<ChunkName>,
    rounds: u32,
    ports: &Ports,
) -> Result<Option<u64>, Trouble> {
    let run = &loaded.plan.run;
    if rounds >= ports.settings.repair_rounds {
        let message = format!("{} objects are missing or different after {rounds} rounds of repair", wrong.len());
        return decide::fail(run, Reason::new(ReasonKind::Incomplete, message), ports).await.map(|()| None);
    }
    let round = rounds + 1;
    let repair = Repair { version: run::DOCUMENT_VERSION, at: ports.world.now(), chunks: wrong };
    tracing::warn!(%run, round, chunks = repair.chunks.len(), "objects are missing or different, they are made again");
    let key = keys::repair(run, round);
    if !state::put_new(ports, &key, state::json(&repair)?).await? {
        // Another sweep opened the round and sends its chunks; or it was us, and the reply was lost.
        let stands: Option<Repair> = state::get_json(ports, &key).await?;
        if stands.as_ref() != Some(&repair) {
            return Err(Trouble::Retry(Duration::from_secs(1)));
        }
    }
    enqueue(loaded, repair.chunks.into_iter(), true, ports).await.map(Some)
}

/// Before a source that is down is asked again.
const PAUSE: Duration = Duration::from_mins(1);

/// Whether a source that is down may still be waited for.
fn is_young(ledger: &Ledger, ports: &Ports) -> bool {
    let end = ledger.last_finished().and_then(|last| last.checked_add(ports.settings.patience).ok());
    end.is_some_and(|end| ports.world.now() < end)
}

/// Reads the source's documents again.
async fn source_changed(
    loaded: &Loaded,
    ledger: &Ledger,
    ports: &Ports,
    deadline: Deadline,
) -> Result<Option<Reason>, Trouble> {
    let plan = &loaded.plan;
    let now = match describe(&plan.source, ports, deadline).await {
        Err(Trouble::Failed(reason)) if reason.kind == ReasonKind::SourceUnreachable && is_young(ledger, ports) => {
            tracing::warn!(run = %plan.run, reason = reason.message, "every chunk is there, the source is waited for");
            return Err(Trouble::Retry(PAUSE));
        }
        Ok(now) => now,
        Err(Trouble::Failed(reason)) => {
            let message = format!("before publishing, the source could not be read again: {}", reason.message);
            return Ok(Some(Reason::new(reason.kind, message)));
        }
        Err(other) => return Err(other),
    };
    match plan.fingerprint.change(&now.dataset) {
        None => Ok(None),
        Some(Change::Grew { from, to }) => {
            tracing::info!(run = %plan.run, from, to, "the source grew meanwhile; what was planned is converted");
            Ok(None)
        }
        Some(Change::Other(what)) => {
            let message = format!("the source changed during the run: {what}; convert it again");
            Ok(Some(Reason::new(ReasonKind::SourceChanged, message)))
        }
    }
}
