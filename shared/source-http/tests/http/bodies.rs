use std::time::{Duration, Instant};

use dap::BodyError;
use jiff::Timestamp;
use run::ReasonKind;
use steps::{
    Deadline,
    ports::{Source, SourceError},
};

use crate::{
    Keep, dds, fetch, fetch_until, permanent,
    scripted::{Scripted, Step, send},
    source, transient,
};

const HEAD: &str = "HTTP/1.1 200 OK\r\n";
/// `Dataset {} x;\nData:\n` and twenty times `0123456789`.
const GZIP: [u8; 51] = [
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 115, 73, 44, 73, 44, 78, 45, 81, 168, 174, 85, 168, 176, 230, 114, 1, 242, 172,
    184, 12, 12, 141, 140, 77, 76, 205, 204, 45, 44, 135, 54, 11, 0, 147, 255, 109, 169, 220, 0, 0, 0,
];
const ZLIB: [u8; 39] = [
    120, 156, 115, 73, 44, 73, 44, 78, 45, 81, 168, 174, 85, 168, 176, 230, 114, 1, 242, 172, 184, 12, 12, 141, 140,
    77, 76, 205, 204, 45, 44, 135, 54, 11, 0, 110, 21, 47, 126,
];

fn text(text: impl Into<String>) -> Step {
    Step::Send(text.into().into_bytes())
}

/// One answer from a server that then closes the connection, and that it was asked once.
async fn data(steps: impl Fn() -> Vec<Step> + Send + Sync + 'static) -> Result<Vec<u8>, SourceError> {
    let server = Scripted::start(move |_| steps().into_iter().chain([Step::Close]).collect()).await;
    let result = fetch(&source(), &server.url()).await;
    assert_eq!(server.requests().len(), 1);
    result
}

#[tokio::test]
async fn a_body_shorter_than_promised_names_both_lengths() {
    let (kind, message, _) =
        transient(data(|| vec![text(format!("{HEAD}Content-Length: 100\r\n\r\nDataset {{"))]).await);
    assert_eq!(kind, ReasonKind::BodyWrong);
    assert!(message.contains("ended at byte 9, Content-Length said 100"), "{message}");
    assert!(!message.contains("%5B"), "{message}");
}

#[tokio::test]
async fn a_chunked_body_without_its_end_is_cut() {
    let steps = || vec![text(format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n9\r\nDataset {{\r\n"))];
    let (kind, message, _) = transient(data(steps).await);
    assert_eq!(kind, ReasonKind::BodyWrong);
    assert!(message.contains("broke off after 9 bytes"), "{message}");
    let steps = || vec![text(format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n9\r\nDataset {{\r\nxyz\r\n"))];
    assert_eq!(transient(data(steps).await).0, ReasonKind::BodyWrong);
}

#[tokio::test]
async fn a_body_without_a_length_ends_with_the_connection() {
    assert_eq!(data(|| vec![text("HTTP/1.0 200 OK\r\n\r\nDataset {")]).await.unwrap(), b"Dataset {");
}

#[tokio::test]
async fn content_encodings_are_undone() {
    for (name, bytes) in [("gzip", &GZIP[..]), ("deflate", &ZLIB[..])] {
        let head = format!("{HEAD}Content-Encoding: {name}\r\nContent-Length: {}\r\n\r\n", bytes.len());
        let body = data(move || vec![text(head.clone()), Step::Send(bytes.to_vec())]).await.unwrap();
        assert_eq!(body.len(), 220, "{name}");
        assert!(body.starts_with(b"Dataset {} x;\nData:\n0123456789"), "{name}");
    }
}

#[tokio::test]
async fn broken_encodings_are_transient() {
    let cut = |bytes: Vec<u8>, promised: usize| async move {
        let head = format!("{HEAD}Content-Encoding: gzip\r\nContent-Length: {promised}\r\n\r\n");
        transient(data(move || vec![text(head.clone()), Step::Send(bytes.clone())]).await)
    };
    assert_eq!(cut(GZIP[..30].to_vec(), 30).await.0, ReasonKind::BodyWrong);
    assert_eq!(cut(GZIP[..30].to_vec(), 51).await.0, ReasonKind::BodyWrong);
    let mut wrong_checksum = GZIP.to_vec();
    wrong_checksum[44] ^= 1;
    assert_eq!(cut(wrong_checksum, 51).await.0, ReasonKind::BodyWrong);
}

#[tokio::test]
async fn a_body_that_stops_is_given_up() {
    let started = Instant::now();
    let steps =
        || vec![text(format!("{HEAD}Content-Length: 100\r\n\r\nDataset {{")), Step::Pause(Duration::from_mins(1))];
    let (kind, message, _) = transient(data(steps).await);
    assert_eq!(kind, ReasonKind::BodyWrong);
    assert!(message.contains("stopped for 0.4 s at byte 9 of 100"), "{message}");
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_first_byte_may_take_longer_than_the_next() {
    // Before the headers, and between the headers and the body.
    for head_first in [false, true] {
        let head = || text(format!("{HEAD}Content-Length: 9\r\n\r\n"));
        let pause = || Step::Pause(Duration::from_millis(900));
        let steps = move || if head_first { vec![head(), pause()] } else { vec![pause(), head()] };
        let body = data(move || steps().into_iter().chain([text("Dataset {")]).collect()).await;
        assert_eq!(body.unwrap(), b"Dataset {");
    }
}

#[tokio::test]
async fn no_first_byte_is_given_up() {
    let (kind, message, _) = transient(data(|| vec![Step::Pause(Duration::from_mins(1))]).await);
    assert_eq!(kind, ReasonKind::SourceUnreachable);
    assert!(message.starts_with("no answer from `127.0.0.1:") && message.ends_with("within 2.0 s"), "{message}");
    let steps = || vec![text(format!("{HEAD}Content-Length: 9\r\n\r\n")), Step::Pause(Duration::from_mins(1))];
    let (kind, message, _) = transient(data(steps).await);
    assert_eq!(kind, ReasonKind::SourceUnreachable);
    assert!(message.contains("no data from") && message.ends_with("within 2 s"), "{message}");
}

#[tokio::test]
async fn a_trickle_is_given_up() {
    let drop = || [text("x"), Step::Pause(Duration::from_millis(100))];
    let head = || text(format!("{HEAD}Content-Length: 1000\r\n\r\n"));
    let steps = move || std::iter::once(head()).chain((0..100).flat_map(move |_| drop())).collect();
    let (kind, message, _) = transient(data(steps).await);
    assert_eq!(kind, ReasonKind::BodyWrong);
    assert!(message.contains("brought only") && message.contains("in 0.8 s"), "{message}");
}

#[tokio::test]
async fn a_deadline_ends_a_body_that_flows() {
    let drop = || [text("x".repeat(1000)), Step::Pause(Duration::from_millis(50))];
    let head = || text(format!("{HEAD}Content-Length: 100000\r\n\r\n"));
    let server =
        Scripted::start(move |_| std::iter::once(head()).chain((0..100).flat_map(move |_| drop())).collect()).await;
    let until = Deadline::at(Timestamp::now() + Duration::from_millis(500));
    let (kind, message, _) = transient(fetch_until(&source(), &server.url(), until).await);
    assert_eq!(kind, ReasonKind::SourceUnreachable);
    assert!(message.ends_with("when the time for it was up"), "{message}");
}

#[tokio::test]
async fn a_sink_that_has_enough_stops_the_reading() {
    let all: u64 = 100 << 20;
    let server = dap_server::Server::start([dap_server::Dataset::new("d.nc").with(dap_server::Array::formula(
        "v",
        [("x", all / 8)],
        |_| 1.0f64,
    ))])
    .await
    .unwrap();
    let url = server.url("d.nc").parse().unwrap();
    let whole =
        dap::Query::array(&dap::Projection::new("v").unwrap(), &grid::Hyperslab::new(vec![0], vec![all / 8]).unwrap());
    let mut sink = Keep { body: Vec::new(), most: 1000 };
    let result = source().fetch(&url, &whole, &mut sink, Deadline::NONE).await;
    assert!(matches!(result, Err(SourceError::Body(BodyError::TooLong { .. }))), "{result:?}");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(server.stats().bytes_sent < 50 << 20, "{}", server.stats().bytes_sent);
    assert_eq!(server.stats().dods, 1);
}

#[tokio::test]
async fn a_document_without_end_is_no_description() {
    let server = Scripted::start(|_| {
        let piece = || Step::Send(vec![b' '; 1 << 20]);
        let steps = std::iter::once(text("HTTP/1.0 200 OK\r\n\r\n")).chain((0..20).map(|_| piece()));
        steps.chain([Step::Close]).collect()
    })
    .await;
    let (kind, message) = permanent(dds(&source(), &server.url()).await);
    assert_eq!((kind, server.requests().len()), (ReasonKind::SourceNotOpendap, 1));
    assert!(message.contains("larger than 16777216 bytes"), "{message}");
}

#[tokio::test]
async fn an_empty_body_is_the_decoders_business() {
    let server = Scripted::start(|_| send("204 No Content", "", "")).await;
    assert_eq!(fetch(&source(), &server.url()).await.unwrap(), b"");
}
