//! What of a run was put on the chunk queue after its plan, one immutable document after the other.

use std::{collections::BTreeSet, time::Duration};

use grid::ChunkIndex;
use jiff::Timestamp;
use run::{DOCUMENT_VERSION, RunId, keys};
use serde::{Deserialize, Serialize};

use crate::{
    ledger::{ChunkName, Progress},
    ports::Ports,
    state,
    trouble::Trouble,
};

/// `sent/N.json`: written by the planner (0) when every chunk is on the queue, and by the sweep before it sends again.
/// Each says all that the next needs to know, so that only the last is ever read; of two sweeps at once one writes `N`,
/// and the other sends nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sending {
    pub(crate) version: u32,
    pub(crate) at: Timestamp,
    /// What was known of the run then.
    pub(crate) progress: Progress,
    /// How often in a row everything without a receipt was sent although nothing had come of the time before.
    pub(crate) in_vain: u32,
    /// Deferrals whose chunks were sent again, now or before.
    pub(crate) deferrals: BTreeSet<(u32, ChunkIndex, Timestamp)>,
}

impl Sending {
    pub(crate) fn was_sent(&self, (array, chunk): &ChunkName, until: Timestamp) -> bool {
        self.deferrals.contains(&(*array, chunk.clone(), until))
    }
}

/// The number of the last, if the planner was through.
pub(crate) async fn last(run: &RunId, ports: &Ports) -> Result<Option<u32>, Trouble> {
    let prefix = keys::sendings(run);
    let entries = state::list(ports, &prefix).await?;
    let number = |key: &str| key.strip_prefix(&prefix)?.strip_suffix(".json")?.parse().ok();
    Ok(entries.iter().filter_map(|entry| number(&entry.key)).max())
}

pub(crate) async fn read(run: &RunId, number: u32, ports: &Ports) -> Result<Sending, Trouble> {
    // It was just listed.
    state::get_json(ports, &keys::sending(run, number)).await?.ok_or(Trouble::Retry(Duration::from_secs(5)))
}

/// Notes that the planner sent every chunk, unless one before it did.
pub(crate) async fn planned(run: &RunId, ports: &Ports) -> Result<(), Trouble> {
    let sending = Sending {
        version: DOCUMENT_VERSION,
        at: ports.world.now(),
        progress: Progress::default(),
        in_vain: 0,
        deferrals: BTreeSet::new(),
    };
    state::put_new(ports, &keys::sending(run, 0), state::json(&sending)?).await.map(|_| ())
}

/// Notes what is about to be sent. `false`: another sweep does.
pub(crate) async fn next(run: &RunId, number: u32, sending: Sending, ports: &Ports) -> Result<bool, Trouble> {
    let sending = Sending { at: ports.world.now(), ..sending };
    let key = keys::sending(run, number);
    if state::put_new(ports, &key, state::json(&sending)?).await? {
        return Ok(true);
    }
    // It may have been us, and the reply was lost.
    Ok(state::get_json::<Sending>(ports, &key).await?.as_ref() == Some(&sending))
}
