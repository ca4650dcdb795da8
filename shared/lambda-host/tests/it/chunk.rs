use std::time::Duration;

use run::{Record, What};
use steps::ports::Store as _;

use crate::ports::{Mood, Stack, all_well, answer, answer_within, bodies, failing, sqs};

async fn records(stack: &Stack) -> Vec<What> {
    let bodies = bodies(&stack.records).await;
    bodies.iter().map(|body| serde_json::from_str::<Record>(body).unwrap().what).collect()
}

#[tokio::test]
async fn chunks_are_written_and_their_messages_removed() {
    let stack = Stack::new();
    let tasks = stack.planned().await;
    assert_eq!(answer(&stack.chunk(), sqs(&tasks, 1)).await, all_well());
    assert_eq!(stack.target.snapshot().len(), 2);
    assert!(matches!(records(&stack).await[..], [What::Receipt(_), What::Receipt(_)]));
    let hidden = stack.hidden.first("h-0").unwrap();
    assert!((80..=90).contains(&hidden.as_secs()), "a minute that is left, and 30 s: {hidden:?}");
}

#[tokio::test]
async fn foreign_messages_are_removed_and_nothing_is_fetched() {
    let stack = Stack::new();
    let task = stack.planned().await.remove(0);
    stack.mood(|key| if key == "source" { Mood::Panics } else { Mood::Well });
    let other_run = task.replace(r#""run":""#, r#""run":"0"#);
    let no_such_array = task.replace(r#""array":0"#, r#""array":7"#);
    let no_such_chunk = task.replace(r#""chunk":[0]"#, r#""chunk":[9]"#);
    let foreign = [String::new(), "{}".to_owned(), other_run, no_such_array, no_such_chunk];
    for deliveries in [1, 5] {
        assert_eq!(answer(&stack.chunk(), sqs(&foreign, deliveries)).await, all_well());
        assert!(records(&stack).await.is_empty(), "nobody's failure");
    }
}

#[tokio::test]
async fn what_is_put_off_or_failed_is_said_in_a_record_and_removed() {
    for mood in [Mood::Pause, Mood::Refuses, Mood::Transient] {
        let stack = Stack::new();
        let tasks = stack.planned().await;
        stack.mood(move |key| if key == "source" { mood } else { Mood::Well });
        assert_eq!(answer(&stack.chunk(), sqs(&tasks[..1], 1)).await, all_well(), "{mood:?}");
        let records = records(&stack).await;
        let said = match records[..] {
            [What::Deferred { .. }] => mood == Mood::Pause,
            [What::Failure(_)] => mood != Mood::Pause,
            _ => false,
        };
        assert!(said, "{mood:?}: {records:?}");
    }
}

#[tokio::test]
async fn a_message_that_fails_comes_back() {
    for (mood, after) in [(Mood::Transient, 30), (Mood::Panics, 5)] {
        let stack = Stack::new();
        let tasks = stack.planned().await;
        stack.mood(move |key| if key.starts_with("runs/") { mood } else { Mood::Well });
        let event = [vec!["x".to_owned()], tasks[..1].to_vec()].concat();
        assert_eq!(answer(&stack.chunk(), sqs(&event, 1)).await, failing(&["m-1"]), "{mood:?}");
        assert_eq!(stack.hidden.last("h-1"), Some(Duration::from_secs(after)));
        assert!(records(&stack).await.is_empty());
    }
}

#[tokio::test]
async fn a_chunk_that_takes_too_long_is_cut_off_in_time() {
    let stack = Stack::new();
    let tasks = stack.planned().await;
    stack.mood(|key| if key.starts_with("runs/") { Mood::Silent } else { Mood::Well });
    let time = Duration::from_secs(2);
    let started = std::time::Instant::now();
    let answer = answer_within(&stack.chunk(), sqs(&tasks, 1), time).await;
    assert!(started.elapsed() < time, "{:?}", started.elapsed());
    assert_eq!(answer, failing(&["m-0", "m-1"]), "the second was not begun");
    assert_eq!(stack.hidden.first("h-1"), Some(Duration::ZERO));
}

#[tokio::test]
async fn the_last_delivery_says_that_the_worker_was_lost() {
    let stack = Stack::new();
    let tasks = stack.planned().await;
    stack.mood(|key| if key == "source" { Mood::Panics } else { Mood::Well });
    assert_eq!(answer(&stack.chunk(), sqs(&tasks[..1], 5)).await, failing(&["m-0"]), "to the dead letters");
    assert_eq!(stack.hidden.last("h-0"), Some(Duration::ZERO), "at once");
    let records = records(&stack).await;
    let [What::Failure(failure)] = &records[..] else { panic!("{records:?}") };
    let message = &failure.reason.message;
    for part in ["chunk 0 of `v`", "handed out 4 times", "has 8 bytes", "has 512 MiB"] {
        assert!(message.contains(part), "{message}");
    }
}

#[tokio::test]
async fn the_last_delivery_of_a_run_that_is_over_is_removed() {
    let stack = Stack::new();
    let tasks = stack.planned().await;
    let run = serde_json::from_str::<run::ChunkTask>(&tasks[0]).unwrap().run;
    let decision = format!(r#"{{"version":1,"run":"{run}","verdict":"cancelled","at":"2026-11-22T10:00:00Z"}}"#);
    assert!(stack.state.put_new(&run::keys::decision(&run), decision.into()).await.unwrap());
    assert_eq!(answer(&stack.chunk(), sqs(&tasks, 5)).await, all_well());
    assert!(records(&stack).await.is_empty());
}
