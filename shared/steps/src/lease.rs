//! One writer per target.

use std::time::Duration;

use jiff::Timestamp;
use run::{DOCUMENT_VERSION, Plan, RunId, TargetId, Verdict, keys};
use serde::{Deserialize, Serialize};

use crate::{decide, ports::Ports, state, trouble::Trouble};

/// `targets/DIGEST.json`: who may write a target.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Lease {
    version: u32,
    /// Counts the writers this target has had.
    pub(crate) epoch: u64,
    /// The present one.
    pub(crate) run: RunId,
    /// The one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) former: Option<RunId>,
    /// Before this time a PUT of the former run may still land.
    not_before: Timestamp,
}

/// Who holds a target's lease now.
pub(crate) async fn holder(target: &TargetId, ports: &Ports) -> Result<Option<Lease>, Trouble> {
    state::get_json(ports, &keys::target(target)).await
}

/// Takes the target for a run, ending a former run that is still open. Returns when the run may write.
pub(crate) async fn acquire(run: &RunId, target: &TargetId, ports: &Ports) -> Result<Lease, Trouble> {
    let key = keys::target(target);
    let lease = match state::get(ports, &key).await? {
        None => {
            let lease = Lease {
                version: DOCUMENT_VERSION,
                epoch: 1,
                run: run.clone(),
                former: None,
                not_before: ports.world.now(),
            };
            if !state::put_new(ports, &key, state::json(&lease)?).await? {
                return Err(Trouble::Retry(Duration::from_millis(100)));
            }
            lease
        }
        Some(object) => {
            let held: Lease = serde_json::from_slice(&object.bytes)?;
            if held.run == *run {
                held
            } else {
                // A run that was ended takes nothing, least of all from the run that ended it.
                if state::decision(run, ports).await?.is_some() {
                    return Err(Trouble::Retry(Duration::from_millis(100)));
                }
                let not_before = end_former(&held.run, run, ports).await?;
                let lease = Lease {
                    version: DOCUMENT_VERSION,
                    epoch: held.epoch + 1,
                    run: run.clone(),
                    former: Some(held.run),
                    not_before,
                };
                let etag = object.etag.unwrap_or_default();
                if !state::put_if_match(ports, &key, state::json(&lease)?, &etag).await? {
                    return Err(Trouble::Retry(Duration::from_millis(100)));
                }
                lease
            }
        }
    };
    match Duration::try_from(lease.not_before.duration_since(ports.world.now())) {
        Ok(wait) if !wait.is_zero() => {
            tracing::warn!(%run, wait_s = wait.as_secs(), "waiting until no write of the former run can land any more");
            Err(Trouble::Retry(wait))
        }
        _ => Ok(lease),
    }
}

/// Supersedes a former run that has not ended. Returns the time from which none of its PUTs can land any more.
async fn end_former(former: &RunId, by: &RunId, ports: &Ports) -> Result<Timestamp, Trouble> {
    let after = |time: Timestamp| time.checked_add(ports.settings.quarantine).unwrap_or(Timestamp::MAX);
    if let Some(end) = state::end(former, ports).await? {
        // A published run had a receipt for every PUT, so none is under way.
        return Ok(if end.is_published() { end.at } else { after(end.at) });
    }
    let decision = decide::decide(former, Verdict::Superseded { by: by.clone() }, ports).await?;
    decide::carry_out(&decision, ports).await?;
    Ok(if decision.verdict == Verdict::Publish { ports.world.now() } else { after(ports.world.now()) })
}

/// Whether a run may still write: it holds its target's lease, and nothing was decided about it.
pub(crate) async fn may_write(plan: &Plan, ports: &Ports) -> Result<bool, Trouble> {
    let holds = holder(&plan.target.id(), ports).await?.is_some_and(|lease| lease.run == plan.run);
    Ok(holds && state::decision(&plan.run, ports).await?.is_none())
}
