use std::time::{Duration, SystemTime};

use lambda_host::{FinalizerEvent, Handler as _, Invocation};
use serde_json::{Value, json};

use crate::ports::{Mood, Stack, all_well, answer, bodies, failing, sqs};

/// A stack whose chunks are all made; the records of them.
async fn made() -> (Stack, Vec<String>) {
    let stack = Stack::new();
    let tasks = stack.planned().await;
    assert_eq!(answer(&stack.chunk(), sqs(&tasks, 1)).await, all_well());
    let records = bodies(&stack.records).await;
    stack.hidden.forget();
    (stack, records)
}

fn batch(bodies: &[String]) -> FinalizerEvent {
    FinalizerEvent::Records(sqs(bodies, 1))
}

fn published(stack: &Stack) -> bool {
    stack.target.snapshot().keys().any(|key| key == "zarr.json")
}

#[tokio::test]
async fn all_receipts_make_a_dataset() {
    let (stack, records) = made().await;
    assert_eq!(answer(&stack.finalizer(), batch(&records)).await, all_well());
    assert!(published(&stack));
}

#[tokio::test]
async fn foreign_messages_hold_up_nobody() {
    let (stack, records) = made().await;
    let other_run = records[0].replace(r#""run":""#, r#""run":"0"#);
    let bodies = [vec!["x".to_owned(), "{}".to_owned(), other_run], records].concat();
    assert_eq!(answer(&stack.finalizer(), batch(&bodies)).await, all_well());
    assert!(published(&stack));
}

#[tokio::test]
async fn a_batch_that_has_to_wait_comes_back_but_for_what_is_foreign() {
    let (stack, records) = made().await;
    stack.mood(|key| if key.starts_with("runs/") { Mood::Transient } else { Mood::Well });
    let bodies = [vec!["x".to_owned()], records].concat();
    assert_eq!(answer(&stack.finalizer(), batch(&bodies)).await, failing(&["m-1", "m-2"]));
    assert!(stack.hidden.last("h-2").unwrap() > Duration::ZERO);
    assert_eq!(stack.hidden.last("h-0"), None);
}

#[tokio::test]
async fn one_record_that_makes_us_panic_comes_back_alone() {
    let (stack, records) = made().await;
    let poison = records[0].replace(r#""run":""#, r#""run":"0"#);
    let run = serde_json::from_str::<run::Record>(&poison).unwrap().run;
    stack.mood(move |key| if key.contains(run.as_str()) { Mood::Panics } else { Mood::Well });
    let bodies = [records[0].clone(), poison, records[1].clone()];
    assert_eq!(answer(&stack.finalizer(), batch(&bodies)).await, failing(&["m-1"]));
    assert!(published(&stack), "the others' run goes on");
}

fn event(text: Value) -> FinalizerEvent {
    serde_json::from_value(text).unwrap()
}

fn scheduled() -> Value {
    json!({
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2026-11-22T10:00:00Z",
        "region": "eu-west-1",
        "resources": ["arn:aws:events:eu-west-1:123456789012:rule/stack-Sweep"],
        "detail": {},
    })
}

#[tokio::test]
async fn a_scheduled_event_and_a_word_by_hand_are_sweeps() {
    for text in [scheduled(), json!({"sweep": true})] {
        let stack = Stack::new();
        stack.drop_request("requests/a.json", "d.zarr").await;
        assert_eq!(answer(&stack.finalizer(), event(text)).await, all_well());
    }
}

#[tokio::test]
async fn a_sweep_that_has_to_wait_waits_for_the_next() {
    let stack = Stack::new();
    stack.mood(|_| Mood::Transient);
    assert_eq!(answer(&stack.finalizer(), event(scheduled())).await, all_well());
}

#[tokio::test]
async fn what_is_no_event_of_ours_is_an_error() {
    let stack = Stack::new();
    for text in [json!({}), json!({"sweep": false}), json!({"source": "aws.s3"})] {
        let ends = SystemTime::now() + Duration::from_mins(1);
        assert!(stack.finalizer().handle(event(text), Invocation { ends }).await.is_err());
    }
}
