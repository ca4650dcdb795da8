//! The stack under one fault at a time: F28 to F33, F37, F42, F44, F45, F53, F54; I3 to I5, I7, I8, I11.

use std::{sync::Arc, time::Duration};

use run::{Mode, ReasonKind, Request, RunId, Verdict, keys};
use steps::{Message, ports::Store};

use crate::{
    bench::{PLANNER, request, small_request, undisturbed},
    dataset::Dataset,
    gate::{Call, Fault, Port},
    reader,
    stack::{Stack, bench},
};

const KEY: &str = "requests/one.json";

#[tokio::test(start_paused = true)]
async fn a_dropped_request_is_published_and_only_the_sweep_sends_after_planning() {
    let stack = Stack::deploy(bench(Dataset::full()));
    let end = stack.run(&request()).await;
    stack.bench.assert_published(&end).await;
    stack.assert_senders();
    let fetches = stack.bench.shared.chunk_fetches();
    assert_eq!(fetches.len(), 31);
    assert_eq!(reader::comparable(&stack.bench.target.snapshot()), undisturbed(Dataset::full(), &request()).await);
    let sweeps = stack.bench.shared.calls().into_iter().filter(|call| call.by == "ticker" && call.verb == "send");
    assert_eq!(sweeps.count(), 0, "nothing went wrong, so nothing is sent again");
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_to_every_message_of_a_queue() {
    let expected = undisturbed(Dataset::full(), &request()).await;
    let later = Fault::Later(Duration::from_mins(3));
    for port in [Port::Plans, Port::Chunks, Port::Records] {
        for fault in [Fault::Duplicate, Fault::Reverse, later, Fault::LoseReply, Fault::Transient(None)] {
            let stack = Stack::deploy(bench(Dataset::full()));
            stack.bench.script(move |call| {
                // A trigger is S3's to send.
                let ours = call.is(port, "send") && call.by != "bucket";
                if ours && (fault == later || call.number % 3 == 0) { fault } else { Fault::None }
            });
            let end = stack.run(&request()).await;
            stack.bench.assert_published(&end).await;
            stack.assert_senders();
            assert_eq!(reader::comparable(&stack.bench.target.snapshot()), expected, "{port:?} {fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn messages_that_are_lost_only_delay() {
    for (port, most) in [(Port::Plans, 4), (Port::Chunks, 3), (Port::Records, 10)] {
        let stack = Stack::deploy(bench(Dataset::full()));
        let mut lost = 0;
        stack.bench.script(move |call| {
            let loses = call.is(port, "send") && lost < most;
            lost += usize::from(loses);
            if loses { Fault::Drop } else { Fault::None }
        });
        let run = stack.bench.submit(KEY, &request()).await;
        stack.trigger(KEY).await;
        let end = stack.end(&run).await;
        stack.bench.assert_published(&end).await;
        stack.assert_senders();
        assert_eq!(stack.bench.shared.chunk_fetches().len(), 31, "{port:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_purged_again_and_again_is_filled_again() {
    for minutes in [0, 1, 4] {
        let stack = Stack::deploy(bench(Dataset::full()));
        stack.bench.script(
            |call| {
                if call.verb == "fetch" { Fault::Delay(Duration::from_secs(20)) } else { Fault::None }
            },
        );
        let run = stack.submit(KEY, &request()).await;
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_mins(minutes) + Duration::from_secs(10)).await;
            stack.purge().await;
        }
        stack.bench.assert_published(&stack.end(&run).await).await;
        stack.assert_senders();
    }
}

#[tokio::test(start_paused = true)]
async fn a_trigger_that_comes_often_or_not_at_all_is_one_run() {
    let stack = Stack::deploy(bench(Dataset::small()));
    let run = stack.submit(KEY, &small_request()).await;
    for _ in 0..5 {
        stack.trigger(KEY).await;
    }
    let end = stack.end(&run).await;
    stack.bench.assert_published(&end).await;
    stack.trigger(KEY).await;
    tokio::time::sleep(Duration::from_mins(10)).await;
    stack.bench.assert_published(&end).await;
    assert_eq!(stack.bench.shared.keys(Port::Source, "fetch").len(), 5);

    let stack = Stack::deploy(bench(Dataset::small()));
    let run = stack.bench.submit(KEY, &small_request()).await;
    let start = tokio::time::Instant::now();
    let end = stack.end(&run).await;
    stack.bench.assert_published(&end).await;
    assert!(start.elapsed() < Duration::from_mins(7), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_chunk_that_kills_its_worker_ends_the_run_by_name() {
    for told in [true, false] {
        let stack = Stack::deploy(bench(Dataset::small()));
        if !told {
            stack.keep_losses_to_yourself();
        }
        let poisoned = |call: &Call| call.is(Port::Source, "fetch") && call.key.starts_with("v[2:2][3:3]");
        stack.bench.script(move |call| if poisoned(call) { Fault::Kill } else { Fault::None });
        let end = stack.run(&small_request()).await;
        let kind = if told { ReasonKind::Internal } else { ReasonKind::Incomplete };
        stack.bench.assert_failed(&end, kind).await;
        assert_eq!(end.missing.len(), 1, "{end:?}");
        assert!(end.missing[0].starts_with("v/1.1: "), "{end:?}");
        stack.assert_senders();
        let deaths = stack.bench.shared.calls().iter().filter(|call| poisoned(call)).count();
        assert!(deaths <= 5 * 4, "{deaths} workers died (I11)");
        tokio::time::sleep(Duration::from_hours(2)).await;
        assert!(!stack.dead_letters().is_empty());
        let after = stack.bench.shared.calls().iter().filter(|call| poisoned(call)).count();
        assert_eq!(after, deaths, "after the end nobody tries");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_cancelled_ends_at_the_next_tick() {
    let stack = Stack::deploy(bench(Dataset::full()));
    stack.bench.script(|call| if call.verb == "fetch" { Fault::Delay(Duration::from_secs(30)) } else { Fault::None });
    let run = stack.submit(KEY, &request()).await;
    tokio::time::sleep(Duration::from_secs(70)).await;
    steps::cancel(&run, &stack.bench.process().ports).await.unwrap();
    let start = tokio::time::Instant::now();
    let end = stack.end(&run).await;
    assert!(start.elapsed() <= Duration::from_mins(2), "{:?}", start.elapsed());
    assert_eq!(end.verdict, Verdict::Cancelled);
    stack.bench.assert_ended(&end).await;
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert!(stack.queues.chunks.depth().is_empty(), "its messages are taken and dropped");
    assert_eq!(reader::open(&stack.bench.target.snapshot()), Ok(None));
}

/// The same request dropped again after a failure.
#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_again_goes_on_where_it_failed() {
    const CHUNK: &str = "packed.packed[2:3][0:2][4:6]";
    let stack = Stack::deploy(bench(Dataset::full()));
    stack
        .bench
        .script(|call| if call.key == CHUNK { Fault::Permanent(ReasonKind::SourceNotFound) } else { Fault::None });
    let end = stack.run(&request()).await;
    stack.bench.assert_failed(&end, ReasonKind::SourceNotFound).await;
    stack.bench.script(|_| Fault::None);
    tokio::time::sleep(Duration::from_mins(1)).await;
    let second = stack.run(&Request { concurrency: Some(3), ..request() }).await;
    assert_ne!(second.run, end.run);
    stack.bench.assert_published(&second).await;
    assert_eq!(stack.bench.plan(&second.run).await.continues, Some(end.run));
    assert_eq!(stack.bench.shared.chunk_fetches(), [CHUNK]);
    assert_eq!(reader::comparable(&stack.bench.target.snapshot()), undisturbed(Dataset::full(), &request()).await);
}

/// Of two planners of one run the first is held up while it takes the old dataset away. What it does in the end must not
/// hit the new one.
#[tokio::test(start_paused = true)]
async fn a_planner_that_is_held_up_while_it_clears_the_target_takes_nothing_new_away() {
    let stack = Stack::deploy(bench(Dataset::full()));
    assert!(stack.run(&request()).await.is_published());
    let mut held_up = false;
    stack.bench.script(move |call| {
        let clears = call.port == Port::Target && call.verb == "delete" && call.by == PLANNER;
        if !clears || held_up {
            return Fault::None;
        }
        held_up = true;
        Fault::Delay(Duration::from_secs(70))
    });
    let overwrite = Request { mode: Mode::Overwrite, ..request() };
    let run = stack.bench.submit("requests/two.json", &overwrite).await;
    for _ in 0..2 {
        stack.trigger("requests/two.json").await;
    }
    let end = stack.end(&run).await;
    stack.bench.assert_published(&end).await;
    tokio::time::sleep(Duration::from_hours(1)).await;
    stack.bench.assert_published(&end).await;
}

/// Every chunk is there, and then the target may not be looked at any more.
#[tokio::test(start_paused = true)]
async fn a_target_that_refuses_after_the_last_chunk_ends_the_run() {
    let stack = Stack::deploy(bench(Dataset::full()));
    let refused = |call: &Call| call.port == Port::Target && call.verb == "list" && call.by != PLANNER;
    stack.bench.script(
        move |call| {
            if refused(call) { Fault::Permanent(ReasonKind::TargetDenied) } else { Fault::None }
        },
    );
    let end = stack.run(&request()).await;
    stack.bench.assert_failed(&end, ReasonKind::TargetDenied).await;
}

/// Every chunk is there, and then the source is gone for a while.
#[tokio::test(start_paused = true)]
async fn a_source_that_is_away_at_the_end_is_waited_for() {
    for (patience, published) in [(Duration::from_hours(1), true), (Duration::ZERO, false)] {
        let mut bench = bench(Dataset::full());
        bench.settings.patience = patience;
        let stack = Stack::deploy(bench);
        let mut away = 40;
        stack.bench.script(move |call| {
            let last_look = call.port == Port::Source && call.verb == "document" && call.by != PLANNER;
            if !last_look || away == 0 {
                return Fault::None;
            }
            away -= 1;
            Fault::Transient(None)
        });
        let end = stack.run(&request()).await;
        if published {
            stack.bench.assert_published(&end).await;
        } else {
            stack.bench.assert_failed(&end, ReasonKind::SourceUnreachable).await;
        }
    }
}

/// With nothing missing no record comes that would publish it, and the planner may not.
#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_again_with_nothing_missing_is_published_by_the_sweep() {
    let stack = Stack::deploy(bench(Dataset::full()));
    let last_look = |call: &Call| call.port == Port::Source && call.verb == "document" && call.by != PLANNER;
    stack.bench.script(
        move |call| {
            if last_look(call) { Fault::Permanent(ReasonKind::SourceNotFound) } else { Fault::None }
        },
    );
    let end = stack.run(&request()).await;
    stack.bench.assert_failed(&end, ReasonKind::SourceNotFound).await;
    stack.bench.script(|_| Fault::None);
    tokio::time::sleep(Duration::from_mins(1)).await;
    let second = stack.run(&Request { concurrency: Some(3), ..request() }).await;
    stack.bench.assert_published(&second).await;
    assert_eq!(stack.bench.shared.chunk_fetches(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_again_while_it_runs_is_one_conversion() {
    let stack = Stack::deploy(bench(Dataset::full()));
    stack.bench.script(|call| if call.verb == "fetch" { Fault::Delay(Duration::from_secs(10)) } else { Fault::None });
    let first = stack.submit(KEY, &request()).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    let second = stack.submit("requests/again.json", &request()).await;
    let (first, second): (RunId, RunId) = (first, second);
    assert_eq!(stack.end(&second).await.verdict, Verdict::Superseded { by: first.clone() });
    stack.bench.assert_published(&stack.end(&first).await).await;
    assert_eq!(stack.bench.shared.chunk_fetches().len(), 31);
}

#[tokio::test(start_paused = true)]
async fn what_vanishes_from_the_target_is_made_again_by_the_sweep() {
    let stack = Stack::deploy(bench(Dataset::small()));
    let (target, mut done) = (Arc::clone(&stack.bench.target), 0);
    stack.bench.script(move |call| {
        // The LISTs of the two who look before publishing, not that of the planner.
        if call.is(Port::Target, "list") && call.by != "planner" && done < 2 {
            done += 1;
            let _ = futures::FutureExt::now_or_never(target.delete("v/c/1/0"));
        }
        Fault::None
    });
    let end = stack.run(&small_request()).await;
    stack.bench.assert_published(&end).await;
    stack.assert_senders();
    let resent = stack.bench.shared.calls().into_iter().filter(|call| call.is(Port::Chunks, "send"));
    assert!(resent.skip(1).all(|call| call.by == "ticker"));
}

#[tokio::test(start_paused = true)]
async fn a_planner_that_dies_after_any_call_is_followed_by_another() {
    let expected = undisturbed(Dataset::small(), &small_request()).await;
    for fault in [Fault::Kill, Fault::KillAfter] {
        for number in 1.. {
            let stack = Stack::deploy(bench(Dataset::small()));
            let mut calls = 0;
            stack.bench.script(move |call| {
                calls += usize::from(call.by == "planner");
                if call.by == "planner" && calls == number { fault } else { Fault::None }
            });
            let end = stack.run(&small_request()).await;
            stack.bench.assert_published(&end).await;
            stack.assert_senders();
            assert_eq!(reader::comparable(&stack.bench.target.snapshot()), expected, "killed at {number}");
            assert_eq!(stack.bench.shared.keys(Port::Source, "fetch").len(), 5, "killed at {number}");
            let all = stack.bench.shared.calls().iter().filter(|call| call.by == "planner").count();
            if number > all {
                assert!(number > 25, "the planner makes more calls than {all}");
                break;
            }
        }
    }
}

/// The trigger's message is a dead letter, or was never there: it is the tick that goes on.
#[tokio::test(start_paused = true)]
async fn a_planner_that_dies_after_any_call_and_takes_its_message_along_is_followed_by_the_tick() {
    for number in (1..32).step_by(2) {
        let bench = bench(Dataset::small());
        let run = bench.submit(KEY, &small_request()).await;
        let first = bench.process();
        bench.script(move |call| if call.number == number { Fault::KillAfter } else { Fault::None });
        tokio::select! {
            _ = first.request(KEY) => {}
            () = first.gate.killed() => {}
        }
        let stack = Stack::deploy(bench);
        let end = stack.end(&run).await;
        assert!(end.is_published(), "killed at {number}: {end:?}");
        stack.bench.assert_published(&end).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_finalizer_or_a_tick_that_dies_after_any_call_is_followed_by_another() {
    for function in ["finalizer", "ticker"] {
        for number in 1.. {
            let stack = Stack::deploy(bench(Dataset::small()));
            let (mut calls, mut lost) = (0, 0);
            stack.bench.script(move |call| {
                // Something for the tick to do.
                lost += usize::from(call.is(Port::Chunks, "send"));
                if call.is(Port::Chunks, "send") && lost == 1 {
                    return Fault::Drop;
                }
                calls += usize::from(call.by == function);
                if call.by == function && calls == number { Fault::KillAfter } else { Fault::None }
            });
            let end = stack.run(&small_request()).await;
            stack.bench.assert_published(&end).await;
            stack.assert_senders();
            if number > stack.bench.shared.calls().iter().filter(|call| call.by == function).count() {
                break;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn records_of_one_run_by_two_finalizers_at_once_end_it_once() {
    for number in 0..20 {
        let bench = bench(Dataset::small());
        let run = bench.submit(KEY, &small_request()).await;
        let planner = bench.process();
        planner.request(KEY).await;
        planner.work().await;
        let records = planner.reports().await;
        let (one, two, tick) = (bench.process(), bench.process(), bench.process());
        bench.script(move |call| Fault::Delay(Duration::from_millis((call.number as u64 * (7 + number)) % 31)));
        let (first, second) = records.split_at(3);
        tokio::join!(
            one.handle(Message::Records(first.to_vec())),
            two.handle(Message::Records(second.to_vec())),
            tick.tick(),
        );
        bench.script(|_| Fault::None);
        tick.tick().await;
        bench.assert_published(&bench.end(&run).await.unwrap()).await;
        assert!(bench.state.get(&keys::open(&run)).await.unwrap().is_none());
    }
}
