//! A chunk whose worker dies every time: the run fails and names it, its message lies in the dead-letter queue.

use std::time::Duration;

use dap_server::{Array, Behaviour, Dataset};
use e2e::Machine;
use run::{ReasonKind, RunId};
use serde_json::json;

use crate::setup::{Stack, reference};

/// A chunk whose index no other test has, so that a fault by its message strikes this test alone.
const POISONED: &str = "[0,0,0,0,3]";

fn dataset() -> Dataset {
    let dimensions = [("a", 1), ("b", 1), ("c", 1), ("d", 1), ("e", 60)];
    Dataset::new("deep").with(Array::formula("v", dimensions, |index| index[4] as f32))
}

#[tokio::test]
async fn a_chunk_that_kills_its_worker_fails_its_run_and_is_kept() {
    let Some(stack) = Stack::deployed("here", "poisoned") else { return };
    // Slow enough for the worker to have begun when it is killed.
    let slow = Behaviour { latency: Duration::from_secs(1), ..Behaviour::default() };
    let server = stack.source(dataset(), slow).await;
    stack.faults(&[
        json!({"function": stack.output("ChunkFunction"), "contains": POISONED, "do": "kill", "after_ms": 400}),
    ]);
    let run = stack.ask("x", &stack.request(&server.url("deep"), "x.zarr", &json!({"e": 10}))).await;
    let (reason, end) = stack.failure(&run).await;
    assert_eq!(reason.kind, ReasonKind::Internal, "{reason}");
    assert!(reason.message.contains("chunk") && reason.message.contains("`v`"), "{reason}");
    assert_eq!(end.missing_chunks, 1, "{end:?}");
    assert!(end.missing[0].starts_with("v/0.0.0.0.3"), "{end:?}");
    assert!(!stack.objects("x.zarr").await.is_published());
    let mut kept = Vec::new();
    for _ in 0..300 {
        kept = stack.messages("ChunkDeadLetterQueueUrl", run.as_str()).await;
        if !kept.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(kept.iter().all(|body| body.contains(POISONED)) && !kept.is_empty(), "{kept:?}");

    stack.lift_faults(POISONED);
    server.reset_stats();
    let machine = Machine::new();
    let resumed = stack.command(&machine, format!("resume {run}")).run().await.success();
    let new = RunId::try_from(resumed.stdout.lines().next().unwrap().trim().to_owned()).unwrap();
    let end = stack.end(&new).await;
    assert!(end.is_published(), "{end:?}");
    assert_eq!(server.stats().dods, 1, "the chunk that was missing, and no other");
    stack.objects("x.zarr").await.assert_same(&reference(&server.url("deep"), "--chunks e=10").await);
}
