//! The real program on a Runtime API.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers of tests are test code too, outside of any function marked as one"
)]

use std::time::Duration;

use serde_json::json;

#[expect(dead_code, reason = "each function's test needs other parts of it")]
#[path = "../../../shared/lambda-host/tests/runtime/mod.rs"]
mod runtime;

use runtime::{Function, sqs};

const PLANNER: &str = env!("CARGO_BIN_EXE_planner");
const TIME: Duration = Duration::from_mins(1);

#[test]
fn what_asks_for_nothing_is_acknowledged() {
    let planner = Function::start(PLANNER, &[]);
    let test = r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-11-22T10:00:00.000Z","Bucket":"state"}"#;
    assert_eq!(planner.response(sqs(&[test], 1), TIME), json!({"batchItemFailures": []}));
    assert_eq!(planner.response(sqs(&["hunter2"], 1), TIME), json!({"batchItemFailures": []}));
    let lines = planner.log("metric", "foreign_message");
    assert_eq!(lines.len(), 1);
    assert_eq!((&lines[0]["message_id"], &lines[0]["level"]), (&json!("m-0"), &json!("ERROR")));
    assert_eq!(lines[0]["request_id"], "8476a536-e9f4-11e8-9739-2dfe598c3fcd");
}

#[test]
fn an_environment_that_is_wrong_is_said_whole_and_ends_the_process() {
    let changes = [
        ("DAP2ZARR_STATE_BUCKET", ""),
        ("DAP2ZARR_CHUNK_QUEUE_URL", "https://user:hunter2@sqs.example.org/1/q"),
        ("DAP2ZARR_CHUNK_MEMORY_MB", "lots"),
    ];
    let mut planner = Function::start(PLANNER, &changes);
    let error = planner.init_error();
    assert_eq!(error["errorType"], "Configuration");
    let message = error["errorMessage"].as_str().unwrap();
    for (variable, _) in changes {
        assert!(message.contains(variable), "{message}");
    }
    assert!(message.contains("found `lots`") && !message.contains("hunter2"), "{message}");
    assert_eq!(planner.log("metric", "cannot_start").len(), 1);
}

#[test]
fn a_state_that_cannot_be_reached_lets_the_message_come_back_in_time() {
    let planner = Function::start(PLANNER, &[]);
    let event = sqs(&[r#"{"request":"requests/a.json"}"#], 1);
    let answer = planner.response(event, Duration::from_secs(4));
    assert_eq!(answer.to_string(), r#"{"batchItemFailures":[{"itemIdentifier":"m-0"}]}"#);
}
