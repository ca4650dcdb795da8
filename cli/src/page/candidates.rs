//! The shapes worth choosing between, side by side.

use advisor::{Fit, Pattern, ReadCost, Score};
use run::Group;

use super::{
    drawing::last_chunks,
    html::{bytes_of, concat, escape, label, put, scrolling, seconds, sentence, shape, share},
};
use crate::units::{bytes, count, mean};

/// One shape, and what it is called.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pub(super) number: usize,
    pub(super) label: String,
    /// Whether the plan cuts the arrays so.
    pub(super) planned: bool,
    /// Whether a user chose it.
    pub(super) own: bool,
    pub(super) score: &'a Score,
}

impl Candidate<'_> {
    /// The number in its frame; the frame of a user's own has corners.
    pub(super) fn badge(&self) -> String {
        let own = if self.own { " own" } else { "" };
        format!("<span class=\"number{own}\">{}</span>", self.number)
    }
}

/// The shape of the plan first. Where a user chose lengths, what keeps them comes next, then what would be proposed
/// without them.
pub(super) fn candidates(group: &Group) -> Vec<Candidate<'_>> {
    let mut all: Vec<Candidate<'_>> = Vec::new();
    let own = group.free.is_some();
    let first = if own { "your own lengths" } else { "proposed: best for the reads asked for" };
    add(&mut all, first.to_owned(), own, &group.planned);
    for ranked in group.choice.ranked.iter().skip(1) {
        let kept = if own { ", your lengths kept" } else { "" };
        add(&mut all, format!("best for {}{kept}", ranked.best_for.words()), false, &ranked.score);
    }
    for (at, ranked) in group.free.iter().flat_map(|free| free.ranked.iter().enumerate()) {
        let words = ranked.best_for.words();
        let label = if at == 0 { "proposed without your lengths".to_owned() } else { format!("best for {words}") };
        add(&mut all, label, false, &ranked.score);
    }
    all
}

fn add<'a>(all: &mut Vec<Candidate<'a>>, label: String, own: bool, score: &'a Score) {
    if let Some(known) = all.iter_mut().find(|known| known.score.chunk == score.chunk) {
        // What a user chose can be what would be proposed.
        if known.planned && known.own {
            known.label = format!("{}, and {label}", known.label);
        }
        return;
    }
    let (number, planned) = (all.len() + 1, all.is_empty());
    all.push(Candidate { number, label, planned, own, score });
}

/// A line of the table: its head, and for each candidate what stands there and a number to compare by.
struct Line {
    head: String,
    cells: Vec<(String, Option<f64>)>,
}

fn line<'a>(all: &[Candidate<'a>], head: &str, cell: impl Fn(&'a Score) -> (String, Option<f64>)) -> Line {
    Line { head: head.to_owned(), cells: all.iter().map(|candidate| cell(candidate.score)).collect() }
}

/// The table: a column for each candidate.
pub(super) fn table(group: &Group, all: &[Candidate<'_>], at_once: u32) -> String {
    let columns = concat(all.iter().map(|candidate| {
        let class = if candidate.planned { " class=\"plan\"" } else { "" };
        format!("<th scope=\"col\"{class}>{}<small>{}</small></th>", candidate.badge(), escape(&candidate.label))
    }));
    let mut body = section("Chunks", &chunk_lines(group, all), all);
    let reads = group.planned.reads.iter().enumerate();
    for (at, read) in reads {
        body.push_str(&section(&heading(at, read), &read_lines(all, at, at_once), all));
    }
    let cost =
        line(all, "All of them by weight, one GET after another", |score| (seconds(score.cost_s), Some(score.cost_s)));
    body.push_str(&section("The reads asked for", &[cost], all));
    body.push_str(&section("Conversion", &conversion_lines(all), all));
    let caption = "Each column is a way to cut these arrays; the least of a line is underlined. Times are what a reader \
                   waits.";
    let number = all.len();
    let table = format!(
        "<table class=\"compare\" style=\"--columns:{number}\"><caption><span>{caption}</span></caption><colgroup><col><col \
         span=\"{number}\"></colgroup><thead><tr><td></td>{columns}</tr></thead>{body}</table>"
    );
    let first = group.arrays.first().map(|array| label(array)).unwrap_or_default();
    scrolling(&format!("Candidates for {first}"), &table)
}

fn section(head: &str, lines: &[Line], all: &[Candidate<'_>]) -> String {
    let span = all.len() + 1;
    let mut rows = format!("<tr><th scope=\"rowgroup\" colspan=\"{span}\"><span>{head}</span></th></tr>");
    for line in lines {
        let numbers = || line.cells.iter().filter_map(|(_, number)| *number);
        let least = numbers().fold(f64::INFINITY, f64::min);
        let most = numbers().fold(f64::NEG_INFINITY, f64::max);
        put(&mut rows, format_args!("<tr><th scope=\"row\">{}</th>", line.head));
        for (candidate, (text, number)) in all.iter().zip(&line.cells) {
            // A line in which all are alike has no winner.
            let is_least = most > least * 1.001 && number.is_some_and(|number| number <= least * 1.001);
            let class = if candidate.planned { "n plan" } else { "n" };
            let (head, rest) = text.split_at(text.find("<small>").unwrap_or(text.len()));
            let head = if is_least { format!("<b>{head}</b>") } else { head.to_owned() };
            put(&mut rows, format_args!("<td class=\"{class}\">{head}{rest}</td>"));
        }
        rows.push_str("</tr>");
    }
    format!("<tbody>{rows}</tbody>\n")
}

fn chunk_lines(group: &Group, all: &[Candidate<'_>]) -> Vec<Line> {
    let names: Vec<String> = group.axes.iter().map(|axis| format!("<code>{}</code>", label(&axis.name))).collect();
    let fit = |fit: Fit| match fit {
        Fit::Inside => "",
        Fit::Below => "<small>below the window</small>",
        Fit::Above => "<small>above the window</small>",
    };
    vec![
        line(all, &format!("Shape <small>{}</small>", names.join(" × ")), |score| (shape(&score.chunk), None)),
        line(all, "Size, uncompressed", |score| (format!("{}{}", bytes(score.chunk_bytes), fit(score.fit)), None)),
        line(all, "Chunks of an array", |score| {
            let counts =
                if score.counts.len() > 1 { format!("<small>{}</small>", shape(&score.counts)) } else { String::new() };
            (format!("{}{counts}", count(score.chunks)), Some(super::html::real(score.chunks)))
        }),
        line(all, "Last chunks", |score| (last_chunks(&group.axes, score), None)),
    ]
}

/// What a read is, and its share.
pub(super) fn read_words(at: usize, read: &ReadCost) -> String {
    match Pattern::NAMED.get(at) {
        Some(pattern) => pattern.words(),
        None => sentence(&read.read),
    }
}

fn heading(at: usize, read: &ReadCost) -> String {
    let words = read_words(at, read);
    let words = if at < Pattern::NAMED.len() { capital(&words) } else { format!("A read of <code>{words}</code>") };
    let weight = if read.weight > 0.0 {
        format!("{} of the reads asked for", share(read.weight))
    } else {
        "not asked for, shown only".to_owned()
    };
    let elements = if read.extents.iter().all(|extent| *extent == 1) { "element" } else { "elements" };
    format!("{words} <small>{} {elements}, {weight}</small>", shape(&read.extents))
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}", first.to_uppercase(), letters.as_str()))
}

fn read_lines(all: &[Candidate<'_>], at: usize, lanes: u32) -> Vec<Line> {
    let of = |score: &Score, cell: fn(&ReadCost) -> (String, Option<f64>)| {
        score.reads.get(at).map_or_else(|| (String::new(), None), cell)
    };
    let at_once = format!("With {} GETs at once", count(lanes.into()));
    vec![
        line(all, "Chunks touched", |score| of(score, |read| (mean(read.chunks), Some(read.chunks)))),
        line(all, "Data brought", |score| of(score, |read| (bytes_of(read.bytes), Some(read.bytes)))),
        line(all, "One GET after another", |score| {
            of(score, |read| {
                let waiting = format!("<small>{} for first bytes</small>", seconds(read.latency_s));
                (format!("{}{waiting}", seconds(read.seconds)), Some(read.seconds))
            })
        }),
        line(all, &at_once, |score| of(score, |read| (seconds(read.seconds_at_once), Some(read.seconds_at_once)))),
    ]
}

fn conversion_lines(all: &[Candidate<'_>]) -> Vec<Line> {
    let mut lines = Vec::new();
    if all.iter().any(|candidate| candidate.score.alignment.is_some()) {
        lines.push(line(all, "Each source chunk is read", |score| match score.alignment {
            Some(alignment) => {
                let times = alignment.times_read;
                let shown = if times < 1.005 { "once".to_owned() } else { format!("{times:.2} times") };
                (format!("{shown}<small>{} in a chunk</small>", mean(alignment.touched)), Some(times))
            }
            None => ("not known".to_owned(), None),
        }));
    }
    lines.push(line(all, "Requests for a chunk", |score| {
        let requests = score.requests_per_chunk;
        let in_all = format!("<small>{} in all</small>", count(score.requests));
        (format!("{}{in_all}", count(requests)), Some(super::html::real(requests)))
    }));
    lines.push(line(all, "Memory of a worker", |score| {
        (bytes(score.worker_bytes), Some(super::html::real(score.worker_bytes)))
    }));
    lines
}
