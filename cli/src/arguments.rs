#![expect(clippy::doc_markdown, reason = "these comments are the help text, where backticks would show")]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod selection;
mod stack;

pub(crate) use selection::SelectionArguments;
pub(crate) use stack::{
    CancelArguments, FunctionArgument, LogsArguments, ReportArguments, ResumeArguments, StackArguments,
    StatusArguments, SubmitArguments,
};

use crate::units::{parse_bytes, parse_milliseconds};

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
  Find the chunks that suit your reads, and see what would be done, without doing it:
    dap2zarr plan https://server/thredds/dodsC/prism --read timeseries@0.8 --read map@0.2
  Judge chunks of your own:
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
    /// Find the chunks that suit your reads, and see what a conversion would do, take and cost
    Plan(Box<PlanArguments>),
    /// Show what a saved response holds: values' types, shapes and digests
    Decode(DecodeArguments),
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
            Self::Decode(arguments) => arguments.json,
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

/// A rate of at least a byte a second.
fn parse_rate(text: &str) -> Result<u64, String> {
    match parse_bytes(text)? {
        0 => Err(format!("`{text}`: expected at least 1 byte a second")),
        rate => Ok(rate),
    }
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

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  Which chunks suit time series and maps, half each?
    dap2zarr plan https://server/thredds/dodsC/prism
  Which suit mostly time series, some windows of 50 by 50 points, and no more than 64 MB?
    dap2zarr plan https://server/thredds/dodsC/prism --chunk-bytes 64MB \\
      --read timeseries@0.8 --read time=all,lat=50,lon=50@0.2
  How good are mine, and what would be better?
    dap2zarr plan https://server/thredds/dodsC/prism --chunks time=72,lat=354,lon=354
  How long will it take with this server, and what will it cost at other prices?
    dap2zarr plan https://server/thredds/dodsC/prism --probe --prices prices.json
  And with a server and a stack that I know?
    dap2zarr plan https://server/thredds/dodsC/prism --source-rate 5MB --source-latency 200ms \\
      --stack-concurrency 16 --stack-memory 3008
  For programs, and as a page for colleagues:
    dap2zarr plan https://server/thredds/dodsC/prism --json | jq '.advice.groups[0].planned.chunk'
    dap2zarr plan https://server/thredds/dodsC/prism --html plan.html

Nothing is converted. What is proposed is what `convert` and `submit` do with the same options.

The document of --json is the plan's, with these keys besides:
  advice     reads, reader and window; whole, the coordinates' names; and groups of arrays over
             the same dimensions, each with axes, planned (the plan's shape in numbers), choice
             (ranked shapes, your lengths kept), free (ranked without them) and sharding
  estimates  here (this machine) and stack (functions as --stack-concurrency and
             --stack-memory say), each with seconds, stored_bytes, gb_seconds and dollars
  prices     what these were reckoned with
  probe      what --probe measured
Bytes are uncompressed but for stored_bytes; wire_bytes are as the source sends them.
Seconds of reads are one GET after another but for seconds_at_once.")]
pub(crate) struct PlanArguments {
    /// The dataset's OPeNDAP address
    pub(crate) url: String,

    /// Print the plan's document on stdout, with advice and estimates
    #[arg(long)]
    pub(crate) json: bool,

    /// Write the plan as a page to this file, too; one that is there is replaced
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// Measure the source for the estimate, with three small requests and three of a chunk each, two at a time at most
    #[arg(long)]
    pub(crate) probe: bool,

    /// The source's speed for the estimate, where you know it: bytes a second of one response [default: 1450000, a
    /// study's figure]
    #[arg(long, value_name = "BYTES", value_parser = parse_rate, conflicts_with = "probe", allow_hyphen_values = true)]
    pub(crate) source_rate: Option<u64>,

    /// How long the source takes to a response's first byte, where you know it: 500ms, 0.5s [default: 500ms, a study's
    /// figure]
    #[arg(
        long,
        value_name = "TIME",
        value_parser = parse_milliseconds,
        conflicts_with = "probe",
        allow_hyphen_values = true
    )]
    pub(crate) source_latency: Option<u32>,

    /// Functions of the stack that work at once, for its estimate: its parameter MaximumConcurrency
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub(crate) stack_concurrency: u32,

    /// Memory of each of them in MB of 2^20 bytes: its parameter ChunkMemoryMb
    #[arg(long, value_name = "MB", default_value_t = 1769, value_parser = clap::value_parser!(u32).range(256..=10240))]
    pub(crate) stack_memory: u32,

    /// Prices in dollars for the estimate, as JSON, those that differ: {"lambda_gb_second": 0.0000166667}; also
    /// lambda_call, queue_call, put, get, storage_gb_month, and dated, a text
    #[arg(long, value_name = "FILE")]
    pub(crate) prices: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) selection: SelectionArguments,

    #[command(flatten)]
    pub(crate) source: SourceArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  curl -g -o sst.dods 'https://server/thredds/dodsC/sst.dods?sst[0][0:9][0:9]'
  dap2zarr decode sst.dods --json

Attributes come from sst.das, or sst.dmr for DAP4, where it lies beside the file. The digest is that of the values as
little-endian bytes in C order; of texts as UTF-8 with a NUL between each two.
Exit codes: 0 decoded, 2 refused.")]
pub(crate) struct DecodeArguments {
    /// A data response as a server sent it: .dods (DAP2) or .dap (DAP4)
    pub(crate) file: PathBuf,

    /// Print JSON on stdout
    #[arg(long)]
    pub(crate) json: bool,
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
  dap2zarr convert https://server/thredds/dodsC/prism ./prism.zarr --read timeseries --chunk-bytes 64MB
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

    /// What is said of these options of `plan`, by the parser or when the request is made.
    fn refusal(options: &[&str]) -> String {
        let words = ["dap2zarr", "plan", "http://h/x"].iter().chain(options);
        let parsed = match Arguments::try_parse_from(words) {
            Ok(parsed) => parsed,
            Err(error) => {
                assert_eq!(error.exit_code(), 2);
                return error.to_string();
            }
        };
        let Command::Plan(plan) = parsed.command else { panic!("not a plan") };
        let target = run::Target::Folder { path: "/".to_owned() };
        let url = plan.url.parse().unwrap();
        let made = crate::host::request(url, target, ModeArgument::Create, &plan.selection, None, None);
        made.map_or_else(|failure| failure.message().to_owned(), |_| "nothing".to_owned())
    }

    #[test]
    fn bad_options_say_what_could_be() {
        for (options, expected) in [
            (["--read", "serie"], "`serie` is no kind of read"),
            (["--read", "maps@0.5"], "did you mean map?"),
            (["--read", "map@2"], "expected a number above 0 and at most 1"),
            (["--read", "time=0,lat=1"], "the nearest is time=1"),
            (["--read", "-map"], "`-map` is no kind of read"),
            (["--chunks", "time=-5"], "the nearest is time=1"),
            (["--chunks", "time"], "DIMENSION=SIZE"),
            (["--chunk-bytes", "-5:10"], "the nearest is 1000"),
            (["--chunk-bytes", "200MB:10MB"], "the nearest that can be is 10000000:200000000"),
            (["--chunk-bytes", "5GB"], "the nearest is 2000000000"),
            (["--request-bytes", "-1MB"], "`-1MB` is not a size"),
            (["--request-bytes", "1"], "`request_bytes` is 1, expected 1000 to"),
            (["--reader-latency", "-1s"], "expected 0 to 60 s"),
            (["--reader-latency", "fast"], "expected 200ms or 0.2s"),
            (["--reader-bandwidth", "0"], "the nearest is 1000"),
            (["--source-rate", "0"], "expected at least 1 byte a second"),
            (["--source-rate", "fast"], "`fast` is not a size"),
            (["--source-latency", "5"], "expected 200ms or 0.2s"),
            (["--stack-concurrency", "1"], "1 is not in 2..=1000"),
            (["--stack-memory", "128"], "128 is not in 256..=10240"),
            (["--readers", "0"], "`reader.at_once` is 0, expected 1 to 10000; the nearest is 1"),
        ] {
            let said = refusal(&options);
            assert!(said.contains(expected), "{options:?}: {said}");
        }
        let both = refusal(&["--probe", "--source-rate", "5MB"]);
        assert!(both.contains("cannot be used with"), "{both}");
        let weights = refusal(&["--read", "timeseries@0.7", "--read", "map@0.7"]);
        assert!(weights.contains("sum to 1.4, expected 1; the nearest that do: timeseries@0.5 map@0.5"), "{weights}");
        let good = ["--read", "timeseries@0.7", "--read", "time=12,lat=all,lon=all@0.3", "--chunk-bytes", "10MB:64MB"];
        assert_eq!(refusal(&good), "nothing");
    }

    #[test]
    fn help_teaches() {
        let mut command = Arguments::command();
        let mut help = command.render_long_help().to_string();
        for name in ["examine", "plan", "decode", "convert", "submit", "status", "cancel", "resume", "logs", "report"] {
            help.push_str("\n────\n");
            help.push_str(&command.find_subcommand_mut(name).unwrap().render_help().to_string());
        }
        insta::assert_snapshot!(help);
    }
}
