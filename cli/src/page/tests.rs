use std::collections::BTreeMap;

use advisor::{Prices, Workers};
use cf::Cadence;
use dap::Dataset;
use jiff::Timestamp;
use run::{Advice, Digest, Plan, Planning, Request, RunId, Target};

use super::page;

const PRISM: &str = "Dataset {
    Grid { Array: Float32 tmx[time = 1512][lat = 621][lon = 1405]; Maps: Float64 time[time = 1512]; \
           Float64 lat[lat = 621]; Float64 lon[lon = 1405]; } tmx;
    Float64 time[time = 1512]; Float64 lat[lat = 621]; Float64 lon[lon = 1405]; String name[4];
} prism;";
const DAS: &str = "Attributes {
    NC_GLOBAL { String title \"PRISM <monthly>\"; }
    tmx { Float32 _FillValue -9999.0; Int32 _ChunkSizes 1, 23, 44; }
    time { String units \"days since 1895-01-01\"; }
}";

fn request() -> Request {
    Request::new("http://h/data/prism.nc".parse().unwrap(), Target::Folder { path: "/x.zarr".to_owned() })
}

fn study() -> Request {
    let chunks = [("time", 72), ("lat", 354), ("lon", 354)];
    Request { chunks: chunks.map(|(name, size)| (name.to_owned(), size)).into(), ..request() }
}

fn planned(request: &Request, dds: &str, das: &str) -> (Plan, Advice) {
    let dataset = Dataset::from_dap2(dds.as_bytes(), das.as_bytes()).unwrap();
    let fingerprint = run::fingerprint(&dataset, &dataset);
    let planning = Planning {
        run: RunId::attempt(&Digest::of(b"x"), 1),
        continues: None,
        dataset: &dataset,
        fingerprint,
        cadences: BTreeMap::from([("time".to_owned(), Cadence::Months(1))]),
        workers: Workers { at_once: 4, memory: Some(1 << 30) },
        now: Timestamp::UNIX_EPOCH,
    };
    run::advised_plan(request, planning).unwrap()
}

fn page_of(request: &Request, dds: &str, das: &str) -> String {
    let (plan, advice) = planned(request, dds, das);
    page(&plan, &advice, &Prices::default())
}

/// Elements that HTML has no end for; SVG's end themselves.
const VOID: [&str; 4] = ["meta", "br", "col", "!doctype"];

/// The first place where elements do not nest, or a quote is not closed.
fn imbalance(page: &str) -> Option<String> {
    let mut open: Vec<String> = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        let tag = &rest[at + 1..];
        let mut quoted = false;
        let end = tag.find(|letter| {
            quoted ^= letter == '"';
            letter == '>' && !quoted
        });
        let Some(end) = end else { return Some(format!("a tag that does not end: {:.60}", &rest[at..])) };
        let (tag, after) = (&tag[..end], &tag[end + 1..]);
        if tag.contains('<') {
            return Some(format!("a tag in a tag: {tag}"));
        }
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop().as_deref() != Some(name) {
                return Some(format!("</{name}> ends what was not opened last"));
            }
        } else if !tag.ends_with('/') {
            let name = tag.split([' ', '\n']).next().unwrap_or_default();
            if !VOID.contains(&name) {
                open.push(name.to_owned());
            }
        }
        rest = after;
    }
    open.pop().map(|name| format!("<{name}> does not end"))
}

/// What can be read, without tags.
fn words(page: &str) -> String {
    let body = page.split_once("</style>").map_or(page, |(_, body)| body);
    let mut text = String::new();
    let mut inside = false;
    for letter in body.chars() {
        match letter {
            '<' => {
                inside = true;
                text.push(' ');
            }
            '>' => inside = false,
            other if !inside => text.push(other),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_checker_of_balance_finds_what_is_wrong() {
    assert_eq!(imbalance("<p><b>a</b><br><rect x=\"1>2\"/></p>"), None);
    for wrong in ["<p><b>a</p></b>", "<p>a", "<p title=\"a>b</p>", "a</p>", "<p <b>a</b></p>"] {
        assert!(imbalance(wrong).is_some(), "{wrong}");
    }
}

#[test]
fn the_numbers_of_the_study_are_there() {
    let page = page_of(&study(), PRISM, DAS);
    assert_eq!(imbalance(&page), None);
    let words = words(&page);
    for expected in [
        "36.1 MB",
        "168 21 × 2 × 4",
        "Chunks touched 21 ",
        "4.2 s for first bytes",
        "72 × 354 × 354",
        "your own lengths",
    ] {
        assert!(words.contains(expected), "{expected}: {words}");
    }
    assert!(
        words.contains("You gave every length, and the plan keeps them. Without them the proposal would be"),
        "{words}"
    );
    assert!(page.contains("class=\"mark own\""), "the user's own is a mark of its own");
}

#[test]
fn a_proposal_is_explained() {
    let page = page_of(&request(), PRISM, DAS);
    assert_eq!(imbalance(&page), None);
    let words = words(&page);
    for expected in [
        "PRISM &lt;monthly&gt;",
        "http://h/data/prism.nc",
        "proposed: best for the reads asked for",
        "best for mostly maps",
        "50&nbsp;% a time series at a point, 50&nbsp;% a map at one time",
        "Waits 200 ms",
        "10.0 MB to 200 MB",
        "This is an estimate; half or twice as much is no surprise.",
        "Not measured. The estimate takes it to be as in the study",
        "monthly",
        "Left out Variable Why name",
        "1970-01-01 00:00:00Z",
    ] {
        assert!(words.contains(expected), "{expected}: {words}");
    }
    assert!(!page.contains("class=\"mark own\""));
    assert!(!page.contains("<script"));
    assert_eq!(page.matches("<h1").count(), 1);
    let figures = page.matches("<figure>").count();
    assert!((2..=5).contains(&figures), "{figures} candidates are drawn");
}

#[test]
fn an_estimate_says_what_it_was_made_with() {
    let (mut plan, advice) = planned(&request(), PRISM, DAS);
    let said = words(&page(&plan, &advice, &Prices::default()));
    assert!(said.contains("GB seconds") && said.contains("4 chunks at a time on functions with 1.07 GB"), "{said}");
    let estimate = plan.estimate.as_mut().unwrap();
    (estimate.gb_seconds, estimate.dollars, estimate.workers.memory) = (None, None, None);
    (estimate.source.measured, estimate.source.bytes_per_s) = (true, 3e6);
    let said = words(&page(&plan, &advice, &Prices::default()));
    assert!(said.contains("on a machine of one’s own"), "{said}");
    assert!(said.contains("This is an estimate. Cost About 2.57 GB are stored. "), "{said}");
    assert!(said.contains("Measured for this estimate: 0.5 s to a response’s first byte, then 3.00 MB"), "{said}");
    let estimate = plan.estimate.as_mut().unwrap();
    (estimate.source.measured, estimate.source.given) = (false, true);
    let said = words(&page(&plan, &advice, &Prices::default()));
    assert!(said.contains("This is an estimate. Cost"), "{said}");
    assert!(said.contains(", --source-rate ): 0.5 s to a response’s first byte, then 3.00 MB"), "{said}");
    plan.totals.wire_bytes = plan.totals.bytes * 2;
    let said = words(&page(&plan, &advice, &Prices::default()));
    assert!(said.contains("5.28 GB of data, 10.6 GB on the wire, to be written as"), "{said}");
    plan.estimate = None;
    assert!(!words(&page(&plan, &advice, &Prices::default())).contains("This is an estimate"));
}

#[test]
fn shards_are_advised_in_words() {
    let (plan, mut advice) = planned(&request(), PRISM, DAS);
    assert!(words(&page(&plan, &advice, &Prices::default())).contains("Shards Not advised: "));
    let sharding = &mut advice.groups[0].sharding;
    sharding.advised = true;
    (sharding.inner, sharding.shard) = (Some(vec![12, 23, 44]), Some(vec![168, 322, 352]));
    assert!(
        words(&page(&plan, &advice, &Prices::default()))
            .contains("Advised: shards of 168 × 322 × 352 with inner chunks of 12 × 23 × 44.")
    );
}

#[test]
fn sentences_have_no_gaps() {
    let page = page_of(&request(), PRISM, DAS);
    let text = page.split_once("<section id=\"whole\">").unwrap().1;
    let gap = text.lines().find(|line| line.trim_start().contains("   "));
    assert_eq!(gap, None);
    assert!(text.contains("load whole when they open the dataset"), "{text}");
}

#[test]
fn the_same_plan_gives_the_same_bytes() {
    assert_eq!(page_of(&request(), PRISM, DAS), page_of(&request(), PRISM, DAS));
}

#[test]
fn hostile_names_are_text() {
    let name = "<script>alert(1)</script>\"'&";
    let (mut plan, mut advice) = planned(&study(), PRISM, DAS);
    let hostile = || format!("{name}\u{202e}\u{0}{}", "long ".repeat(500));
    for group in &mut advice.groups {
        group.arrays = vec![hostile(); 20];
        group.axes.iter_mut().for_each(|axis| axis.name = hostile());
        group.sharding.why = hostile();
        group.choice.why = hostile();
        let sliver = advisor::Warning::Sliver { dimension: hostile(), length: 1, chunk: 20, better: 7 };
        group.planned.warnings = vec![sliver];
        group.planned.reads.iter_mut().for_each(|read| read.read = hostile());
    }
    advice.groups = vec![advice.groups[0].clone(); 10];
    advice.whole = vec![hostile()];
    plan.skipped.iter_mut().for_each(|skipped| (skipped.name, skipped.reason) = (hostile(), hostile()));
    plan.notes = vec![hostile()];
    plan.attributes.insert("title".to_owned(), hostile().into());
    let page = page(&plan, &advice, &Prices::default());
    assert_eq!(imbalance(&page), None);
    assert!(!page.contains("<script"), "a tag of the dataset's");
    assert!(!page.contains(['\u{202e}', '\u{0}']));
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;\u{fffd}\u{fffd}long"), "it is shown");
    // Text is escaped once.
    assert!(!page.contains("&amp;lt;") && !page.contains("&amp;amp;") && !page.contains("&lt;code"));
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
}

#[test]
fn a_series_has_bars_and_no_plane() {
    let dds = "Dataset { Float64 co2[time = 1200000]; Float64 time[time = 1200000]; } s;";
    let request = Request { chunk_bytes: advisor::Window::at_most(1_000_000).unwrap(), ..request() };
    let page = page_of(&request, dds, "Attributes { time { String units \"minutes since 1990-01-01\"; } }");
    assert_eq!(imbalance(&page), None);
    let words = words(&page);
    assert!(words.contains("So there is nothing to plot."), "{words}");
    assert!(words.contains("time 1,200,000, 10 chunks"), "{words}");
    assert!(page.contains("<h1>prism.nc</h1>"), "without a title the address names it");
}

#[test]
fn borders_that_are_too_many_are_thinned_and_said() {
    let request = Request { chunks: [("time".to_owned(), 1)].into(), ..request() };
    let page = page_of(&request, PRISM, DAS);
    assert!(words(&page).contains("Along time one border in 27 is drawn."), "{}", words(&page));
}

#[test]
fn hundreds_of_groups_stay_small() {
    let arrays: Vec<String> = (0..200)
        .map(|at| {
            let size = 400 + at;
            format!(
                "Float32 a_rather_long_name_of_a_variable_{at}\
                 [time = 1512][latitude_{at} = {size}][longitude_{at} = 1405];\n"
            )
        })
        .collect();
    let page = page_of(&request(), &format!("Dataset {{ {} Float64 time[time = 1512]; }} many;", arrays.concat()), DAS);
    assert_eq!(imbalance(&page), None);
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    let words = words(&page);
    assert!(words.contains("The 8 largest groups of arrays are explained in full above. 192 are smaller"), "{words}");
    assert_eq!(words.matches("a_rather_long_name_of_a_variable_0 ").count(), 1, "the smallest has a line");
}
