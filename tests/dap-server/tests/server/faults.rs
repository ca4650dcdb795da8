//! How it fails.

use std::time::{Duration, Instant};

use dap_server::{Array, At, Change, Dataset, Fault, FaultKind, Limit, RequestKind, Server};
use futures::future::join_all;
use reqwest::Response;

use crate::{get, halves, start, text, tiny};

/// The bytes that arrive before the body ends or fails, and whether it failed.
async fn read(mut response: Response) -> (Vec<u8>, bool) {
    let mut all = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(piece)) => all.extend_from_slice(&piece),
            Ok(None) => return (all, false),
            Err(_) => return (all, true),
        }
    }
}

fn order(server: &Server, fault: Fault) {
    server.change(|behaviour| behaviour.faults = vec![fault]);
}

#[tokio::test]
async fn refusals_come_and_go() {
    let server = start().await;
    let url = server.url("tiny.dods?t");
    order(&server, Fault::new(FaultKind::Status(429, Some(2))).next(2));
    for expected in [429, 429, 200] {
        let (status, headers, _) = get(&url).await.unwrap();
        assert_eq!(status, expected);
        assert_eq!(headers.contains_key("retry-after"), expected == 429);
    }
    order(&server, Fault::new(FaultKind::Status(503, None)).every(2).only("t[3"));
    let poisoned = server.url("tiny.dods?t%5B3:4%5D");
    for (url, expected) in [(&url, 200), (&poisoned, 200), (&url, 200), (&poisoned, 503)] {
        assert_eq!(get(url).await.unwrap().0, expected);
    }
    assert_eq!(server.stats().faults, 3);
}

#[tokio::test]
async fn bodies_are_cut() {
    let server = start().await;
    let url = server.url("tiny.dods?wide");
    let (_, _, whole) = get(&url).await.unwrap();
    for chunked in [false, true] {
        server.change(|behaviour| behaviour.chunked = chunked);
        for at in [At::Byte(100), At::Percent(50), At::Byte(0)] {
            order(&server, Fault::new(FaultKind::Truncate(at)).next(1));
            let response = reqwest::get(&url).await.unwrap();
            let promised = (!chunked).then_some(whole.len().to_string());
            let found = response.headers().get("content-length");
            assert_eq!(found.map(|v| v.to_str().unwrap().to_owned()), promised);
            let (body, failed) = read(response).await;
            assert!(failed, "{at:?}");
            let expected = match at {
                At::Byte(bytes) => usize::try_from(bytes).unwrap(),
                At::Percent(_) => whole.len() / 2,
            };
            assert_eq!(body, whole[..expected]);
            assert_eq!(get(&url).await.unwrap().2, whole);
        }
    }
    order(&server, Fault::new(FaultKind::Short(At::Byte(3))).next(1));
    server.change(|behaviour| behaviour.chunked = false);
    assert_eq!(get(&url).await.unwrap().2, whole[..whole.len() - 3]);
    assert_eq!(server.stats().answered, 7);
}

#[tokio::test]
async fn errors_come_with_200() {
    let server = start().await;
    let url = server.url("tiny.dods?t");
    let (_, _, whole) = get(&url).await.unwrap();
    order(&server, Fault::new(FaultKind::ErrorBody("no \"memory\"".to_owned())));
    let (status, body) = text(&url).await;
    assert_eq!(status, 200);
    assert_eq!(body, "Error {\n    code = 500;\n    message = \"no \\\"memory\\\"\";\n};\n");
    order(&server, Fault::new(FaultKind::ErrorInBody(At::Byte(12))));
    let (status, _, body) = get(&url).await.unwrap();
    assert_eq!(status, 200);
    let data = halves(&body).1;
    assert_eq!(data[..12], halves(&whole).1[..12]);
    assert!(data[12..].starts_with(b"Error {"));
    order(&server, Fault::new(FaultKind::Html));
    assert!(text(&url).await.1.starts_with("<!DOCTYPE html>"));
    order(&server, Fault::new(FaultKind::CutDds));
    let (status, body) = text(&url).await;
    assert_eq!((status, body.as_str()), (200, "Dataset {\n    Int32"));
    order(&server, Fault::new(FaultKind::CutDds).on(RequestKind::Dds).next(1));
    assert_eq!(text(&server.url("tiny.dds?t")).await.1, "Dataset {\n    Int32");
}

#[tokio::test]
async fn bytes_flip_and_connections_drop() {
    let server = start().await;
    let url = server.url("tiny.dods?t");
    let (_, _, whole) = get(&url).await.unwrap();
    order(&server, Fault::new(FaultKind::Flip(At::Byte(11))));
    let (_, _, body) = get(&url).await.unwrap();
    let differing: Vec<usize> = (0..body.len()).filter(|i| body[*i] != whole[*i]).collect();
    let header = whole.len() - halves(&whole).1.len();
    assert_eq!(differing, [header + 11]);
    order(&server, Fault::new(FaultKind::Drop).next(1));
    let client = reqwest::Client::builder().retry(reqwest::retry::never()).build().unwrap();
    assert!(client.get(&url).send().await.is_err());
    order(&server, Fault::new(FaultKind::Stall(At::Percent(50))).next(1));
    let slow = client.get(&url).timeout(Duration::from_millis(200));
    let response = slow.send().await.unwrap();
    assert!(response.bytes().await.unwrap_err().is_timeout());
    assert_eq!(get(&url).await.unwrap().2, whole);
}

#[tokio::test]
async fn large_requests_are_refused_as_thredds_does() {
    let huge = Array::formula("h", [("y", 1115), ("x", 250_000)], |_| 0f32);
    let server = Server::start([tiny().with(huge)]).await.unwrap();
    server.change(|behaviour| behaviour.max_request_bytes = Some(500_000_000));
    let (status, body) = text(&server.url("tiny.dods?h")).await;
    assert_eq!(status, 403);
    assert_eq!(body, "Error {\n    code = 403;\n    message = \"Request too big=1115.0 Mbytes, max=500.0\";\n};\n");
    assert_eq!(get(&server.url("tiny.dods?h%5B0%5D%5B0:9%5D")).await.unwrap().0, 200);
}

#[tokio::test]
async fn brackets_are_refused() {
    let server = start().await;
    let (raw, encoded) = (server.url("tiny.dods?t[1]"), server.url("tiny.dods?t%5b1%5d"));
    for (refuse_raw, refuse_encoded, expected) in
        [(false, false, [200, 200]), (true, false, [400, 200]), (false, true, [200, 404])]
    {
        server.change(|behaviour| {
            behaviour.refuse_raw_brackets = refuse_raw;
            behaviour.refuse_encoded_brackets = refuse_encoded;
        });
        let found = [get(&raw).await.unwrap().0, get(&encoded).await.unwrap().0];
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn too_many_at_a_time() {
    let server = start().await;
    let url = server.url("tiny.dods?t");
    for queue in [false, true] {
        server.reset_stats();
        server.change(|behaviour| {
            behaviour.latency = Duration::from_millis(100);
            behaviour.limit = Some(Limit { requests: 2, queue });
        });
        let answers = join_all((0..5).map(|_| get(&url))).await;
        let good = answers.iter().filter(|a| a.as_ref().unwrap().0 == 200).count();
        assert_eq!(good, if queue { 5 } else { 2 });
        let stats = server.stats();
        assert_eq!(stats.max_in_flight, 2);
        assert_eq!(stats.turned_away, if queue { 0 } else { 3 });
    }
}

#[tokio::test]
async fn slow_is_as_slow_as_ordered() {
    let server = start().await;
    server.change(|behaviour| behaviour.bytes_per_second = Some(4_000_000));
    let start = Instant::now();
    let (_, _, body) = get(&server.url("tiny.dods?wide[0:99][0:999]")).await.unwrap();
    let elapsed = start.elapsed();
    assert!(body.len() > 800_000);
    assert!(elapsed > Duration::from_millis(150), "{elapsed:?}");
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
}

#[tokio::test]
async fn datasets_change() {
    let server = start().await;
    let grown = Dataset::new("tiny").with(Array::new("t", [("x", 6)], [1i32, 2, 3, 4, 5, 6]));
    let (das, data) = (server.url("tiny.das"), server.url("tiny.dods?t"));
    let (_, _, whole) = get(&data).await.unwrap();
    let changes = [Change::Attribute, Change::Value, Change::Replace(Box::new(grown))];
    let expected = [(true, 0), (false, 1), (false, 6)];
    for (change, (attribute, differing)) in changes.into_iter().zip(expected) {
        server.reset_stats();
        server.change(|behaviour| behaviour.change_after = Some((2, change)));
        assert!(!text(&das).await.1.contains("changed"));
        assert_eq!(get(&data).await.unwrap().2, whole);
        assert_eq!(text(&das).await.1.contains("changed"), attribute);
        let body = get(&data).await.unwrap().2;
        let found = body.iter().zip(&whole).filter(|(a, b)| a != b).count();
        assert!((found > 0) == (differing > 0) && (differing != 1 || found == 1));
        assert_eq!(body.len() > whole.len(), differing == 6);
    }
}
