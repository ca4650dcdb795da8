mod columns;
pub(crate) mod cost;
mod file;
mod group;
mod options;
pub(crate) mod prices;
mod ranking;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use advisor::{Prices, SourceSpeed};
use comfy_table::{CellAlignment, Table, presets};
use run::{Advice, Plan, PlannedArray, ReasonKind, Target};
use serde::Serialize;
use steps::Probed;

use self::{columns::wrapped, cost::Estimates, group::LINE};
use crate::{
    arguments::{ModeArgument, PlanArguments},
    failure::Failure,
    host::{self, Host},
    printer::Printer,
    units::{bytes, count, counted},
};

/// Shows what a conversion would do, why its chunks are as they are, and how else they could be.
pub(crate) async fn plan(arguments: &PlanArguments, printer: &Printer) -> Result<ExitCode, Failure> {
    let nowhere = Target::Folder { path: "/".to_owned() };
    let url = host::source(&arguments.url)?;
    let concurrency = arguments.source.concurrency;
    let contact = arguments.source.contact.clone();
    let request = host::request(url, nowhere, ModeArgument::Create, &arguments.selection, Some(concurrency), contact)?;
    let prices = prices::read(arguments.prices.as_deref())?;
    let page = arguments.html.as_deref().map(file::check).transpose()?;
    let host = Host::looking(&arguments.source)?;
    let (plan, advice) = steps::preview(&request, &host.ports).await?;
    let probed = if arguments.probe { Some(steps::probe(&plan, &host.ports).await?) } else { None };
    let shown = Shown::new(plan, advice, probed, prices, concurrency);
    if let Some(path) = page {
        file::write(&path, &crate::page::page(&shown.plan, &shown.advice, &shown.prices))?;
        printer.note(&format!("the plan as a page: {}", path.display()));
    }
    if printer.json() {
        let document =
            serde_json::to_string_pretty(&shown).map_err(|error| Failure::new(ReasonKind::Internal, &error))?;
        Printer::data(&document);
    } else {
        Printer::data(&shown.text(concurrency));
    }
    Ok(ExitCode::SUCCESS)
}

/// All there is to say of a plan. As JSON: the plan's document, and what was found out around it.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    plan: Plan,
    advice: Advice,
    estimates: Estimates,
    prices: Prices,
    #[serde(skip_serializing_if = "Option::is_none")]
    probe: Option<Probed>,
}

impl Shown {
    fn new(mut plan: Plan, advice: Advice, probe: Option<Probed>, prices: Prices, concurrency: u32) -> Self {
        let source = probe.as_ref().map_or_else(SourceSpeed::default, cost::measured);
        let estimates = Estimates::of(&plan, concurrency, source, &prices);
        // One document says one thing.
        plan.estimate = Some(estimates.here);
        Self { plan, advice, estimates, prices, probe }
    }

    /// For people.
    fn text(&self, concurrency: u32) -> String {
        let Self { plan, advice, estimates, prices, probe } = self;
        let mut lines = Vec::new();
        if !advice.groups.is_empty() {
            lines.extend(judged_by(advice));
            lines.push(String::new());
            lines.extend(group::all(advice));
        }
        lines.push(table(plan));
        lines.push(String::new());
        lines.extend(totals(plan, advice, concurrency));
        let skipped = plan.skipped.iter().map(|skipped| format!("left out `{}`: {}", skipped.name, skipped.reason));
        lines.extend(skipped);
        lines.extend(plan.notes.iter().map(|note| format!("note: {note}")));
        lines.push(String::new());
        if let Some(probe) = probe {
            lines.extend(cost::probe(probe));
            lines.push(String::new());
        }
        lines.extend(estimates.lines(prices));
        harmless(&lines.join("\n"))
    }
}

/// The text with what a terminal would obey or hide, control and bidirectional characters, written as escapes: names
/// come from a server.
fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let hidden =
            matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if hidden || (c.is_control() && c != '\n') {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// What the plans are ranked by.
fn judged_by(advice: &Advice) -> Vec<String> {
    let Advice { reads, reader, window, .. } = advice;
    let reads = if reads.is_balanced() {
        "time series at a point and maps at one time, half each".to_owned()
    } else {
        reads.to_string()
    };
    let rate = bytes(reader.bytes_per_second);
    let (least, most) = (bytes(window.least()), bytes(window.most()));
    let texts = [
        format!("chunks are ranked for these reads: {reads} (--read)"),
        format!("a chunk has {least} to {most} of data, uncompressed (--chunk-bytes)"),
        format!(
            "a reader fetches one chunk after another: {} ms of wait for each, then {rate} of data a second; total is both",
            reader.latency_ms
        ),
        "last chunk: how full the emptiest one at an edge is; source read: how often each of the source's chunks is"
            .to_owned(),
    ];
    texts.iter().flat_map(|text| wrapped(text, 2, LINE)).collect()
}

/// A table without frames, aligned for reading.
pub(crate) fn new_table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(head.iter().map(|title| (*title).to_owned()));
    table
}

/// Right-aligns columns of numbers.
pub(crate) fn align_numbers(table: &mut Table, columns: &[usize]) {
    for column in columns {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// The table of all arrays; without blanks in shapes where it would be too wide.
fn table(plan: &Plan) -> String {
    let wide = arrays(plan, &|shape| shape);
    let fits = wide.lines().all(|line| line.chars().count() <= ranking::MOST_WIDE);
    if fits { wide } else { arrays(plan, &|shape| shape.replace(" × ", "×")) }
}

fn arrays(plan: &Plan, shown: &dyn Fn(String) -> String) -> String {
    let mut table = new_table(&["array", "type", "shape", "chunk", "chunks", "chunk size", "requests each"]);
    for array in &plan.arrays {
        table.add_row(row(array, plan.request_bytes, shown));
    }
    align_numbers(&mut table, &[4, 5, 6]);
    table.trim_fmt()
}

fn row(array: &PlannedArray, request_bytes: u64, shown: &dyn Fn(String) -> String) -> Vec<String> {
    let spec = &array.spec;
    let grid = array.grid();
    let first = grid.as_ref().and_then(|grid| grid.hyperslab(&grid.index(0)?));
    let requests = first.map_or(0, |slab| array.requests(&slab, request_bytes).len());
    vec![
        spec.path.to_string(),
        spec.element.to_string(),
        shown(named(&spec.dimensions, spec.shape.sizes())),
        shown(spec.chunk_shape.to_string()),
        count(grid.map_or(0, |grid| grid.len())),
        bytes(spec.chunk_bytes().unwrap_or_default()),
        requests.to_string(),
    ]
}

/// `time 144 × lat 621`.
pub(crate) fn named(dimensions: &[String], sizes: &[u64]) -> String {
    let pairs: Vec<_> = dimensions.iter().zip(sizes).map(|(name, size)| format!("{name} {size}")).collect();
    if pairs.is_empty() { "scalar".to_owned() } else { pairs.join(" × ") }
}

fn totals(plan: &Plan, advice: &Advice, concurrency: u32) -> Vec<String> {
    let totals = &plan.totals;
    let memory = totals.largest_chunk_bytes.saturating_mul(2).saturating_mul(u64::from(concurrency));
    let coordinates = plan.arrays.iter().filter(|array| advice.whole.contains(&array.spec.path.to_string()));
    let coordinates: u64 = coordinates.filter_map(|array| Some(array.grid()?.len())).sum();
    let data = count(totals.chunks.saturating_sub(coordinates));
    let parts =
        if coordinates == 0 { String::new() } else { format!(" ({data} of data, {coordinates} of coordinates)") };
    let each = advice.groups.iter().map(|group| group.planned.worker_bytes).max().unwrap_or(0);
    let mut lines = vec![
        format!(
            "{} in {}{parts}, {} to the source",
            bytes(totals.bytes),
            counted(totals.chunks, "chunk"),
            counted(totals.requests, "request"),
        ),
        format!("Zarr {} with {}", plan.format, plan.codec),
        format!("at most {} of chunk data in memory at --concurrency {concurrency}", bytes(memory)),
    ];
    if each > 0 {
        let has = cost::STACK.memory.unwrap_or(u64::MAX);
        let more =
            if each > has { "; that is more than it has by default: raise the stack's ChunkMemoryMb" } else { "" };
        let each = bytes(each);
        lines.push(format!("a stack's function takes {each} for its chunk, besides what it takes itself{more}"));
    }
    lines
}
