//! The study that this project starts from: 504 chunks of 72×354×354, chosen by hand.

use advisor::{Axis, Choice, Fit, Reader, Reads, Score, Subject, Terms, Warning, Window};
use cf::{Cadence, Role};

fn prism() -> Subject {
    let along = |name: &str, size, role, source| Axis {
        name: name.to_owned(),
        size,
        role,
        cadence: (role == Role::Time).then_some(Cadence::Months(1)),
        source_chunk: Some(source),
        offset: 0,
        chosen: None,
    };
    let axes =
        vec![along("time", 1512, Role::Time, 1), along("lat", 621, Role::Y, 23), along("lon", 1405, Role::X, 44)];
    Subject { axes, element_bytes: 4, wire_bytes: 4 }
}

fn terms(reads: &Reads) -> Terms<'_> {
    Terms {
        reads,
        reader: Reader::default(),
        window: Window::default(),
        request_bytes: 100_000_000,
        shapes: Terms::SHAPES,
    }
}

fn advise(reads: &[&str]) -> Choice {
    let reads = Reads::parse(reads).unwrap();
    advisor::advise(&prism(), &terms(&reads), &|_| None).unwrap()
}

fn study() -> Score {
    advisor::score(&prism(), &[72, 354, 354], &terms(&Reads::default()))
}

fn cost<'a>(score: &'a Score, read: &str) -> &'a advisor::ReadCost {
    score.reads.iter().find(|cost| cost.read == read).unwrap()
}

#[test]
fn the_studys_own_chunks_score_as_it_says() {
    let score = study();
    assert_eq!((score.chunk_bytes, score.fit), (36_091_008, Fit::Inside));
    assert_eq!(score.counts, [21, 2, 4]);
    assert_eq!((score.chunks, score.chunks * 3), (168, 504));
    let last: Vec<_> = score.last.iter().map(|last| last.length).collect();
    assert_eq!(last, [72, 267, 343]);
    let series = cost(&score, "timeseries");
    assert!((series.chunks - 21.0).abs() < 1e-9 && (series.latency_s - 4.2).abs() < 1e-9, "{series:?}");
    let map = cost(&score, "map");
    assert!((map.chunks - 8.0).abs() < 1e-9, "{map:?}");
    assert_eq!(score.requests_per_chunk, 1);
    assert_eq!(score.warnings, [], "two thirds of a chunk and more are no sliver, and few source chunks are cut");
}

#[test]
fn the_balanced_proposal_is_as_good_in_every_score_of_the_study() {
    let choice = advise(&["balanced"]);
    let (first, study) = (choice.first().unwrap(), study());
    assert_eq!(first.fit, Fit::Inside);
    assert!(first.chunks <= study.chunks, "{first:#?}");
    for read in ["timeseries", "map"] {
        assert!(cost(first, read).chunks <= cost(&study, read).chunks, "{read}: {first:#?}");
    }
    for (ours, theirs) in first.last.iter().zip(&study.last) {
        assert!(ours.share >= theirs.share, "{first:#?}");
    }
    let (ours, theirs) = (first.alignment.unwrap(), study.alignment.unwrap());
    assert!(ours.times_read <= theirs.times_read);
    assert_eq!(first.requests_per_chunk, 1);
    assert!(first.cost_s <= study.cost_s);
    assert_eq!(first.warnings, []);
    assert!(choice.why.contains("cuts no source chunk in two"), "{}", choice.why);
}

#[test]
fn slivers_are_told_from_remainders() {
    let warned = |lat: u64| {
        let score = advisor::score(&prism(), &[72, lat, 354], &terms(&Reads::default()));
        score.warnings.into_iter().find(|warning| matches!(warning, Warning::Sliver { .. }))
    };
    let sliver = warned(155).unwrap();
    assert!(sliver.is_strong());
    assert_eq!(sliver.words(), "along lat the last chunk has only 1 of 155 elements; 125 would split it evenly");
    assert_eq!(warned(160), None, "141 of 160 are most of it");
    assert_eq!(warned(354), None);
}

#[test]
fn each_read_gets_what_it_asks_for() {
    let first = |reads: &[&str]| advise(reads).first().unwrap().clone();
    let series = first(&["timeseries"]);
    assert_eq!(series.counts[0], 1, "{series:#?}");
    let map = first(&["map"]);
    assert_eq!(map.counts[1..], [1, 1], "{map:#?}");
    let own = first(&["time=12,lat=all,lon=all"]);
    assert!(cost(&own, "lat=all,lon=all,time=12").chunks <= 2.0, "{own:#?}");
}

#[test]
fn shards_are_advised_where_readers_want_little_of_a_chunk() {
    let point = Reads::parse(&["time=1,lat=1,lon=1"]).unwrap();
    let chosen = advise(&["balanced"]).first().unwrap().clone();
    let judged = |reads: &Reads| advisor::shards(&prism(), &chosen, &terms(reads), true);
    let advised = judged(&point);
    assert!(advised.advised, "{advised:?}");
    let not = judged(&Reads::default());
    assert!(!not.advised && not.why.contains("plain chunks do"), "{not:?}");
}
