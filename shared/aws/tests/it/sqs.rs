//! The queue on the wire: what is sent to SQS, and what is made of its answers (F35, F40, F41).

use std::time::Duration;

use aws::SqsQueue;
use serde_json::{Value, json as value};
use steps::ports::{Delivery, Depth, Queue, Settlement};

use crate::scripted::{Asked, Scripted, answer, json, json_error};

const URL: &str = "https://sqs.eu-west-1.amazonaws.com/123456789012/chunks";

async fn queue(server: &Scripted) -> SqsQueue {
    server.aws().await.queue(URL).unwrap()
}

/// An answer that takes these messages of a batch, and refuses others with a code.
fn taken(ids: &[usize], failed: &[(usize, bool, &str)]) -> String {
    let taken: Vec<_> =
        ids.iter().map(|id| value!({"Id": id.to_string(), "MessageId": "m", "MD5OfMessageBody": "d"})).collect();
    let failed: Vec<_> = failed
        .iter()
        .map(|(id, fault, code)| value!({"Id": id.to_string(), "SenderFault": fault, "Code": code, "Message": "why"}))
        .collect();
    json(&value!({"Successful": taken, "Failed": failed}).to_string())
}

fn all() -> String {
    taken(&(0..10).collect::<Vec<_>>(), &[])
}

fn bodies(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("message {number}")).collect()
}

fn sent(asked: &Asked) -> Vec<(String, String)> {
    assert_eq!(asked.operation(), "SendMessageBatch");
    let body = asked.json();
    assert_eq!(body["QueueUrl"], URL);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let entries = body["Entries"].as_array().unwrap().clone();
    entries.iter().map(|entry| (text(&entry["Id"]), text(&entry["MessageBody"]))).collect()
}

fn delivery(handle: &str) -> Delivery {
    Delivery { handle: handle.to_owned(), body: String::new(), deliveries: 1 }
}

#[tokio::test]
async fn messages_go_in_batches_of_ten() {
    let server = Scripted::start(&[all()]).await;
    queue(&server).await.send(&bodies(25)).await.unwrap();
    let batches: Vec<_> = server.asked().iter().map(sent).collect();
    let mut lengths: Vec<_> = batches.iter().map(Vec::len).collect();
    lengths.sort_unstable();
    assert_eq!(lengths, [5, 10, 10]);
    let mut received: Vec<_> = batches.into_iter().flatten().map(|(_, body)| body).collect();
    received.sort();
    let mut expected = bodies(25);
    expected.sort();
    assert_eq!(received, expected);

    let large = Scripted::start(&[all()]).await;
    queue(&large).await.send(&["x".repeat(100_000), "y".repeat(100_000), "z".repeat(100_000)]).await.unwrap();
    let mut lengths: Vec<_> = large.asked().iter().map(|asked| sent(asked).len()).collect();
    lengths.sort_unstable();
    assert_eq!(lengths, [1, 2], "together they are larger than a batch may be");

    let nothing = Scripted::start(&[all()]).await;
    queue(&nothing).await.send(&[]).await.unwrap();
    assert_eq!(nothing.asked().len(), 0);
}

#[tokio::test]
async fn many_batches_are_in_flight_and_each_message_is_sent_once() {
    let server = Scripted::start(&[all()]).await;
    queue(&server).await.send(&bodies(2_000)).await.unwrap();
    let mut received: Vec<_> = server.asked().iter().flat_map(sent).map(|(_, body)| body).collect();
    received.sort();
    let mut expected = bodies(2_000);
    expected.sort();
    assert_eq!(received, expected);
}

#[tokio::test]
async fn only_what_was_not_taken_is_sent_again() {
    let first = taken(&[0, 1, 2, 4, 5, 6, 8, 9], &[(3, false, "InternalError")]);
    let server = Scripted::start(&[first, taken(&[7], &[(3, false, "RequestThrottled")]), taken(&[3], &[])]).await;
    queue(&server).await.send(&bodies(10)).await.unwrap();
    let ids: Vec<Vec<_>> =
        server.asked().iter().map(|asked| sent(asked).into_iter().map(|(id, _)| id).collect()).collect();
    assert_eq!(ids[1], ["3", "7"], "7 was in neither list");
    assert_eq!(ids[2], ["3"]);
    assert_eq!(sent(&server.asked()[2]), [("3".to_owned(), "message 3".to_owned())]);
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn a_senders_fault_is_not_tried_again() {
    let server = Scripted::start(&[taken(&[0], &[(1, true, "InvalidMessageContents")])]).await;
    let error = queue(&server).await.send(&bodies(2)).await.unwrap_err();
    assert!(!error.transient, "{error:?}");
    assert!(error.message.contains("1 of 2 messages were not taken: InvalidMessageContents why"), "{error}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn what_a_moment_can_mend_is_tried_again() {
    let answers = [
        json_error("403 Forbidden", "RequestThrottled", "Slow down"),
        String::new(),
        json_error("500 Oops", "InternalFailure", "x"),
        answer("503 Unavailable", "<html>"),
        all(),
    ];
    let server = Scripted::start(&answers).await;
    queue(&server).await.send(&bodies(1)).await.unwrap();
    assert_eq!(server.asked().len(), 5);

    let throttled = Scripted::start(&answers[..1]).await;
    let error = queue(&throttled).await.depth().await.unwrap_err();
    assert!(error.transient && error.message.contains("RequestThrottled: Slow down (tried 6 times)"), "{error:?}");
    assert_eq!(throttled.asked().len(), 6);
}

#[tokio::test]
async fn messages_are_received_with_their_count() {
    let messages = value!({"Messages": [
        {"ReceiptHandle": "h1", "Body": "one", "Attributes": {"ApproximateReceiveCount": "3"}},
        {"ReceiptHandle": "h2", "Body": "two"},
        {"Body": "without a handle"},
    ]});
    let server = Scripted::start(&[json(&messages.to_string()), json("{}")]).await;
    let queue = queue(&server).await;
    let received = queue.receive(10, Duration::from_millis(50)).await.unwrap();
    let received: Vec<_> = received.iter().map(|d| (d.handle.as_str(), d.body.as_str(), d.deliveries)).collect();
    assert_eq!(received, [("h1", "one", 3), ("h2", "two", 1)]);
    assert_eq!(queue.receive(1_000, Duration::from_mins(1)).await.unwrap(), []);
    assert_eq!(queue.receive(0, Duration::from_mins(1)).await.unwrap(), [], "nothing was asked for");

    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    let names = value!(["ApproximateReceiveCount"]);
    for (asked, (most, wait)) in asked.iter().zip([(10, 1), (10, 20)]) {
        let body = asked.json();
        assert_eq!(body["MessageSystemAttributeNames"], names);
        assert_eq!((body["MaxNumberOfMessages"].as_i64(), body["WaitTimeSeconds"].as_i64()), (Some(most), Some(wait)));
    }
}

#[tokio::test]
async fn deliveries_are_settled() {
    let server = Scripted::start(&[json("{}")]).await;
    let queue = queue(&server).await;
    queue.settle(&delivery("h"), Settlement::Done).await.unwrap();
    queue.settle(&delivery("h"), Settlement::Retry(Duration::ZERO)).await.unwrap();
    queue.hide("h", Duration::from_millis(90_500)).await.unwrap();
    queue.hide("h", Duration::from_hours(100)).await.unwrap();
    let asked = server.asked();
    let said: Vec<_> =
        asked.iter().map(|asked| (asked.operation(), asked.json()["VisibilityTimeout"].as_i64())).collect();
    let hide = "ChangeMessageVisibility";
    // SQS refuses what would end more than 12 hours after the message was received.
    assert_eq!(said, [("DeleteMessage", None), (hide, Some(0)), (hide, Some(91)), (hide, Some(41_400))]);
    assert!(asked.iter().all(|asked| asked.json()["ReceiptHandle"] == "h"));
}

#[tokio::test]
async fn a_delivery_that_is_gone_is_no_error() {
    let expired = "Value h for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.";
    for gone in [
        json_error("400 Bad Request", "ReceiptHandleIsInvalid", "The input receipt handle is invalid."),
        json_error("400 Bad Request", "MessageNotInflight", "x"),
        json_error("400 Bad Request", "InvalidParameterValue", expired),
    ] {
        let server = Scripted::start(&[gone]).await;
        let queue = queue(&server).await;
        queue.settle(&delivery("h"), Settlement::Done).await.unwrap();
        queue.settle(&delivery("h"), Settlement::Retry(Duration::from_secs(1))).await.unwrap();
        assert_eq!(server.asked().len(), 2);
    }
    let other = "Value 50000 for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200.";
    let server = Scripted::start(&[json_error("400 Bad Request", "InvalidParameterValue", other)]).await;
    assert!(queue(&server).await.hide("h", Duration::from_secs(1)).await.is_err());
}

#[tokio::test]
async fn the_depth_counts_what_waits_and_what_is_delivered() {
    let attributes = value!({"Attributes": {"ApproximateNumberOfMessages": "5",
        "ApproximateNumberOfMessagesDelayed": "2", "ApproximateNumberOfMessagesNotVisible": "3"}});
    let server = Scripted::start(&[json(&attributes.to_string()), json("{}")]).await;
    let queue = queue(&server).await;
    assert_eq!(queue.depth().await.unwrap(), Depth { waiting: 7, in_flight: 3 });
    let error = queue.depth().await.unwrap_err();
    assert!(error.message.contains("holds no counts"), "an empty answer is not an empty queue: {error}");
}

#[tokio::test]
async fn refusals_name_the_queue_and_what_to_do() {
    let account = "User: arn:aws:sts::123456789012:assumed-role/r may not sqs:sendmessage on arn:aws:sqs:eu-west-1:123456789012:chunks";
    for (answer, said) in [
        (
            json_error("400 Bad Request", "QueueDoesNotExist", "The specified queue does not exist."),
            "deploy the stack again",
        ),
        (
            answer(
                "400 Bad Request\nx-amzn-query-error: AWS.SimpleQueueService.NonExistentQueue;Sender",
                r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"x"}"#,
            ),
            "NonExistentQueue: x; check the queue's URL and region",
        ),
        (json_error("403 Forbidden", "AccessDenied", account), "the role needs sqs:SendMessage on it"),
        (json_error("400 Bad Request", "KmsAccessDenied", account), "kms:GenerateDataKey"),
        (json_error("403 Forbidden", "InvalidClientTokenId", "x"), "InvalidClientTokenId"),
    ] {
        let server = Scripted::start(&[answer]).await;
        let queue = queue(&server).await;
        let error = queue.send(&bodies(1)).await.unwrap_err();
        assert!(!error.transient && error.message.contains(said), "{error:?}");
        assert!(error.message.starts_with("cannot send to queue `chunks` at 127.0.0.1:"), "{error}");
        let all = format!("{error:?} {queue:?}");
        assert!(!all.contains("123456789012") && !all.contains("hunter2") && !all.contains("AKIDROLE"), "{all}");
        assert_eq!(server.asked().len(), 1, "another attempt would not help");
    }
}

#[tokio::test]
async fn what_is_no_queue_is_refused() {
    let aws = Scripted::start(&[json("{}")]).await.aws().await;
    for url in ["", "chunks", "https://sqs.eu-west-1.amazonaws.com/", "arn:aws:sqs:eu-west-1:123456789012:chunks"] {
        let error = aws.queue(url).unwrap_err();
        assert!(!error.transient && error.message.contains("no queue's URL"), "{url}: {error}");
    }
    assert_eq!(aws.queue(URL).unwrap().name(), "chunks");
}
