//! The `dap2zarr` command: OPeNDAP in, cloud-optimised Zarr out, in one process.
//!
//! Each command is a module; `host` puts the ports together that the verbs run on. It is a library so that the test of
//! its memory can run the same program under a counting allocator.

mod arguments;
mod convert;
mod examine;
mod failure;
mod host;
mod plan;
mod printer;
mod progress;
mod summary;
mod units;

use std::process::ExitCode;

use arguments::{Arguments, Command};
use clap::Parser;
use failure::Failure;
use printer::Printer;

/// Does what this process's arguments ask for.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let printer = Printer::new(arguments.command.json(), arguments.quiet);
    printer::log(&printer, arguments.verbose);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::internal(format!("no threads could be started: {error}")).report(&printer),
    };
    match runtime.block_on(run(arguments.command, &printer)) {
        Ok(code) => code,
        Err(failure) => failure.report(&printer),
    }
}

async fn run(command: Command, printer: &Printer) -> Result<ExitCode, Failure> {
    match command {
        Command::Examine(arguments) => examine::examine(&arguments, printer).await,
        Command::Plan(arguments) => plan::plan(&arguments, printer).await,
        Command::Convert(arguments) => convert::convert(&arguments, printer).await,
    }
}
