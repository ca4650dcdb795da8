//! The stack under random schedules of faults: I1, I3 to I9, I11. A seed gives one schedule; a failure prints it.

use std::time::Duration;

use proptest::prelude::*;
use run::{Mode, Request, Verdict};

use crate::{
    bench::{small_request, undisturbed, v2},
    dataset::Dataset,
    gate::{Fault, Port},
    reader,
    schedule::{Schedule, at, cases, on_a_paused_clock, schedule},
    stack::{Stack, bench},
};

fn requests() -> impl Strategy<Value = Request> {
    prop::sample::select(vec![
        small_request(),
        v2(small_request()),
        Request { mode: Mode::Overwrite, ..small_request() },
    ])
}

fn deploy(schedule: &Schedule) -> Stack {
    let stack = Stack::deploy(bench(Dataset::small()));
    let schedule = schedule.clone();
    stack.bench.script(move |call| if call.by == "bucket" { Fault::None } else { at(&schedule, call) });
    stack
}

proptest! {
    // Slow, since each case has two hours of ticks.
    #![proptest_config(ProptestConfig { cases: cases() / 2, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_request_is_published_whatever_passes(request in requests(), schedule in schedule(), triggers in 0..3) {
        on_a_paused_clock(async {
            let stack = deploy(&schedule);
            let run = stack.bench.submit("requests/one.json", &request).await;
            for _ in 0..triggers {
                stack.trigger("requests/one.json").await;
            }
            let end = stack.end(&run).await;
            stack.bench.assert_published(&end).await;
            stack.assert_senders();
            let fetches = stack.bench.shared.keys(Port::Source, "fetch").len();
            assert!(fetches <= 5 * (2 + schedule.len()), "{fetches} requests for 5 chunks (I11)");
            let expected = undisturbed(Dataset::small(), &Request { mode: Mode::Create, ..request.clone() }).await;
            let published = stack.bench.target.snapshot();
            assert_eq!(reader::comparable(&published), expected);
            // I3: nothing that is still under way changes it.
            tokio::time::sleep(Duration::from_hours(2)).await;
            assert_eq!(stack.bench.target.snapshot(), published);
            stack.bench.assert_published(&end).await;
        });
    }

    /// Two requests for one target, in either order of arrival.
    #[test]
    fn of_two_requests_at_once_one_stands(schedule in schedule(), later_s in 0_u64..90, same in any::<bool>()) {
        on_a_paused_clock(async {
            let stack = deploy(&schedule);
            let first = stack.submit("requests/one.json", &small_request()).await;
            tokio::time::sleep(Duration::from_secs(later_s)).await;
            let other = if same { small_request() } else { v2(small_request()) };
            let second = stack.submit("requests/two.json", &other).await;
            let ends = [stack.end(&first).await, stack.end(&second).await];
            let published: Vec<_> = ends.iter().filter(|end| end.is_published()).collect();
            assert_eq!(published.len(), 1, "{ends:?}");
            let lost = ends.iter().find(|end| !end.is_published()).unwrap();
            let expected = match &lost.verdict {
                Verdict::Superseded { by } => *by == published[0].run,
                Verdict::Failed { reason } => reason.kind == run::ReasonKind::TargetOccupied,
                Verdict::Publish | Verdict::Cancelled => false,
            };
            assert!(expected, "{lost:?}");
            stack.bench.assert_ended(lost).await;
            stack.bench.assert_published(published[0]).await;
            stack.assert_senders();
        });
    }
}
