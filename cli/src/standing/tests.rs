//! Runs at every stage, for the texts of all commands.

use dap::Dataset;
use run::{
    ChunkTask, DOCUMENT_VERSION, Decision, Digest, Planning, Reason, ReasonKind, Receipt, Report, Request, RunId,
    Target, Timings, Verdict,
};

use super::*;

const DDS: &str = "Dataset {
    Grid { Array: Float32 tmx[time = 48][lat = 20][lon = 30]; Maps: Float64 time[time = 48]; Float64 lat[lat = 20]; \
                   Float64 lon[lon = 30]; } tmx;
    Float64 time[time = 48]; Float64 lat[lat = 20]; Float64 lon[lon = 30]; String name[4];
} prism;";

fn at(seconds_before_now: i64) -> Timestamp {
    Timestamp::from_second(1_900_000_000 - seconds_before_now).unwrap()
}

fn id(version: &str) -> RunId {
    RunId::of_version(&Digest::of(b"prism"), version)
}

fn request() -> Request {
    Request {
        chunks: [("time".to_owned(), 1)].into(),
        ..Request::new("http://h/prism".parse().unwrap(), Target::s3("s3://bucket/prism.zarr", None, None).unwrap())
    }
}

fn plan(run: &RunId) -> Plan {
    let dataset = Dataset::from_dap2(DDS.as_bytes(), b"Attributes { NC_GLOBAL { String title \"PRISM\"; } }").unwrap();
    let fingerprint = run::fingerprint(&dataset, &dataset);
    let planning = Planning {
        run: run.clone(),
        continues: None,
        dataset: &dataset,
        fingerprint,
        now: at(300),
        cadences: std::collections::BTreeMap::new(),
        workers: advisor::Workers { at_once: 4, memory: None },
    };
    run::plan(&request(), planning).unwrap()
}

/// A run of which nothing is known.
fn unseen(version: &str) -> View {
    View {
        run: id(version),
        seen: Seen::default(),
        request: None,
        plan: None,
        decision: None,
        end: None,
        deferred: None,
    }
}

fn opened(version: &str) -> View {
    let seen = Seen { request: true, first: Some(at(310)), last: Some(at(12)), ..Seen::default() };
    View { seen, request: Some(request()), ..unseen(version) }
}

fn converting(version: &str, receipts: u64, failures: u64) -> View {
    let mut view = opened(version);
    view.plan = Some(plan(&view.run));
    view.seen.plan = true;
    view.seen.counts = Progress { receipts, failures, deferrals: 0 };
    view
}

fn decided(version: &str, verdict: Verdict) -> View {
    let mut view = converting(version, 51, 0);
    view.decision = Some(Decision { version: DOCUMENT_VERSION, run: view.run.clone(), verdict, at: at(60) });
    view
}

fn ended(version: &str, verdict: Verdict, missing: &[&str]) -> View {
    let mut view = decided(version, verdict.clone());
    view.end = Some(End {
        version: DOCUMENT_VERSION,
        run: view.run.clone(),
        verdict,
        at: at(50),
        missing: missing.iter().map(|chunk| (*chunk).to_owned()).collect(),
        missing_chunks: missing.len() as u64,
    });
    view
}

/// One run for each way in which a run can stand.
pub(crate) fn views() -> Vec<View> {
    let reason = Reason::new(ReasonKind::SourceRefused, "chunk 3/0/0 of `tmx`: the server answered 500");
    let missing = ["tmx/3/0/0: the server answered 500", "tmx/4/0/0: not tried or not finished"];
    let mut some_wait = converting("deferring", 20, 2);
    some_wait.deferred = Some((3, at(-90)));
    let mut repairing = converting("repairing", 51, 0);
    repairing.seen.repairs = 1;
    vec![
        unseen("waiting"),
        opened("planning"),
        converting("converting", 13, 0),
        some_wait,
        converting("reconciling", 51, 0),
        repairing,
        decided("publishing", Verdict::Publish),
        decided("cancelling", Verdict::Cancelled),
        decided("failing", Verdict::Failed { reason: reason.clone() }),
        ended("published", Verdict::Publish, &[]),
        ended("failed", Verdict::Failed { reason }, &missing),
        ended("cancelled", Verdict::Cancelled, &missing),
        ended("superseded", Verdict::Superseded { by: id("newer") }, &[]),
    ]
}

/// The report of a run that ended, with two chunks written.
pub(crate) fn report_of(view: &View) -> Option<Report> {
    let plan = view.plan.as_ref()?;
    let receipt = |ChunkTask { array, chunk, .. }, milliseconds: u64| Receipt {
        array,
        chunk,
        key: "tmx/c/0".to_owned(),
        length: 1_000,
        etag: None,
        sha256: Digest::of(b"chunk"),
        bytes_fetched: 2_400,
        fill_only: false,
        requests: 1,
        timings: Timings { fetch_ms: milliseconds, encode_ms: milliseconds / 10, put_ms: milliseconds / 4 },
        finished_at: at(100),
        worker: "lambda".to_owned(),
    };
    let tasks = plan.chunks().map(|(array, chunk)| plan.task(&Digest::of(b"plan"), array, chunk));
    let receipts: Vec<_> = tasks.zip([400, 1_900]).map(|(task, milliseconds)| receipt(task, milliseconds)).collect();
    Some(run::report(plan, view.end.as_ref()?, &receipts))
}

#[test]
fn every_stage_has_its_words() {
    let texts: Vec<_> = views().iter().map(|view| view.text(at(0))).collect();
    insta::assert_snapshot!(texts.join("\n────\n"));
}

#[test]
fn programs_read_the_same() {
    let texts: Vec<_> = views().iter().map(|view| view.json().to_string()).collect();
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn a_listing_tells_what_was_written() {
    let entry = |key: &str, second| Entry {
        key: format!("runs/aaaaaaaaaaaa-1/{key}"),
        length: 1,
        etag: None,
        modified: Timestamp::from_second(second).ok(),
    };
    let mut seen = Seen::default();
    for (key, second) in [
        ("request.json", 5),
        ("plan.json", 6),
        ("receipts/9f86d081884c7d659a2feaa0-r120-f1-d0.jsonl", 9),
        ("receipts/9f86d081884c7d659a2feaa1-r3-f0-d2.jsonl", 8),
        ("receipts/not-a-segment", 7),
        ("repair/1.json", 10),
        ("watch.json", 99),
    ] {
        seen.add(key, &entry(key, second));
    }
    assert!(seen.request && seen.plan && !seen.decision && !seen.end && !seen.report);
    assert_eq!(seen.counts, Progress { receipts: 123, failures: 1, deferrals: 2 });
    assert_eq!(seen.deferring, ["runs/aaaaaaaaaaaa-1/receipts/9f86d081884c7d659a2feaa1-r3-f0-d2.jsonl"]);
    assert_eq!(
        (seen.repairs, seen.first, seen.last),
        (1, Timestamp::from_second(5).ok(), Timestamp::from_second(10).ok())
    );
}
