//! Who may write a target: F37, F60, F76, F80; invariants 3, 5 and 6, and "one writer per target" of the design.

use std::time::Duration;

use bytes::Bytes;
use run::{End, Mode, ReasonKind, Request, Verdict, keys};
use steps::{
    Message, Outcome,
    ports::{Metadata, Store},
};

use crate::{
    bench::{Bench, request, small_request, v2},
    dataset::Dataset,
    gate::{Fault, Port},
    reader,
};

fn overwrite() -> Request {
    Request { mode: Mode::Overwrite, ..small_request() }
}

async fn put(bench: &Bench, key: &str) {
    bench.target.put(key, Bytes::from_static(b"theirs"), &Metadata::new()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_somebody_elses_is_never_touched() {
    for (request, key) in [
        (small_request(), "notes.txt"),
        (small_request(), "zarr.json"),
        (small_request(), ".zgroup"),
        (overwrite(), "notes.txt"),
        (overwrite(), "v/zarr.json"),
    ] {
        let bench = Bench::new(Dataset::small());
        put(&bench, key).await;
        let before = bench.target.snapshot();
        bench.script(|_| Fault::None);
        let run = bench.open(&request, 1).await;
        let driven = bench.process().drive(&run).await.unwrap().unwrap();
        let local::Driven::Ended(end) = driven else { panic!("{driven:?}") };
        let Verdict::Failed { reason } = &end.verdict else { panic!("{key}: {end:?}") };
        assert_eq!(reason.kind, ReasonKind::TargetOccupied, "{key}");
        assert_eq!(bench.target.snapshot(), before);
        assert_eq!(bench.shared.keys(Port::Source, "document"), Vec::<String>::new());
    }
}

/// Ends as occupied, and leaves the target as it is.
async fn assert_refused(bench: &Bench, request: &Request, attempt: u32) {
    let before = bench.target.snapshot();
    let end = bench.attempt(request, attempt).await;
    let occupied = matches!(&end.verdict, Verdict::Failed { reason } if reason.kind == ReasonKind::TargetOccupied);
    assert!(occupied, "{end:?}");
    assert_eq!(bench.target.snapshot(), before);
}

#[tokio::test(start_paused = true)]
async fn a_dataset_with_somebody_elses_object_beside_it_is_not_overwritten() {
    for key in ["notes.txt", "other/data.csv"] {
        let bench = Bench::new(Dataset::small());
        bench.run(&small_request()).await;
        put(&bench, key).await;
        assert_refused(&bench, &overwrite(), 1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_was_ours_once_is_not_ours_for_good() {
    let bench = Bench::new(Dataset::small());
    bench.run(&small_request()).await;
    // The dataset is moved away, and its place taken.
    for key in bench.target.snapshot().into_keys() {
        bench.target.delete(&key).await.unwrap();
    }
    put(&bench, "v/mine").await;
    assert_refused(&bench, &small_request(), 2).await;
    assert_refused(&bench, &overwrite(), 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_published_dataset_is_not_replaced_by_a_create() {
    let bench = Bench::new(Dataset::small());
    bench.run(&small_request()).await;
    let before = bench.target.snapshot();
    for (request, attempt) in [(small_request(), 2), (v2(small_request()), 1)] {
        let end = bench.attempt(&request, attempt).await;
        assert!(matches!(&end.verdict, Verdict::Failed { reason } if reason.kind == ReasonKind::TargetOccupied));
        assert_eq!(bench.target.snapshot(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn an_overwrite_hides_the_old_dataset_first_and_clears_up_last() {
    let bench = Bench::new(Dataset::full());
    bench.run(&v2(request())).await;
    bench.source.change(|dataset| *dataset = Dataset::small());
    bench.script(|_| Fault::None);
    let end = bench.run(&overwrite()).await;
    bench.assert_published(&end).await;
    let calls: Vec<_> = bench.shared.calls().into_iter().filter(|call| call.port == Port::Target).collect();
    let position = |verb: &str, key: &str| calls.iter().position(|call| call.verb == verb && call.key == key).unwrap();
    let first_chunk = calls.iter().position(|call| call.verb == "put").unwrap();
    for key in [".zmetadata", ".zgroup", ".zattrs", "v/.zarray", "packed/.zattrs"] {
        assert!(position("delete", key) < first_chunk, "{key}");
    }
    assert!(position("delete", ".zmetadata") < position("delete", ".zgroup"));
    let published = position("put", "zarr.json");
    for key in ["packed/0.0.0", "v/0.0.0", "crs/0"] {
        assert!(position("delete", key) > published, "{key}");
    }
    assert_eq!(bench.target.snapshot().len(), 8);
}

#[tokio::test(start_paused = true)]
async fn another_request_supersedes_an_open_run_whose_workers_then_write_nothing() {
    let bench = Bench::new(Dataset::small());
    let (first, second) = (bench.process(), bench.process());
    let old = bench.open(&small_request(), 1).await;
    first.plan(&old).await;
    let tasks = first.tasks().await;
    let new_request = v2(small_request());
    let new = bench.open(&new_request, 1).await;
    bench.script({
        let mut taken = Some((second, new.clone()));
        move |call| {
            // While the old run's worker fetches, the new run takes the target.
            if let Some((second, new)) = call.is(Port::Source, "fetch").then(|| taken.take()).flatten() {
                tokio::spawn(async move { second.plan(&new).await });
                return Fault::Delay(Duration::from_secs(5));
            }
            Fault::None
        }
    });
    for task in tasks {
        assert_eq!(first.handle(Message::Chunk(task)).await, Outcome::Done);
    }
    assert_eq!(bench.shared.keys(Port::Target, "put"), Vec::<String>::new());
    assert_eq!(bench.shared.keys(Port::Source, "fetch").len(), 1, "the other chunks are not even fetched");
    let end: End = bench.document(&keys::end(&old)).await.unwrap();
    assert_eq!(end.verdict, Verdict::Superseded { by: new });
    bench.assert_ended(&end).await;
    let end = bench.run(&new_request).await;
    bench.assert_published(&end).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_superseded_does_not_take_its_target_back() {
    let bench = Bench::new(Dataset::small());
    let (first, second) = (bench.process(), bench.process());
    let old = bench.open(&small_request(), 1).await;
    first.plan(&old).await;
    let new = bench.open(&v2(small_request()), 1).await;
    // The old run's planner, on a duplicate message, is slow to read who holds the target; until then the new run takes
    // it.
    bench.script({
        let mut taken = Some((second, new.clone()));
        move |call| {
            if let Some((second, new)) =
                (call.is(Port::State, "get") && call.key.starts_with("targets/")).then(|| taken.take()).flatten()
            {
                tokio::spawn(async move { second.plan(&new).await });
                return Fault::Delay(Duration::from_secs(5));
            }
            Fault::None
        }
    });
    assert!(matches!(first.plan(&old).await, Outcome::Retry(_)));
    assert_eq!(first.plan(&old).await, Outcome::Done);
    let end: End = bench.document(&keys::end(&old)).await.unwrap();
    assert_eq!(end.verdict, Verdict::Superseded { by: new.clone() });
    assert_eq!(bench.document::<End>(&keys::end(&new)).await, None, "the new run goes on");
}

#[tokio::test(start_paused = true)]
async fn a_new_writer_waits_until_no_write_of_the_former_can_land() {
    let mut bench = Bench::new(Dataset::small());
    bench.settings.quarantine = Duration::from_mins(15);
    let old = bench.open(&small_request(), 1).await;
    bench.process().plan(&old).await;
    let start = tokio::time::Instant::now();
    let end = bench.run(&v2(small_request())).await;
    bench.assert_published(&end).await;
    assert!(start.elapsed() >= Duration::from_mins(15));

    let start = tokio::time::Instant::now();
    let end = bench.run(&overwrite()).await;
    bench.assert_published(&end).await;
    assert!(start.elapsed() >= Duration::from_mins(15), "a published run may have had a second publisher");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_ends_and_publishes_nothing() {
    let bench = Bench::new(Dataset::full());
    let run = bench.open(&request(), 1).await;
    let mut cancel = Some((run, bench.process()));
    let mut fetched = 0;
    bench.script(move |call| {
        fetched += usize::from(call.verb == "fetch");
        if let Some((run, other)) = (fetched == 10).then(|| cancel.take()).flatten() {
            tokio::spawn(async move { steps::cancel(&run, &other.ports).await.unwrap() });
        }
        Fault::None
    });
    let end = bench.run(&request()).await;
    assert_eq!(end.verdict, Verdict::Cancelled);
    bench.assert_ended(&end).await;
    assert_eq!(reader::open(&bench.target.snapshot()), Ok(None));
    assert!(end.missing_chunks > 0);
    // What was decided stays decided.
    let again = steps::cancel(&end.run, &bench.process().ports).await.unwrap();
    assert_eq!(again, Verdict::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_run_cancelled_before_it_was_planned_ends_too() {
    let bench = Bench::new(Dataset::small());
    let run = bench.open(&small_request(), 1).await;
    steps::cancel(&run, &bench.process().ports).await.unwrap();
    let end = bench.run(&small_request()).await;
    assert_eq!(end.verdict, Verdict::Cancelled);
    bench.assert_ended(&end).await;
    assert!(bench.target.snapshot().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_published_run_cannot_be_cancelled() {
    let bench = Bench::new(Dataset::small());
    let end = bench.run(&small_request()).await;
    assert_eq!(steps::cancel(&end.run, &bench.process().ports).await, Ok(Verdict::Publish));
    bench.assert_published(&end).await;
}
