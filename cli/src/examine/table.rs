//! The tables of variables.

use std::collections::HashMap;

use comfy_table::ContentArrangement;
use dap::Variable;

use super::{
    line::{COLUMNS, clean, cut, cut_inside, width},
    survey::{is_packed, size, source_chunk_bytes},
};
use crate::{
    plan::{align_numbers, named, new_table},
    units::bytes,
};

/// Columns a table leaves free before its first cell and between two.
const GAP: usize = 2;

/// The most columns of a line, when what tells variables apart would not fit otherwise.
const MOST_COLUMNS: usize = 120;

struct Column {
    title: &'static str,
    is_number: bool,
}

const fn text(title: &'static str) -> Column {
    Column { title, is_number: false }
}

const fn number(title: &'static str) -> Column {
    Column { title, is_number: true }
}

/// A column is cut to `least` while the lines are longer than `limit`.
struct Cut {
    column: usize,
    least: usize,
    limit: usize,
}

const fn cut_to(column: usize, least: usize, limit: usize) -> Cut {
    Cut { column, least, limit }
}

const DATA: [Column; 7] = [
    text("name"),
    text("type"),
    number("size"),
    text("source chunk"),
    number("its size"),
    text("units"),
    text("long name"),
];
/// One after the other. All of them together, with 14 columns of type and 9 of each size, make 119.
const CUT_DATA: [Cut; 8] = [
    cut_to(6, 24, COLUMNS),
    cut_to(5, 13, COLUMNS),
    cut_to(6, 14, COLUMNS),
    cut_to(0, 40, COLUMNS),
    cut_to(3, 22, COLUMNS),
    cut_to(0, 32, MOST_COLUMNS),
    cut_to(3, 16, MOST_COLUMNS),
    cut_to(5, 10, MOST_COLUMNS),
];
const COORDINATES: [Column; 6] =
    [text("name"), text("type"), text("dimensions"), number("size"), text("units"), text("long name")];
/// The units of time are long, but stand in the summary too. All together make 117.
const CUT_COORDINATES: [Cut; 6] = [
    cut_to(4, 13, COLUMNS),
    cut_to(5, 14, COLUMNS),
    cut_to(2, 30, COLUMNS),
    cut_to(0, 40, COLUMNS),
    cut_to(2, 24, MOST_COLUMNS),
    cut_to(0, 32, MOST_COLUMNS),
];

/// Appends the data variables, those of the same dimensions under a line that names these.
pub(super) fn data(variables: &[&Variable], lines: &mut Vec<String>) {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut groups: Vec<(String, Vec<&Variable>)> = Vec::new();
    for variable in variables {
        let dimensions = dimensions(variable);
        let place = *places.entry(dimensions.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, members)) => members.push(variable),
            None => groups.push((dimensions, vec![variable])),
        }
    }
    let rows = groups.iter().flat_map(|(_, members)| members).map(|variable| {
        let chunk = variable.source_chunks.as_deref().map(|chunk| {
            let sizes: Vec<_> = chunk.iter().map(u64::to_string).collect();
            sizes.join(" × ")
        });
        vec![
            clean(&variable.name),
            element(variable),
            bytes(size(variable)),
            chunk.unwrap_or_default(),
            source_chunk_bytes(variable).map(bytes).unwrap_or_default(),
            attribute(variable, "units"),
            meaning(variable),
        ]
    });
    let mut rendered = render(&DATA, &CUT_DATA, rows.collect(), GAP).into_iter();
    lines.extend(rendered.next().map(|head| format!("  {head}")));
    for (dimensions, members) in &groups {
        lines.push(cut(&format!(" {dimensions}"), COLUMNS));
        lines.extend(rendered.by_ref().take(members.len()).map(|row| format!("  {row}")));
    }
    if variables.iter().all(|variable| variable.source_chunks.is_none()) {
        lines.push(" source chunks: not chunked or not told".to_owned());
    }
}

/// Appends coordinates and bounds.
pub(super) fn coordinates(variables: &[&Variable], lines: &mut Vec<String>) {
    let rows = variables.iter().map(|variable| {
        vec![
            clean(&variable.name),
            element(variable),
            dimension_names(variable),
            bytes(size(variable)),
            attribute(variable, "units"),
            meaning(variable),
        ]
    });
    lines.extend(render(&COORDINATES, &CUT_COORDINATES, rows.collect(), 0));
}

/// The lines of a table: the head, then one for each row. A column without anything in it is left out; `cuts` say how
/// the others are made to fit after `indent`. Names are cut inside, since they differ at their ends.
fn render(columns: &[Column], cuts: &[Cut], mut rows: Vec<Vec<String>>, indent: usize) -> Vec<String> {
    let mut kept: Vec<(&Column, usize)> = Vec::new();
    for (at, column) in columns.iter().enumerate() {
        let widest = rows.iter().filter_map(|row| row.get(at)).map(|cell| width(cell)).max().unwrap_or_default();
        kept.push((column, if widest == 0 { 0 } else { widest.max(width(column.title)) }));
    }
    for Cut { column, least, limit } in cuts {
        let shown = kept.iter().filter(|(_, width)| *width > 0);
        let total = shown.fold(indent, |sum, (_, width)| sum.saturating_add(width + GAP)).saturating_sub(1);
        if let Some((_, width)) = kept.get_mut(*column).filter(|(_, width)| least < width) {
            *width = width.saturating_sub(total.saturating_sub(*limit)).max(*least);
        }
    }
    for row in &mut rows {
        if let (Some(name), Some((_, width))) = (row.first_mut(), kept.first()) {
            *name = cut_inside(name, *width);
        }
        let mut widths = kept.iter().map(|(_, width)| *width);
        row.retain_mut(|cell| {
            let width = widths.next().unwrap_or_default();
            *cell = cut(cell, width);
            width > 0
        });
    }
    kept.retain(|(_, width)| *width > 0);
    let titles: Vec<_> = kept.iter().map(|(column, _)| column.title).collect();
    let mut table = new_table(&titles);
    table.add_rows(rows);
    let numbers = kept.iter().enumerate().filter(|(_, (column, _))| column.is_number);
    align_numbers(&mut table, &numbers.map(|(at, _)| at).collect::<Vec<_>>());
    // A row stays a line, however narrow the terminal: people cut and grep it.
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.trim_fmt().lines().map(str::to_owned).collect()
}

/// `int16 packed`.
fn element(variable: &Variable) -> String {
    let packed = if is_packed(variable) { " packed" } else { "" };
    format!("{}{packed}", variable.element())
}

/// `time 1512 × lat 621`.
fn dimensions(variable: &Variable) -> String {
    let names: Vec<_> =
        variable.dimensions.iter().map(|d| d.name.as_deref().map_or("unnamed".to_owned(), clean)).collect();
    let sizes: Vec<_> = variable.dimensions.iter().map(|d| d.size).collect();
    named(&names, &sizes)
}

/// `y × x`: the summary has the sizes, except of dimensions without a name.
fn dimension_names(variable: &Variable) -> String {
    if variable.dimensions.iter().any(|dimension| dimension.name.is_none()) || variable.dimensions.is_empty() {
        return dimensions(variable);
    }
    let names = variable.dimensions.iter().filter_map(|dimension| dimension.name.as_deref()).map(clean);
    names.collect::<Vec<_>>().join(" × ")
}

fn attribute(variable: &Variable, name: &str) -> String {
    clean(variable.attributes.text(name).unwrap_or_default().trim())
}

/// The long name; the standard name where there is none.
fn meaning(variable: &Variable) -> String {
    let long = attribute(variable, "long_name");
    if long.is_empty() { attribute(variable, "standard_name") } else { long }
}
