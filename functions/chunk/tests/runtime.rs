//! The real program on a Runtime API.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "the helpers of tests are test code too, outside of any function marked as one, and what was measured is shown"
)]

use std::time::Duration;

use serde_json::json;

#[path = "../../../shared/lambda-host/tests/runtime/mod.rs"]
mod runtime;

use runtime::{Function, sqs};

const CHUNK: &str = env!("CARGO_BIN_EXE_chunk");
const TIME: Duration = Duration::from_mins(1);

#[test]
fn a_foreign_message_is_dropped_and_named() {
    let chunk = Function::start(CHUNK, &[]);
    let foreign = r#"{"url":"http://169.254.169.254/latest","password":"hunter2"}"#;
    assert_eq!(chunk.response(sqs(&[foreign], 1), TIME).to_string(), r#"{"batchItemFailures":[]}"#);
    let lines = chunk.log("metric", "foreign_message");
    assert_eq!((lines.len(), &lines[0]["message_id"]), (1, &json!("m-0")));
}

#[test]
fn an_environment_that_is_wrong_ends_the_process() {
    let changes = [("DAP2ZARR_MAX_RECEIVE_COUNT", "0"), ("DAP2ZARR_TARGET_ENDPOINT_URL", "https://s3.example.org")];
    let mut chunk = Function::start(CHUNK, &changes);
    let message = chunk.init_error()["errorMessage"].to_string();
    assert!(message.contains("DAP2ZARR_MAX_RECEIVE_COUNT: expected a whole number from 1, found `0`"), "{message}");
    assert!(message.contains("DAP2ZARR_TARGET_SECRET_ARN"), "{message}");
}

#[test]
fn a_state_that_cannot_be_reached_lets_the_message_come_back_in_time() {
    let chunk = Function::start(CHUNK, &[]);
    let digest = "0123456789abcdef".repeat(4);
    let task = format!(r#"{{"run":"4f3c2a9b1d7e-1","plan":"{digest}","array":0,"chunk":[0,1]}}"#);
    let answer = chunk.response(sqs(&[&task], 1), Duration::from_secs(4));
    assert_eq!(answer.to_string(), r#"{"batchItemFailures":[{"itemIdentifier":"m-0"}]}"#);
    let lines = chunk.log("run", "4f3c2a9b1d7e-1");
    assert!(lines.iter().any(|line| line["array"] == 0 && line["chunk"] == "0.1"), "{lines:?}");
}

/// The time from the start of the process to its first question. Built for release it is to stay below 100 ms; a build
/// for tests is larger and slower, and here may have to share its processors.
#[test]
fn a_cold_start_is_short() {
    let best = (0..5).map(|_| Function::start(CHUNK, &[]).cold_start()).min().unwrap();
    println!("cold start: {} ms", best.as_millis());
    let most = if cfg!(debug_assertions) { 500 } else { 100 };
    assert!(best < Duration::from_millis(most), "{best:?}");
}
