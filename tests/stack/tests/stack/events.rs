//! Messages come twice, late or never, and workers die: the run comes to the same end.

use std::time::Duration;

use dap_server::{Behaviour, Fault, FaultKind, Server, prism};
use run::{SegmentName, Verdict, keys};
use serde_json::{Value, json};
use steps::ports::Store as _;

use crate::setup::{Stack, reference};

fn chunks() -> Value {
    json!({"time": 12, "lat": 32, "lon": 48})
}

const OPTIONS: &str = "--chunks time=12,lat=32,lon=48";

fn slow() -> Behaviour {
    Behaviour { latency: Duration::from_millis(400), ..Behaviour::default() }
}

/// Requests for chunks: all but those of one planner or of two at once, for the first times.
fn fetched(server: &Server) -> usize {
    server.stats().constraints.iter().filter(|constraint| !constraint.ends_with("?time[0:3]")).count()
}

#[tokio::test]
async fn a_request_announced_twice_is_one_run() {
    let Some(stack) = Stack::deployed("here", "twice") else { return };
    let server = stack.source(prism::window(24, 64, 96), slow()).await;
    let request = stack.request(&server.url("prism"), "x.zarr", &chunks());
    let run = stack.ask("x", &request).await;
    let event = json!({"Records": [{
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1",
        "eventTime": "2026-01-01T00:00:00.000Z", "eventName": "ObjectCreated:Put",
        "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": stack.output("StateBucket"), "arn": ""},
               "object": {"key": "requests/twice-x.json", "size": 1, "eTag": "", "sequencer": "0"}},
    }]});
    stack.send("PlanQueueUrl", &event.to_string()).await;
    let end = stack.end(&run).await;
    assert_eq!(end.verdict, Verdict::Publish);
    stack.send("PlanQueueUrl", &event.to_string()).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(stack.runs_of(&request).await, [run]);
    assert_eq!(fetched(&server), 28, "no chunk is fetched twice");
    stack.objects("x.zarr").await.assert_same(&reference(&server.url("prism"), OPTIONS).await);
}

#[tokio::test]
async fn a_request_dropped_again_while_its_run_is_open_leaves_that_run_alone() {
    let Some(stack) = Stack::deployed("here", "again") else { return };
    let server = stack.source(prism::window(24, 64, 96), slow()).await;
    let request = stack.request(&server.url("prism"), "x.zarr", &chunks());
    let first = stack.ask("x", &request).await;
    stack.wait_for(&keys::plan(&first)).await;
    stack.wait_for(&keys::target(&stack.plan(&first).await.target.id())).await;
    let second = stack.ask("x", &request).await;
    assert_ne!(first, second);
    assert_eq!(stack.end(&second).await.verdict, Verdict::Superseded { by: first.clone() });
    assert_eq!(stack.end(&first).await.verdict, Verdict::Publish);
    assert_eq!(fetched(&server), 28);
}

#[tokio::test]
async fn a_worker_that_is_killed_costs_time_and_nothing_else() {
    let Some(stack) = Stack::deployed("here", "killed") else { return };
    let server = stack.source(prism::window(24, 64, 96), slow()).await;
    let request = stack.request(&server.url("prism"), "x.zarr", &chunks());
    // Which chunk is not known before there is a plan; the run's name is known as soon as the request lies there.
    let run = stack.ask("x", &request).await;
    let rule = json!({"function": stack.output("ChunkFunction"), "contains": run.as_str(), "do": "kill",
                      "after_ms": 200, "times": 2});
    stack.faults(&[rule]);
    let end = stack.end(&run).await;
    stack.lift_faults(run.as_str());
    assert_eq!(end.verdict, Verdict::Publish, "{end:?}");
    let died = stack.invocations("ChunkFunction").iter().filter(|one| one.outcome != "ok").count();
    assert!(died > 0, "no worker was killed, so this showed nothing");
    stack.objects("x.zarr").await.assert_same(&reference(&server.url("prism"), OPTIONS).await);
}

#[tokio::test]
async fn what_the_sweep_sends_to_the_planner_leads_to_the_same_run() {
    let Some(stack) = Stack::deployed("here", "lost") else { return };
    let server = stack.source(prism::window(12, 32, 48), Behaviour::default()).await;
    let request = stack.request(&server.url("prism"), "x.zarr", &chunks());
    // That the sweep finds what was lost, after two minutes, is tested on a virtual clock.
    let document = serde_json::to_vec(&request).unwrap();
    let run = stack.ask("x", &request).await;
    stack.send("PlanQueueUrl", &json!({"request": "requests/lost-x.json"}).to_string()).await;
    stack.send("PlanQueueUrl", &json!({"run": run.as_str()}).to_string()).await;
    assert_eq!(stack.end(&run).await.verdict, Verdict::Publish);
    assert_eq!(stack.runs_of(&request).await, std::slice::from_ref(&run));
    let kept = stack.state().await.get(&keys::request(&run)).await.unwrap().unwrap();
    let kept: Value = serde_json::from_slice(&kept.bytes).unwrap();
    assert_eq!(kept["source"], serde_json::from_slice::<Value>(&document).unwrap()["source"]);
}

#[tokio::test]
async fn a_chunk_that_has_to_wait_is_sent_again_by_the_sweep() {
    let Some(stack) = Stack::deployed("here", "waiting") else { return };
    let server = stack.source(prism::window(24, 64, 96), Behaviour::default()).await;
    // Longer than a worker of this stack waits for.
    let busy = Fault::new(FaultKind::Status(503, Some(20))).only("tmx").next(2);
    server.change(|behaviour| behaviour.faults.push(busy));
    let run = stack.ask("x", &stack.request(&server.url("prism"), "x.zarr", &chunks())).await;
    let end = stack.end(&run).await;
    assert_eq!(end.verdict, Verdict::Publish, "{end:?}");
    let keys = stack.runs(&run).await;
    let deferrals = keys.iter().filter_map(|key| SegmentName::parse(key.rsplit('/').next()?));
    assert_eq!(deferrals.map(|name| name.deferrals).sum::<u64>(), 2, "{keys:?}");
    assert!(keys.iter().any(|key| key.ends_with("/sent/1.json")), "{keys:?}");
    stack.objects("x.zarr").await.assert_same(&reference(&server.url("prism"), OPTIONS).await);
}
