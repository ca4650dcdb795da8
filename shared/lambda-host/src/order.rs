use percent_encoding::percent_decode_str;
use run::{PlanMessage, PlanTask};
use serde::Deserialize;
use serde_json::Value;

/// What a message of the plan queue asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Order {
    /// A request lies under this key.
    Request { key: String },
    /// A run is to be planned.
    Plan(PlanTask),
    /// It is ours to acknowledge, and asks for nothing.
    Nothing(&'static str),
    /// It is not ours; why.
    Foreign(String),
}

/// Where requests are dropped.
const REQUESTS: &str = "requests/";
/// What they are called.
const SUFFIX: &str = ".json";

/// The orders of a message: several if S3 announces several objects at once, never none.
pub(crate) fn orders(body: &str) -> Vec<Order> {
    let Ok(Value::Object(body)) = serde_json::from_str::<Value>(body) else {
        return vec![Order::Foreign("it is no JSON object".to_owned())];
    };
    if body.get("Event").is_some_and(|event| event == "s3:TestEvent") {
        return vec![Order::Nothing("S3 tests its notifications")];
    }
    if let Some(records) = body.get("Records").and_then(Value::as_array) {
        let none = records.is_empty().then_some(Order::Nothing("the notification is of no object"));
        return records.iter().map(announced).chain(none).collect();
    }
    vec![ours(Value::Object(body))]
}

/// What the sweep sends.
fn ours(body: Value) -> Order {
    match serde_json::from_value(body) {
        Ok(PlanMessage::Request(key)) => request(key),
        Ok(PlanMessage::Run(run)) => Order::Plan(PlanTask { run }),
        Err(_) => {
            Order::Foreign("it is neither a notification of S3 nor {\"request\": KEY} nor {\"run\": RUN}".to_owned())
        }
    }
}

/// One record of an event message (S3 user guide, "Event message structure"). Of its bucket nothing is believed: the key
/// is looked up in ours.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Announced {
    event_name: String,
    s3: Entity,
}

#[derive(Deserialize)]
struct Entity {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    key: String,
}

fn announced(record: &Value) -> Order {
    let Ok(record) = Announced::deserialize(record) else {
        return Order::Foreign("it is a notification, but not of an object".to_owned());
    };
    if !record.event_name.starts_with("ObjectCreated:") {
        return Order::Nothing("the notification is not of a new object");
    }
    match decoded(&record.s3.object.key) {
        Some(key) => request(key),
        None => Order::Foreign("it is a notification of a key that is not UTF-8".to_owned()),
    }
}

/// A key as it stands in an event message: encoded as in a form, so that a space is a plus.
fn decoded(key: &str) -> Option<String> {
    let key = key.replace('+', " ");
    percent_decode_str(&key).decode_utf8().ok().map(Into::into)
}

fn request(key: String) -> Order {
    let name = key.strip_prefix(REQUESTS).and_then(|rest| rest.strip_suffix(SUFFIX));
    if name.is_some_and(|name| !name.is_empty()) {
        Order::Request { key }
    } else {
        Order::Foreign(format!("its key is not of the form {REQUESTS}NAME{SUFFIX}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(keys: &[&str]) -> Vec<Order> {
        keys.iter().map(|key| Order::Request { key: (*key).to_owned() }).collect()
    }

    fn notification(keys: &[&str]) -> String {
        let record = |key: &&str| {
            serde_json::json!({
                "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-west-1",
                "eventTime": "2026-11-22T10:00:00.000Z", "eventName": "ObjectCreated:Put",
                "userIdentity": {"principalId": "AWS:AIDAEXAMPLE"},
                "requestParameters": {"sourceIPAddress": "192.0.2.3"},
                "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "FMyUVURI"},
                "s3": {
                    "s3SchemaVersion": "1.0", "configurationId": "requests",
                    "bucket": {"name": "state", "ownerIdentity": {"principalId": "A3NL1KOZZKExample"}, "arn": "arn:aws:s3:::state"},
                    "object": {"key": key, "size": 1024, "eTag": "d41d8cd98f00b204e9800998ecf8427e", "versionId": "096fKKXTRTtl3on89fVO.nfljtsv6qko", "sequencer": "0055AED6DCD90281E5"}
                }
            })
        };
        serde_json::json!({"Records": keys.iter().map(record).collect::<Vec<_>>()}).to_string()
    }

    #[test]
    fn keys_of_notifications_are_decoded() {
        let body = notification(&["requests/a.json", "requests/sea+surface%2B%C3%A4%25.json"]);
        assert_eq!(orders(&body), requests(&["requests/a.json", "requests/sea surface+ä%.json"]));
        assert!(matches!(orders(&notification(&["requests/%FF.json"]))[..], [Order::Foreign(_)]));
    }

    #[test]
    fn other_keys_are_not_requests() {
        for key in ["runs/a/request.json", "requests/a.txt", "requests/.json", "requests/", "/requests/a.json"] {
            assert!(matches!(orders(&notification(&[key]))[..], [Order::Foreign(_)]), "{key}");
        }
        let mixed = notification(&["requests/a.json", "accepted/x"]);
        assert!(matches!(&orders(&mixed)[..], [Order::Request { .. }, Order::Foreign(_)]));
    }

    #[test]
    fn what_asks_for_nothing_is_acknowledged() {
        let test = r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-11-22T10:00:00.000Z","Bucket":"state","RequestId":"5582815E1AEA5ADF","HostId":"8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR"}"#;
        let removed = notification(&["requests/a.json"]).replace("ObjectCreated:Put", "ObjectRemoved:Delete");
        for body in [test, &removed, r#"{"Records":[]}"#] {
            assert!(matches!(orders(body)[..], [Order::Nothing(_)]), "{body}");
        }
    }

    #[test]
    fn the_sweeps_own_messages_are_read() {
        assert_eq!(orders(r#"{"request":"requests/a b.json"}"#), requests(&["requests/a b.json"]));
        let plan = orders(r#"{"run":"4f3c2a9b1d7e-v0a1b2c3d4e5f"}"#);
        assert!(matches!(&plan[..], [Order::Plan(task)] if task.run.as_str() == "4f3c2a9b1d7e-v0a1b2c3d4e5f"));
    }

    #[test]
    fn anything_else_is_foreign() {
        for body in [
            "",
            "null",
            "[]",
            "x",
            r#""requests/a.json""#,
            "{}",
            r#"{"run":"../x"}"#,
            r#"{"run":"4f-1","version":2}"#,
            r#"{"request":"runs/x.json"}"#,
            r#"{"request":"requests/a.json","url":"http://169.254.169.254/"}"#,
            r#"{"Records":[1]}"#,
            r#"{"Records":{}}"#,
        ] {
            assert!(matches!(orders(body)[..], [Order::Foreign(_)]), "{body}");
        }
    }
}
