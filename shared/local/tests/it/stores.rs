//! The state store and the target are slow, unsure or gone: F55 to F57, F59, F62, F70, F77; I9.

use std::time::Duration;

use run::{ReasonKind, Request};

use crate::{
    bench::{Bench, small_request, undisturbed, v2},
    dataset::Dataset,
    gate::{Call, Fault, Port},
    reader,
};

/// The distinct calls of an undisturbed run.
async fn calls(request: &Request) -> Vec<Call> {
    let bench = Bench::new(Dataset::small());
    bench.script(|_| Fault::None);
    bench.run(request).await;
    let stores = bench.shared.calls().into_iter().filter(|call| call.port != Port::Source);
    let mut seen = std::collections::BTreeSet::new();
    stores.filter(|call| seen.insert((call.port, call.verb, call.key.clone()))).collect()
}

/// One fault at each store or queue call in turn, however often it is repeated up to five times.
async fn each(request: Request, applies: fn(&Call) -> bool, fault: Fault, times: usize) {
    let expected = undisturbed(Dataset::small(), &request).await;
    for at in calls(&request).await.into_iter().filter(applies) {
        let bench = Bench::new(Dataset::small());
        let victim = at.clone();
        bench.script(move |call| {
            let same = (call.port, call.verb, &call.key) == (victim.port, victim.verb, &victim.key);
            if same && call.nth <= times { fault } else { Fault::None }
        });
        let end = bench.run(&request).await;
        assert!(end.is_published(), "{fault:?} at {at:?}: {end:?}");
        bench.assert_published(&end).await;
        assert_eq!(reader::comparable(&bench.target.snapshot()), expected, "{fault:?} at {at:?}");
    }
}

fn writes(call: &Call) -> bool {
    call.verb.starts_with("put") || call.verb == "delete" || call.verb == "send"
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_of_any_write_is_neither_success_nor_failure() {
    each(small_request(), writes, Fault::LoseReply, 1).await;
    each(v2(small_request()), writes, Fault::LoseReply, 1).await;
}

#[tokio::test(start_paused = true)]
async fn any_call_may_fail_five_times() {
    each(small_request(), |call| call.verb != "send", Fault::Transient(None), 5).await;
}

#[tokio::test(start_paused = true)]
async fn any_call_may_ask_for_a_pause() {
    let asked = Fault::Transient(Some(Duration::from_secs(100)));
    each(small_request(), |call| call.verb != "send", asked, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_does_not_take_messages_is_asked_again() {
    each(small_request(), |call| call.verb == "send", Fault::Transient(None), 2).await;
}

/// A run in which these calls are refused for good.
async fn refused(which: fn(&Call) -> bool) -> (Bench, run::End) {
    let bench = Bench::new(Dataset::small());
    bench.script(move |call| if which(call) { Fault::Permanent(ReasonKind::State) } else { Fault::None });
    let end = bench.run(&small_request()).await;
    (bench, end)
}

#[tokio::test(start_paused = true)]
async fn a_target_that_refuses_ends_the_run_before_or_at_the_first_chunk() {
    let (bench, end) = refused(|call| call.port == Port::Target && matches!(call.verb, "open" | "list")).await;
    bench.assert_failed(&end, ReasonKind::TargetDenied).await;
    assert_eq!(bench.shared.keys(Port::Source, "document"), Vec::<String>::new(), "nothing is asked of the source");

    let (bench, end) = refused(|call| call.is(Port::Target, "put")).await;
    bench.assert_failed(&end, ReasonKind::TargetDenied).await;
    assert_eq!(end.missing_chunks, 5);
}

#[tokio::test(start_paused = true)]
async fn a_root_that_cannot_be_written_stops_the_drive_and_the_next_one_publishes() {
    let bench = Bench::new(Dataset::small());
    let run = bench.open(&small_request(), 1).await;
    bench.script(|call| {
        let root = call.is(Port::Target, "put") && call.key == "zarr.json";
        if root { Fault::Permanent(ReasonKind::State) } else { Fault::None }
    });
    let reason = bench.process().drive(&run).await.unwrap().unwrap_err();
    assert_eq!(reason.kind, ReasonKind::TargetDenied);
    assert_eq!(reader::open(&bench.target.snapshot()), Ok(None));
    bench.script(|_| Fault::None);
    let end = bench.run(&small_request()).await;
    bench.assert_published(&end).await;
    assert_eq!(bench.shared.keys(Port::Source, "fetch"), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_state_store_that_refuses_stops_the_drive_with_its_words() {
    for key in ["plan.json", "decision.json", "end.json", "/receipts/", "targets/"] {
        let bench = Bench::new(Dataset::small());
        let run = bench.open(&small_request(), 1).await;
        bench.script(move |call| {
            let refused = call.is_put(Port::State) && call.key.contains(key);
            if refused { Fault::Permanent(ReasonKind::State) } else { Fault::None }
        });
        match bench.process().drive(&run).await.unwrap() {
            Ok(local::Driven::Ended(end)) => bench.assert_failed(&end, ReasonKind::State).await,
            Ok(other) => panic!("{key}: {other:?}"),
            Err(reason) => assert_eq!(reason.kind, ReasonKind::State, "{key}: {reason}"),
        }
    }
}
