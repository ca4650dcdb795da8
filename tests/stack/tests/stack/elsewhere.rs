//! A target on another endpoint, with keys of its own from a secret; and what it may refuse.

use dap_server::{Behaviour, prism};
use e2e::Objects;
use run::{ReasonKind, Verdict};
use serde_json::json;
use steps::ports::Store as _;

use crate::{
    proxy::{Proxy, Refused},
    setup::{Stack, reference},
};

/// One test, since there is one endpoint that the stacks were told of.
#[tokio::test]
async fn keys_come_from_the_secret_and_refusals_end_the_run_at_once() {
    let Some(stack) = Stack::deployed("elsewhere", "elsewhere") else { return };
    let Some(keyless) = Stack::deployed("keyless", "keyless") else { return };
    let root = tempfile::tempdir().unwrap();
    let proxy = Proxy::start(root.path(), stack.elsewhere(), stack.output("TargetBucket")).await;
    let server = stack.source(prism::window(24, 64, 96), Behaviour::default()).await;
    let chunks = json!({"time": 12, "lat": 32, "lon": 48});
    let folder = |dataset: &str| root.path().join(stack.output("TargetBucket")).join("elsewhere").join(dataset);

    proxy.refuse(Refused::Nothing);
    let run = stack.ask("good", &stack.request(&server.url("prism"), "good.zarr", &chunks)).await;
    assert_eq!(stack.end(&run).await.verdict, Verdict::Publish);
    let expected = reference(&server.url("prism"), "--chunks time=12,lat=32,lon=48").await;
    Objects::of(&folder("good.zarr")).assert_same(&expected);
    let keys = proxy.seen.lock().unwrap().access_keys.clone();
    assert_eq!(keys, ["test".to_owned()].into(), "the secret's keys, and never the role's");

    // Whoever may not PUT finds out with the first objects, whoever may not LIST before the source is asked.
    proxy.refuse(Refused::Put);
    let run = stack.ask("put", &stack.request(&server.url("prism"), "put.zarr", &chunks)).await;
    let (reason, end) = stack.failure(&run).await;
    assert_eq!(reason.kind, ReasonKind::TargetDenied, "{reason}");
    assert_eq!(end.missing_chunks, 28);
    let seen = proxy.seen.lock().unwrap().puts;
    assert!(seen <= 28, "{seen} PUTs: a refusal is not tried again");
    assert!(Objects::of(&folder("put.zarr")).is_empty());

    // Chunks of the run that failed are dropped as they come; one may still be on its way to the source.
    stack.wait_until_empty("ChunkQueueUrl").await;
    proxy.refuse(Refused::List);
    server.reset_stats();
    let run = stack.ask("list", &stack.request(&server.url("prism"), "list.zarr", &chunks)).await;
    let (reason, _) = stack.failure(&run).await;
    assert_eq!(reason.kind, ReasonKind::TargetDenied, "{reason}");
    assert_eq!((server.stats().dods, proxy.seen.lock().unwrap().puts), (0, 0));

    proxy.refuse(Refused::Nothing);
    let run = keyless.ask("x", &keyless.request(&server.url("prism"), "x.zarr", &chunks)).await;
    let (reason, _) = keyless.failure(&run).await;
    assert_eq!(reason.kind, ReasonKind::TargetDenied, "{reason}");
    assert!(reason.message.contains("secret"), "{reason}");
    assert_eq!(proxy.seen.lock().unwrap().access_keys.len(), 0, "nothing is sent without keys");
    // The secret's key stands in no log and no document of the state bucket.
    let canary = "testtest";
    assert!(!stack.log_lines().iter().any(|line| line.contains(canary)), "a log holds the secret's key");
    let state = stack.state().await;
    for entry in state.list("").await.unwrap() {
        let object = state.get(&entry.key).await.unwrap().unwrap();
        let found = object.bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
        assert!(!found, "{} holds the secret's key", entry.key);
    }
    for queue in ["ChunkDeadLetterQueueUrl", "PlanDeadLetterQueueUrl", "ReceiptDeadLetterQueueUrl"] {
        assert_eq!((stack.depth(queue).await, keyless.depth(queue).await), (0, 0), "{queue}");
    }
}
