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

const FINALIZER: &str = env!("CARGO_BIN_EXE_finalizer");
const TIME: Duration = Duration::from_mins(1);

#[test]
fn foreign_messages_are_dropped_one_by_one() {
    let finalizer = Function::start(FINALIZER, &[]);
    assert_eq!(finalizer.response(sqs(&["x", "{}"], 1), TIME).to_string(), r#"{"batchItemFailures":[]}"#);
    let lines = finalizer.log("metric", "foreign_message");
    let ids: Vec<_> = lines.iter().map(|line| &line["message_id"]).collect();
    assert_eq!(ids, [&json!("m-0"), &json!("m-1")]);
}

#[test]
fn an_event_of_no_known_kind_is_an_error_and_the_process_goes_on() {
    let finalizer = Function::start(FINALIZER, &[]);
    let call = finalizer.invoke(json!({"hello": "world"}), TIME);
    assert!(call.path.ends_with("/error"), "{call:?}");
    assert_eq!(call.body["errorType"], "UnknownEvent");
    assert_eq!(finalizer.response(sqs(&[], 1), TIME).to_string(), r#"{"batchItemFailures":[]}"#);
}

#[test]
fn a_scheduled_event_is_a_sweep() {
    let finalizer = Function::start(FINALIZER, &[]);
    let scheduled = json!({
        "version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": "Scheduled Event",
        "source": "aws.events", "account": "123456789012", "time": "2026-11-22T10:00:00Z", "region": "eu-west-1",
        "resources": ["arn:aws:events:eu-west-1:123456789012:rule/my-scheduled-rule"], "detail": {},
    });
    // Nothing listens where the state is said to be: the sweep is begun, and ends in time.
    let call = finalizer.invoke(scheduled, Duration::from_secs(4));
    assert!(call.path.ends_with("/error") && call.body["errorType"] == "Lost", "{call:?}");
    let lines = finalizer.log("metric", "message_lost");
    assert_eq!((lines.len(), &lines[0]["sweep"]), (1, &json!(true)));
}

#[test]
fn an_environment_that_is_wrong_ends_the_process() {
    let mut finalizer = Function::start(FINALIZER, &[("DAP2ZARR_VISIBILITY_SECONDS", "30m")]);
    let message = finalizer.init_error()["errorMessage"].to_string();
    assert!(message.contains("DAP2ZARR_VISIBILITY_SECONDS: expected a whole number from 1, found `30m`"), "{message}");
}
