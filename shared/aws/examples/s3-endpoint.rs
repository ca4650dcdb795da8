//! An S3 endpoint on this machine, for benches and tests: `s3-endpoint --port 0 --root DIR --bucket NAME...`.
//!
//! Prints `http://127.0.0.1:PORT` on a line of its own once it serves; the keys are `test` and `testtest`. Ends with
//! SIGTERM or SIGINT, and with `--stop-with-stdin` when its standard input is closed, so that it never outlives who
//! started it.

#[path = "../tests/it/endpoint.rs"]
mod endpoint;

use std::{
    io::{self, Read as _, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use endpoint::Endpoint;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

const USAGE: &str = "usage: s3-endpoint --root DIR [--port PORT] [--bucket NAME]... [--stop-with-stdin]";

#[derive(Debug, Default)]
struct Options {
    root: PathBuf,
    port: u16,
    buckets: Vec<String>,
    stop_with_stdin: bool,
}

fn options(mut arguments: impl Iterator<Item = String>) -> Option<Options> {
    let mut options = Options::default();
    let mut root = None;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--root" => root = Some(arguments.next()?),
            "--port" => options.port = arguments.next()?.parse().ok()?,
            "--bucket" => options.buckets.push(arguments.next()?),
            "--stop-with-stdin" => options.stop_with_stdin = true,
            _ => return None,
        }
    }
    options.root = root?.into();
    Some(options)
}

#[tokio::main]
async fn main() -> ExitCode {
    let Some(options) = options(std::env::args().skip(1)) else {
        let _ = writeln!(io::stderr(), "{USAGE}");
        return ExitCode::from(2);
    };
    match serve(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "s3-endpoint: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(options: Options) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (closed, stdin) = oneshot::channel();
    if options.stop_with_stdin {
        // A thread: a read of standard input cannot be cancelled, and this one may wait for ever.
        std::thread::spawn(move || {
            let _ = io::stdin().read_to_end(&mut Vec::new());
            let _ = closed.send(());
        });
    }
    tokio::fs::create_dir_all(&options.root).await?;
    let endpoint = Endpoint::start(&options.root, options.port, &options.buckets).await?;
    writeln!(io::stdout(), "{}", endpoint.url())?;
    io::stdout().flush()?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        Ok(()) = stdin, if options.stop_with_stdin => {}
    }
    Ok(())
}
