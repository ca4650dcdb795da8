//! Once a minute: every open run, and requests that nobody opened.

use std::{collections::BTreeSet, time::Duration};

use futures::{StreamExt, stream};
use jiff::Timestamp;
use run::{PlanMessage, Reason, ReasonKind, RunId, keys};

use crate::{
    Deadline, decide,
    ledger::Segments,
    ports::{Ports, Queue},
    state,
    sweep::{self, Swept},
    trouble::Trouble,
    watch::{Queues, Watch},
};

/// Runs looked at, at once.
const AT_ONCE: usize = 8;
/// Nothing is begun with less time than this.
const TIME_FOR_A_RUN: Duration = Duration::from_secs(10);
/// A request without a run is given this long before its trigger counts as lost.
const TRIGGER_MINUTES: i64 = 2;
/// A trigger that does not help is repeated after twice the time, and in the end this often.
const LONGEST_TRIGGER_MINUTES: i64 = 64;

/// Looks after every open run and every dropped request. What goes wrong with one of them is logged and holds up no
/// other; what does not fit into the time is left for the next tick, which begins with another run.
pub(crate) async fn tick(ports: &Ports, deadline: Deadline) -> Result<(), Trouble> {
    if let Err(trouble) = requests(ports).await {
        tracing::error!(?trouble, "dropped requests cannot be looked for");
    }
    let seen = open_runs(ports, deadline).await?;
    let now = ports.world.now();
    let queues = if seen.is_empty() { Queues::Moving } else { queues(ports).await };
    let watches: Vec<_> = seen.iter().map(|seen| seen.watch.clone()).collect();
    for mut one in seen {
        if !deadline.allows(ports.world.now(), TIME_FOR_A_RUN) {
            tracing::warn!("no time left for more runs, the next tick goes on");
            break;
        }
        one.watch.see_queues(queues, now);
        for other in &watches {
            one.watch.see_other(other);
        }
        if let Err(trouble) = look_after(&mut one, queues, ports, deadline).await {
            could_not(&one.run, trouble, ports).await;
        }
    }
    Ok(())
}

/// An open run that nothing was decided about.
struct Seen {
    run: RunId,
    segments: Segments,
    /// As it was kept.
    before: Option<Watch>,
    /// As it is now.
    watch: Watch,
}

/// Looks at the markers of open runs, finishes those that have ended, and returns what is known of the others.
async fn open_runs(ports: &Ports, deadline: Deadline) -> Result<Vec<Seen>, Trouble> {
    let markers = state::list(ports, keys::open_runs()).await?;
    let name = |key: &str| RunId::try_from(key.strip_prefix(keys::open_runs())?.to_owned()).ok();
    let mut runs: Vec<_> = markers.iter().filter_map(|marker| name(&marker.key)).collect();
    // Ticks share no memory: the minute says whose turn it is to be first.
    let turn = usize::try_from(ports.world.now().as_second() / 60).unwrap_or_default();
    let first = turn.checked_rem(runs.len()).unwrap_or_default();
    runs.rotate_left(first);
    let looks = runs.into_iter().map(|run| async move {
        if !deadline.allows(ports.world.now(), TIME_FOR_A_RUN) {
            return None;
        }
        match see(&run, ports).await {
            Ok(seen) => seen,
            Err(trouble) => {
                could_not(&run, trouble, ports).await;
                None
            }
        }
    });
    Ok(stream::iter(looks).buffered(AT_ONCE).filter_map(async |seen| seen).collect().await)
}

async fn see(run: &RunId, ports: &Ports) -> Result<Option<Seen>, Trouble> {
    if sweep::finished(run, ports).await?.is_some() {
        return Ok(None);
    }
    let segments = Segments::list(run, ports).await?;
    let (progress, now) = (segments.counts(), ports.world.now());
    let before = Watch::load(run, ports).await?;
    let mut watch = before.clone().unwrap_or_else(|| Watch::new(progress, now));
    watch.see(progress, now);
    Ok(Some(Seen { run: run.clone(), segments, before, watch }))
}

/// How the queues stand. Who cannot tell says that they move.
async fn queues(ports: &Ports) -> Queues {
    let (chunks, records) = match (ports.chunks.depth().await, ports.records.depth().await) {
        (Ok(chunks), Ok(records)) => (chunks, records),
        (Err(error), _) | (_, Err(error)) => {
            tracing::warn!(%error, "a queue does not say how many messages it has");
            return Queues::Moving;
        }
    };
    if chunks.is_empty() && records.is_empty() {
        Queues::Empty
    } else if chunks.waiting > 0 && chunks.in_flight == 0 {
        Queues::Held
    } else {
        Queues::Moving
    }
}

/// Sweeps one run and keeps what was seen of it.
async fn look_after(seen: &mut Seen, queues: Queues, ports: &Ports, deadline: Deadline) -> Result<(), Trouble> {
    let Seen { run, segments, before, watch } = seen;
    let now = ports.world.now();
    let stalled = watch.is_stalled(queues, now, &ports.settings);
    match sweep::sweep_open(run, segments, stalled, ports, deadline).await? {
        Swept::Ended => return Ok(()),
        Swept::Open { sent } => {
            watch.planned(now);
            if sent > 0 {
                watch.sent(now);
            }
        }
        Swept::Planning if watch.is_planner_late(now, &ports.settings) => {
            if watch.asked > ports.settings.repair_rounds {
                return decide::fail(run, not_planned(watch.asked), ports).await;
            }
            send(&ports.plans, &PlanMessage::Run(run.clone())).await?;
            tracing::warn!(%run, "nothing was heard of the planner, it is asked again");
            watch.ask(now);
        }
        Swept::Planning => {}
    }
    match before {
        Some(before) if !watch.differs(before, &ports.settings) => Ok(()),
        _ => watch.save(run, ports).await,
    }
}

fn not_planned(times: u32) -> Reason {
    let message = format!(
        "planning did not come through: the planner was asked {times} times more and nothing was heard of it; its logs and \
         its dead-letter queue say why"
    );
    Reason::new(ReasonKind::Incomplete, message)
}

/// A run that cannot be looked after. One whose own documents cannot be read will not be better the next time.
async fn could_not(run: &RunId, trouble: Trouble, ports: &Ports) {
    match trouble {
        Trouble::Failed(reason) if reason.kind == ReasonKind::State => {
            tracing::error!(%run, reason = reason.message, "the run's documents cannot be used");
            if let Err(trouble) = decide::fail(run, reason, ports).await {
                tracing::error!(%run, ?trouble, "the run cannot be ended either");
            }
        }
        Trouble::Failed(reason) => {
            // The alarm of failed runs counts these too: a run that is to be published and cannot be has no other end.
            let (kind, reason) = (reason.kind, reason.message);
            tracing::error!(metric = "publish_stuck", %run, ?kind, reason, "the run cannot be looked after");
        }
        trouble @ (Trouble::Retry(_) | Trouble::Deferred(..)) => {
            tracing::warn!(%run, ?trouble, "the run is looked after by the next tick");
        }
    }
}

/// Sends requests to the planner whose trigger seems to be lost.
async fn requests(ports: &Ports) -> Result<(), Trouble> {
    let dropped = state::list(ports, keys::requests()).await?;
    let dropped = dropped.into_iter().filter(|entry| keys::is_request(&entry.key));
    let now = ports.world.now();
    // A store that tells no times cannot tell either whether its trigger is late.
    let late: Vec<_> = dropped.filter(|entry| entry.modified.is_some_and(|time| is_turn(time, now))).collect();
    if late.is_empty() {
        return Ok(());
    }
    let accepted = state::list(ports, keys::accepted_requests()).await?;
    let accepted: BTreeSet<_> = accepted.into_iter().map(|entry| entry.key).collect();
    for entry in late {
        if accepted.contains(&keys::accepted(&entry.key, entry.etag.as_deref(), entry.modified)) {
            continue;
        }
        tracing::warn!(key = entry.key, "a request has no run, the planner is asked");
        send(&ports.plans, &PlanMessage::Request(entry.key)).await?;
    }
    Ok(())
}

/// Whether to ask for a request of that age: in the minutes 2, 4, 8 and so on, later once in an hour or so. A planner
/// that is busy with a thousand requests is not sent a thousand more every minute.
fn is_turn(modified: Timestamp, now: Timestamp) -> bool {
    let minutes = (now.as_second() - modified.as_second()) / 60;
    minutes >= TRIGGER_MINUTES && (minutes.count_ones() == 1 || minutes % LONGEST_TRIGGER_MINUTES == 0)
}

async fn send(queue: &std::sync::Arc<dyn Queue>, message: &PlanMessage) -> Result<(), Trouble> {
    Ok(queue.send(&[serde_json::to_string(message)?]).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_asked_for_ever_more_rarely() {
        let asked = (0..300).filter(|minutes| {
            let now = Timestamp::from_second(1_767_225_600 + minutes * 60 + 59).unwrap();
            is_turn(Timestamp::from_second(1_767_225_600).unwrap(), now)
        });
        assert_eq!(asked.collect::<Vec<_>>(), [2, 4, 8, 16, 32, 64, 128, 192, 256]);
    }
}
