use std::{sync::Arc, time::Duration};

use dap_server::{Array, Dataset, Server};
use jiff::Timestamp;
use run::ReasonKind;
use source_http::{HttpOptions, HttpSource};
use steps::{Deadline, Meter};

use crate::{
    dds, fetch, fetch_until, options,
    scripted::{Scripted, Step, answer, send},
    transient,
};

#[tokio::test(flavor = "multi_thread")]
async fn no_more_requests_than_the_cap_are_in_flight() {
    let server = Server::start([Dataset::new("d.nc").with(Array::new("v", [("x", 2)], [7i32, 8]))]).await.unwrap();
    server.change(|behaviour| behaviour.latency = Duration::from_millis(20));
    let meter = Arc::new(Meter::default());
    let options = HttpOptions { concurrency: 3, ..options() };
    let source = Arc::new(HttpSource::new(options, Arc::clone(&meter)).unwrap());
    let url: run::SourceUrl = server.url("d.nc").parse().unwrap();
    let fetches = (0..32).map(|_| {
        let (source, url, meter) = (Arc::clone(&source), url.clone(), Arc::clone(&meter));
        tokio::spawn(async move {
            fetch(&source, &url).await.unwrap();
            meter.in_flight()
        })
    });
    for in_flight in futures::future::join_all(fetches).await {
        assert!(in_flight.unwrap() <= 3);
    }
    let stats = server.stats();
    assert_eq!((stats.dods, stats.max_in_flight, meter.in_flight()), (32, 3, 0));
}

#[tokio::test]
async fn documents_take_turns_too_but_are_not_counted_as_data() {
    let server = Scripted::start(|_| {
        let pause = Step::Pause(Duration::from_millis(200));
        std::iter::once(pause).chain(send("200 OK", "", "Dataset {")).collect()
    })
    .await;
    let meter = Arc::new(Meter::default());
    let source = HttpSource::new(HttpOptions { concurrency: 1, ..options() }, Arc::clone(&meter)).unwrap();
    let url = server.url();
    let started = std::time::Instant::now();
    let watch = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        meter.in_flight()
    };
    let (first, second, in_flight) = futures::join!(dds(&source, &url), dds(&source, &url), watch);
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(in_flight, 0);
    assert!(started.elapsed() >= Duration::from_millis(400));
}

#[tokio::test]
async fn waiting_for_a_turn_is_not_counted_against_the_server() {
    // Six requests of 500 ms, one at a time: the last waits longer than the 2 s a first byte may take.
    let server = Scripted::start(|_| {
        let pause = Step::Pause(Duration::from_millis(500));
        std::iter::once(pause).chain(send("200 OK", "", "Dataset {")).collect()
    })
    .await;
    let source = HttpSource::new(HttpOptions { concurrency: 1, ..options() }, Arc::default()).unwrap();
    let url = server.url();
    let all = futures::future::join_all((0..6).map(|_| fetch(&source, &url))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
}

#[tokio::test]
async fn waiting_for_a_turn_ends_at_the_deadline() {
    let server = Scripted::start(|_| vec![Step::Pause(Duration::from_mins(1))]).await;
    let source = HttpSource::new(HttpOptions { concurrency: 1, ..options() }, Arc::default()).unwrap();
    let url = server.url();
    let until = Deadline::at(Timestamp::now() + Duration::from_millis(200));
    let (first, second) = futures::join!(fetch(&source, &url), fetch_until(&source, &url, until));
    assert_eq!(transient(first).0, ReasonKind::SourceUnreachable);
    let (_, message, _) = transient(second);
    assert!(message.starts_with("no turn at"), "{message}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn nothing_is_asked_after_the_deadline() {
    let server = Scripted::always(&answer("200 OK", "", "Dataset {")).await;
    let until = Deadline::at(Timestamp::now() - Duration::from_secs(1));
    let (_, message, _) = transient(fetch_until(&crate::source(), &server.url(), until).await);
    assert!(message.ends_with("the time for it is up"), "{message}");
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn every_request_says_who_asks() {
    let server = Scripted::always(&answer("200 OK", "", "Dataset {")).await;
    let who = |text: &str| Some(text.to_owned());
    let options = HttpOptions { contact: who("me@example.org"), run: who("r-1"), ..options() };
    let source = HttpSource::new(options, Arc::default()).unwrap();
    dds(&source, &server.url()).await.unwrap();
    fetch(&source, &server.url()).await.unwrap();
    for request in server.requests() {
        let head = request.head.to_ascii_lowercase();
        let version = env!("CARGO_PKG_VERSION");
        assert!(head.contains(&format!("user-agent: dap2zarr/{version} (me@example.org; run r-1)\r\n")), "{head}");
        assert!(head.contains("accept-encoding: gzip") && head.contains("deflate"), "{head}");
        assert!(!head.contains("cookie") && !head.contains("authorization") && !head.contains("referer"), "{head}");
    }
}
