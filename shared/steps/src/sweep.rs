//! Looking after one open run: what a crash left is finished, and what has to be made again is sent. After planning
//! nobody else sends to the chunk queue.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use run::{Reason, ReasonKind, RunId, Wait};

use crate::{
    Deadline, decide,
    enqueue::enqueue,
    finalize::{Standing, conclude, may_end, name},
    ledger::{ChunkName, Ledger, Progress, Segments},
    plan_cache::{Loaded, plan_of},
    ports::Ports,
    reconcile::{self, Repair},
    sendings::{self, Sending},
    state,
    trouble::Trouble,
};

/// So many pauses of one chunk are a failure: the budget has to end.
const MOST_PAUSES: usize = 10;
/// So often may a chunk be too much for a worker's time: each time costs all of it, and the source its data.
const MOST_TIMES_OUT_OF_TIME: usize = 3;
/// A round without news beyond those of repair: the first may have met the end of whatever lost the messages.
const GRACE: u32 = 1;
/// After a round in vain the next one waits at least so long: messages may be late, and a queue that is down for minutes
/// must not end a run.
const SHORTEST_PACE: Duration = Duration::from_mins(1);

/// What a sweep found and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Swept {
    /// The run has ended.
    Ended,
    /// The planner is not through with it: it has no plan, or waits for its target, or was not heard of again.
    Planning,
    /// It is open, and so many chunks were sent again.
    Open {
        /// How many.
        sent: u64,
    },
}

/// Looks after a run; for one that has ended, only what a crash left undone after its end.
pub(crate) async fn sweep(run: &RunId, stalled: bool, ports: &Ports, deadline: Deadline) -> Result<Swept, Trouble> {
    if let Some(swept) = finished(run, ports).await? {
        return Ok(swept);
    }
    let segments = Segments::list(run, ports).await?;
    sweep_open(run, &segments, stalled, ports, deadline).await
}

/// Carries out what was decided about a run, if anything was.
pub(crate) async fn finished(run: &RunId, ports: &Ports) -> Result<Option<Swept>, Trouble> {
    if let Some(decision) = state::decision(run, ports).await? {
        decide::carry_out(&decision, ports).await?;
        return Ok(Some(Swept::Ended));
    }
    Ok(None)
}

/// Looks after a run that nothing was decided about.
pub(crate) async fn sweep_open(
    run: &RunId,
    segments: &Segments,
    stalled: bool,
    ports: &Ports,
    deadline: Deadline,
) -> Result<Swept, Trouble> {
    let Some(loaded) = plan_of(run, ports).await? else { return Ok(Swept::Planning) };
    // Whatever is sent before the planner is through may be written before the target is this run's and cleared.
    let Some(last) = sendings::last(run, ports).await? else { return Ok(Swept::Planning) };
    let counts = segments.counts();
    let mut sweep = Sweep { loaded: &loaded, counts, number: last, stalled, ports };
    if !(stalled || may_end(&loaded, counts)) {
        if counts.failures + counts.deferrals == 0 {
            return Ok(Swept::Open { sent: 0 });
        }
        let troubles = Ledger::of_troubles(run, segments, ports).await?;
        if !(may_be_hopeless(&troubles) || sweep.has_due(&troubles).await?) {
            return Ok(Swept::Open { sent: 0 });
        }
    }
    let ledger = Ledger::of(run, segments, ports).await?;
    // Chunks whose time has only come now were not waited for in vain.
    sweep.stalled = stalled && !sweep.has_due(&ledger).await?;
    let standing = conclude(&loaded, &ledger, sweep.stalled, ports, deadline).await?;
    match standing {
        Standing::Ended => Ok(Swept::Ended),
        Standing::Wrong(wrong, rounds) => {
            let sent = reconcile::repair(&loaded, wrong, rounds, ports).await?;
            Ok(sent.map_or(Swept::Ended, |sent| Swept::Open { sent }))
        }
        Standing::Repairing(repair, pending) => sweep.send_again(&ledger, pending, Some(&repair)).await,
        Standing::Open => {
            let open = loaded.plan.chunks().filter(|chunk| ledger.is_open(chunk)).collect();
            sweep.send_again(&ledger, open, None).await
        }
    }
}

/// One look at one run.
struct Sweep<'a> {
    loaded: &'a Loaded,
    counts: Progress,
    /// Of the last sending.
    number: u32,
    stalled: bool,
    ports: &'a Ports,
}

impl Sweep<'_> {
    /// Whether the time of a deferral has come that nobody has looked into yet.
    async fn has_due(&self, troubles: &Ledger) -> Result<bool, Trouble> {
        let now = self.ports.world.now();
        let due: Vec<_> = latest(troubles).filter(|(_, until)| *until <= now).collect();
        if due.is_empty() {
            return Ok(false);
        }
        let last = sendings::read(&self.loaded.plan.run, self.number, self.ports).await?;
        Ok(due.into_iter().any(|(chunk, until)| !last.was_sent(chunk, until)))
    }

    /// Of `open`, the chunks that are still to be made, sends those whose time has come and, if the run stalled, all that
    /// do not wait; fails the run where that has been of no use often enough.
    async fn send_again(
        &self,
        ledger: &Ledger,
        open: Vec<ChunkName>,
        repair: Option<&Repair>,
    ) -> Result<Swept, Trouble> {
        let run = &self.loaded.plan.run;
        // A pause before the round of repair was the first making's.
        let since = repair.map_or(Timestamp::MIN, |repair| repair.at);
        if let Some(reason) = open.iter().find_map(|chunk| self.hopeless(ledger, chunk, since)) {
            return decide::fail(run, reason, self.ports).await.map(|()| Swept::Ended);
        }
        let last = sendings::read(run, self.number, self.ports).await?;
        let now = self.ports.world.now();
        let waits = |chunk: &ChunkName| ledger.waits_until(chunk).filter(|until| *until >= since);
        let due = |chunk: &ChunkName| match waits(chunk) {
            Some(until) => until <= now && (self.stalled || !last.was_sent(chunk, until)),
            None => self.stalled,
        };
        let due: Vec<_> = open.iter().filter(|chunk| due(chunk)).cloned().collect();
        // Also those that somebody else made meanwhile, so that they are not looked into at every sweep.
        let passed = latest(ledger).filter(|(_, until)| *until <= now);
        let mut deferrals = last.deferrals.clone();
        deferrals.extend(passed.map(|((array, chunk), until)| (*array, chunk.clone(), until)));
        let before = if last.progress == self.counts { last.in_vain } else { 0 };
        let too_soon = self.stalled && before > 0 && now < self.next_after(last.at);
        if too_soon || (due.is_empty() && deferrals == last.deferrals) {
            return Ok(Swept::Open { sent: 0 });
        }
        let in_vain = before + u32::from(self.stalled && !due.is_empty());
        if in_vain > self.ports.settings.repair_rounds + GRACE {
            return decide::fail(run, self.in_vain(&due, before), self.ports).await.map(|()| Swept::Ended);
        }
        let next = Sending { progress: self.counts, in_vain, deferrals, ..last };
        self.send(next, due, repair.is_some()).await
    }

    /// When a round may follow one in vain.
    fn next_after(&self, last: Timestamp) -> Timestamp {
        let settings = &self.ports.settings;
        let pace = settings.visibility.saturating_add(settings.quarantine).max(SHORTEST_PACE);
        last.checked_add(pace).unwrap_or(Timestamp::MAX)
    }

    async fn send(&self, next: Sending, chunks: Vec<ChunkName>, afresh: bool) -> Result<Swept, Trouble> {
        let run = &self.loaded.plan.run;
        if !sendings::next(run, self.number + 1, next, self.ports).await? {
            return Ok(Swept::Open { sent: 0 });
        }
        let sent = enqueue(self.loaded, chunks.into_iter(), afresh, self.ports).await?;
        if sent > 0 {
            tracing::info!(%run, sent, stalled = self.stalled, "chunks sent again");
        }
        Ok(Swept::Open { sent })
    }

    /// Why a chunk that was put off again and again will not be made.
    fn hopeless(&self, ledger: &Ledger, chunk: &ChunkName, since: Timestamp) -> Option<Reason> {
        let times: BTreeMap<_, _> =
            ledger.deferred.get(chunk)?.range(since..).map(|(until, wait)| (*until, *wait)).collect();
        let (wait, count) = too_often(&times)?;
        let (name, until) = (name(self.loaded, chunk), times.last_key_value()?.0);
        Some(match wait {
            Wait::Asked => Reason::new(
                ReasonKind::SourceUnreachable,
                format!(
                    "the source asked to wait again and again: {name} was deferred {count} times, now until {until}"
                ),
            ),
            Wait::OutOfTime => Reason::new(
                ReasonKind::Incomplete,
                format!(
                    "a worker's time does not suffice: {name} was begun {count} times and put off each time before it \
                     was written; ask for smaller chunks, or give the workers more time"
                ),
            ),
        })
    }

    fn in_vain(&self, due: &[ChunkName], times: u32) -> Reason {
        let first = due.first().map(|chunk| name(self.loaded, chunk)).unwrap_or_default();
        let message = format!(
            "{} chunks were sent {times} times more and nothing was heard of them, the first: {first}; the workers' logs \
             and the dead-letter queue say what became of their messages",
            due.len()
        );
        Reason::new(ReasonKind::Incomplete, message)
    }
}

/// Whether failures and deferrals alone may end the run.
fn may_be_hopeless(troubles: &Ledger) -> bool {
    troubles.failures.values().any(|failure| failure.reason.kind.ends_run())
        || troubles.deferred.values().any(|times| too_often(times).is_some())
}

/// The last deferral of each chunk.
fn latest(ledger: &Ledger) -> impl Iterator<Item = (&ChunkName, Timestamp)> {
    ledger.deferred.keys().filter_map(|chunk| Some((chunk, ledger.waits_until(chunk)?)))
}

/// Which kind of deferral there was too often, and how often.
fn too_often(times: &BTreeMap<Timestamp, Wait>) -> Option<(Wait, usize)> {
    [(Wait::Asked, MOST_PAUSES), (Wait::OutOfTime, MOST_TIMES_OUT_OF_TIME)].into_iter().find_map(|(wait, most)| {
        let count = times.values().filter(|found| **found == wait).count();
        (count > most).then_some((wait, count))
    })
}
