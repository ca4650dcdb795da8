//! What the sweep saw of a run the times before: sweeps are a minute apart and share no memory.

use std::time::Duration;

use jiff::Timestamp;
use run::{DOCUMENT_VERSION, RunId, keys};
use serde::{Deserialize, Serialize};

use crate::{
    ledger::Progress,
    ports::{Ports, Settings},
    retry::LONGEST_RETRY_AFTER,
    state,
    trouble::{Trouble, readable},
};

/// Both queues empty for so long, with nothing new, means that messages were lost: three sweeps, since a queue of
/// several machines may count wrong once or twice.
const IDLE: Duration = Duration::from_mins(2);

/// `watch.json`: plain PUTs, since a sweep that knows less only waits longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Watch {
    version: u32,
    /// What the names of its segments said.
    progress: Progress,
    /// When that was new.
    news_at: Timestamp,
    /// When the planner was seen to be through.
    pub(crate) planned_at: Option<Timestamp>,
    /// When chunks were sent last.
    sent_at: Option<Timestamp>,
    /// When a run had news whose messages may stand before this one's in the queue.
    behind_at: Option<Timestamp>,
    /// Since when the queues were seen empty.
    idle_since: Option<Timestamp>,
    /// Messages to the planner, which was not heard of.
    pub(crate) asked: u32,
    /// When the last of them was sent.
    asked_at: Option<Timestamp>,
}

impl Watch {
    /// A run that is seen for the first time.
    pub(crate) fn new(progress: Progress, now: Timestamp) -> Self {
        Self {
            version: DOCUMENT_VERSION,
            progress,
            news_at: now,
            planned_at: None,
            sent_at: None,
            behind_at: None,
            idle_since: None,
            asked: 0,
            asked_at: None,
        }
    }

    /// What is kept of a run, if anything that can be read.
    pub(crate) async fn load(run: &RunId, ports: &Ports) -> Result<Option<Self>, Trouble> {
        Ok(readable(state::get_json(ports, &keys::watch(run)).await)?.flatten())
    }

    pub(crate) async fn save(&self, run: &RunId, ports: &Ports) -> Result<(), Trouble> {
        state::put_json(ports, &keys::watch(run), self).await
    }

    /// Whether it says enough more than what is kept to be worth a PUT.
    pub(crate) fn differs(&self, kept: &Self, settings: &Settings) -> bool {
        let little = patience(settings) / 8;
        let same_behind = match (self.behind_at, kept.behind_at) {
            (Some(now), Some(before)) => passed(before, little).is_some_and(|enough| now < enough),
            (now, before) => now == before,
        };
        !same_behind || Self { behind_at: kept.behind_at, ..self.clone() } != *kept
    }

    /// Notes what there is now.
    pub(crate) fn see(&mut self, progress: Progress, now: Timestamp) {
        if progress != self.progress {
            self.progress = progress;
            self.news_at = now;
            self.idle_since = None;
        }
    }

    /// Notes whether the queues are empty.
    pub(crate) fn see_queues(&mut self, queues: Queues, now: Timestamp) {
        self.idle_since = (queues == Queues::Empty).then(|| self.idle_since.unwrap_or(now));
    }

    /// Notes that another open run had news. While messages of a run that was sent before this one's last are handled,
    /// this one's may be waiting behind them, which is nobody's fault. Runs that came later are no excuse: or else a run
    /// whose messages are lost would wait for as long as there are others.
    pub(crate) fn see_other(&mut self, other: &Self) {
        let (Some(sent), Some(planned)) = (self.sent_at, other.planned_at) else { return };
        if planned <= sent {
            self.behind_at = self.behind_at.max(Some(other.news_at));
        }
    }

    /// Notes that the planner is through.
    pub(crate) fn planned(&mut self, now: Timestamp) {
        self.planned_at = self.planned_at.or(Some(now));
        self.sent_at = self.sent_at.or(Some(now));
    }

    /// Notes that chunks were sent: now they are waited for.
    pub(crate) fn sent(&mut self, now: Timestamp) {
        self.sent_at = Some(now);
        self.idle_since = None;
    }

    /// Notes that the planner was asked again.
    pub(crate) fn ask(&mut self, now: Timestamp) {
        self.asked += 1;
        self.asked_at = Some(now);
    }

    /// Whether what is missing is lost, as far as one can tell: the queues were empty for a while, or nothing came for as
    /// long as a message may stay hidden and its handler may take. Messages that nobody takes are not lost.
    pub(crate) fn is_stalled(&self, queues: Queues, now: Timestamp, settings: &Settings) -> bool {
        let Some(sent) = self.sent_at else { return false };
        let idle = self.idle_since.is_some_and(|since| is_over(since, IDLE, now));
        if queues == Queues::Held {
            return false;
        }
        let last = self.news_at.max(sent).max(self.behind_at.unwrap_or(Timestamp::MIN));
        idle || is_over(last, patience(settings), now)
    }

    /// Whether the planner should have been heard of, even if the source asked it to wait.
    pub(crate) fn is_planner_late(&self, now: Timestamp, settings: &Settings) -> bool {
        let patience = patience(settings).saturating_add(LONGEST_RETRY_AFTER);
        self.planned_at.is_none() && is_over(self.asked_at.unwrap_or(self.news_at), patience, now)
    }
}

/// The queues of chunks and records, as far as they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queues {
    /// No chunk and no record is on its way.
    Empty,
    /// Chunks wait and nobody takes them: a mapping that is switched off, an account without concurrency left.
    Held,
    /// Anything else.
    Moving,
}

/// How long nothing may come: the time a message stays hidden after its worker died, and as long as a worker may take.
fn patience(settings: &Settings) -> Duration {
    settings.visibility.saturating_add(settings.quarantine).max(IDLE)
}

fn passed(since: Timestamp, time: Duration) -> Option<Timestamp> {
    since.checked_add(time).ok()
}

fn is_over(since: Timestamp, time: Duration, now: Timestamp) -> bool {
    passed(since, time).is_some_and(|end| end <= now)
}
