use std::{
    io::{self, IsTerminal, Write},
    sync::{Arc, Mutex, PoisonError},
};

use indicatif::ProgressBar;
use tracing_subscriber::fmt::MakeWriter;

/// The only place that writes: data to stdout, everything else to stderr.
#[derive(Debug, Clone)]
pub(crate) struct Printer {
    json: bool,
    quiet: bool,
    /// The bar on the terminal, if there is one: other lines go above it.
    bar: Arc<Mutex<Option<ProgressBar>>>,
}

impl Printer {
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet, bar: Arc::default() }
    }

    /// Whether the result is wanted as JSON.
    pub(crate) const fn json(&self) -> bool {
        self.json
    }

    /// Whether only errors are wanted on stderr.
    pub(crate) const fn quiet(&self) -> bool {
        self.quiet
    }

    /// Whether a person sees stderr.
    pub(crate) fn is_terminal() -> bool {
        io::stderr().is_terminal()
    }

    /// A line of the result. A closed pipe is the reader's choice, not our error.
    pub(crate) fn data(text: &str) {
        let _ = writeln!(io::stdout().lock(), "{text}");
    }

    /// A line for the person watching.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.above_bar(|| {
                let _ = writeln!(io::stderr().lock(), "{text}");
            });
        }
    }

    /// Why the command failed.
    pub(crate) fn error(&self, text: &str) {
        self.above_bar(|| {
            let _ = writeln!(io::stderr().lock(), "error: {text}");
        });
    }

    /// Shows a bar, or takes it away.
    pub(crate) fn set_bar(&self, bar: Option<ProgressBar>) {
        *self.bar.lock().unwrap_or_else(PoisonError::into_inner) = bar;
    }

    fn above_bar(&self, write: impl FnOnce()) {
        let bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

/// Sends what the program logs to stderr, above the bar.
pub(crate) fn log(printer: &Printer, verbose: u8) {
    let ours = match verbose {
        _ if printer.quiet => "error",
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("DAP2ZARR_LOG").unwrap_or_else(|_| {
        tracing_subscriber::EnvFilter::new(format!("{ours},aws_config=error,aws_smithy_runtime=error"))
    });
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(verbose > 1)
        .with_ansi(Printer::is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .with_writer(printer.clone())
        .finish();
    // Fails only if there is a subscriber already, which is then as good.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// One line of the log.
#[derive(Debug)]
pub(crate) struct Line {
    printer: Printer,
    bytes: Vec<u8>,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        self.printer.above_bar(|| {
            let _ = io::stderr().lock().write_all(&bytes);
        });
    }
}

impl<'a> MakeWriter<'a> for Printer {
    type Writer = Line;
    fn make_writer(&'a self) -> Line {
        Line { printer: self.clone(), bytes: Vec::new() }
    }
}
