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

use advisor::{Prices, SourceSpeed, Workers};
use comfy_table::{CellAlignment, Table, presets};
use run::{Advice, Plan, PlannedArray, ReasonKind, Target};
use serde::Serialize;
use steps::Probed;

use self::{
    columns::wrapped,
    cost::{Estimates, Who},
    group::LINE,
};
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
    let source = probed.as_ref().map_or_else(|| cost::given(arguments), cost::measured);
    let shown = Shown::new(plan, advice, probed, prices, Who::of(arguments), source);
    if let Some(path) = page {
        file::write(&path, &crate::page::page(&shown.plan, &shown.advice, &shown.prices))?;
        printer.note(&format!("the plan as a page: {}", path.display()));
    }
    if printer.json() {
        let document =
            serde_json::to_string_pretty(&shown).map_err(|error| Failure::new(ReasonKind::Internal, &error))?;
        Printer::data(&document);
    } else {
        Printer::data(&shown.text());
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
    fn new(
        mut plan: Plan,
        advice: Advice,
        probe: Option<Probed>,
        prices: Prices,
        who: Who,
        source: SourceSpeed,
    ) -> Self {
        let estimates = Estimates::of(&plan, who, source, &prices);
        // One document says one thing.
        plan.estimate = Some(estimates.here);
        Self { plan, advice, estimates, prices, probe }
    }

    /// For people.
    fn text(&self) -> String {
        let Self { plan, advice, estimates, prices, probe } = self;
        let mut lines = Vec::new();
        if !advice.groups.is_empty() {
            lines.extend(judged_by(advice));
            lines.push(String::new());
            lines.extend(group::all(advice));
        }
        lines.push(table(plan));
        lines.push(String::new());
        lines.extend(totals(plan, advice, estimates));
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
    vec![
        spec.path.to_string(),
        spec.element.to_string(),
        shown(named(&spec.dimensions, spec.shape.sizes())),
        shown(spec.chunk_shape.to_string()),
        count(grid.map_or(0, |grid| grid.len())),
        bytes(spec.chunk_bytes().unwrap_or_default()),
        count(array.requests_each(request_bytes)),
    ]
}

/// `time 144 × lat 621`.
pub(crate) fn named(dimensions: &[String], sizes: &[u64]) -> String {
    let pairs: Vec<_> = dimensions.iter().zip(sizes).map(|(name, size)| format!("{name} {size}")).collect();
    if pairs.is_empty() { "scalar".to_owned() } else { pairs.join(" × ") }
}

fn totals(plan: &Plan, advice: &Advice, estimates: &Estimates) -> Vec<String> {
    let totals = &plan.totals;
    let concurrency = estimates.here.workers.at_once;
    let memory = totals.largest_chunk_bytes.saturating_mul(2).saturating_mul(u64::from(concurrency));
    let mut lines = vec![
        format!(
            "{} in {}{}, {} to the source",
            cost::amount(totals, ""),
            counted(totals.chunks, "chunk"),
            parts(plan, advice),
            counted(totals.requests, "request"),
        ),
        format!("Zarr {} with {}", plan.format, plan.codec),
        format!("at most {} of chunk data in memory at --concurrency {concurrency}", bytes(memory)),
    ];
    if totals.chunks > 0 {
        lines.extend(wrapped(&function_memory(totals.largest_chunk_bytes, estimates.stack.workers), 2, LINE));
    }
    lines
}

/// ` (504 of data, 4 of coordinates, 1 of scalars)`; nothing where all are of data.
fn parts(plan: &Plan, advice: &Advice) -> String {
    let (mut data, mut coordinates, mut scalars) = (0_u64, 0_u64, 0_u64);
    for array in &plan.arrays {
        let kind = if array.spec.shape.sizes().is_empty() {
            &mut scalars
        } else if advice.whole.iter().any(|name| *name == array.spec.path.as_str()) {
            &mut coordinates
        } else {
            &mut data
        };
        *kind = kind.saturating_add(array.grid().map_or(0, |grid| grid.len()));
    }
    if coordinates == 0 && scalars == 0 {
        return String::new();
    }
    let parts = [(data, "data"), (coordinates, "coordinates"), (scalars, "scalars")];
    let parts = parts.iter().filter(|(chunks, what)| *chunks > 0 || *what == "data");
    let parts: Vec<String> = parts.map(|(chunks, what)| format!("{} of {what}", count(*chunks))).collect();
    format!(" ({})", parts.join(", "))
}

/// What a function of the stack needs, by the rule that the stack's planner refuses by.
fn function_memory(chunk_bytes: u64, stack: Workers) -> String {
    // Functions are sold by the 2^20 bytes.
    let needed = steps::worker_memory(chunk_bytes);
    let megabytes = needed.div_ceil(1 << 20);
    match stack.memory {
        Some(memory) if needed > memory => format!(
            "a stack's function needs {megabytes} MB of memory for the largest chunk and has {} MB, so the stack would \
             refuse this: raise its ChunkMemoryMb (--stack-memory says what it is), or choose smaller chunks",
            memory >> 20
        ),
        Some(memory) => {
            format!(
                "a stack's function needs {megabytes} MB of memory for the largest chunk and has {} MB",
                memory >> 20
            )
        }
        None => format!("a stack's function needs {megabytes} MB of memory for the largest chunk"),
    }
}
