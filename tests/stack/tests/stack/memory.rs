//! The memory a chunk takes is what the planner reckons with.

use dap_server::{Array, Behaviour, Dataset};
use run::{ReasonKind, Verdict};
use serde_json::json;

use crate::setup::Stack;

const MEGABYTE: f64 = 1_048_576.0;

/// One chunk of 67 MB, and what would be one of 1.1 GB.
fn dataset() -> Dataset {
    let value = |index: &[u64]| (index[0] * 7_919 + index[1] * 104_729) as f32;
    let large = Array::formula("large", [("y", 4_096), ("x", 4_096)], value);
    Dataset::new("large").with(large).with(Array::formula("huge", [("v", 16_384), ("u", 16_384)], value))
}

#[tokio::test]
async fn a_chunk_fits_what_the_planner_reckons_and_no_larger_one_is_planned() {
    let Some(stack) = Stack::deployed("here", "memory") else { return };
    let server = stack.source(dataset(), Behaviour::default()).await;
    let mut request = stack.request(&server.url("large"), "large.zarr", &json!({"y": 4_096, "x": 4_096}));
    request["variables"] = json!(["large"]);
    let run = stack.ask("large", &request).await;
    assert_eq!(stack.end(&run).await.verdict, Verdict::Publish);
    // Three times the chunk and 128 MB: shared/steps/src/fits.rs.
    let bytes = stack.plan(&run).await.totals.largest_chunk_bytes as f64;
    let reckoned = 3.0 * bytes / MEGABYTE + 128.0;
    let peak = stack.invocations("ChunkFunction").iter().filter_map(|one| one.peak_mb).fold(0.0, f64::max);
    assert!(peak > bytes / MEGABYTE, "{peak} MB: the chunk was not measured");
    assert!(peak < reckoned, "{peak} MB for a chunk of {bytes} bytes, {reckoned} MB were reckoned with");
    e2e::publish(
        "stack-memory",
        &format!(
            "chunk function: {peak:.0} MB at its peak with a chunk of {:.0} MB, the planner reckons {reckoned:.0} MB\n",
            bytes / 1e6
        ),
    );

    let mut request = stack.request(&server.url("large"), "huge.zarr", &json!({"v": 16_384, "u": 16_384}));
    request["variables"] = json!(["huge"]);
    let (reason, _) = stack.failure(&stack.ask("huge", &request).await).await;
    assert_eq!(reason.kind, ReasonKind::BadRequest, "{reason}");
    for words in ["`huge`", "16384 x 16384", "ChunkMemoryMb"] {
        assert!(reason.message.contains(words), "{reason} does not say {words}");
    }
}
