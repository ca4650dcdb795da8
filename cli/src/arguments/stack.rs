#![expect(clippy::doc_markdown, reason = "these comments are the help text, where backticks would show")]

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{ModeArgument, SelectionArguments};
use crate::units::{Since, parse_since};

/// Which deployed stack is meant, and how its account is reached.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Stack")]
pub(crate) struct StackArguments {
    /// Name of the deployed stack [env: DAP2ZARR_STACK]
    #[arg(long, value_name = "NAME")]
    pub(crate) stack: Option<String>,

    /// The stack's state bucket in place of its name; CloudFormation is not asked then [env: DAP2ZARR_STATE_BUCKET]
    #[arg(long, value_name = "BUCKET")]
    pub(crate) state_bucket: Option<String>,

    /// What stands in for AWS, such as LocalStack [env: AWS_ENDPOINT_URL] [default: AWS]
    #[arg(long, value_name = "URL")]
    pub(crate) state_endpoint_url: Option<String>,

    /// Region of the stack [env: AWS_REGION]
    #[arg(long)]
    pub(crate) region: Option<String>,

    /// Profile of ~/.aws/credentials and ~/.aws/config for the stack's account
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  dap2zarr submit https://server/thredds/dodsC/prism s3://bucket/prism.zarr --stack climate --watch
  dap2zarr submit https://server/thredds/dodsC/prism s3://bucket/prism.zarr --read timeseries@0.8 --read map@0.2
  dap2zarr submit --request prism.json --name prism-daily --no-estimate
  run=$(dap2zarr submit https://server/thredds/dodsC/prism s3://bucket/prism.zarr --quiet)
Write the request to a file first, then submit that:
  dap2zarr submit https://server/thredds/dodsC/prism s3://bucket/prism.zarr --dry-run > prism.json

Prints the run's id, and first, on stderr, what it will take and cost with a stack as its template makes it. See
`dap2zarr plan --help` for chunks. A request that is open already is not submitted again: its run is printed.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct SubmitArguments {
    /// The dataset's OPeNDAP address
    #[arg(required_unless_present = "request")]
    pub(crate) url: Option<String>,

    /// Where the dataset goes: s3://bucket/prefix, in the stack's target bucket
    #[arg(required_unless_present = "request")]
    pub(crate) target: Option<String>,

    /// A request's document in place of the arguments; - is stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = REQUEST_SAYS)]
    pub(crate) request: Option<PathBuf>,

    /// Name of the object below requests/ [default: the request's digest and the time]
    #[arg(long, value_parser = parse_name)]
    pub(crate) name: Option<String>,

    /// Print the request and submit nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Do not read the source's metadata from this machine to estimate what the run takes; with --quiet it is left out in
    /// any case
    #[arg(long)]
    pub(crate) no_estimate: bool,

    /// Submit even if a run to the same target is open: the stack ends that run, or this one if both ask for the same
    #[arg(long)]
    pub(crate) force: bool,

    /// Stay and show progress until the run has ended
    #[arg(long)]
    pub(crate) watch: bool,

    /// Print JSON on stdout
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) selection: SelectionArguments,

    /// Requests to the source in flight at once [default: the stack's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000), help_heading = "Source")]
    pub(crate) concurrency: Option<u32>,

    /// How the server's operators can reach you; goes into the User-Agent [default: the stack's]
    #[arg(long, value_name = "TEXT", env = "DAP2ZARR_CONTACT", help_heading = "Source")]
    pub(crate) contact: Option<String>,

    /// What to do with a dataset that is already there
    #[arg(long, value_enum, default_value = "create", help_heading = "Target")]
    pub(crate) mode: ModeArgument,

    /// The target's endpoint, if it has to be named: the stack writes to one alone [default: the stack's]
    #[arg(long, value_name = "URL", help_heading = "Target")]
    pub(crate) endpoint_url: Option<String>,

    #[command(flatten)]
    pub(crate) stack: StackArguments,
}

/// What a request's document says itself. The contact may come from the environment, so it is not among these.
const REQUEST_SAYS: [&str; 16] = [
    "url",
    "target",
    "variables",
    "range",
    "chunks",
    "chunk_bytes",
    "read",
    "reader_latency",
    "reader_bandwidth",
    "readers",
    "request_bytes",
    "format",
    "codec",
    "concurrency",
    "mode",
    "endpoint_url",
];

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  dap2zarr status --stack climate
  dap2zarr status 4f3c2a9b1d7e-v0a1b2c3d4e5f
  dap2zarr status 4f3c --watch

A run's id may be cut short as long as one run alone begins that way.
With --watch the exit code is the run's: 0 published, 2 to 5 failed as `dap2zarr --help` lists them,
130 if you stopped watching; the run goes on then.")]
pub(crate) struct StatusArguments {
    /// The run; without it, a table of open runs and of those that ended last
    pub(crate) run: Option<String>,

    /// Stay and show progress until the run has ended
    #[arg(long, requires = "run")]
    pub(crate) watch: bool,

    /// How many ended runs the table shows; 0 for open runs alone
    #[arg(long, value_name = "N", default_value_t = 10, conflicts_with = "run")]
    pub(crate) ended: usize,

    /// Print JSON on stdout
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) stack: StackArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  dap2zarr cancel 4f3c2a9b1d7e-v0a1b2c3d4e5f --stack climate

Chunks in the works are finished, no other is begun, and nothing is published. Cancelling again changes nothing.
Exit codes: 0 the run publishes nothing, 2 too late or no such run.")]
pub(crate) struct CancelArguments {
    /// The run, or the beginning of its id
    pub(crate) run: String,

    /// Print JSON on stdout
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) stack: StackArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  dap2zarr resume 4f3c2a9b1d7e-v0a1b2c3d4e5f --stack climate
  dap2zarr resume 4f3c --watch

A run that ended stays ended: its request is submitted again, and the new run, whose id is printed, takes over the
chunks that are written if the source is as it was. A run that is open needs no help: what is missing is sent again
by the stack itself.")]
pub(crate) struct ResumeArguments {
    /// The run, or the beginning of its id
    pub(crate) run: String,

    /// Resume even if another run to the same target is open: the new run ends it
    #[arg(long)]
    pub(crate) force: bool,

    /// Stay and show progress until the new run has ended
    #[arg(long)]
    pub(crate) watch: bool,

    /// Print JSON on stdout
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) stack: StackArguments,
}

/// One of the stack's functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum FunctionArgument {
    /// Reads the source's metadata and makes the plan
    Planner,
    /// Fetches, encodes and writes chunks
    Chunk,
    /// Takes in receipts and publishes
    Finalizer,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  dap2zarr logs 4f3c2a9b1d7e-v0a1b2c3d4e5f --stack climate
  dap2zarr logs 4f3c --follow --function chunk
  dap2zarr logs 4f3c --chunk tmx/0/3/1 --since 30m
  dap2zarr logs 4f3c --json | jq 'select(.level == \"ERROR\")'

A line shows when, which function, how serious, and what. Lines appear in CloudWatch some seconds after they are
written. Reading them costs what CloudWatch charges for a query: narrow it with --since.")]
pub(crate) struct LogsArguments {
    /// The run, or the beginning of its id
    pub(crate) run: String,

    /// Stay and show new lines until the run has ended
    #[arg(short, long)]
    pub(crate) follow: bool,

    /// How far back: 30s, 10m, 2h, 3d, or a time such as 2026-01-31T12:00:00Z [default: the run's begin]
    #[arg(long, value_name = "WHEN", value_parser = parse_since)]
    pub(crate) since: Option<Since>,

    /// This function alone
    #[arg(long, value_enum)]
    pub(crate) function: Option<FunctionArgument>,

    /// This chunk alone, as reports name it: array/index
    #[arg(long, value_name = "ARRAY/INDEX")]
    pub(crate) chunk: Option<String>,

    /// Print the lines as they were logged
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) stack: StackArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  dap2zarr report 4f3c2a9b1d7e-v0a1b2c3d4e5f --stack climate
  dap2zarr report 4f3c2a9b1d7e-1 --state-dir ./state
  dap2zarr report 4f3c --json | jq .missing

Without a stack, the run is one that `dap2zarr convert` made on this machine.")]
pub(crate) struct ReportArguments {
    /// The run, or the beginning of its id
    pub(crate) run: String,

    /// Folder of the runs that `convert` made, in place of a stack [env: DAP2ZARR_STATE_DIR]
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["stack", "state_bucket"])]
    pub(crate) state_dir: Option<PathBuf>,

    /// Print the report's document on stdout
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) stack: StackArguments,
}

/// A request's name becomes part of a key.
fn parse_name(text: &str) -> Result<String, String> {
    let name = text.strip_suffix(".json").unwrap_or(text);
    let good = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if (1..=100).contains(&name.len()) && name.bytes().all(good) && !name.starts_with('.') {
        Ok(name.to_owned())
    } else {
        Err("expected 1 to 100 of a-z, A-Z, 0-9, -, _ and ., the first not a dot".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requests_name_stays_one_segment_of_a_key() {
        assert_eq!(parse_name("prism-daily.json").as_deref(), Ok("prism-daily"));
        for bad in ["", ".json", "../x", "a/b", ".hidden", "ü"] {
            assert!(parse_name(bad).is_err(), "{bad}");
        }
    }
}
