//! What `examine` prints for people: the summary, the tables, what is left out, notes, attributes.

use std::collections::HashMap;

use dap::Dataset;

use super::{
    attributes,
    line::{COLUMNS, clean, cut, wrap},
    survey::{Survey, text as attribute},
    table,
};
use crate::units::{bytes, count, counted};

/// Where the summary's values begin.
const INDENT: usize = 16;
/// Dimensions in the summary; the tables have them all.
const MOST_DIMENSIONS: usize = 40;
/// Notes shown unless everything is asked for.
const MOST_NOTES: usize = 20;
/// With more variables than this left out for one reason, they share a line.
const MOST_ALONE: usize = 3;

/// The dataset at a glance; with `whole`, every attribute in full as well. No line break at the end.
pub(super) fn text(url: &str, dataset: &Dataset, whole: bool) -> String {
    let survey = Survey::of(dataset);
    let mut lines = summary(url, dataset, &survey);
    if !survey.data.is_empty() {
        section(&mut lines, "data variables");
        table::data(&survey.data, &mut lines);
    }
    if !survey.coordinates.is_empty() {
        section(&mut lines, "coordinates and bounds");
        table::coordinates(&survey.coordinates, &mut lines);
    }
    if !survey.left_out.is_empty() {
        section(&mut lines, "not converted");
        left_out(&survey.left_out, &mut lines);
    }
    if !dataset.warnings.is_empty() {
        section(&mut lines, "notes");
        let most = if whole { usize::MAX } else { MOST_NOTES };
        lines.extend(dataset.warnings.iter().take(most).map(|warning| format!(" {}", clean(warning))));
        if dataset.warnings.len() > most {
            lines.push(format!(" and {} more", count(dataset.warnings.len().saturating_sub(most) as u64)));
        }
    }
    section(&mut lines, "global attributes");
    attributes::lines(&dataset.attributes, whole, &mut lines);
    if whole {
        for variable in &dataset.variables {
            section(&mut lines, &format!("attributes of {}", clean(&variable.name)));
            attributes::lines(&variable.attributes, whole, &mut lines);
        }
    } else {
        lines.push(String::new());
        lines.push("(--attributes shows every attribute in full, those of the variables too)".to_owned());
    }
    lines.join("\n")
}

fn section(lines: &mut Vec<String>, title: &str) {
    lines.push(String::new());
    lines.push(title.to_owned());
}

fn summary(url: &str, dataset: &Dataset, survey: &Survey<'_>) -> Vec<String> {
    let title = attribute(&dataset.attributes, "title").map(|title| cut(&clean(title), COLUMNS));
    let mut lines: Vec<String> = title.into_iter().collect();
    lines.push(url.to_owned());
    lines.push(String::new());
    let mut fact = |name: &str, value: &str| lines.push(format!(" {name:<width$}{value}", width = INDENT - 1));
    fact("size", &format!("{} uncompressed", bytes(survey.bytes())));
    fact("variables", &variables(survey));
    fact("dimensions", &dimensions(dataset, survey));
    if let Some(conventions) = attribute(&dataset.attributes, "Conventions") {
        fact("conventions", &cut(&clean(conventions), COLUMNS - INDENT));
    }
    match survey.left_out.len() as u64 {
        0 if dataset.variables.is_empty() => {}
        0 => fact("not converted", "nothing"),
        number => fact("not converted", &format!("{}, see below", counted(number, "variable"))),
    }
    lines
}

fn variables(survey: &Survey<'_>) -> String {
    match (survey.data.len() as u64, survey.coordinates.len() as u64) {
        (0, 0) => "none".to_owned(),
        (data, coordinates) => format!("{} data, {} coordinates and bounds", count(data), count(coordinates)),
    }
}

/// `time 1512 (unlimited, days since 1895-01-01), lat 621`.
fn dimensions(dataset: &Dataset, survey: &Survey<'_>) -> String {
    let times: HashMap<&str, &str> = survey
        .coordinates
        .iter()
        .filter_map(|variable| Some((variable.name.as_str(), variable.attributes.text("units")?)))
        .filter(|(_, units)| units.contains(" since "))
        .collect();
    let mut items: Vec<String> = survey
        .dimensions
        .iter()
        .take(MOST_DIMENSIONS)
        .map(|(name, size)| {
            let grows = (dataset.unlimited.as_deref() == Some(*name)).then(|| "unlimited".to_owned());
            let remarks: Vec<_> = grows.into_iter().chain(times.get(name).map(|units| clean(units))).collect();
            let remarks = if remarks.is_empty() { String::new() } else { format!(" ({})", remarks.join(", ")) };
            format!("{} {size}{remarks}", clean(name))
        })
        .collect();
    match survey.dimensions.len().saturating_sub(MOST_DIMENSIONS) {
        0 => {}
        more => items.push(format!("and {} more", count(more as u64))),
    }
    if items.is_empty() { "none".to_owned() } else { wrap(&items, INDENT) }
}

/// A line for each variable and its reason, or one for all that share a reason if they are many.
fn left_out(left_out: &[(&str, String)], lines: &mut Vec<String>) {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for (name, reason) in left_out {
        let place = *places.entry(reason).or_insert(reasons.len());
        match reasons.get_mut(place) {
            Some((_, names)) => names.push(clean(name)),
            None => reasons.push((reason, vec![clean(name)])),
        }
    }
    for (reason, names) in reasons {
        let reason = clean(reason);
        if names.len() > MOST_ALONE {
            let head = format!(" {}: {reason}: ", counted(names.len() as u64, "variable"));
            lines.push(cut(&format!("{head}{}", names.join(", ")), COLUMNS));
        } else {
            lines.extend(names.iter().map(|name| format!(" {}: {reason}", cut(name, COLUMNS / 2))));
        }
    }
}
