//! The process ends at a call, before or after it was done, and another goes on with the same stores: F44, F42, F57.

use run::{Mode, Request};

use crate::{
    bench::{Bench, request, small_request, undisturbed, v2},
    dataset::Dataset,
    gate::{Fault, Port},
    reader,
};

/// Calls of an undisturbed run.
async fn calls(bench: &Bench, request: &Request) -> usize {
    bench.script(|_| Fault::None);
    let end = bench.run(request).await;
    bench.assert_published(&end).await;
    bench.shared.calls().len()
}

/// Kills a run at every call in turn and lets a second process finish it.
async fn every_call(prepare: impl AsyncFn() -> Bench, request: Request, fault: Fault) {
    let whole = prepare().await;
    let calls = calls(&whole, &request).await;
    let expected = reader::comparable(&whole.target.snapshot());
    assert!(calls > 50, "{calls} calls");
    for number in 1..=calls {
        let bench = prepare().await;
        bench.script(move |call| if call.number == number { fault } else { Fault::None });
        let end = bench.run_to_the_end(&request).await;
        let at = &bench.shared.calls()[number - 1];
        assert!(end.is_published(), "killed at {at:?}: {end:?}");
        bench.assert_published(&end).await;
        assert_eq!(reader::comparable(&bench.target.snapshot()), expected, "killed at {at:?}");
    }
}

async fn nothing_there() -> Bench {
    Bench::new(Dataset::small())
}

/// Another dataset is there, in the other format.
async fn occupied() -> Bench {
    let bench = Bench::new(Dataset::small());
    bench.run(&v2(small_request())).await;
    bench
}

#[tokio::test(start_paused = true)]
async fn before_any_call() {
    every_call(nothing_there, small_request(), Fault::Kill).await;
}

#[tokio::test(start_paused = true)]
async fn after_any_call() {
    every_call(nothing_there, v2(small_request()), Fault::KillAfter).await;
}

#[tokio::test(start_paused = true)]
async fn before_any_call_of_an_overwrite() {
    every_call(occupied, Request { mode: Mode::Overwrite, ..small_request() }, Fault::Kill).await;
}

#[tokio::test(start_paused = true)]
async fn after_any_call_of_an_overwrite() {
    every_call(occupied, Request { mode: Mode::Overwrite, ..small_request() }, Fault::KillAfter).await;
}

#[tokio::test(start_paused = true)]
async fn twice_in_one_run() {
    let expected = undisturbed(Dataset::small(), &small_request()).await;
    for first in (1..60).step_by(7) {
        for second in (first + 1..150).step_by(11) {
            let bench = Bench::new(Dataset::small());
            let killed = [first, second];
            bench.script(move |call| if killed.contains(&call.number) { Fault::Kill } else { Fault::None });
            let end = bench.run_to_the_end(&small_request()).await;
            bench.assert_published(&end).await;
            assert_eq!(reader::comparable(&bench.target.snapshot()), expected, "killed at {killed:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn work_that_is_done_is_not_done_again() {
    let bench = Bench::new(Dataset::full());
    // Killed when all chunks but one are written.
    let mut written = 0;
    bench.script(move |call| {
        let sends = call.is(Port::Records, "send");
        written += usize::from(sends);
        if sends && written == 30 { Fault::Kill } else { Fault::None }
    });
    let end = bench.run_to_the_end(&request()).await;
    bench.assert_published(&end).await;
    let fetches = bench.shared.chunk_fetches();
    assert!(fetches.len() <= 31, "{} requests for 31 chunks", fetches.len());
}
