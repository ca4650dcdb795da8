//! The server as a program: the datasets `prism`, `types` and `sequence`, and faults by flags.

use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use clap::error::ErrorKind;
use dap_server::{Behaviour, Change, Fault, Limit, Server, prism, samples};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

const EXAMPLES: &str = "\
Faults: KIND [at=BYTES|at=PERCENT%] [retry-after=S] [next=N|every=K] [skip=N] [only=TEXT] [on=dds|das|dods]
  KIND is an HTTP status (429, 503, 404, ...) or one of
  error-body     HTTP 200 and an Error object in place of the data
  error-in-body  an Error object in the middle of the data
  html           HTTP 200 and a login page
  cut-dds        HTTP 200 and half a DDS
  truncate       the connection closes in the middle of the body
  short          a body too short that says so in its Content-Length
  stall          the body stops and the connection stays open
  flip           one byte of the data is inverted
  drop           the connection closes without an answer

Examples:
  dap2zarr-test-dap-server --port 8080 --time 144
  dap2zarr-test-dap-server --latency-ms 200 --bytes-per-second 5000000 --limit 4
  dap2zarr-test-dap-server --fault '503 every=20 retry-after=2' --fault 'truncate every=50 at=50%'
  dap2zarr-test-dap-server --fault 'flip only=ppt.ppt[24:35]' --max-request-megabytes 500
  curl http://127.0.0.1:8080/prism.dds
  curl http://127.0.0.1:8080/_stats";

/// A DAP2 server for tests and the demo, with faults to order
#[derive(Debug, Parser)]
#[expect(clippy::struct_excessive_bools, reason = "they are flags")]
#[command(version, after_help = EXAMPLES)]
struct Flags {
    /// Listen on this port of 127.0.0.1 (0: a free one)
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Write the port to this file when listening
    #[arg(long, value_name = "FILE")]
    port_file: Option<PathBuf>,
    /// Stop when standard input closes
    #[arg(long)]
    stop_with_stdin: bool,
    /// Months of `prism`
    #[arg(long, value_name = "MONTHS", default_value_t = 144)]
    time: u64,
    /// Rows of `prism`, from the north
    #[arg(long, value_name = "ROWS", default_value_t = prism::LAT)]
    lat: u64,
    /// Columns of `prism`, from the west
    #[arg(long, value_name = "COLUMNS", default_value_t = prism::LON)]
    lon: u64,
    /// Wait before every answer
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency_ms: u64,
    /// Send each body no faster than this
    #[arg(long, value_name = "BYTES")]
    bytes_per_second: Option<u64>,
    /// Answer so many data requests at a time, and the others with 503
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// With --limit, let the others wait
    #[arg(long, requires = "limit")]
    queue: bool,
    /// Send chunked bodies, without Content-Length
    #[arg(long)]
    chunked: bool,
    /// Answer `[` and `]` in a query with 400, as Tomcat does
    #[arg(long)]
    refuse_raw_brackets: bool,
    /// Answer `%5B` and `%5D` in a query with 404, as IRI does
    #[arg(long)]
    refuse_encoded_brackets: bool,
    /// Answer larger data requests with 403, as THREDDS does (megabytes of 1000 * 1000)
    #[arg(long, value_name = "MB")]
    max_request_megabytes: Option<u64>,
    /// A fault, see below; the first that strikes wins
    #[arg(long, value_name = "FAULT")]
    fault: Vec<Fault>,
    /// After N requests, change a global attribute of every dataset
    #[arg(long, value_name = "N", group = "change")]
    change_attribute_after: Option<u64>,
    /// After N requests, change the last byte of every data body
    #[arg(long, value_name = "N", group = "change")]
    change_value_after: Option<u64>,
    /// After N requests, let `prism` have a year more
    #[arg(long, value_name = "N", group = "change")]
    grow_after: Option<u64>,
}

impl Flags {
    fn behaviour(&self) -> Behaviour {
        let grown = || Box::new(prism::window(self.time + 12, self.lat, self.lon));
        let attribute = self.change_attribute_after.map(|n| (n, Change::Attribute));
        let value = self.change_value_after.map(|n| (n, Change::Value));
        let grow = self.grow_after.map(|n| (n, Change::Replace(grown())));
        Behaviour {
            latency: Duration::from_millis(self.latency_ms),
            bytes_per_second: self.bytes_per_second,
            limit: self.limit.map(|requests| Limit { requests, queue: self.queue }),
            chunked: self.chunked,
            refuse_raw_brackets: self.refuse_raw_brackets,
            refuse_encoded_brackets: self.refuse_encoded_brackets,
            max_request_bytes: self.max_request_megabytes.map(|mb| mb * 1_000_000),
            faults: self.fault.clone(),
            change_after: attribute.or(value).or(grow),
            ..Behaviour::default()
        }
    }
}

#[tokio::main]
async fn main() {
    if let Err(error) = run(Flags::parse()).await {
        let cause = error.source().map(|cause| format!(": {cause}"));
        let message = format!("{error}{}\n", cause.unwrap_or_default());
        clap::Error::raw(ErrorKind::Io, message).exit();
    }
}

async fn run(flags: Flags) -> Result<(), Box<dyn Error>> {
    let datasets = [prism::window(flags.time, flags.lat, flags.lon), samples::types(), samples::sequence()];
    let server = Server::start_with(datasets, flags.behaviour(), flags.port).await?;
    if let Some(file) = &flags.port_file {
        tokio::fs::write(file, format!("{}\n", server.address().port())).await?;
    }
    announce(&server.url(""))?;
    wait_for_the_end(flags.stop_with_stdin).await?;
    server.stop().await;
    Ok(())
}

/// One line for whoever started the program.
fn announce(url: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{url}")?;
    stdout.flush()
}

/// Until SIGTERM, SIGINT, or the end of standard input if that counts.
async fn wait_for_the_end(stdin_counts: bool) -> std::io::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let (closed, stdin_closed) = oneshot::channel::<()>();
    // Kept open here unless the thread below takes it and drops it at the end of standard input.
    let mut open = Some(closed);
    if stdin_counts {
        let closed = open.take();
        std::thread::spawn(move || {
            // However reading ended, there is no more to come.
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            drop(closed);
        });
    }
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
        _ = stdin_closed => {}
    }
    drop(open);
    Ok(())
}
