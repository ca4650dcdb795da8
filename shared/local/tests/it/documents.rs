//! Documents of the state store that are broken, from another version, or somebody else's: F51, F79. A typed error, no
//! panic, and nothing is published.

use bytes::Bytes;
use run::{ReasonKind, Verdict, keys};
use steps::{
    Outcome,
    ports::{Metadata, Store},
};

use crate::{
    bench::{Bench, small_request, v2},
    dataset::Dataset,
    reader,
};

const BROKEN: [&[u8]; 6] = [b"", b"{", b"null", b"[1,2]", b"\xff\xfe", b"{\"version\": 2}"];

async fn put(bench: &Bench, key: &str, bytes: &[u8]) {
    bench.state.put(key, Bytes::copy_from_slice(bytes), &Metadata::new()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_broken_document_is_a_typed_error() {
    let request = small_request();
    for broken in BROKEN {
        for which in 0..6 {
            let bench = Bench::new(Dataset::small());
            let run = bench.open(&request, 1).await;
            let key = match which {
                0 => keys::request(&run),
                1 => keys::plan(&run),
                2 => keys::target(&request.target.id()),
                3 => format!("{}{}-r5-f0-d0.jsonl", keys::segments(&run), "0".repeat(24)),
                4 => keys::decision(&run),
                _ => keys::end(&run),
            };
            put(&bench, &key, broken).await;
            let driven = bench.process().drive(&run).await.unwrap();
            let reason = match driven {
                Ok(local::Driven::Ended(end)) => match end.verdict {
                    Verdict::Failed { reason } => reason,
                    // An empty segment holds no records, which is nothing wrong.
                    Verdict::Publish if which == 3 && broken.is_empty() => continue,
                    other @ (Verdict::Publish | Verdict::Cancelled | Verdict::Superseded { .. }) => {
                        panic!("{key}: {other:?}")
                    }
                },
                Ok(other) => panic!("{key}: {other:?}"),
                Err(reason) => reason,
            };
            let expected = if which == 0 { ReasonKind::BadRequest } else { ReasonKind::State };
            assert_eq!(reason.kind, expected, "{key} {reason}");
            assert_eq!(reader::open(&bench.target.snapshot()), Ok(None), "{key}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_of_another_version_or_run_is_not_used() {
    let other = Bench::new(Dataset::small());
    let end = other.run(&v2(small_request())).await;
    let foreign = other.state.get(&keys::plan(&end.run)).await.unwrap().unwrap().bytes;
    for plan in [
        foreign.clone(),
        Bytes::from(String::from_utf8(foreign.to_vec()).unwrap().replace("\"version\": 1", "\"version\": 9")),
    ] {
        let bench = Bench::new(Dataset::small());
        let run = bench.open(&small_request(), 1).await;
        put(&bench, &keys::plan(&run), &plan).await;
        let outcome = bench.process().plan(&run).await;
        assert!(matches!(&outcome, Outcome::Failed(reason) if reason.kind == ReasonKind::State), "{outcome:?}");
        assert!(bench.target.snapshot().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_decision_to_publish_without_a_plan_publishes_nothing() {
    let bench = Bench::new(Dataset::small());
    let run = bench.open(&small_request(), 1).await;
    let decision = run::Decision {
        version: 1,
        run: run.clone(),
        verdict: Verdict::Publish,
        at: bench.process().ports.world.now(),
    };
    put(&bench, &keys::decision(&run), &serde_json::to_vec(&decision).unwrap()).await;
    let outcome = bench.process().sweep(&run, false).await;
    assert!(matches!(&outcome, Outcome::Failed(reason) if reason.kind == ReasonKind::State), "{outcome:?}");
    assert!(bench.state.get(&keys::end(&run)).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_a_crash_left_after_the_end_is_finished_by_the_sweep() {
    let bench = Bench::new(Dataset::small());
    let end = bench.run(&small_request()).await;
    bench.state.delete(&keys::report(&end.run)).await.unwrap();
    put(&bench, &keys::open(&end.run), b"").await;
    assert_eq!(bench.process().sweep(&end.run, false).await, Outcome::Done);
    bench.assert_published(&end).await;
}
