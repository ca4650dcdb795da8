use std::{collections::BTreeMap, process::ExitCode};

use cf::{Attribute, Attributes, Values};
use dap::{Dataset, Variable};
use run::SourceUrl;
use serde_json::{Map, Value, json};

use crate::{
    arguments::ExamineArguments,
    failure::Failure,
    host::{self, Host},
    plan::{align_numbers, named, new_table},
    printer::Printer,
    units::{bytes, count, counted},
};

/// Shows what a dataset holds.
pub(crate) async fn examine(arguments: &ExamineArguments, printer: &Printer) -> Result<ExitCode, Failure> {
    let url = host::source(&arguments.url)?;
    let host = Host::looking(&arguments.source)?;
    let dataset = steps::examine(&url, &host.ports).await?;
    if printer.json() {
        Printer::data(&document(&url, &dataset).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    let all: u64 = dataset.variables.iter().map(size).sum();
    let variables = counted(dataset.variables.len() as u64, "variable");
    Printer::data(&format!("{url} ({variables}, {})", bytes(all)));
    Printer::data(&format!("dimensions: {}", dimensions(&dataset)));
    Printer::data("");
    Printer::data(&table(&dataset));
    for unsupported in &dataset.unsupported {
        Printer::data(&format!("cannot be converted: `{}`: {}", unsupported.name, unsupported.reason));
    }
    for warning in &dataset.warnings {
        Printer::data(&format!("note: {warning}"));
    }
    Printer::data("");
    print_attributes("global attributes", &dataset.attributes);
    if arguments.attributes {
        for variable in &dataset.variables {
            print_attributes(&format!("attributes of `{}`", variable.name), &variable.attributes);
        }
    } else {
        Printer::data("(--attributes shows those of the variables too)");
    }
    Ok(ExitCode::SUCCESS)
}

/// Uncompressed bytes of a variable.
fn size(variable: &Variable) -> u64 {
    variable.shape().map_or(0, |shape| shape.elements()).saturating_mul(variable.element().size() as u64)
}

fn sizes(dataset: &Dataset) -> BTreeMap<&str, u64> {
    let all = dataset.variables.iter().flat_map(|variable| &variable.dimensions);
    all.filter_map(|dimension| Some((dimension.name.as_deref()?, dimension.size))).collect()
}

fn dimensions(dataset: &Dataset) -> String {
    let sizes = sizes(dataset);
    let unlimited = dataset.unlimited.as_deref();
    let words: Vec<_> = sizes
        .into_iter()
        .map(|(name, size)| {
            let grows = if unlimited == Some(name) { " (unlimited)" } else { "" };
            format!("{name} {}{grows}", count(size))
        })
        .collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

fn table(dataset: &Dataset) -> String {
    let mut table = new_table(&["variable", "type", "shape", "size", "source chunk", "its size", "units", "long name"]);
    for variable in &dataset.variables {
        let names: Vec<_> = variable.dimensions.iter().map(|d| d.name.clone().unwrap_or_default()).collect();
        let lengths: Vec<_> = variable.dimensions.iter().map(|d| d.size).collect();
        let chunk = variable.source_chunks.as_deref();
        let chunk_bytes = chunk.map(|chunk| chunk.iter().product::<u64>() * variable.element().size() as u64);
        table.add_row(vec![
            variable.name.clone(),
            variable.element().to_string(),
            named(&names, &lengths),
            bytes(size(variable)),
            chunk.map(|chunk| chunk.iter().map(u64::to_string).collect::<Vec<_>>().join(" × ")).unwrap_or_default(),
            chunk_bytes.map(bytes).unwrap_or_default(),
            variable.attributes.text("units").unwrap_or_default().to_owned(),
            variable.attributes.text("long_name").unwrap_or_default().to_owned(),
        ]);
    }
    align_numbers(&mut table, &[3, 5]);
    table.trim_fmt()
}

fn print_attributes(title: &str, attributes: &Attributes) {
    Printer::data(&format!("{title}:"));
    if attributes.is_empty() {
        Printer::data("  none");
    }
    for (name, attribute) in attributes.iter() {
        Printer::data(&format!("  {name}: {}", shown(attribute)));
    }
}

/// An attribute on one line, with its type where it is not text.
fn shown(attribute: &Attribute) -> String {
    match attribute {
        Attribute::Values(Values::Text(texts)) => {
            texts.iter().map(|text| text.escape_debug().to_string()).collect::<Vec<_>>().join(", ")
        }
        Attribute::Values(values) => {
            let element = values.element().map(|element| element.to_string()).unwrap_or_default();
            format!("{} ({element})", plain(values))
        }
        Attribute::Container(attributes) => {
            let inner: Vec<_> =
                attributes.iter().map(|(name, attribute)| format!("{name}: {}", shown(attribute))).collect();
            format!("{{ {} }}", inner.join("; "))
        }
    }
}

fn plain(values: &Values) -> String {
    fn join<T: ToString>(values: &[T]) -> String {
        values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
    match values {
        Values::Int8(v) => join(v),
        Values::UInt8(v) => join(v),
        Values::Int16(v) => join(v),
        Values::UInt16(v) => join(v),
        Values::Int32(v) => join(v),
        Values::UInt32(v) => join(v),
        Values::Int64(v) => join(v),
        Values::UInt64(v) => join(v),
        Values::Float32(v) => join(v),
        Values::Float64(v) => join(v),
        Values::Text(v) => join(v),
    }
}

fn document(url: &SourceUrl, dataset: &Dataset) -> Value {
    let variables: Vec<_> = dataset
        .variables
        .iter()
        .map(|variable| {
            json!({
                "name": variable.name,
                "type": variable.element().name(),
                "dimensions": variable.dimensions.iter().map(|d| d.name.clone()).collect::<Vec<_>>(),
                "shape": variable.dimensions.iter().map(|d| d.size).collect::<Vec<_>>(),
                "bytes": size(variable),
                "source_chunks": variable.source_chunks,
                "attributes": attributes(&variable.attributes),
            })
        })
        .collect();
    let unsupported: Vec<_> =
        dataset.unsupported.iter().map(|u| json!({ "name": u.name, "reason": u.reason })).collect();
    json!({
        "url": url.as_str(),
        "dimensions": sizes(dataset),
        "unlimited": dataset.unlimited,
        "bytes": dataset.variables.iter().map(size).sum::<u64>(),
        "variables": variables,
        "unsupported": unsupported,
        "attributes": attributes(&dataset.attributes),
        "warnings": dataset.warnings,
    })
}

fn attributes(attributes: &Attributes) -> Value {
    Value::Object(zarr::group_attributes(attributes).attributes.into_iter().collect::<Map<_, _>>())
}
