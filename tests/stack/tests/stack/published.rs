//! A request comes to the dataset that a local conversion makes.

use dap_server::{Behaviour, prism};
use e2e::Machine;
use run::{RunId, SegmentName, Verdict};
use serde_json::json;

use crate::setup::{Stack, reference};

/// 3 grids of 2 × 2 × 2 chunks, and 4 coordinates and bounds in one each.
const CHUNKS: u64 = 3 * 8 + 4;
/// Data requests of planning: the first times, for their cadence.
const PLANNING: u64 = 1;

#[tokio::test]
async fn a_dropped_request_comes_to_the_bytes_of_a_local_conversion() {
    let Some(stack) = Stack::deployed("here", "dropped") else { return };
    let server = stack.source(prism::window(24, 64, 96), Behaviour::default()).await;
    for format in ["v3", "v2"] {
        server.reset_stats();
        let dataset = format!("{format}.zarr");
        let mut request = stack.request(&server.url("prism"), &dataset, &json!({"time": 12, "lat": 32, "lon": 48}));
        request["format"] = format.into();
        let run = stack.ask(format, &request).await;
        let end = stack.end(&run).await;
        assert_eq!(end.verdict, Verdict::Publish, "{end:?}");
        let stats = server.stats();
        assert_eq!(stats.dods, PLANNING + CHUNKS, "each chunk is fetched once");
        assert!(stats.max_in_flight <= stack.concurrency(), "{stats:?}");
        assert!(stats.user_agent.contains("tests@example.org"), "{}", stats.user_agent);
        let options = format!("--chunks time=12,lat=32,lon=48 --format {format}");
        let expected = reference(&server.url("prism"), &options).await;
        stack.objects(&dataset).await.assert_same(&expected);

        let report = stack.report(&run).await;
        assert_eq!((report.chunks, report.retries), (CHUNKS, 0));
        assert_eq!(stack.plan(&run).await.totals.chunks, CHUNKS);
        assert_eq!(receipts(&stack, &run).await, CHUNKS);
        assert!(stack.is_closed(&run).await, "the open marker goes with the end");
    }
}

/// The receipts in a run's segments, by their names.
async fn receipts(stack: &Stack, run: &RunId) -> u64 {
    let keys = stack.runs(run).await;
    let names = keys.iter().filter_map(|key| SegmentName::parse(key.rsplit('/').next()?));
    names.map(|name| name.receipts).sum()
}

#[tokio::test]
async fn submitted_and_watched_it_looks_like_a_conversion() {
    let Some(stack) = Stack::deployed("here", "submitted") else { return };
    let server = stack.source(prism::window(24, 64, 96), Behaviour::default()).await;
    let machine = Machine::new();
    let arguments =
        format!("submit {} {} --chunks time=12,lat=32,lon=48 --watch", server.url("prism"), stack.target("x.zarr"));
    let submitted = stack.command(&machine, arguments).run().await.success();
    let run = submitted.stdout.lines().next().unwrap().trim().to_owned();
    assert!(RunId::try_from(run.clone()).is_ok(), "{}", submitted.stdout);
    let expected = reference(&server.url("prism"), "--chunks time=12,lat=32,lon=48").await;
    stack.objects("x.zarr").await.assert_same(&expected);

    let status = stack.command(&machine, format!("status {run}")).run().await.success();
    assert!(status.output().contains("published"), "{}", status.output());
    let report = stack.command(&machine, format!("report {run}")).run().await.success();
    assert!(report.stdout.contains("28"), "{}", report.stdout);
    let logs = stack.command(&machine, format!("logs {run}")).run().await.success();
    for function in ["planner", "chunk", "finalizer"] {
        assert!(logs.stdout.contains(function), "nothing of the {function} in:\n{}", logs.stdout);
    }
    let again = stack.command(&machine, format!("resume {run}")).run().await;
    assert!(again.output().contains("published"), "{}", again.output());
    let cancelled = stack.command(&machine, format!("cancel {run}")).run().await;
    assert!(cancelled.output().contains("published"), "{}", cancelled.output());
}
