//! Servers that fail, stall, limit and lie in the middle of a run: the run goes on, and the dataset is the one that a
//! server without faults gives, byte for byte.

use std::time::Duration;

use dap_server::{At, Behaviour, Fault, FaultKind, Limit, Stats};
use e2e::{Finished, Machine, Objects};

use crate::setup::{CHUNK_COUNT, CHUNKS, PLANNING, reference, small};

/// What a conversion through faults was like.
struct Survived {
    finished: Finished,
    stats: Stats,
}

/// Converts from a server that misbehaves, and compares with a conversion that was not disturbed.
async fn survives(options: &str, misbehave: impl FnOnce(&mut Behaviour)) -> Survived {
    let (machine, server) = (Machine::new(), small().await);
    server.change(misbehave);
    let target = machine.path("out.zarr");
    let arguments = format!("convert {} {} {CHUNKS} -v {options}", server.url("prism"), target.display());
    let finished = machine.command(arguments).run().await.success();
    Objects::of(&target).assert_same(&reference("").await);
    Survived { finished, stats: server.stats() }
}

fn fault(text: &str) -> impl FnOnce(&mut Behaviour) {
    let fault: Fault = text.parse().unwrap();
    move |behaviour| behaviour.faults.push(fault)
}

#[tokio::test]
async fn a_busy_server_that_asks_for_a_pause() {
    let survived = survives("", fault("503 every=5 retry-after=1")).await;
    assert!(survived.stats.faults >= 5, "{:?}", survived.stats);
    assert!(survived.finished.elapsed >= Duration::from_secs(1), "Retry-After is honoured: {:?}", survived.finished);
    assert!(survived.finished.stderr.contains("503"), "{}", survived.finished.stderr);
}

#[tokio::test]
async fn a_server_that_counts_requests() {
    let survived = survives("", fault("429 every=6")).await;
    assert!(survived.stats.faults >= 4, "{:?}", survived.stats);
}

#[tokio::test]
async fn bodies_that_end_early() {
    let survived = survives("", fault("truncate every=4 at=60%")).await;
    assert!(survived.stats.faults >= 6, "{:?}", survived.stats);
    assert_eq!(survived.stats.answered, PLANNING + CHUNK_COUNT, "{:?}", survived.stats);
}

#[tokio::test]
async fn bodies_that_are_short_and_say_so() {
    survives("", fault("short every=6 at=8")).await;
}

#[tokio::test]
async fn connections_that_drop() {
    survives("", fault("drop every=5")).await;
}

#[tokio::test]
async fn errors_in_place_of_data_with_status_200() {
    survives("", |b| {
        b.faults.push(Fault::new(FaultKind::ErrorBody("out of memory".to_owned())).every(7));
    })
    .await;
}

#[tokio::test]
async fn errors_in_the_middle_of_data() {
    survives("", |b| b.faults.push(Fault::new(FaultKind::ErrorInBody(At::Percent(40))).every(7))).await;
}

#[tokio::test]
async fn login_pages_now_and_then() {
    survives("", fault("html every=9")).await;
}

#[tokio::test]
async fn faults_while_the_dataset_is_described() {
    for text in ["503 next=1 on=dds", "drop next=1 on=das", "truncate next=1 on=dds"] {
        survives("", fault(text)).await;
    }
}

#[tokio::test]
async fn a_server_that_refuses_large_requests() {
    // A chunk is 73,728 bytes.
    let survived = survives("", |b| b.max_request_bytes = Some(40_000)).await;
    assert!(survived.stats.answered >= 24 * 2, "each chunk of a grid takes at least two: {:?}", survived.stats);
    assert!(survived.stats.dods <= PLANNING + 24 * 4 + 4, "and not many more: {:?}", survived.stats);
}

#[tokio::test]
async fn a_server_that_answers_two_at_a_time() {
    let survived = survives("--concurrency 2", |b| {
        b.limit = Some(Limit { requests: 2, queue: false });
        b.latency = Duration::from_millis(20);
    })
    .await;
    assert_eq!(survived.stats.max_in_flight, 2, "{:?}", survived.stats);
}

#[tokio::test]
async fn a_limit_below_our_concurrency() {
    survives("--concurrency 6", |b| {
        b.limit = Some(Limit { requests: 3, queue: false });
        b.latency = Duration::from_millis(20);
    })
    .await;
}

#[tokio::test]
async fn no_more_in_flight_than_allowed() {
    for concurrency in [1, 3] {
        let survived = survives(&format!("--concurrency {concurrency}"), |b| {
            b.latency = Duration::from_millis(30);
            // Repeated attempts count too.
            b.faults.push(Fault::new(FaultKind::Truncate(At::Percent(50))).every(9));
        })
        .await;
        assert_eq!(survived.stats.max_in_flight, concurrency, "{:?}", survived.stats);
    }
}

#[tokio::test]
async fn bodies_without_a_length() {
    survives("", |b| {
        b.chunked = true;
        b.piece_bytes = 1000;
    })
    .await;
}

#[tokio::test]
async fn bodies_without_a_length_that_end_early() {
    survives("", |b| {
        b.chunked = true;
        b.faults.push(Fault::new(FaultKind::Truncate(At::Percent(80))).every(5));
    })
    .await;
}

#[tokio::test]
async fn a_server_that_knows_raw_brackets_only() {
    let survived = survives("", |b| b.refuse_encoded_brackets = true).await;
    assert!(survived.stats.dods < CHUNK_COUNT + 10, "it is learned once: {:?}", survived.stats);
}

#[tokio::test]
async fn a_server_that_refuses_raw_brackets() {
    let survived = survives("", |b| b.refuse_raw_brackets = true).await;
    assert_eq!(survived.stats.dods, PLANNING + CHUNK_COUNT, "{:?}", survived.stats);
}
