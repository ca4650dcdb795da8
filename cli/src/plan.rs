use std::process::ExitCode;

use comfy_table::{CellAlignment, Table, presets};
use run::{Plan, PlannedArray, ReasonKind, Target};

use crate::{
    arguments::{ModeArgument, PlanArguments},
    failure::Failure,
    host::{self, Host},
    printer::Printer,
    units::{bytes, count, counted},
};

/// Shows what a conversion would do.
pub(crate) async fn plan(arguments: &PlanArguments, printer: &Printer) -> Result<ExitCode, Failure> {
    let nowhere = Target::Folder { path: "/".to_owned() };
    let url = host::source(&arguments.url)?;
    let (concurrency, contact) = (Some(arguments.source.concurrency), arguments.source.contact.clone());
    let request = host::request(url, nowhere, ModeArgument::Create, &arguments.selection, concurrency, contact)?;
    let host = Host::looking(&arguments.source)?;
    let plan = steps::preview(&request, &host.ports).await?;
    if printer.json() {
        let document =
            serde_json::to_string_pretty(&plan).map_err(|error| Failure::new(ReasonKind::Internal, &error))?;
        Printer::data(&document);
        return Ok(ExitCode::SUCCESS);
    }
    Printer::data(&table(&plan));
    Printer::data("");
    Printer::data(&totals(&plan, arguments.source.concurrency));
    for skipped in &plan.skipped {
        Printer::data(&format!("left out `{}`: {}", skipped.name, skipped.reason));
    }
    for note in &plan.notes {
        Printer::data(&format!("note: {note}"));
    }
    Ok(ExitCode::SUCCESS)
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

fn table(plan: &Plan) -> String {
    let mut table = new_table(&["array", "type", "shape", "chunk", "chunks", "chunk size", "requests each"]);
    for array in &plan.arrays {
        table.add_row(row(array, plan.request_bytes));
    }
    align_numbers(&mut table, &[4, 5, 6]);
    table.trim_fmt()
}

fn row(array: &PlannedArray, request_bytes: u64) -> Vec<String> {
    let spec = &array.spec;
    let grid = array.grid();
    let first = grid.as_ref().and_then(|grid| grid.hyperslab(&grid.index(0)?));
    let requests = first.map_or(0, |slab| array.requests(&slab, request_bytes).len());
    vec![
        spec.path.to_string(),
        spec.element.to_string(),
        named(&spec.dimensions, spec.shape.sizes()),
        spec.chunk_shape.to_string(),
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

fn totals(plan: &Plan, concurrency: u32) -> String {
    let totals = &plan.totals;
    let memory = totals.largest_chunk_bytes.saturating_mul(2).saturating_mul(u64::from(concurrency));
    format!(
        "{} in {}, {} to the source, Zarr {} with {}\nat most {} of chunk data in memory at --concurrency {concurrency}",
        bytes(totals.bytes),
        counted(totals.chunks, "chunk"),
        counted(totals.requests, "request"),
        plan.format,
        plan.codec,
        bytes(memory),
    )
}
