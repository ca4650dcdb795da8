//! One attempt after another: what a failed run left is taken over, and only what is missing is fetched.

use bytes::Bytes;
use run::{Mode, ReasonKind, Request, keys};
use steps::ports::{Metadata, Store};

use crate::{
    bench::{Bench, request, undisturbed},
    dataset::Dataset,
    gate::Fault,
    reader,
};

const CHUNK: &str = "packed.packed[2:3][0:2][4:6]";

/// A first attempt that failed for want of one chunk.
async fn failed(request: &Request) -> Bench {
    let bench = Bench::new(Dataset::full());
    bench.script(|call| if call.key == CHUNK { Fault::Permanent(ReasonKind::SourceNotFound) } else { Fault::None });
    let end = bench.run(request).await;
    bench.assert_failed(&end, ReasonKind::SourceNotFound).await;
    assert_eq!(end.missing_chunks, 1, "{end:?}");
    bench.script(|_| Fault::None);
    bench
}

#[tokio::test(start_paused = true)]
async fn the_second_attempt_fetches_only_what_is_missing() {
    for request in [request(), Request { mode: Mode::Overwrite, ..request() }] {
        let bench = failed(&request).await;
        let end = bench.attempt(&request, 2).await;
        bench.assert_published(&end).await;
        assert_eq!(bench.shared.chunk_fetches(), [CHUNK]);
        assert_eq!(reader::comparable(&bench.target.snapshot()), undisturbed(Dataset::full(), &request).await);
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_never_got_a_plan_breaks_no_chain() {
    let bench = failed(&request()).await;
    bench.script(
        |call| {
            if call.verb == "document" { Fault::Permanent(ReasonKind::SourceNotFound) } else { Fault::None }
        },
    );
    let end = bench.attempt(&request(), 2).await;
    bench.assert_failed(&end, ReasonKind::SourceNotFound).await;
    bench.script(|_| Fault::None);
    let end = bench.attempt(&request(), 3).await;
    bench.assert_published(&end).await;
    assert_eq!(bench.shared.chunk_fetches(), [CHUNK]);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_vanished_between_two_attempts_is_made_again() {
    let bench = failed(&request()).await;
    bench.target.delete("v/c/0/0/0").await.unwrap();
    let end = bench.attempt(&request(), 2).await;
    bench.assert_published(&end).await;
    let mut fetched = bench.shared.chunk_fetches();
    fetched.sort();
    assert_eq!(fetched, [CHUNK, "v[0:1][0:2][0:3]"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_taken_over_from_another_dataset() {
    let bench = failed(&request()).await;
    bench.source.change(|dataset| {
        dataset.globals = dataset.globals.replace("full", "fuller");
        dataset.shift = 1;
    });
    let end = bench.attempt(&request(), 2).await;
    assert!(end.is_published(), "{end:?}");
    assert_eq!(bench.shared.chunk_fetches().len(), 31);
}

#[tokio::test(start_paused = true)]
async fn a_former_run_that_cannot_be_read_is_no_obstacle() {
    for key in [keys::plan, |run: &run::RunId| format!("{}{}-r5-f0-d0.jsonl", keys::segments(run), "0".repeat(24))] {
        let bench = failed(&request()).await;
        let first = run::RunId::attempt(&request().digest().unwrap(), 1);
        bench.state.put(&key(&first), Bytes::from_static(b"{"), &Metadata::new()).await.unwrap();
        let end = bench.attempt(&request(), 2).await;
        bench.assert_published(&end).await;
        assert_eq!(bench.shared.chunk_fetches().len(), 31);
    }
}
