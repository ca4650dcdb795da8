use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf};

use advisor::{Score, Workers};
use cf::Cadence;
use dap::Dataset;
use jiff::Timestamp;
use run::{Advice, Digest, Group, Plan, PlanError, Planning, Request, RunId, Target};

/// A dataset as a server describes it.
pub(crate) struct Source {
    dataset: Dataset,
    cadences: BTreeMap<String, Cadence>,
}

impl Source {
    pub(crate) fn read(name: &str) -> Self {
        let file = |suffix: &str| {
            let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/advice").join(format!("{name}.{suffix}"));
            std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let dataset = Dataset::from_dap2(&file("dds"), &file("das")).unwrap();
        let hour = 3_600;
        let cadence = match name {
            "prism" => Some(("time", Cadence::Months(1))),
            "era5" | "station" => Some(("time", Cadence::Seconds(hour))),
            "ocean" => Some(("time_counter", Cadence::Seconds(24 * hour))),
            "gridmet" => Some(("day", Cadence::Seconds(24 * hour))),
            "series" => Some(("time", Cadence::Seconds(60))),
            _ => None,
        };
        Self { dataset, cadences: cadence.into_iter().map(|(name, cadence)| (name.to_owned(), cadence)).collect() }
    }
}

pub(crate) fn request() -> Request {
    Request::new("http://h/x".parse().unwrap(), Target::Folder { path: "/x.zarr".to_owned() })
}

pub(crate) fn advised(source: &Source, request: &Request) -> Result<(Plan, Advice), PlanError> {
    let planning = Planning {
        run: RunId::attempt(&Digest::of(b"x"), 1),
        continues: None,
        dataset: &source.dataset,
        fingerprint: run::fingerprint(&source.dataset, &source.dataset),
        cadences: source.cadences.clone(),
        workers: Workers { at_once: 4, memory: None },
        now: Timestamp::UNIX_EPOCH,
    };
    run::advised_plan(request, planning)
}

/// What a reviewer looks at.
pub(crate) fn summary(source: &Source, request: &Request) -> String {
    let (plan, advice) = advised(source, request).unwrap();
    let mut text = String::new();
    for group in &advice.groups {
        describe(&mut text, group);
    }
    writeln!(text, "one chunk each: {}", advice.whole.join(", ")).unwrap();
    for skipped in &plan.skipped {
        writeln!(text, "left out {}: {}", skipped.name, skipped.reason).unwrap();
    }
    let totals = &plan.totals;
    writeln!(text, "{} chunks, {} requests, {} bytes", totals.chunks, totals.requests, totals.bytes).unwrap();
    text
}

fn describe(text: &mut String, group: &Group) {
    let axes = group.axes.iter().map(|axis| {
        let cadence = axis.cadence.map(|cadence| format!(" {cadence}")).unwrap_or_default();
        let source = axis.source_chunk.map(|chunk| format!(" in {chunk}")).unwrap_or_default();
        format!("{} {} ({}{cadence}{source})", axis.name, axis.size, axis.role)
    });
    let axes: Vec<_> = axes.collect();
    writeln!(text, "{}: {}", group.arrays.join(" "), axes.join(", ")).unwrap();
    for ranked in &group.choice.ranked {
        writeln!(text, "  {:22} {}", ranked.best_for.words(), line(&ranked.score)).unwrap();
    }
    for warning in &group.planned.warnings {
        writeln!(text, "  {} {}", if warning.is_strong() { "!!" } else { "! " }, warning.words()).unwrap();
    }
    writeln!(text, "  why: {}", group.choice.why).unwrap();
    if let Some(free) = &group.free {
        writeln!(text, "  else: {}", free.first().map(line).unwrap_or_default()).unwrap();
    }
    writeln!(text, "  shards: {}", group.sharding.why).unwrap();
}

fn line(score: &Score) -> String {
    let chunk: Vec<_> = score.chunk.iter().map(u64::to_string).collect();
    let last: Vec<_> = score.last.iter().map(|last| format!("{:.0}", last.share * 100.0)).collect();
    let reads =
        score.reads.iter().take(2).map(|read| format!("{} {:.1} / {:.1} s", read.read, read.chunks, read.seconds));
    let again = score.alignment.map(|alignment| format!(", source read {:.2} times", alignment.times_read));
    format!(
        "{:18} {:6.1} MB {:>7} chunks, {}, last {} %{}",
        chunk.join("×"),
        f64::from(u32::try_from(score.chunk_bytes).unwrap()) / 1e6,
        score.chunks,
        reads.collect::<Vec<_>>().join(", "),
        last.join("/"),
        again.unwrap_or_default(),
    )
}
