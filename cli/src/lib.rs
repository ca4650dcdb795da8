//! The `dap2zarr` command: OPeNDAP in, cloud-optimised Zarr out, in one process or by a deployed stack.
//!
//! Each command is a module. `host` puts the ports together that the verbs run on in this process; `stack` finds the
//! state of a deployed stack, which the other commands read and write. It is a library so that the test of its memory
//! can run the same program under a counting allocator.

mod arguments;
mod cancel;
mod convert;
mod decode;
mod examine;
mod failure;
mod host;
mod logs;
mod page;
mod plan;
mod printer;
mod progress;
mod report;
mod resume;
mod runs;
mod stack;
mod standing;
mod status;
mod submit;
mod summary;
mod units;
mod watch;

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
        Command::Decode(arguments) => decode::decode(&arguments, printer),
        Command::Plan(arguments) => plan::plan(&arguments, printer).await,
        Command::Convert(arguments) => convert::convert(&arguments, printer).await,
        Command::Submit(arguments) => submit::submit(&arguments, printer).await,
        Command::Status(arguments) => status::status(&arguments, printer).await,
        Command::Cancel(arguments) => cancel::cancel(&arguments, printer).await,
        Command::Resume(arguments) => resume::resume(&arguments, printer).await,
        Command::Logs(arguments) => logs::logs(&arguments, printer).await,
        Command::Report(arguments) => report::report(&arguments, printer).await,
    }
}
