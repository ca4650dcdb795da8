//! From a dropped request to an open run: F42, F51, F53, F79, F80.

use run::{End, ReasonKind, Request, Target, Verdict, keys};
use steps::{Outcome, ports::Store};

use crate::{
    bench::{Bench, small_request, v2},
    dataset::Dataset,
    gate::{Fault, Port},
    stack,
};

const KEY: &str = "requests/one.json";

/// The runs there are.
fn runs(bench: &Bench) -> Vec<String> {
    let ids =
        bench.state.snapshot().into_keys().filter(|key| key.starts_with("runs/") && !key.starts_with("runs/open/"));
    let mut ids: Vec<_> = ids.map(|key| key.split('/').nth(1).unwrap().to_owned()).collect();
    ids.dedup();
    ids
}

#[tokio::test(start_paused = true)]
async fn a_request_is_opened_and_planned_once_however_often_it_is_announced() {
    let bench = stack::bench(Dataset::small());
    let run = bench.submit(KEY, &small_request()).await;
    let process = bench.process();
    bench.script(|_| Fault::None);
    for _ in 0..3 {
        assert_eq!(process.request(KEY).await, Outcome::Done);
    }
    let tasks = process.tasks().await;
    assert_eq!(tasks.len(), 5, "the chunks are sent once");
    assert!(tasks.iter().all(|task| task.run == run));
    assert_eq!(runs(&bench), [run.as_str()]);
    assert!(bench.state.snapshot().keys().any(|key| key.starts_with("accepted/")));
    for task in tasks {
        process.handle(steps::Message::Chunk(task)).await;
    }
    process.handle(steps::Message::Records(process.reports().await)).await;
    bench.assert_published(&bench.end(&run).await.unwrap()).await;
    let before = bench.state.snapshot();
    assert_eq!(process.request(KEY).await, Outcome::Done);
    assert_eq!(bench.state.snapshot(), before, "after the end it changes nothing");
    assert_eq!(process.tasks().await, []);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_gone_or_none_opens_nothing() {
    let bench = stack::bench(Dataset::small());
    let process = bench.process();
    assert_eq!(process.request(KEY).await, Outcome::Done);
    bench.put("runs/x/request.json", b"{}").await;
    for key in ["runs/x/request.json", "requests/", "requests/notes.txt", "../requests/x.json", ""] {
        let outcome = process.request(key).await;
        assert!(matches!(&outcome, Outcome::Failed(reason) if reason.kind == ReasonKind::BadRequest), "{outcome:?}");
    }
    assert_eq!(bench.state.snapshot().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_request_fails_at_once_and_names_the_place() {
    let good = serde_json::to_value(small_request()).unwrap();
    let with = |path: &str, value: serde_json::Value| {
        let mut document = good.clone();
        document[path] = value;
        document.to_string().into_bytes()
    };
    for (bytes, expected) in [
        (Vec::new(), "the request is empty"),
        (b"{".to_vec(), "EOF while parsing an object at line 1 column 1"),
        (b"[]".to_vec(), "expected struct Request"),
        (b"\xff\xfe{\x00}\x00".to_vec(), "UTF-16"),
        (b"{\"version\": 1, \"source\": \"\xff\"}".to_vec(), "at `source`"),
        (with("version", 2.into()), "the request has version 2, this program reads version 1"),
        (with("chunk", 1.into()), "unknown field `chunk`"),
        (with("chunks", serde_json::json!({"time": "two"})), "at `chunks.time`: invalid type: string"),
        (with("ranges", serde_json::json!({"lat": "9"})), "at `ranges.lat`: `9` is not a range"),
        (with("source", "ftp://h/x".into()), "at `source`"),
        (with("target", serde_json::json!({"s3": {"bucket": "B"}})), "at `target`"),
        (with("concurrency", 0.into()), "`concurrency` is 0, expected 1 to 1000"),
        (vec![b' '; 1_000_001], "the request has 1000001 bytes, at most 1000000 are read"),
        ("[".repeat(500_000).into_bytes(), "invalid type: sequence"),
    ] {
        let bench = stack::bench(Dataset::small());
        bench.put(KEY, &bytes).await;
        let process = bench.process();
        let outcome = process.request(KEY).await;
        assert!(matches!(&outcome, Outcome::Failed(reason) if reason.kind == ReasonKind::BadRequest), "{outcome:?}");
        let [run] = runs(&bench).try_into().unwrap();
        let run = run.try_into().unwrap();
        let end: End = bench.end(&run).await.unwrap();
        bench.assert_failed(&end, ReasonKind::BadRequest).await;
        let Verdict::Failed { reason } = &end.verdict else { panic!() };
        assert!(reason.message.contains(expected), "expected {expected}, found {reason}");
        let kept = bench.state.get(&keys::request(&run)).await.unwrap().map(|object| object.bytes.to_vec());
        assert_eq!(kept, (bytes.len() <= 1_000_000).then_some(bytes), "as it came");
        // Announced again, looked for by the sweep: nothing comes of it.
        let before = bench.state.snapshot();
        process.request(KEY).await;
        tokio::time::sleep(std::time::Duration::from_mins(4)).await;
        process.tick().await;
        assert_eq!(bench.state.snapshot(), before);
        assert!(process.plans.depth().is_empty() && process.chunks.depth().is_empty());
        assert_eq!(bench.shared.keys(Port::Source, "document"), Vec::<String>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_not_ours_is_refused_before_anything_is_asked() {
    let bench = stack::bench(Dataset::small());
    let request = Request { target: Target::Folder { path: "/denied/x.zarr".to_owned() }, ..small_request() };
    let run = bench.submit(KEY, &request).await;
    let outcome = bench.process().request(KEY).await;
    assert!(matches!(&outcome, Outcome::Failed(reason) if reason.kind == ReasonKind::TargetDenied), "{outcome:?}");
    bench.assert_failed(&bench.end(&run).await.unwrap(), ReasonKind::TargetDenied).await;
    assert_eq!(bench.document::<Request>(&keys::request(&run)).await, Some(request));
    let asked = bench.shared.calls().into_iter().filter(|call| matches!(call.port, Port::Source | Port::Target));
    assert_eq!(asked.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn two_spellings_of_a_place_are_one_target() {
    let bench = stack::bench(Dataset::small());
    let slash = Request { target: Target::Folder { path: "/x.zarr/".to_owned() }, ..small_request() };
    let first = bench.submit(KEY, &small_request()).await;
    assert_eq!(bench.process().request(KEY).await, Outcome::Done);
    bench.submit("requests/two.json", &slash).await;
    assert_eq!(bench.process().request("requests/two.json").await, Outcome::Done);
    let second = runs(&bench).into_iter().find(|run| *run != first.to_string()).unwrap();
    let end = bench.end(&second.try_into().unwrap()).await.unwrap();
    assert_eq!(end.verdict, Verdict::Superseded { by: first });
}

#[tokio::test(start_paused = true)]
async fn the_same_request_again_disturbs_nothing() {
    let bench = stack::bench(Dataset::small());
    let first = bench.submit(KEY, &small_request()).await;
    let process = bench.process();
    process.request(KEY).await;
    // Another number of requests at once does not make it another conversion.
    let again = Request { concurrency: Some(9), ..small_request() };
    let second = bench.submit(KEY, &again).await;
    assert_ne!(first, second);
    bench.script(|_| Fault::None);
    let start = tokio::time::Instant::now();
    assert_eq!(process.request(KEY).await, Outcome::Done);
    assert!(start.elapsed().is_zero(), "no quarantine");
    let end = bench.end(&second).await.unwrap();
    assert_eq!(end.verdict, Verdict::Superseded { by: first.clone() });
    bench.assert_ended(&end).await;
    assert_eq!(bench.shared.keys(Port::Source, "document"), Vec::<String>::new());
    process.work().await;
    process.handle(steps::Message::Records(process.reports().await)).await;
    bench.assert_published(&bench.end(&first).await.unwrap()).await;
}

/// Both planners read the source before either has the target: it is the lease that tells who goes on.
#[tokio::test(start_paused = true)]
async fn the_same_request_twice_at_once_is_one_conversion() {
    let bench = stack::bench(Dataset::small());
    let runs = [
        bench.submit("requests/a.json", &small_request()).await,
        bench.submit("requests/b.json", &small_request()).await,
    ];
    let (one, two) = (bench.process(), bench.process());
    bench.script(|call| Fault::Delay(std::time::Duration::from_millis((call.number as u64 * 13) % 29)));
    let (first, second) = tokio::join!(one.request("requests/a.json"), two.request("requests/b.json"));
    // Whoever lost the race for the lease is asked to come back.
    for (process, outcome, key) in [(&one, first, "requests/a.json"), (&two, second, "requests/b.json")] {
        if let Outcome::Retry(_) = outcome {
            assert_eq!(process.request(key).await, Outcome::Done);
        }
    }
    let mut ends = Vec::new();
    for run in &runs {
        ends.extend(bench.end(run).await);
    }
    let [end] = ends.as_slice() else { panic!("{ends:?}") };
    let other = runs.iter().find(|run| **run != end.run).unwrap();
    assert_eq!(end.verdict, Verdict::Superseded { by: other.clone() });
    assert_eq!(one.tasks().await.len() + two.tasks().await.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_changed_is_another_run_and_takes_the_target() {
    let mut bench = stack::bench(Dataset::small());
    bench.settings.quarantine = std::time::Duration::ZERO;
    let first = bench.submit(KEY, &small_request()).await;
    bench.process().request(KEY).await;
    let second = bench.submit(KEY, &v2(small_request())).await;
    assert_eq!(bench.process().request(KEY).await, Outcome::Done);
    let end = bench.end(&first).await.unwrap();
    assert_eq!(end.verdict, Verdict::Superseded { by: second });
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_asks_more_at_once_than_the_request_allows_refuses_it() {
    for (allowed, refused) in [(Some(7), true), (Some(1), true), (Some(8), false), (None, false)] {
        let mut bench = stack::bench(Dataset::small());
        bench.settings.fleet = Some(8);
        let run = bench.submit(KEY, &Request { concurrency: allowed, ..small_request() }).await;
        let process = bench.process();
        process.request(KEY).await;
        assert_eq!(process.tasks().await.is_empty(), refused);
        if refused {
            let end = bench.end(&run).await.unwrap();
            bench.assert_failed(&end, ReasonKind::BadRequest).await;
            let Verdict::Failed { reason } = end.verdict else { panic!() };
            for part in ["concurrency", "MaximumConcurrency", "up to 8", &format!("allows {}", allowed.unwrap())] {
                assert!(reason.message.contains(part), "{part}: {reason}");
            }
            assert_eq!(bench.shared.keys(Port::Source, "document"), Vec::<String>::new());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_a_functions_memory_is_refused_before_a_message_is_sent() {
    const BASE: u64 = 128 << 20;
    // The largest chunk of `v` has 2 x 3 numbers of 2 bytes, that of `time` 3 of 8; there are five.
    for (worker, finalizer, expected) in [
        (BASE + 3 * 24, BASE + 5 * 2_000, None),
        (
            BASE + 3 * 24 - 1,
            BASE + 5 * 2_000,
            Some(["a chunk of `time` (3, 24 bytes)", "129 MB", "128 MB", "ChunkMemory"]),
        ),
        (BASE + 3 * 24, BASE + 5 * 2_000 - 1, Some(["5 chunks", "129 MB", "128 MB", "FinalizerMemory"])),
    ] {
        let mut bench = stack::bench(Dataset::small());
        bench.settings.worker_memory = Some(worker);
        bench.settings.finalizer_memory = Some(finalizer);
        let run = bench.submit(KEY, &small_request()).await;
        let process = bench.process();
        process.request(KEY).await;
        let Some(parts) = expected else {
            assert_eq!(process.tasks().await.len(), 5);
            continue;
        };
        assert_eq!(process.tasks().await, []);
        let end = bench.end(&run).await.unwrap();
        bench.assert_failed(&end, ReasonKind::BadRequest).await;
        let Verdict::Failed { reason } = end.verdict else { panic!() };
        for part in parts {
            assert!(reason.message.contains(part), "{part}: {reason}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_of_a_later_version_ends_the_run_by_name() {
    let bench = stack::bench(Dataset::small());
    let run = bench.submit(KEY, &small_request()).await;
    // With fields that this version does not know, and without some that it needs.
    bench.put(&keys::plan(&run), b"{\"version\": 2, \"wonders\": []}").await;
    let outcome = bench.process().request(KEY).await;
    assert!(matches!(&outcome, Outcome::Failed(reason) if reason.kind == ReasonKind::State), "{outcome:?}");
    let end = bench.end(&run).await.unwrap();
    let Verdict::Failed { reason } = &end.verdict else { panic!() };
    assert!(reason.message.contains("version 2, this program reads version 1"), "{reason}");
    assert!(bench.state.get(&keys::open(&run)).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_message_to_plan_what_nobody_opened_leaves_nothing_behind() {
    let bench = stack::bench(Dataset::small());
    let outcome = bench.process().plan(&"0123456789ab-v0123456789ab".to_owned().try_into().unwrap()).await;
    assert!(matches!(outcome, Outcome::Failed(_)));
    assert!(bench.state.snapshot().is_empty());
}
