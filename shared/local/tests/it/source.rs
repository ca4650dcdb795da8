//! The server is busy, slow, wrong or gone: F01 to F08, F13 to F18, F25, F27.

use std::time::Duration;

use run::{Reason, ReasonKind, Verdict};
use steps::Outcome;

use crate::{
    bench::{Bench, request, small_request, undisturbed},
    dataset::Dataset,
    gate::{Call, Fault, Port},
    reader,
};

const CHUNK: &str = "v[0:1][3:4][4:6]";
/// What the chunk is called in the end's list.
const NAME: &str = "v/0.1.1: ";

/// Runs the full dataset with a script.
async fn with(script: impl FnMut(&Call) -> Fault + Send + 'static) -> (Bench, run::End) {
    let bench = Bench::new(Dataset::full());
    bench.script(script);
    let end = bench.run(&request()).await;
    (bench, end)
}

fn of_chunk(call: &Call) -> bool {
    call.is(Port::Source, "fetch") && call.key == CHUNK
}

#[tokio::test(start_paused = true)]
async fn up_to_five_failures_in_a_row_are_overcome() {
    let expected = undisturbed(Dataset::full(), &request()).await;
    for failures in 1..=5 {
        for fault in [
            Fault::Transient(None),
            Fault::Transient(Some(Duration::from_secs(20))),
            Fault::Truncate(100),
            Fault::LoseReply,
        ] {
            let (bench, end) =
                with(move |call| if of_chunk(call) && call.nth <= failures { fault } else { Fault::None }).await;
            bench.assert_published(&end).await;
            assert_eq!(reader::comparable(&bench.target.snapshot()), expected, "{failures} times {fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn bodies_cut_anywhere_are_never_taken_for_whole() {
    for length in (0..220).step_by(13) {
        let (bench, end) =
            with(move |call| if call.verb == "fetch" && call.nth == 1 { Fault::Truncate(length) } else { Fault::None })
                .await;
        bench.assert_published(&end).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_comes_back_ends_the_run_by_name() {
    let (bench, end) = with(|call| if of_chunk(call) { Fault::Transient(None) } else { Fault::None }).await;
    bench.assert_failed(&end, ReasonKind::SourceUnreachable).await;
    assert!(
        end.missing.iter().any(|missing| missing.starts_with(NAME) && missing.contains("tried 6 times")),
        "{end:?}"
    );
    let fetches = bench.shared.keys(Port::Source, "fetch").into_iter().filter(|query| query == CHUNK);
    assert_eq!(fetches.count(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_refused_chunk_fails_the_run_when_the_others_are_done() {
    let refused = |call: &Call| if of_chunk(call) { Fault::Permanent(ReasonKind::SourceNotFound) } else { Fault::None };
    let (bench, end) = with(refused).await;
    bench.assert_failed(&end, ReasonKind::SourceNotFound).await;
    assert_eq!((end.missing_chunks, end.missing.len()), (1, 1));
    assert!(end.missing[0].starts_with(NAME), "{end:?}");
    let Verdict::Failed { reason } = &end.verdict else { panic!() };
    assert_eq!(
        *reason,
        Reason::new(reason.kind, format!("chunk 0.1.1 of `v`: {CHUNK}: the server is having a bad day"))
    );
    assert_eq!(bench.shared.chunk_fetches().len(), 31, "one request each, no second one");
    assert_eq!(bench.target.snapshot().len(), 30, "plan less the missing chunk");
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_end_the_run_at_once() {
    let (bench, end) =
        with(|call| if call.verb == "fetch" { Fault::Permanent(ReasonKind::SourceUnauthorised) } else { Fault::None })
            .await;
    bench.assert_failed(&end, ReasonKind::SourceUnauthorised).await;
    assert_eq!(end.missing_chunks, 31);
    assert!(bench.shared.keys(Port::Source, "fetch").len() < 25, "it goes on for as long as the finalizer takes");
}

#[tokio::test(start_paused = true)]
async fn twenty_one_failures_end_the_run() {
    let (bench, end) =
        with(|call| if call.verb == "fetch" { Fault::Permanent(ReasonKind::SourceNotFound) } else { Fault::None })
            .await;
    bench.assert_failed(&end, ReasonKind::SourceNotFound).await;
    assert_eq!(end.missing_chunks, 31);
}

#[tokio::test(start_paused = true)]
async fn a_long_pause_defers_the_chunk_and_holds_nothing_else_up() {
    let asked = Duration::from_secs(200);
    let start = tokio::time::Instant::now();
    let (bench, end) =
        with(move |call| if of_chunk(call) && call.nth == 1 { Fault::Transient(Some(asked)) } else { Fault::None })
            .await;
    bench.assert_published(&end).await;
    assert!((asked..asked * 2).contains(&start.elapsed()), "{:?}", start.elapsed());
    let fetches = bench.shared.chunk_fetches();
    assert_eq!(fetches.len(), 32);
    assert_eq!(fetches.last().unwrap(), CHUNK, "the others were done long before");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_to_wait_for_ever_fails_the_run() {
    let asked = Duration::from_secs(70);
    let (bench, end) = with(move |call| if of_chunk(call) { Fault::Transient(Some(asked)) } else { Fault::None }).await;
    bench.assert_failed(&end, ReasonKind::SourceUnreachable).await;
    assert!(end.missing[0].starts_with(NAME), "{end:?}");
    assert!(bench.shared.keys(Port::Source, "fetch").len() < 31 + 15, "bounded (I11)");
}

#[tokio::test(start_paused = true)]
async fn a_pause_asked_for_before_publishing_is_kept() {
    let asked = Duration::from_secs(200);
    let start = tokio::time::Instant::now();
    // The second reading of the structure is the one before publishing.
    let (bench, end) = with(move |call| {
        let again = call.is(Port::Source, "document") && call.key == ".dds" && call.nth == 2;
        if again { Fault::Transient(Some(asked)) } else { Fault::None }
    })
    .await;
    bench.assert_published(&end).await;
    assert!(start.elapsed() >= asked, "asked again after {:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_smaller_request_gives_the_same_chunk() {
    let expected = undisturbed(Dataset::full(), &request()).await;
    for limit in [None, Some(24), Some(1), Some(0), Some(1_000_000)] {
        let (bench, end) = with(move |call| {
            let large = call.verb == "fetch" && elements(&call.key) > 6;
            if large { Fault::TooLarge(limit) } else { Fault::None }
        })
        .await;
        bench.assert_published(&end).await;
        assert_eq!(reader::comparable(&bench.target.snapshot()), expected, "limit {limit:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_even_one_element_is_believed() {
    let (bench, end) = with(|call| if of_v(call) { Fault::TooLarge(None) } else { Fault::None }).await;
    bench.assert_failed(&end, ReasonKind::SourceRefused).await;
    assert_eq!(end.missing_chunks, 12);
}

fn of_v(call: &Call) -> bool {
    call.verb == "fetch" && call.key.starts_with("v[")
}

fn elements(query: &str) -> u64 {
    let ranges = query.split(['[', ']']).filter_map(|range| range.split_once(':'));
    ranges.map(|(first, last)| last.parse::<u64>().unwrap() - first.parse::<u64>().unwrap() + 1).product()
}

/// A run during which the dataset changes when the last chunk has been fetched.
async fn changing(change: impl FnOnce(&mut Dataset) + Send + 'static) -> (Bench, run::End) {
    let bench = Bench::new(Dataset::small());
    let source = std::sync::Arc::clone(&bench.source);
    let (mut change, mut receipts) = (Some(change), 0);
    bench.script(move |call| {
        receipts += usize::from(call.is(Port::Records, "send"));
        if receipts == 5
            && let Some(change) = change.take()
        {
            source.change(change);
        }
        Fault::None
    });
    let end = bench.run(&small_request()).await;
    (bench, end)
}

#[tokio::test(start_paused = true)]
async fn a_dataset_that_changed_is_not_published() {
    for change in [
        (|dataset| dataset.variables[0].attributes = "Int16 _FillValue -2;") as fn(&mut Dataset),
        |dataset| dataset.grow("lat", 1),
        |dataset| dataset.variables.truncate(1),
        |dataset| dataset.globals = dataset.globals.replace("small", "other"),
        |dataset| dataset.variables[0].dimensions[0].1 -= 1,
    ] {
        let (bench, end) = changing(change).await;
        bench.assert_failed(&end, ReasonKind::SourceChanged).await;
        assert!(!bench.target.snapshot().keys().any(|key| zarr::is_node_document(key)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_dataset_that_grew_is_published_as_planned() {
    let (bench, end) = changing(|dataset| dataset.grow("time", 4)).await;
    bench.assert_published(&end).await;
    assert_eq!(bench.plan(&end.run).await.arrays[0].spec.shape.sizes(), [3, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_cannot_be_planned_from_fails_the_run() {
    for (fault, kind, readings) in [
        (Fault::Transient(None), ReasonKind::SourceUnreachable, 6),
        (Fault::Permanent(ReasonKind::SourceNotFound), ReasonKind::SourceNotFound, 1),
    ] {
        let (bench, end) = with(move |call| if call.verb == "document" { fault } else { Fault::None }).await;
        bench.assert_failed(&end, kind).await;
        assert_eq!(bench.shared.keys(Port::Source, "document").len(), readings);
        assert!(bench.target.snapshot().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_has_to_wait_comes_back_as_the_same_message() {
    let bench = Bench::new(Dataset::small());
    let asked = Duration::from_mins(10);
    bench.script(
        move |call| {
            if call.verb == "document" && call.nth == 1 { Fault::Transient(Some(asked)) } else { Fault::None }
        },
    );
    let run = bench.open(&small_request(), 1).await;
    let outcome = bench.process().plan(&run).await;
    assert!(matches!(outcome, Outcome::Retry(after) if after >= asked), "no sweep would send it again: {outcome:?}");
    let end = bench.run(&small_request()).await;
    bench.assert_published(&end).await;
}
