//! Two thousand chunks: all there, each fetched once, never more at once than the stack allows.

use std::time::{Duration, Instant};

use dap_server::{Array, Behaviour, Dataset};
use run::{SegmentName, Verdict};
use serde_json::json;

use crate::setup::Stack;

const CHUNKS: u64 = 2_000;
/// Times 512 floats: half a megabyte.
const ROWS: u64 = 256;

fn dataset() -> Dataset {
    let value = |index: &[u64]| (index[0] * 131_072 + index[1] * 512 + index[2]) as f32;
    Dataset::new("many").with(Array::formula("v", [("t", CHUNKS), ("y", ROWS), ("x", 512)], value))
}

#[tokio::test]
async fn two_thousand_chunks_arrive_and_none_is_fetched_twice() {
    let Some(stack) = Stack::deployed("here", "many") else { return };
    // Slow enough for requests to meet: their number at once would say little otherwise.
    let slow = Behaviour { latency: Duration::from_millis(200), ..Behaviour::default() };
    let server = stack.source(dataset(), slow).await;
    let started = Instant::now();
    let request = stack.request(&server.url("many"), "x.zarr", &json!({"t": 1, "y": ROWS, "x": 512}));
    let run = stack.ask("x", &request).await;
    let end = stack.end(&run).await;
    let elapsed = started.elapsed();
    assert_eq!(end.verdict, Verdict::Publish, "{end:?}");
    let stats = server.stats();
    assert_eq!(stats.dods, CHUNKS, "each chunk is fetched once");
    assert!((2..=stack.concurrency()).contains(&stats.max_in_flight), "{} at once", stats.max_in_flight);
    let objects = stack.objects("x.zarr").await;
    assert_eq!(objects.keys().filter(|key| key.contains("/c/")).count() as u64, CHUNKS);
    tokio::time::sleep(Duration::from_secs(2)).await;
    for queue in ["ChunkQueueUrl", "ChunkDeadLetterQueueUrl"] {
        assert_eq!(stack.messages(queue, run.as_str()).await, Vec::<String>::new(), "{queue}");
    }
    let keys = stack.runs(&run).await;
    let segments: Vec<_> = keys.iter().filter_map(|key| SegmentName::parse(key.rsplit('/').next()?)).collect();
    assert_eq!(segments.iter().map(|segment| segment.receipts).sum::<u64>(), CHUNKS);
    assert!((segments.len() as u64) < CHUNKS / 4, "{} segments for {CHUNKS} receipts", segments.len());
    let report = stack.report(&run).await;
    assert_eq!((report.chunks, report.retries), (CHUNKS, 0));

    // Figures of this test's own run are told apart by hand: it runs alone.
    let finalizer = stack.invocations("FinalizerFunction");
    let chunk = stack.invocations("ChunkFunction");
    let longest = |all: &[crate::setup::Invoked]| all.iter().map(|one| one.duration_ms).fold(0.0, f64::max);
    let memory = |all: &[crate::setup::Invoked]| all.iter().filter_map(|one| one.peak_mb).fold(0.0, f64::max);
    let cold: Vec<f64> = chunk.iter().filter(|one| one.cold).filter_map(|one| one.init_ms).collect();
    e2e::publish(
        "many-chunks",
        &format!(
            "{CHUNKS} chunks of 0.5 MB in {:.1} s ({:.0}/s) at MaximumConcurrency {}; at most {} requests at once\n\
             {} segments of receipts; finalizer at most {:.0} ms and {:.0} MB; chunk function at most {:.0} MB\n\
             {} cold starts of the chunk function, the slowest {:.0} ms to its first handler call (this build)\n",
            elapsed.as_secs_f64(),
            CHUNKS as f64 / elapsed.as_secs_f64(),
            stack.concurrency(),
            stats.max_in_flight,
            segments.len(),
            longest(&finalizer),
            memory(&finalizer),
            memory(&chunk),
            cold.len(),
            cold.iter().copied().fold(0.0, f64::max),
        ),
    );
}
