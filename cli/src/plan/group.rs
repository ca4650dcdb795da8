//! What is said of a group of arrays: its dimensions, its plans, and what to think of them.

use advisor::{Axis, Score};
use run::{Advice, Group};

use super::{
    columns::{self, Column, wrapped},
    options,
    ranking::{Ranking, shape},
};
use crate::units::{bytes, count, mean, percent, seconds};

/// Characters of a line of words.
pub(super) const LINE: usize = 100;
/// Groups that are shown in full.
const MOST_IN_FULL: usize = 6;
/// Arrays of a group that are named.
const MOST_NAMED: usize = 8;

/// Every group: the first in full, the others in a line each.
pub(super) fn all(advice: &Advice) -> Vec<String> {
    let mut lines = Vec::new();
    for group in advice.groups.iter().take(MOST_IN_FULL) {
        lines.extend(full(group, advice));
        lines.push(String::new());
    }
    let rest = advice.groups.get(MOST_IN_FULL..).unwrap_or_default();
    if !rest.is_empty() {
        let number = count(rest.len() as u64);
        let have = if rest.len() == 1 {
            "1 more group of arrays has".to_owned()
        } else {
            format!("{number} more groups of arrays have")
        };
        lines.push(format!("{have} a line each; --json says as much of them as of those above:"));
        lines.push(String::new());
        lines.extend(brief(rest));
        lines.push(String::new());
    }
    lines
}

fn full(group: &Group, advice: &Advice) -> Vec<String> {
    if is_empty(group) {
        return nothing(group);
    }
    let ranking = Ranking::of(group, advice);
    let mut lines = wrapped(&heading(group), 2, LINE);
    lines.push(String::new());
    lines.extend(dimensions(group));
    lines.push(String::new());
    lines.extend(ranking.lines(2));
    lines.push(String::new());
    let words = gains(group, &ranking).into_iter().chain(why(group, &ranking)).chain(at_once(group, advice));
    let words = words.chain(warnings(&ranking)).chain([format!("shards: {}", group.sharding.why)]);
    for text in words {
        lines.extend(wrapped(&format!("  {text}"), 4, LINE));
    }
    lines.push("  to have one of these:".to_owned());
    for row in &ranking.rows {
        lines.push(format!("    {}  {}", row.number, options::chunks(group, &row.score.chunk, advice)));
    }
    lines
}

/// Whether its arrays have no elements, and so no chunks.
fn is_empty(group: &Group) -> bool {
    group.axes.iter().any(|axis| axis.size == 0)
}

/// What is said of arrays without elements: there is nothing to choose, and a read brings nothing.
fn nothing(group: &Group) -> Vec<String> {
    let empty: Vec<&str> = group.axes.iter().filter(|axis| axis.size == 0).map(|axis| axis.name.as_str()).collect();
    let mut lines = wrapped(&heading(group), 2, LINE);
    lines.push(String::new());
    let text = format!("  0 chunks: there is nothing along {}, so nothing is read or written", empty.join(" and "));
    lines.extend(wrapped(&text, 4, LINE));
    lines
}

/// `ppt, tmx, tmn (3 arrays, 5.28 GB each)`.
fn heading(group: &Group) -> String {
    let elements = group.axes.iter().fold(1, |product: u64, axis| product.saturating_mul(axis.size));
    let size = bytes(elements.saturating_mul(group.element_bytes));
    let size = if group.arrays.len() == 1 {
        format!("1 array, {size}")
    } else {
        format!("{} arrays, {size} each", group.arrays.len())
    };
    format!("{} ({size})", names(group))
}

fn names(group: &Group) -> String {
    let mut names: Vec<String> = group.arrays.iter().take(MOST_NAMED).cloned().collect();
    let rest = group.arrays.len().saturating_sub(MOST_NAMED);
    if rest > 0 {
        names.push(format!("… {rest} more"));
    }
    names.join(", ")
}

fn role(axis: &Axis) -> String {
    axis.cadence.map_or_else(|| axis.role.to_string(), |cadence| format!("{}, {cadence}", axis.role))
}

/// The dimensions, and how plan 1 cuts them.
fn dimensions(group: &Group) -> Vec<String> {
    let axes = || group.axes.iter();
    let planned = &group.planned;
    let last = planned.last.iter().zip(&planned.chunk).map(|(last, chunk)| match last.share {
        1.0.. => "full".to_owned(),
        share => format!("{} of {chunk} ({})", count(last.length), percent(share)),
    });
    let source = |axis: &Axis| axis.source_chunk.map_or_else(|| "?".to_owned(), count);
    let columns = [
        Column::text(["", "dimension"], axes().map(|axis| axis.name.clone())),
        Column::text(["", "role"], axes().map(role)),
        Column::numbers(["", "size"], axes().map(|axis| count(axis.size))),
        Column::numbers(["source's", "chunk"], axes().map(source)),
        Column::numbers(["plan 1", "chunk"], planned.chunk.iter().copied().map(count)),
        Column::numbers(["", "chunks"], planned.counts.iter().copied().map(count)),
        Column::numbers(["", "last chunk"], last),
    ];
    columns::lines(&columns, &[], 2)
}

/// What the first plan of the advisor's would change for those who read.
fn gains(group: &Group, ranking: &Ranking<'_>) -> Option<String> {
    let other = ranking.rows.get(ranking.free?)?;
    let (yours, theirs) = (&group.planned, other.score);
    if yours.chunk == theirs.chunk {
        return Some("yours is what would be proposed without it".to_owned());
    }
    let reads = yours.reads.iter().zip(&theirs.reads).filter(|(read, _)| read.weight > 0.0);
    let mut parts: Vec<String> = reads
        .map(|(yours, theirs)| {
            format!(
                "{} would touch {} and take {}",
                words(&yours.read),
                instead(&mean(theirs.chunks), &mean(yours.chunks), "chunk"),
                instead(&seconds(theirs.seconds), &seconds(yours.seconds), "second"),
            )
        })
        .collect();
    parts.push(format!("there would be {}", instead(&count(theirs.chunks), &count(yours.chunks), "chunk")));
    Some(format!("plan {} against yours: {}", other.number, parts.join("; ")))
}

/// `9 chunks instead of 21`.
fn instead(now: &str, before: &str, noun: &str) -> String {
    let plural = if now == "1" { "" } else { "s" };
    if now == before {
        format!("{now} {noun}{plural} as now")
    } else {
        format!("{now} {noun}{plural} instead of {before}")
    }
}

fn words(read: &str) -> String {
    match read {
        "timeseries" => "a time series".to_owned(),
        "map" => "a map".to_owned(),
        "year" => "a year of maps".to_owned(),
        "region" => "a region at all times".to_owned(),
        other => format!("a read of {other}"),
    }
}

/// Why the first stands first, and the first of the advisor's.
fn why(group: &Group, ranking: &Ranking<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    // Of lengths that are all the user's there is nothing to explain.
    let chosen = group.axes.iter().all(|axis| axis.chosen.is_some());
    if !chosen {
        lines.push(format!("why plan 1: {}", group.choice.why));
    }
    if let (Some(choice), Some(row)) = (&group.free, ranking.free.and_then(|free| ranking.rows.get(free))) {
        lines.push(format!("why plan {}: {}", row.number, choice.why));
    }
    lines
}

/// What a reader gains who sends several GETs at a time.
fn at_once(group: &Group, advice: &Advice) -> Option<String> {
    let at_once = advice.reader.at_once;
    let reads = || group.planned.reads.iter().filter(|read| read.weight > 0.0);
    // A read of one chunk has nothing to send at once.
    if !reads().any(|read| read.seconds_at_once < read.seconds) {
        return None;
    }
    let parts: Vec<String> =
        reads().map(|read| format!("{}: {}\u{a0}s", words(&read.read), seconds(read.seconds_at_once))).collect();
    Some(format!("with {at_once} GETs at once, plan 1 takes less ({})", parts.join(", ")))
}

/// Each warning once, with the plans that it is about.
fn warnings(ranking: &Ranking<'_>) -> Vec<String> {
    let mut known: Vec<(String, bool, Vec<String>)> = Vec::new();
    for row in &ranking.rows {
        for warning in &row.score.warnings {
            let words = warning.words();
            match known.iter_mut().find(|(text, _, _)| *text == words) {
                Some((_, _, plans)) => plans.push(row.number.to_string()),
                None => known.push((words, warning.is_strong(), vec![row.number.to_string()])),
            }
        }
    }
    let lines = known.into_iter().map(|(words, strong, plans)| {
        let (mark, plural) = (if strong { "!!" } else { "!" }, if plans.len() == 1 { "" } else { "s" });
        format!("{mark} plan{plural} {}: {words}", plans.join(", "))
    });
    lines.collect()
}

/// One line for each group.
fn brief(groups: &[Group]) -> Vec<String> {
    let arrays = groups.iter().map(|group| match group.arrays.as_slice() {
        [first, _, ..] => format!("{first} and {} more", group.arrays.len() - 1),
        [first] => first.clone(),
        [] => String::new(),
    });
    let sizes = |group: &Group| {
        let sizes: Vec<String> = group.axes.iter().map(|axis| format!("{} {}", axis.name, axis.size)).collect();
        sizes.join(" × ")
    };
    let read = |at: usize| {
        move |group: &Group| {
            let read = group.planned.reads.get(at).filter(|_| !is_empty(group));
            read.map_or_else(Default::default, |read| [mean(read.chunks), seconds(read.seconds)])
        }
    };
    let reads = |at: usize| groups.iter().map(read(at)).collect::<Vec<[String; 2]>>();
    let planned = || groups.iter().map(|group| &group.planned);
    let chunks = planned().map(|score: &Score| shape(&score.chunk));
    let columns = [
        Column::text(["", "arrays"], arrays),
        Column::text(["", "shape"], groups.iter().map(sizes)),
        Column::numbers(["", "chunk"], chunks),
        Column::numbers(["", "size"], planned().map(|score| bytes(score.chunk_bytes))),
        Column::numbers(["", "chunks"], planned().map(|score| count(score.chunks))),
        Column::several("time series (s)", ["chunks", "total"], &reads(0)),
        Column::several("map (s)", ["chunks", "total"], &reads(1)),
    ];
    columns::lines(&columns, &[], 2)
}
