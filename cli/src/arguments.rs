#![expect(clippy::doc_markdown, reason = "these comments are the help text, where backticks would show")]

use std::{collections::BTreeSet, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use run::IndexRange;
use zarr::{Codec, Format};

use crate::units::{parse_bytes, parse_pair};

mod stack;

pub(crate) use stack::{
    CancelArguments, FunctionArgument, LogsArguments, ReportArguments, ResumeArguments, StackArguments,
    StatusArguments, SubmitArguments,
};

/// Convert a dataset behind an OPeNDAP server to cloud-optimised Zarr.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Say more on stderr: once for what is done, twice for details
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Say nothing on stderr but errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

const EXAMPLES: &str = "\
Examples:
  See what a server has:
    dap2zarr examine https://server/thredds/dodsC/prism
  See what would be done, without doing it:
    dap2zarr plan https://server/thredds/dodsC/prism --chunks time=72,lat=354,lon=354
  Do it, to a folder or to S3:
    dap2zarr convert https://server/thredds/dodsC/prism ./prism.zarr
    dap2zarr convert https://server/thredds/dodsC/prism s3://bucket/prism.zarr --profile work

Interrupted? The same command goes on where it stopped.

With a stack that you have deployed (see infra/README.md):
    export DAP2ZARR_STACK=climate
    dap2zarr submit https://server/thredds/dodsC/prism s3://bucket/prism.zarr --watch
    dap2zarr status

Exit codes: 0 done, 1 a mistake of ours, 2 the request, 3 the source, 4 the target,
5 chunks are missing, 130 interrupted.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what a dataset holds: dimensions, variables, types, attributes, source chunks, bytes
    Examine(ExamineArguments),
    /// Show what a conversion would do: chunks, requests, bytes, memory
    Plan(PlanArguments),
    /// Convert a dataset, on this machine
    Convert(Box<ConvertArguments>),
    /// Have a deployed stack convert a dataset
    Submit(Box<SubmitArguments>),
    /// Show a stack's runs, or how far one is
    Status(StatusArguments),
    /// Stop a stack's run: nothing is published
    Cancel(CancelArguments),
    /// Go on with a run that failed or was cancelled, as a new one
    Resume(ResumeArguments),
    /// Show what a stack's functions logged about a run
    Logs(LogsArguments),
    /// Show the report of a run that ended, of a stack or of this machine
    Report(ReportArguments),
}

impl Command {
    /// Whether the result goes to stdout as JSON.
    pub(crate) fn json(&self) -> bool {
        match self {
            Self::Examine(arguments) => arguments.json,
            Self::Plan(arguments) => arguments.json,
            Self::Convert(arguments) => arguments.json,
            Self::Submit(arguments) => arguments.json,
            Self::Status(arguments) => arguments.json,
            Self::Cancel(arguments) => arguments.json,
            Self::Resume(arguments) => arguments.json,
            Self::Logs(arguments) => arguments.json,
            Self::Report(arguments) => arguments.json,
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  dap2zarr examine https://server/thredds/dodsC/prism --attributes")]
pub(crate) struct ExamineArguments {
    /// The dataset's OPeNDAP address, without a suffix such as .dds or .html
    pub(crate) url: String,

    /// Show every attribute
    #[arg(long)]
    pub(crate) attributes: bool,

    /// Print JSON on stdout
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) source: SourceArguments,
}

/// How the source is asked.
#[derive(Debug, Args)]
#[command(next_help_heading = "Source")]
pub(crate) struct SourceArguments {
    /// Requests to the source in flight at once; be kind to small servers
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) concurrency: u32,

    /// Attempts after a request that failed, with growing pauses
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) retries: u32,

    /// How the server's operators can reach you; goes into the User-Agent
    #[arg(long, value_name = "TEXT", env = "DAP2ZARR_CONTACT")]
    pub(crate) contact: Option<String>,
}

/// What is converted, and into what.
#[derive(Debug, Args)]
#[command(next_help_heading = "What to convert")]
pub(crate) struct SelectionArguments {
    /// Variables to convert; their coordinates and bounds come along [default: all]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) variables: Vec<String>,

    /// Ranges of indices, both ends included: time=0:143
    #[arg(long, value_name = "DIM=FIRST:LAST,…", value_delimiter = ',', value_parser = parse_pair::<IndexRange>)]
    pub(crate) range: Vec<(String, IndexRange)>,

    /// Chunk sizes in elements: time=72,lat=354 [default: chosen for each variable]
    #[arg(long, value_name = "DIM=SIZE,…", value_delimiter = ',', value_parser = parse_pair::<u64>, help_heading = "Chunks")]
    pub(crate) chunks: Vec<(String, u64)>,

    /// Uncompressed size to aim at for chunks that are chosen
    #[arg(long, value_name = "BYTES", default_value = "64MB", value_parser = parse_bytes, help_heading = "Chunks")]
    pub(crate) chunk_bytes: u64,

    /// Most uncompressed data to ask for in one request; larger chunks take several
    #[arg(long, value_name = "BYTES", default_value = "100MB", value_parser = parse_bytes, help_heading = "Chunks")]
    pub(crate) request_bytes: u64,

    /// Zarr format
    #[arg(long, value_name = "v2|v3", default_value = "v3", help_heading = "Zarr")]
    pub(crate) format: Format,

    /// Compression: blosc[:lz4|zstd[:LEVEL[:shuffle|bitshuffle|noshuffle]]], zstd[:LEVEL], gzip[:LEVEL], zlib[:LEVEL]
    /// (v2 only), none
    #[arg(long, value_name = "CODEC", default_value_t = Codec::default(), help_heading = "Zarr")]
    pub(crate) codec: Codec,
}

impl SelectionArguments {
    pub(crate) fn variables(&self) -> Option<BTreeSet<String>> {
        (!self.variables.is_empty()).then(|| self.variables.iter().cloned().collect())
    }
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  dap2zarr plan https://server/thredds/dodsC/prism --variables tmx --chunks time=72,lat=354,lon=354"
)]
pub(crate) struct PlanArguments {
    /// The dataset's OPeNDAP address
    pub(crate) url: String,

    /// Print the plan's document on stdout
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) selection: SelectionArguments,

    #[command(flatten)]
    pub(crate) source: SourceArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeArgument {
    /// The target must be empty
    Create,
    /// A dataset that is there is made unreadable first, then replaced
    Overwrite,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  dap2zarr convert https://server/thredds/dodsC/prism ./prism.zarr --range time=0:143
  dap2zarr convert https://server/thredds/dodsC/prism s3://bucket/prism.zarr --endpoint-url https://s3.example.org

Interrupted? The same command goes on where it stopped.")]
pub(crate) struct ConvertArguments {
    /// The dataset's OPeNDAP address
    pub(crate) url: String,

    /// A folder, or s3://bucket/prefix
    pub(crate) target: String,

    /// Print a report on stdout as JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) selection: SelectionArguments,

    #[command(flatten)]
    pub(crate) source: SourceArguments,

    #[command(flatten)]
    pub(crate) target_options: TargetArguments,
}

/// Where the dataset goes and where the run's documents are kept.
#[derive(Debug, Args)]
#[command(next_help_heading = "Target")]
pub(crate) struct TargetArguments {
    /// What to do with a dataset that is already there
    #[arg(long, value_enum, default_value = "create")]
    pub(crate) mode: ModeArgument,

    /// Endpoint of an S3-compatible service [env: AWS_ENDPOINT_URL_S3, AWS_S3_ENDPOINT] [default: AWS]
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,

    /// Region of the bucket [env: AWS_REGION]
    #[arg(long)]
    pub(crate) region: Option<String>,

    /// Profile of ~/.aws/credentials and ~/.aws/config to write with
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// Put the bucket's name into the endpoint's host name instead of the path
    #[arg(long)]
    pub(crate) virtual_host_style: bool,

    /// Folder for plans and receipts of runs [default: dap2zarr in the user's state folder]
    #[arg(long, value_name = "FOLDER", env = "DAP2ZARR_STATE_DIR")]
    pub(crate) state_dir: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn help_teaches() {
        let mut command = Arguments::command();
        let mut help = command.render_long_help().to_string();
        for name in ["examine", "plan", "convert", "submit", "status", "cancel", "resume", "logs", "report"] {
            help.push_str("\n────\n");
            help.push_str(&command.find_subcommand_mut(name).unwrap().render_help().to_string());
        }
        insta::assert_snapshot!(help);
    }
}
