//! Random schedules of faults: I1, I3 to I9, I11. A seed gives one schedule; a failure prints it.

use std::time::Duration;

use proptest::prelude::*;
use run::{Mode, ReasonKind, Request, Verdict};

use crate::{
    bench::{Bench, small_request, undisturbed, v2},
    dataset::Dataset,
    gate::{Call, Fault, Port},
    reader,
};

/// Faults, by the number of the call they meet.
pub(crate) type Schedule = Vec<(usize, Fault)>;

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        4 => Just(Fault::Transient(None)),
        1 => (1_u64..300).prop_map(|seconds| Fault::Transient(Some(Duration::from_secs(seconds)))),
        4 => Just(Fault::LoseReply),
        3 => (1_u64..20_000).prop_map(|ms| Fault::Delay(Duration::from_millis(ms))),
        2 => (0_usize..200).prop_map(Fault::Truncate),
        2 => Just(Fault::Drop),
        2 => Just(Fault::Duplicate),
        1 => Just(Fault::Reverse),
        2 => (1_u64..20_000).prop_map(|ms| Fault::Later(Duration::from_millis(ms))),
        2 => Just(Fault::Kill),
        2 => Just(Fault::KillAfter),
    ]
}

/// At most five faults meet one operation, so that none of them uses up its attempts.
pub(crate) fn schedule() -> impl Strategy<Value = Schedule> {
    prop::collection::vec((1_usize..220, fault()), 0..12)
}

pub(crate) fn at(schedule: &Schedule, call: &Call) -> Fault {
    schedule.iter().find(|(number, _)| *number == call.number).map_or(Fault::None, |(_, fault)| *fault)
}

pub(crate) fn on_a_paused_clock(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(test);
}

fn requests() -> impl Strategy<Value = Request> {
    prop::sample::select(vec![
        small_request(),
        v2(small_request()),
        Request { mode: Mode::Overwrite, ..small_request() },
        Request { mode: Mode::Overwrite, ..v2(small_request()) },
    ])
}

/// A target on which the request may run.
async fn bench_for(request: &Request) -> Bench {
    let bench = Bench::new(Dataset::small());
    if request.mode == Mode::Overwrite {
        bench.run(&v2(small_request())).await;
    }
    bench
}

/// Seeds: few in every build, more where `PROPTEST_CASES` says so.
pub(crate) fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(100)
}

/// At most this many data requests whatever happened: five chunks, and one more for every fault and every process.
fn bounded(bench: &Bench, faults: usize) {
    let fetches = bench.shared.keys(Port::Source, "fetch").len();
    assert!(fetches <= 5 * (2 + faults), "{fetches} requests for 5 chunks and {faults} faults (I11)");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_run_is_published_whatever_passes(request in requests(), schedule in schedule()) {
        on_a_paused_clock(async {
            let bench = bench_for(&request).await;
            let faults = schedule.clone();
            bench.script(move |call| at(&faults, call));
            let end = bench.run_to_the_end(&request).await;
            bench.assert_published(&end).await;
            bounded(&bench, schedule.len());
            let expected = undisturbed(Dataset::small(), &Request { mode: Mode::Create, ..request.clone() }).await;
            let published = bench.target.snapshot();
            assert_eq!(reader::comparable(&published), expected);
            // I3: nothing that is still under way changes it.
            tokio::time::sleep(Duration::from_hours(2)).await;
            assert_eq!(bench.target.snapshot(), published);
            bench.assert_published(&end).await;
        });
    }

    #[test]
    fn a_run_that_lacks_a_chunk_is_never_published(request in requests(), schedule in schedule()) {
        on_a_paused_clock(async {
            let bench = bench_for(&request).await;
            let faults = schedule.clone();
            bench.script(move |call| {
                let lacking = call.is(Port::Source, "fetch") && call.key.starts_with("v[2:2][3:3]");
                let fault = at(&faults, call);
                let kills = matches!(fault, Fault::Kill | Fault::KillAfter);
                if lacking && !kills { Fault::Permanent(ReasonKind::SourceNotFound) } else { fault }
            });
            let end = bench.run_to_the_end(&request).await;
            bench.assert_failed(&end, ReasonKind::SourceNotFound).await;
            bounded(&bench, schedule.len());
            assert_eq!(end.missing.len(), 1, "{:?}", end.missing);
            assert!(end.missing[0].starts_with("v/1.1: "), "{:?}", end.missing);
            assert_eq!(reader::open(&bench.target.snapshot()), Ok(None));
        });
    }

    #[test]
    fn of_two_runs_at_once_one_stands(schedule in schedule(), later_ms in 0_u64..1_500) {
        on_a_paused_clock(async {
            let bench = Bench::new(Dataset::small());
            let (one, two) = (small_request(), v2(small_request()));
            bench.script(move |call| at(&schedule, call));
            let second = async {
                tokio::time::sleep(Duration::from_millis(later_ms)).await;
                bench.run_to_the_end(&two).await
            };
            let (first, second) = tokio::join!(bench.run_to_the_end(&one), second);
            let ends = [&first, &second];
            let published: Vec<_> = ends.into_iter().filter(|end| end.is_published()).collect();
            assert_eq!(published.len(), 1, "{ends:?}");
            let lost = ends.into_iter().find(|end| !end.is_published()).unwrap();
            let expected = match &lost.verdict {
                Verdict::Superseded { by } => *by == published[0].run,
                Verdict::Failed { reason } => reason.kind == ReasonKind::TargetOccupied,
                Verdict::Publish | Verdict::Cancelled => false,
            };
            assert!(expected, "{lost:?}");
            bench.assert_ended(lost).await;
            bench.assert_published(published[0]).await;
        });
    }
}

proptest! {
    // Slow, since each case has two processes and two quarantines.
    #![proptest_config(ProptestConfig { cases: cases() / 4, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whoever ends a run that is about to be published publishes it, while that run's own root PUT may be between two
    /// attempts: the quarantine keeps it out of its successor's dataset.
    #[test]
    fn of_two_overwrites_at_once_the_last_stands(schedule in schedule(), later_ms in 0_u64..1_500) {
        on_a_paused_clock(async {
            let overwrite = |request| Request { mode: Mode::Overwrite, ..request };
            let mut bench = bench_for(&overwrite(small_request())).await;
            bench.settings.quarantine = Duration::from_mins(15);
            let (one, two) = (overwrite(small_request()), overwrite(v2(small_request())));
            bench.script(move |call| at(&schedule, call));
            let second = async {
                tokio::time::sleep(Duration::from_millis(later_ms)).await;
                bench.run_to_the_end(&two).await
            };
            let (first, second) = tokio::join!(bench.run_to_the_end(&one), second);
            let mut published: Vec<_> = [&first, &second].into_iter().filter(|end| end.is_published()).collect();
            published.sort_by_key(|end| end.at);
            bench.assert_published(published.last().unwrap()).await;
        });
    }
}
