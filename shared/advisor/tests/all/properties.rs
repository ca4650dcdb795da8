//! What holds for every array.

use advisor::{Axis, BestFor, Fit, Reader, Reads, Subject, Terms, Window};
use cf::{Cadence, Role};
use proptest::prelude::*;

fn axis() -> impl Strategy<Value = Axis> {
    let roles = prop::sample::select(vec![Role::Time, Role::Vertical, Role::Y, Role::X, Role::Other]);
    let cadences = prop::sample::select(vec![
        None,
        Some(Cadence::Months(1)),
        Some(Cadence::Seconds(86_400)),
        Some(Cadence::Seconds(3_600)),
    ]);
    let sizes = prop_oneof![1_u64..4, 1_u64..400, 1_u64..20_000];
    (sizes, roles, cadences, prop::option::of(1_u64..500), 0_u64..1_000).prop_map(
        |(size, role, cadence, source_chunk, offset)| Axis {
            name: String::new(),
            size,
            role,
            cadence: cadence.filter(|_| role == Role::Time),
            source_chunk,
            offset,
            chosen: None,
        },
    )
}

prop_compose! {
    fn subject()(
        axes in prop_oneof![9 => prop::collection::vec(axis(), 0..=5), 1 => prop::collection::vec(axis(), 6..=30)], bytes in prop::sample::select(vec![1_u64, 2, 4, 8]),
    ) -> Subject {
        let names = axes.into_iter().enumerate().map(|(at, axis)| Axis { name: format!("d{at}"), ..axis });
        Subject { axes: names.collect(), element_bytes: bytes, wire_bytes: bytes.max(4) }
    }
}

fn reads() -> impl Strategy<Value = Reads> {
    let texts = [
        vec!["balanced"],
        vec!["timeseries"],
        vec!["map"],
        vec!["year@0.9", "map@0.1"],
        vec!["region"],
        vec!["d0=all,d1=3@0.25", "timeseries@0.75"],
    ];
    prop::sample::select(texts.to_vec()).prop_map(|texts| Reads::parse(&texts).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn proposals_tile_the_array_and_fit_the_window(
        subject in subject(),
        reads in reads(),
        most in prop::sample::select(vec![50_000_u64, 1_000_000, 200_000_000]),
        request_bytes in prop::sample::select(vec![10_000_u64, 1_000_000, 100_000_000]),
    ) {
        let window = Window::new(most / 20, most).unwrap();
        let terms = Terms { reads: &reads, reader: Reader::default(), window, request_bytes, shapes: 20_000 };
        // A strict window may fit no shape; a lenient one never refuses.
        let lenient = Window::at_most(most).unwrap();
        let choice = advisor::advise(&subject, &Terms { window: lenient, ..terms }, &|_| None).unwrap();
        prop_assert!(!choice.ranked.is_empty());
        for ranked in &choice.ranked {
            let score = &ranked.score;
            let axes = subject.axes.iter().zip(&score.chunk).zip(&score.counts).zip(&score.last);
            for (((axis, chunk), count), last) in axes {
                prop_assert!(*chunk >= 1 && *chunk <= axis.size);
                prop_assert_eq!((count - 1) * chunk + last.length, axis.size, "chunks tile the axis");
            }
            prop_assert!(score.chunk_bytes <= lenient.most() || score.chunk.iter().all(|length| *length == 1));
            // One request never asks for more than it may, and if there are several it is said.
            prop_assert!(score.request_bytes <= request_bytes.max(subject.wire_bytes));
            let split = score.warnings.iter().any(|warning| matches!(warning, advisor::Warning::Split { .. }));
            prop_assert_eq!(split, score.requests_per_chunk > 1);
            prop_assert!(score.requests >= score.chunks);
            for read in &score.reads {
                prop_assert!(read.chunks >= 1.0 - 1e-9 && read.seconds.is_finite() && read.seconds_at_once > 0.0);
            }
        }
        match advisor::advise(&subject, &terms, &|_| None) {
            Ok(choice) if subject.bytes() > window.least() => {
                prop_assert!(choice.ranked.iter().all(|ranked| ranked.score.fit == Fit::Inside));
                let cheapest = choice.ranked.iter().map(|ranked| ranked.score.cost_s).fold(f64::INFINITY, f64::min);
                prop_assert!(choice.first().unwrap().cost_s <= cheapest * 1.12 + 1e-9, "the first serves the reads best");
            }
            Ok(choice) => prop_assert_eq!(choice.ranked.len(), 1, "a small array stands in one chunk"),
            Err(error) => {
                // No length of a single axis would do either.
                let found = subject.axes.iter().enumerate().any(|(at, axis)| {
                    let bytes = |length: u64| {
                        let lengths: Vec<u64> = subject.axes.iter().map(|_| 1).collect();
                        let lengths: Vec<u64> =
                            lengths.into_iter().enumerate().map(|(i, one)| if i == at { length } else { one }).collect();
                        subject.chunk_bytes(&lengths)
                    };
                    let length = (window.most() / subject.element_bytes).min(axis.size);
                    window.fit(bytes(length)) == Fit::Inside
                });
                prop_assert!(!found, "{}", error);
                // It names a window that does fit something.
                let text = error.to_string();
                if let Some((_, window)) = text.rsplit_once("a window of ") {
                    let (least, most) = window.split_once(':').unwrap();
                    let window = Window::new(least.parse().unwrap(), most.parse().unwrap()).unwrap();
                    prop_assert!(advisor::advise(&subject, &Terms { window, ..terms }, &|_| None).is_ok(), "{}", text);
                }
            }
        }
    }

    #[test]
    fn the_ranking_is_the_same_every_time(subject in subject(), reads in reads()) {
        let terms = Terms { reads: &reads, reader: Reader::default(), window: Window::default(), request_bytes: 1 << 26, shapes: 20_000 };
        let [one, two] = [(); 2].map(|()| advisor::advise(&subject, &terms, &|_| None).unwrap());
        prop_assert_eq!(&one, &two);
        prop_assert_eq!(one.ranked.first().unwrap().best_for, BestFor::Reads);
        let others: Vec<f64> = one.ranked.iter().skip(1).map(|ranked| ranked.score.cost_s).collect();
        prop_assert!(others.is_sorted(), "{:?}", others);
        // On the front nothing is beaten in both.
        prop_assert!(one.front.is_sorted_by(|a, b| a.series_s <= b.series_s && a.map_s > b.map_s));
    }

    #[test]
    fn what_the_user_chose_stands(subject in subject(), at in 0_usize..5, length in 1_u64..30_000) {
        prop_assume!(!subject.axes.is_empty());
        let mut subject = subject;
        let at = at % subject.axes.len();
        subject.axes[at].chosen = Some(length);
        let reads = Reads::default();
        let terms = Terms { reads: &reads, reader: Reader::default(), window: Window::default(), request_bytes: 1 << 26, shapes: 20_000 };
        let choice = advisor::advise(&subject, &terms, &|_| None).unwrap();
        prop_assert!(choice.ranked.iter().all(|ranked| ranked.score.chunk[at] == length.min(subject.axes[at].size)));
    }

    #[test]
    fn shards_are_whole_numbers_of_inner_chunks(subject in subject(), point in any::<bool>()) {
        let reads = if point { Reads::parse(&["d0=1"]).unwrap() } else { Reads::default() };
        let terms = Terms { reads: &reads, reader: Reader::default(), window: Window::default(), request_bytes: 1 << 26, shapes: 20_000 };
        let choice = advisor::advise(&subject, &terms, &|_| None).unwrap();
        let sharding = advisor::shards(&subject, choice.first().unwrap(), &terms, true);
        prop_assert_eq!(sharding.advised, sharding.inner.is_some() && sharding.shard.is_some());
        if let (Some(inner), Some(shard)) = (&sharding.inner, &sharding.shard) {
            prop_assert!(inner.iter().zip(shard).all(|(inner, shard)| shard % inner == 0 && *shard >= *inner));
        }
        prop_assert!(!advisor::shards(&subject, choice.first().unwrap(), &terms, false).advised);
    }
}
