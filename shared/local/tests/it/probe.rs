//! A source is measured with six requests, whatever it answers.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use dap::Query;
use run::{Plan, Reason, ReasonKind, Request, SourceUrl};
use steps::{
    Deadline, Probed,
    ports::{Document, Ports, Sink, Source, SourceError},
    probe,
};

use crate::{
    bench::{Bench, Cut, request},
    dataset::{Dataset, Scripted},
    gate::{Fault, Port},
};

const LATENCY: Duration = Duration::from_millis(300);
/// Bytes per second alone, and of each of two.
const ALONE: f64 = 1_000.0;
const TOGETHER: f64 = 800.0;

/// A server that takes its time, and notes how many requests it has at once.
#[derive(Debug)]
struct Slow {
    inner: Arc<Scripted>,
    /// In place of every body after the first three.
    instead: Option<&'static str>,
    asked: Mutex<Vec<String>>,
    in_flight: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait]
impl Source for Slow {
    async fn document(&self, _: &SourceUrl, _: Document, _: Deadline) -> Result<Bytes, SourceError> {
        panic!("the plan has all that is needed")
    }

    async fn fetch(&self, _: &SourceUrl, query: &Query, sink: &mut dyn Sink, _: Deadline) -> Result<(), SourceError> {
        let nth = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(query.to_string());
            asked.len()
        };
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(LATENCY).await;
        let body = match self.instead.filter(|_| nth > 3) {
            Some(text) => text.as_bytes().to_vec(),
            None => self.inner.body(&query.to_string()),
        };
        let rate = if self.in_flight.load(Ordering::SeqCst) == 1 { ALONE } else { TOGETHER };
        // A single element comes with its latency.
        if body.len() > 150 {
            tokio::time::sleep(Duration::from_secs_f64(f64::from(u32::try_from(body.len()).unwrap()) / rate)).await;
        }
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        body.chunks(37).try_for_each(|piece| sink.feed(piece)).map_err(Into::into)
    }
}

/// What a plan's source shows, and what it was asked, in order; the most that were in flight.
async fn measured(bench: &Bench, plan: &Plan, instead: Option<&'static str>) -> (Result<Probed, Reason>, Arc<Slow>) {
    let slow = Arc::new(Slow {
        inner: Arc::clone(&bench.source),
        instead,
        asked: Mutex::default(),
        in_flight: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
    });
    let ports = bench.process().ports;
    let ports = Ports::new(
        Arc::clone(&slow) as Arc<dyn Source>,
        Arc::clone(&ports.state),
        Arc::clone(&ports.targets),
        Arc::clone(&ports.plans),
        Arc::clone(&ports.chunks),
        Arc::clone(&ports.records),
        Arc::clone(&ports.world),
        Arc::clone(&ports.meter),
        ports.settings.clone(),
    );
    (probe(plan, &ports).await, slow)
}

async fn planned(dataset: Dataset, request: &Request) -> (Bench, Plan) {
    let bench = Bench::new(dataset);
    let end = bench.run(request).await;
    let plan = bench.plan(&end.run).await;
    (bench, plan)
}

fn near(found: f64, expected: f64) -> bool {
    // The clock of the tests goes by milliseconds.
    (found / expected - 1.0).abs() < 0.02
}

#[tokio::test(start_paused = true)]
async fn latency_and_rates_are_those_of_the_server() {
    let (bench, plan) = planned(Dataset::full(), &request()).await;
    let (probed, slow) = measured(&bench, &plan, None).await;
    let probed = probed.unwrap();
    assert!(near(probed.latency_s, LATENCY.as_secs_f64()), "{probed:?}");
    assert!(near(probed.one_stream_bytes_per_s, ALONE), "{probed:?}");
    assert!(near(probed.two_streams_bytes_per_s, 2.0 * TOGETHER), "{probed:?}");
    let body = bench.source.body("v[0:1][0:2][0:3]").len();
    assert_eq!((probed.request_bytes, probed.requests), (body as u64, 6));
    // Of the array with the largest chunks, one number three times, then whole chunks, each another.
    let expected = [
        "v[0:0][0:0][0:0]",
        "v[0:0][0:0][0:0]",
        "v[0:0][0:0][0:0]",
        "v[0:1][0:2][0:3]",
        "v[2:3][0:2][0:3]",
        "v[4:5][0:2][0:3]",
    ];
    assert_eq!(*slow.asked.lock().unwrap(), expected);
    assert_eq!(slow.most.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_range_is_measured_where_it_lies() {
    let ranges = [("time", "2:5"), ("lon", "3:6")].map(|(name, range)| (name.to_owned(), range.parse().unwrap()));
    let (bench, plan) = planned(Dataset::full(), &Request { ranges: ranges.into(), ..request() }).await;
    let (probed, slow) = measured(&bench, &plan, None).await;
    probed.unwrap();
    // Two whole chunks along time; the third, at the edge along lat, stands in.
    let asked = slow.asked.lock().unwrap();
    assert_eq!(asked[2..], ["v[2:2][0:0][3:3]", "v[2:3][0:2][3:6]", "v[4:5][0:2][3:6]", "v[2:3][3:4][3:6]"]);
}

#[tokio::test(start_paused = true)]
async fn one_chunk_is_enough() {
    let whole = request().cut([("time".to_owned(), 6), ("lat".to_owned(), 5), ("lon".to_owned(), 7)].into());
    let (bench, mut plan) = planned(Dataset::full(), &whole).await;
    let (probed, slow) = measured(&bench, &plan, None).await;
    assert_eq!(probed.unwrap().requests, 6);
    assert_eq!(slow.asked.lock().unwrap()[3..], ["v[0:5][0:4][0:6]"; 3]);
    // A chunk that is fetched in pieces has as good ones beside the first.
    plan.request_bytes = 300;
    let (probed, slow) = measured(&bench, &plan, None).await;
    probed.unwrap();
    let pieces = ["v[0:1][0:4][0:6]", "v[2:3][0:4][0:6]", "v[4:5][0:4][0:6]"];
    assert_eq!(slow.asked.lock().unwrap()[3..], pieces);
    plan.request_bytes = 420;
    let (probed, slow) = measured(&bench, &plan, None).await;
    probed.unwrap();
    let pieces = ["v[0:2][0:4][0:6]", "v[0:2][0:4][0:6]", "v[3:5][0:4][0:6]"];
    assert_eq!(slow.asked.lock().unwrap()[3..], pieces);
}

#[tokio::test(start_paused = true)]
async fn coordinates_and_scalars_are_measured_where_there_is_nothing_else() {
    for (name, expected) in [("crs", ["crs", "crs"]), ("time", ["time[0:0]", "time[0:5]"])] {
        let mut dataset = Dataset::full();
        dataset.variables.retain(|variable| variable.name == name);
        let (bench, plan) = planned(dataset, &request().cut([].into())).await;
        let (probed, slow) = measured(&bench, &plan, None).await;
        assert_eq!(probed.unwrap().requests, 6, "{name}");
        assert_eq!(slow.asked.lock().unwrap()[2..4], expected);
    }
    let mut empty = Dataset::empty();
    empty.variables.retain(|variable| variable.name == "v");
    let (bench, plan) = planned(empty, &request().cut([].into())).await;
    let (probed, slow) = measured(&bench, &plan, None).await;
    let reason = probed.unwrap_err();
    assert!(reason.message.contains("nothing to measure") && reason.message.contains("--probe"), "{reason}");
    assert!(slow.asked.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_fails_is_the_last() {
    let (bench, plan) = planned(Dataset::full(), &request()).await;
    for failing in 1..=6 {
        for (fault, kind, answer) in [
            (Fault::Permanent(ReasonKind::SourceUnauthorised), ReasonKind::SourceUnauthorised, "having a bad day"),
            (Fault::Transient(Some(Duration::from_secs(5))), ReasonKind::SourceUnreachable, "having a bad day"),
            (Fault::TooLarge(Some(10)), ReasonKind::SourceRefused, "having a bad day"),
            (Fault::Truncate(70), ReasonKind::BodyWrong, "response ends at byte 70"),
            (Fault::Truncate(20), ReasonKind::BodyWrong, "response ends at byte 20"),
        ] {
            let mut fetches = 0;
            bench.script(move |call| {
                fetches += usize::from(call.is(Port::Source, "fetch"));
                if fetches == failing { fault } else { Fault::None }
            });
            let reason = probe(&plan, &bench.process().ports).await.unwrap_err();
            assert_eq!(reason.kind, kind, "{reason}");
            for part in [answer, "leave --probe out", "v["] {
                assert!(reason.message.contains(part), "{part}: {reason}");
            }
            // The fifth and the sixth are sent together.
            let sent = if failing == 5 { 6 } else { failing };
            assert_eq!(bench.shared.keys(Port::Source, "fetch").len(), sent, "{fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_in_place_of_data_is_no_speed() {
    let (bench, plan) = planned(Dataset::full(), &request()).await;
    let header = "Dataset {\n    Float32 v[time = 2][lat = 3][lon = 4];\n} d;\nData:\n";
    for (body, kind, expected) in [
        ("Error {\n    code = 500;\n    message = \"out of heap\";\n};\n", ReasonKind::SourceRefused, "out of heap"),
        ("<html><head><title>Please log in</title></head></html>", ReasonKind::SourceNotOpendap, "Please log in"),
        (
            "Dataset {\n    Float32 v[time = 1][lat = 3][lon = 4];\n} d;\nData:\n",
            ReasonKind::BodyWrong,
            "asked for Float32 v",
        ),
        (header, ReasonKind::BodyWrong, "response ends"),
        ("", ReasonKind::BodyWrong, "response ends"),
    ] {
        let (probed, slow) = measured(&bench, &plan, Some(body)).await;
        let reason = probed.unwrap_err();
        assert_eq!(reason.kind, kind, "{reason}");
        assert!(reason.message.contains(expected), "{reason}");
        assert_eq!(slow.asked.lock().unwrap().len(), 4);
    }
    // The right length is not enough: the counts before the elements are checked too.
    let wrong: &'static str = Box::leak(format!("{header}{}", "\0".repeat(8 + 24 * 4)).into_boxed_str());
    let (probed, _) = measured(&bench, &plan, Some(wrong)).await;
    assert_eq!(probed.unwrap_err().kind, ReasonKind::BodyWrong);
    let long: &'static str = Box::leak(format!("{header}\0\0\0\u{18}\0\0\0\u{18}{}", "\0".repeat(24 * 4 + 1)).into());
    let (probed, _) = measured(&bench, &plan, Some(long)).await;
    let reason = probed.unwrap_err();
    assert!(reason.message.contains("response has at least"), "{reason}");
}
