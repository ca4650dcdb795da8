//! `dap2zarr examine`: a dataset at a glance.

mod attributes;
mod json;
pub(crate) mod line;
mod survey;
mod table;
mod text;

use std::process::ExitCode;

use crate::{
    arguments::ExamineArguments,
    failure::Failure,
    host::{self, Host},
    printer::Printer,
};

/// Shows what a dataset holds.
pub(crate) async fn examine(arguments: &ExamineArguments, printer: &Printer) -> Result<ExitCode, Failure> {
    let url = host::source(&arguments.url)?;
    let host = Host::looking(&arguments.source)?;
    let dataset = steps::examine(&url, &host.ports).await?;
    if printer.json() {
        Printer::data(&json::printable(&json::document(url.as_str(), &dataset)));
    } else {
        Printer::data(&text::text(url.as_str(), &dataset, arguments.attributes));
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests;
