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
    /// Runs that held the lease before, back to the last one that published: what they left in the target is ours to
    /// remove.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) unpublished: Vec<RunId>,
    /// Before this time a PUT of the former run may still land.
    not_before: Timestamp,
}

/// Who holds a target's lease now.
pub(crate) async fn holder(target: &TargetId, ports: &Ports) -> Result<Option<Lease>, Trouble> {
    state::get_json(ports, &keys::target(target)).await
}

/// Who has a target after a run asked for it.
#[derive(Debug)]
pub(crate) enum Taken {
    /// The run that asked.
    Ours(Lease),
    /// An open run of the same request, which is left alone.
    WorkedOn {
        /// That run.
        by: RunId,
    },
}

/// The open run of the same request that has the target, if there is one: what this run is asked for is under way.
pub(crate) async fn worked_on(run: &RunId, target: &TargetId, ports: &Ports) -> Result<Option<RunId>, Trouble> {
    match holder(target, ports).await? {
        Some(lease) if is_worked_on(&lease, run, ports).await? => Ok(Some(lease.run)),
        _ => Ok(None),
    }
}

async fn is_worked_on(held: &Lease, run: &RunId, ports: &Ports) -> Result<bool, Trouble> {
    let another = held.run != *run && held.run.is_of_request_of(run);
    Ok(another && state::decision(&held.run, ports).await?.is_none())
}

/// Takes the target for a run, ending a former run that is still open, unless that does the same work. Returns when the
/// run may write.
pub(crate) async fn acquire(run: &RunId, target: &TargetId, ports: &Ports) -> Result<Taken, Trouble> {
    let key = keys::target(target);
    let lease = match state::get(ports, &key).await? {
        None => {
            let lease = Lease {
                version: DOCUMENT_VERSION,
                epoch: 1,
                run: run.clone(),
                former: None,
                unpublished: Vec::new(),
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
                if is_worked_on(&held, run, ports).await? {
                    return Ok(Taken::WorkedOn { by: held.run });
                }
                let (not_before, published) = end_former(&held.run, run, ports).await?;
                let mut unpublished = if published { Vec::new() } else { held.unpublished };
                if !published {
                    unpublished.push(held.run.clone());
                }
                let lease = Lease {
                    version: DOCUMENT_VERSION,
                    epoch: held.epoch + 1,
                    run: run.clone(),
                    former: Some(held.run),
                    unpublished,
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
        _ => Ok(Taken::Ours(lease)),
    }
}

/// Supersedes a former run that has not ended. Returns the time from which none of its PUTs can land any more, and
/// whether it was published. A published run needs that time too: whoever ended it may not have been the only one who was
/// publishing it.
async fn end_former(former: &RunId, by: &RunId, ports: &Ports) -> Result<(Timestamp, bool), Trouble> {
    let after = |time: Timestamp| time.checked_add(ports.settings.quarantine).unwrap_or(Timestamp::MAX);
    if let Some(end) = state::end(former, ports).await? {
        return Ok((after(end.at), end.is_published()));
    }
    let decision = decide::decide(former, Verdict::Superseded { by: by.clone() }, ports).await?;
    decide::carry_out(&decision, ports).await?;
    Ok((after(ports.world.now()), decision.verdict == Verdict::Publish))
}

/// Whether a run may still write: it holds its target's lease, and nothing was decided about it.
pub(crate) async fn may_write(plan: &Plan, ports: &Ports) -> Result<bool, Trouble> {
    let holds = holder(&plan.target.id(), ports).await?.is_some_and(|lease| lease.run == plan.run);
    Ok(holds && state::decision(&plan.run, ports).await?.is_none())
}
