use std::time::Duration;

use steps::ports::Queue as _;

use crate::ports::{Mood, Stack, all_well, answer, bodies, failing, sqs};

fn request(name: &str) -> String {
    format!(r#"{{"request":"requests/{name}.json"}}"#)
}

#[tokio::test]
async fn a_request_becomes_one_message_for_each_chunk() {
    let stack = Stack::new();
    assert_eq!(stack.planned().await.len(), 2);
    assert!(stack.target.snapshot().is_empty());
}

#[tokio::test]
async fn a_notification_of_two_objects_opens_two_runs() {
    let stack = Stack::new();
    stack.drop_request("requests/a b.json", "a.zarr").await;
    stack.drop_request("requests/c.json", "c.zarr").await;
    let record = |key: &str| format!(r#"{{"eventName":"ObjectCreated:Put","s3":{{"object":{{"key":"{key}"}}}}}}"#);
    let body = format!(r#"{{"Records":[{},{}]}}"#, record("requests/a+b.json"), record("requests%2Fc.json"));
    assert_eq!(answer(&stack.planner(), sqs(std::slice::from_ref(&body), 1)).await, all_well());
    assert_eq!(bodies(&stack.chunks).await.len(), 4);
    assert_eq!(answer(&stack.planner(), sqs(&[body], 2)).await, all_well(), "a second trigger");
    assert!(bodies(&stack.chunks).await.is_empty());
}

#[tokio::test]
async fn what_is_foreign_or_failed_for_good_is_removed() {
    let stack = Stack::new();
    stack.drop_request("requests/refused.json", "d.zarr").await;
    stack.mood(|key| if key == "source" { Mood::Refuses } else { Mood::Well });
    let bodies = ["x".to_owned(), r#"{"run":"4f3c2a9b1d7e-1"}"#.to_owned(), request("none"), request("refused")];
    assert_eq!(answer(&stack.planner(), sqs(&bodies, 1)).await, all_well());
    assert!(stack.state.snapshot().keys().any(|key| key.ends_with("/end.json")), "the refused one says so");
    assert!(stack.chunks.receive(1, Duration::ZERO).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_has_to_wait_is_hidden_as_long_and_alone() {
    let stack = Stack::new();
    stack.drop_request("requests/a.json", "a.zarr").await;
    stack.mood(|key| if key == "source" { Mood::Pause } else { Mood::Well });
    let event = sqs(&["x".to_owned(), request("a"), request("none")], 1);
    assert_eq!(answer(&stack.planner(), event).await, failing(&["m-1"]));
    let hidden = stack.hidden.last("h-1").unwrap();
    assert!(hidden >= Duration::from_secs(3_590), "{hidden:?}");
    assert_eq!(stack.hidden.last("h-0"), None);
}

#[tokio::test]
async fn a_state_that_fails_now_and_a_panic_let_the_message_come_back() {
    for mood in [Mood::Transient, Mood::Panics] {
        let stack = Stack::new();
        stack.drop_request("requests/a.json", "a.zarr").await;
        stack.drop_request("requests/b.json", "b.zarr").await;
        stack.mood(move |key| if key == "requests/a.json" { mood } else { Mood::Well });
        let event = sqs(&[request("a"), request("b")], 1);
        assert_eq!(answer(&stack.planner(), event).await, failing(&["m-0"]), "{mood:?}");
        assert!(stack.hidden.last("h-0").unwrap() > Duration::ZERO);
        assert_eq!(bodies(&stack.chunks).await.len(), 2, "the other one is planned");
    }
}
