//! What should not have come: each a typed failure, once, and nothing is fetched for it.

use dap_server::{At, Behaviour, Fault, FaultKind, prism};
use e2e::Table;
use run::{Digest, ReasonKind, RunId};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::setup::Stack;

struct Case {
    name: &'static str,
    document: Vec<u8>,
    kind: ReasonKind,
    says: Vec<&'static str>,
}

#[tokio::test]
async fn requests_that_cannot_be_met_end_with_a_reason() {
    let Some(stack) = Stack::deployed("here", "bad") else { return };
    let server = stack.source(prism::window(24, 64, 96), Behaviour::default()).await;
    // Somebody's port that the stack was not told of.
    let forbidden = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let forbidden_url = format!("http://{}/prism", forbidden.local_addr().unwrap());
    let good = |url: &str| stack.request(url, "x.zarr", &json!({"time": 12}));
    let url = server.url("prism");
    let with = |name: &str, value: Value| {
        let mut request = good(&url);
        request[name] = value;
        request.to_string().into_bytes()
    };
    let case = |name, document, kind, says: &[&'static str]| Case { name, document, kind, says: says.to_vec() };
    let bad = ReasonKind::BadRequest;
    let to = |target: Value| with("target", target);
    let bucket = stack.output("TargetBucket").to_owned();
    let cases = [
        case("no JSON", b"convert it, please".to_vec(), bad, &["line 1"]),
        case("nothing", Vec::new(), bad, &[]),
        case("cut", with("chunks", json!({"time": 12}))[..40].to_vec(), bad, &[]),
        case("a byte order mark", [b"\xef\xbb\xbf".as_slice(), &with("contact", json!("a"))[..20]].concat(), bad, &[]),
        case("an unknown field", with("chunksize", json!(3)), bad, &["chunksize"]),
        case("another version", with("version", json!(7)), bad, &["version 7"]),
        case("a wrong type", with("chunks", json!({"time": "many"})), bad, &["chunks.time"]),
        case("a chunk of nothing", with("chunks", json!({"time": 0})), bad, &["chunks.time"]),
        case("a range backwards", with("ranges", json!({"time": "5:1"})), bad, &["ranges.time"]),
        case("no such variable", with("variables", json!(["wind"])), bad, &["wind"]),
        case("no OPeNDAP address", with("source", json!("file:///etc/passwd")), bad, &["source"]),
        case("a password", with("source", json!("http://u:hunter2@h/x")), bad, &["source"]),
        case("a folder", to(json!({"folder": {"path": "/tmp/x.zarr"}})), ReasonKind::TargetDenied, &["s3://"]),
        case(
            "another bucket",
            to(json!({"s3": {"bucket": "not-ours", "prefix": "x"}})),
            ReasonKind::TargetDenied,
            &["not-ours"],
        ),
        case(
            "another endpoint",
            to(json!({"s3": {"bucket": bucket, "prefix": "x", "endpoint": "http://169.254.169.254"}})),
            ReasonKind::TargetDenied,
            &["TargetEndpoint"],
        ),
        case("up and away", to(json!({"s3": {"bucket": bucket, "prefix": "../x"}})), bad, &["target"]),
        case("a gigantic chunk", with("chunk_bytes", json!(9_000_000_000_000_u64)), bad, &["chunk_bytes"]),
        case("less than we fetch at once", with("concurrency", json!(1)), bad, &["MaximumConcurrency"]),
        case(
            "a host that is not allowed",
            good(&forbidden_url).to_string().into_bytes(),
            ReasonKind::SourceNotAllowed,
            &["AllowedSourceHosts"],
        ),
        case(
            "the metadata service",
            good("http://169.254.169.254/latest").to_string().into_bytes(),
            ReasonKind::SourceNotAllowed,
            &["169.254.169.254"],
        ),
        case("no such dataset", good(&server.url("nothing")).to_string().into_bytes(), ReasonKind::SourceNotFound, &[]),
    ];
    let mut table = Table::new(&["request", "kind", "what end.json says"]);
    for case in &cases {
        let version = stack.drop_request(&case.name.replace(' ', "-"), &case.document).await;
        let digest = run::Request::from_json(&case.document).ok().and_then(|request| request.digest().ok());
        let run = RunId::of_version(&digest.unwrap_or_else(|| Digest::of(&case.document)), &version);
        let (reason, _) = stack.failure(&run).await;
        assert_eq!(reason.kind, case.kind, "{}: {reason}", case.name);
        for words in &case.says {
            assert!(reason.message.contains(words), "{}: {reason} does not say {words}", case.name);
        }
        assert!(!reason.message.contains("hunter2"), "{}", case.name);
        table.row(&[case.name, &format!("{:?}", reason.kind), &reason.message]);
    }
    assert_eq!(server.stats().dods, 0, "no data was asked for");
    assert!(stack.objects("x.zarr").await.is_empty());
    let knocked = tokio::time::timeout(std::time::Duration::from_millis(50), forbidden.accept()).await;
    assert!(knocked.is_err(), "a host that is not allowed was connected to");
    table.publish("stack-bad-input");
}

#[tokio::test]
async fn foreign_messages_are_dropped_and_everything_goes_on() {
    let Some(stack) = Stack::deployed("here", "foreign") else { return };
    let server = stack.source(prism::window(12, 32, 48), Behaviour::default()).await;
    let digest = Digest::of(b"x");
    let no_run = json!({"run": "0123456789ab-1", "plan": digest, "array": 0, "chunk": [0]}).to_string();
    let elsewhere = json!({"run": "../../etc", "plan": digest, "array": 0, "chunk": [0]}).to_string();
    for queue in ["PlanQueueUrl", "ChunkQueueUrl", "ReceiptQueueUrl"] {
        for body in ["foreign: not JSON", "{\"foreign\": true}", "[]", &no_run, &elsewhere] {
            stack.send(queue, body).await;
        }
    }
    let run = stack.ask("x", &stack.request(&server.url("prism"), "x.zarr", &json!({"time": 12}))).await;
    assert!(stack.end(&run).await.is_published());
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    for queue in ["PlanDeadLetterQueueUrl", "ChunkDeadLetterQueueUrl", "ReceiptDeadLetterQueueUrl"] {
        for text in ["foreign", "0123456789ab-1", "../../etc", "[]"] {
            let kept = stack.messages(queue, text).await;
            assert_eq!(kept.iter().filter(|body| *body != "[0,0,0,0,3]").count(), 0, "{queue}: {kept:?}");
        }
    }
    // Each was said once, by the id of its message: none came back.
    let mut ids = Vec::new();
    for line in stack.log_lines() {
        let Ok(line) = serde_json::from_str::<Value>(&line) else { continue };
        if line["metric"] == "foreign_message" && line["message_id"].is_string() {
            ids.push(line["message_id"].as_str().unwrap().to_owned());
        }
    }
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(all, ids.len(), "a foreign message was handled more than once");
    assert!(all >= 9, "only {all} foreign messages were said to be dropped");
}

#[tokio::test]
async fn a_chunk_that_the_source_refuses_fails_the_run_promptly() {
    let Some(stack) = Stack::deployed("here", "refused") else { return };
    let server = stack.source(prism::window(24, 64, 96), Behaviour::default()).await;
    server.change(|behaviour| {
        behaviour.faults.push(Fault::new(FaultKind::Status(404, None)).only("tmx[12:1:23][0:1:31]"));
        behaviour.faults.push(Fault::new(FaultKind::Status(404, None)).only("tmx[12:23][0:31]"));
        behaviour.faults.push(Fault::new(FaultKind::Truncate(At::Percent(50))).only("ppt").next(2));
    });
    let chunks = json!({"time": 12, "lat": 32, "lon": 48});
    let run = stack.ask("x", &stack.request(&server.url("prism"), "x.zarr", &chunks)).await;
    let (reason, end) = stack.failure(&run).await;
    assert_eq!(reason.kind, ReasonKind::SourceNotFound, "{reason}");
    assert!(reason.message.contains("`tmx`"), "{reason}");
    assert_eq!(end.missing_chunks, 2, "{end:?}");
    assert!(!stack.objects("x.zarr").await.is_published());
    assert_eq!(stack.messages("ChunkDeadLetterQueueUrl", run.as_str()).await, Vec::<String>::new());
}
