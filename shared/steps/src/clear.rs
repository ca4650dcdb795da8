//! Making the dataset that is to be replaced unreadable: by one planner, and never again once chunks were sent.
//!
//! Two planners of one run at once are normal, and one of them may be held up for minutes. If it went on deleting then, it
//! would take away the root of the very dataset that its run has published meanwhile: a DELETE has no condition.

use std::time::Duration;

use jiff::Timestamp;
use run::{DOCUMENT_VERSION, RunId, keys};
use serde::{Deserialize, Serialize};

use crate::{
    ports::{Ports, Store},
    publish, sendings, state,
    trouble::Trouble,
};

/// `clearing.json`: whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Clearing {
    version: u32,
    at: Timestamp,
    /// Tells planners apart, which have no names.
    by: u64,
}

/// Removes the documents that make a dataset readable, unless that was done before.
pub(crate) async fn clear(run: &RunId, target: &dyn Store, ports: &Ports) -> Result<(), Trouble> {
    if is_done(run, ports).await? {
        return Ok(());
    }
    claim(run, ports).await?;
    // Whoever had the claim before may have come to its end; it is not at it any more.
    if is_done(run, ports).await? {
        return Ok(());
    }
    publish::unpublish(target, ports).await
}

/// Chunks are sent only when the target is cleared.
async fn is_done(run: &RunId, ports: &Ports) -> Result<bool, Trouble> {
    Ok(sendings::last(run, ports).await?.is_some())
}

/// Returns when this planner may delete. A claim outlives its planner: until nothing that one sent can land any more,
/// nobody else deletes.
async fn claim(run: &RunId, ports: &Ports) -> Result<(), Trouble> {
    let key = keys::clearing(run);
    let ours = Clearing { version: DOCUMENT_VERSION, at: ports.world.now(), by: ports.world.random() };
    if state::put_new(ports, &key, state::json(&ours)?).await? {
        return Ok(());
    }
    let Some(object) = state::get(ports, &key).await? else { return Err(Trouble::Retry(Duration::from_secs(1))) };
    let stands: Clearing = serde_json::from_slice(&object.bytes)?;
    // It may have been us, and the reply was lost.
    if stands == ours {
        return Ok(());
    }
    let over = stands.at.checked_add(ports.settings.quarantine).unwrap_or(Timestamp::MAX);
    if ports.world.now() < over {
        return Err(Trouble::until(over, ports));
    }
    let etag = object.etag.unwrap_or_default();
    if state::put_if_match(ports, &key, state::json(&ours)?, &etag).await? {
        return Ok(());
    }
    Err(Trouble::Retry(Duration::from_secs(1)))
}
