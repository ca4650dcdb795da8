use std::collections::BTreeMap;

use advisor::Reads;
use dap::Dataset;
use jiff::Timestamp;
use run::{Digest, Planning, Request, RunId};

use super::*;
use crate::arguments::PlanArguments;

const PRISM: [&str; 2] = [
    include_str!("../../../shared/run/tests/advice/prism.dds"),
    include_str!("../../../shared/run/tests/advice/prism.das"),
];
const MANY: [&str; 2] = [
    include_str!("../../../shared/run/tests/advice/many.dds"),
    include_str!("../../../shared/run/tests/advice/many.das"),
];

const OCEAN: [&str; 2] = [
    include_str!("../../../shared/run/tests/advice/ocean.dds"),
    include_str!("../../../shared/run/tests/advice/ocean.das"),
];

const WHO: Who = Who { here: Workers { at_once: 4, memory: None }, stack: cost::STACK };

fn request() -> Request {
    Request::new("http://h/prism".parse().unwrap(), Target::Folder { path: "/".to_owned() })
}

/// The chunks of the study this project starts from.
fn study() -> Request {
    let chunks = [("time", 72), ("lat", 354), ("lon", 354)];
    Request { chunks: chunks.map(|(name, size)| (name.to_owned(), size)).into(), ..request() }
}

fn advised([dds, das]: [&str; 2], request: &Request) -> Result<(Plan, Advice), run::PlanError> {
    let dataset = Dataset::from_dap2(dds.as_bytes(), das.as_bytes()).unwrap();
    let planning = Planning {
        run: RunId::attempt(&Digest::of(b"x"), 1),
        continues: None,
        dataset: &dataset,
        fingerprint: run::fingerprint(&dataset, &dataset),
        now: Timestamp::UNIX_EPOCH,
        cadences: BTreeMap::from([("time".to_owned(), cf::Cadence::Months(1))]),
        workers: Workers { at_once: 4, memory: None },
    };
    run::advised_plan(request, planning)
}

fn shown(texts: [&str; 2], request: &Request, probe: Option<Probed>) -> Shown {
    let (plan, advice) = advised(texts, request).unwrap();
    let source = probe.as_ref().map_or_else(SourceSpeed::default, cost::measured);
    Shown::new(plan, advice, probe, Prices::default(), WHO, source)
}

fn text(texts: [&str; 2], request: &Request) -> String {
    shown(texts, request, None).text()
}

/// What is said of a dataset of these variables.
fn of_array(array: &str, request: &Request) -> String {
    text([&format!("Dataset {{ {array} }} d;"), "Attributes { }"], request)
}

/// The options of `plan` as the command line has them.
fn arguments(options: &[&str]) -> PlanArguments {
    use clap::Parser as _;
    let words = ["dap2zarr", "plan", "http://h/x"].iter().chain(options);
    let parsed = crate::arguments::Arguments::try_parse_from(words).unwrap();
    let crate::arguments::Command::Plan(arguments) = parsed.command else { panic!("not a plan") };
    *arguments
}

fn is_narrow(text: &str) {
    // What is left out and notes are sentences of others.
    let lines = text.lines().filter(|line| !line.starts_with("left out") && !line.starts_with("note:"));
    let widest = lines.max_by_key(|line| line.chars().count()).unwrap();
    assert!(widest.chars().count() <= ranking::MOST_WIDE, "{widest}");
}

#[test]
fn a_plan_of_the_advisors() {
    let text = text(PRISM, &request());
    is_narrow(&text);
    insta::assert_snapshot!(text);
}

#[test]
fn a_plan_of_the_users_stands_first() {
    let text = text(PRISM, &study());
    is_narrow(&text);
    for figure in ["36.1 MB", "21", "168", "504 of data", "267 of 354", "343 of 354", "4.2"] {
        assert!(text.contains(figure), "{figure} is not in\n{text}");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn lengths_along_some_dimensions_leave_a_choice() {
    let reads = Reads::parse(&["timeseries@0.5", "region@0.3", "time=12,lat=100,lon=100@0.2"]).unwrap();
    let request = Request { chunks: [("time".to_owned(), 72)].into(), reads, ..request() };
    let text = text(PRISM, &request);
    is_narrow(&text);
    insta::assert_snapshot!(text);
}

#[test]
fn many_arrays_are_one_group() {
    let text = text(MANY, &request());
    is_narrow(&text);
    let few: Vec<&str> = text.lines().filter(|line| !line.starts_with(" v")).collect();
    insta::assert_snapshot!(few.join("\n"));
}

#[test]
fn many_groups_are_shortened() {
    let arrays = (0..9).map(|number| {
        let (rows, columns) = (600 + number, 1_400 - 100 * number);
        format!("Float32 v{number}[time = 1512][y = {rows}][x = {columns}];")
            .replace("[y", &format!("[y{number}"))
            .replace("[x", &format!("[x{number}"))
    });
    let dds = format!("Dataset {{ {} String name[4]; }} many;", arrays.collect::<String>());
    let text = text([&dds, "Attributes { }"], &request());
    is_narrow(&text);
    let rest = text.split_once("3 more groups of arrays have a line each").unwrap().1;
    insta::assert_snapshot!(rest);
}

#[test]
fn what_a_terminal_would_obey_stays_text() {
    assert_eq!(harmless("a\u{1b}[31m×\nb\u{202e}\u{9b}"), "a\\u{1b}[31m×\nb\\u{202e}\\u{9b}");
}

#[test]
fn the_options_of_a_plan_give_that_plan() {
    for texts in [PRISM, OCEAN] {
        let (_, advice) = advised(texts, &request()).unwrap();
        let plans = advice.groups.iter().flat_map(|group| group.choice.ranked.iter().map(move |plan| (group, plan)));
        for (group, ranked) in plans {
            let option = options::chunks(group, &ranked.score.chunk, &advice);
            let pairs = option.strip_prefix("--chunks ").unwrap().split(',');
            let chunks = pairs.map(|pair| crate::units::parse_chunk(pair).unwrap()).collect();
            let (_, again) = advised(texts, &Request { chunks, ..request() }).unwrap();
            for array in &group.arrays {
                assert_eq!(again.group_of(array).unwrap().planned.chunk, ranked.score.chunk, "{option}");
            }
        }
    }
    let (_, advice) = advised(OCEAN, &request()).unwrap();
    let first = advice.groups.first().unwrap();
    let option = options::chunks(first, &first.planned.chunk, &advice);
    insta::assert_snapshot!(option);
}

#[test]
fn what_the_source_sends_is_told_where_it_is_another_amount() {
    let array = |kind: &str| of_array(&format!("{kind} v[time = 1000][y = 100][x = 1000];"), &request());
    let short = array("Int16");
    assert!(short.contains("\n200 MB, 400 MB on the wire in "), "{short}");
    let long = array("Float32");
    assert!(long.contains("\n400 MB in ") && !long.contains("on the wire"), "{long}");
}

#[test]
fn where_there_is_nothing_no_chunk_is_promised() {
    let text = of_array("Float32 v[time = 0][x = 1000]; Float32 x[x = 1000];", &request());
    assert!(text.contains("\n  0 chunks: there is nothing along time, so nothing is read or written\n"), "{text}");
    assert!(!text.contains("--chunks ") && !text.contains("why plan"), "{text}");
    let alone = of_array("Float32 v[time = 0][x = 1000];", &request());
    assert!(alone.contains("\n0 bytes in 0 chunks, 0 requests to the source\n"), "{alone}");
    assert!(!alone.contains("a stack's function"), "{alone}");
}

#[test]
fn scalars_are_no_coordinates() {
    let text = of_array("Float32 v[x = 1000]; Float32 x[x = 1000]; Int32 crs;", &request());
    assert!(text.contains(" in 3 chunks (1 of data, 1 of coordinates, 1 of scalars), 3 requests"), "{text}");
    let text = of_array("Float32 v[x = 1000]; Int32 crs;", &request());
    assert!(text.contains(" in 2 chunks (1 of data, 1 of scalars), 2 requests"), "{text}");
}

#[test]
fn a_strangers_names_do_nothing_in_a_shell() {
    for (name, expected) in [
        ("ti$(touch /tmp/pwn)me", "    1  --chunks 'ti$(touch /tmp/pwn)me=715,x=10'\n"),
        ("it's", r"    1  --chunks 'it'\''s=715,x=10'"),
        ("a,b", "    1  no option gives it: --chunks cannot hold the name `a,b`;"),
    ] {
        let (plan, mut advice) =
            advised(["Dataset { Float32 v[t = 715][x = 10]; } d;", "Attributes { }"], &request()).unwrap();
        advice.groups[0].axes[0].name = name.to_owned();
        let text = Shown::new(plan, advice, None, Prices::default(), WHO, SourceSpeed::default()).text();
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn a_stack_is_warned_of_when_it_would_refuse() {
    let (plan, advice) = advised(PRISM, &study()).unwrap();
    let needed = steps::worker_memory(plan.totals.largest_chunk_bytes);
    for (memory, refused) in [(needed, false), (needed - 1, true)] {
        let who = Who { stack: Workers { memory: Some(memory), ..cost::STACK }, ..WHO };
        let shown = Shown::new(plan.clone(), advice.clone(), None, Prices::default(), who, SourceSpeed::default());
        assert_eq!(shown.text().contains("refuse"), refused, "{}", shown.text());
    }
}

#[test]
fn the_estimates_are_for_what_the_options_say() {
    assert_eq!((Who::of(&arguments(&[])), cost::given(&arguments(&[]))), (WHO, SourceSpeed::default()));
    let options = arguments(&["--stack-concurrency", "16", "--stack-memory", "3008", "--source-rate", "5MB"]);
    let (plan, advice) = advised(PRISM, &study()).unwrap();
    let before = Estimates::of(&plan, WHO, SourceSpeed::default(), &Prices::default());
    let shown = Shown::new(plan, advice, None, Prices::default(), Who::of(&options), cost::given(&options));
    let text = shown.text();
    assert!(text.contains("with 16 functions of 3008 MB at a time"), "{text}");
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("0.50 s to a response's first byte, then 5.00 MB/s"), "{text}");
    assert!(text.contains("as you gave it") && !text.contains("--probe"), "{text}");
    assert!(shown.estimates.here.seconds < before.here.seconds / 2.0, "{:?}", shown.estimates);
    assert!(shown.estimates.stack.seconds < before.stack.seconds / 8.0, "{:?}", shown.estimates);
    let latency = cost::given(&arguments(&["--source-latency", "2s"]));
    assert_eq!(latency, SourceSpeed { latency_s: 2.0, given: true, ..SourceSpeed::default() });
}

#[test]
fn programs_read_it_all() {
    let probe = Probed {
        latency_s: 0.3,
        one_stream_bytes_per_s: 2e6,
        two_streams_bytes_per_s: 3.9e6,
        request_bytes: 36_091_008,
        requests: 6,
    };
    let document = serde_json::to_value(shown(PRISM, &study(), Some(probe))).unwrap();
    let (plan, _) = advised(PRISM, &study()).unwrap();
    for (key, value) in serde_json::to_value(&plan).unwrap().as_object().unwrap() {
        assert!(key == "estimate" || document[key] == *value, "{key}: {}", document[key]);
    }
    assert_eq!(document["advice"]["groups"][0]["planned"]["counts"], serde_json::json!([21, 2, 4]));
    assert_eq!(document["advice"]["groups"][0]["choice"]["ranked"][0]["chunk"], serde_json::json!([72, 354, 354]));
    assert_eq!(document["estimate"], document["estimates"]["here"]);
    assert_eq!(document["estimates"]["stack"]["workers"], serde_json::json!({ "at_once": 4, "memory": 1769 << 20 }));
    assert_eq!(document["estimates"]["here"]["source"]["measured"], true);
    assert_eq!((&document["probe"]["requests"], &document["prices"]["put"]), (&6.into(), &0.000_005.into()));
    let unmeasured = serde_json::to_value(shown(PRISM, &study(), None)).unwrap();
    assert_eq!((unmeasured.get("probe"), &unmeasured["estimate"]["source"]["measured"]), (None, &false.into()));
}

#[test]
fn what_cannot_be_planned_says_what_could() {
    let error = |request: Request| {
        let error = advised(PRISM, &request).unwrap_err();
        Failure::request(&error).message().to_owned()
    };
    let strict = error(Request { chunk_bytes: crate::units::parse_window("1001:1003").unwrap(), ..request() });
    assert!(strict.contains("1001 to 1003 bytes"), "{strict}");
    assert!(strict.contains("within a window of "), "{strict}");
    let unknown = error(Request { reads: Reads::parse(&["tim=all,lat=1"]).unwrap(), ..request() });
    assert!(
        unknown.contains("no chosen variable has a dimension `tim` (in reads); the nearest is `time`"),
        "{unknown}"
    );
}
