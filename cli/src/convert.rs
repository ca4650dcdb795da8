use std::{process::ExitCode, sync::Arc, time::Duration};

use local::{Drive, Driven, FolderStore, LocalRuns, OpenRun, OpenRunError, drive};
use run::{End, ReasonKind, Report, SourceUrl, Target, keys};
use tokio::sync::watch;

use crate::{
    arguments::ConvertArguments,
    failure::Failure,
    host::{self, Host},
    printer::Printer,
    progress, summary,
};

/// How long a PUT of an earlier process may still land on S3. One process at a time writes to a target, and its
/// connections end with it: all that can land is what was sent by then.
const QUARANTINE: Duration = Duration::from_secs(30);

/// What a shell expects of a command that was interrupted.
pub(crate) const INTERRUPTED: u8 = 130;

/// Converts a dataset, or goes on with a conversion that was interrupted.
pub(crate) async fn convert(arguments: &ConvertArguments, printer: &Printer) -> Result<ExitCode, Failure> {
    let url = host::source(&arguments.url)?;
    let (target, s3) = host::target(arguments).await?;
    let mode = arguments.target_options.mode;
    let (concurrency, contact) = (Some(arguments.source.concurrency), arguments.source.contact.clone());
    let request = host::request(url, target.clone(), mode, &arguments.selection, concurrency, contact)?;
    let state = host::state_folder(&arguments.target_options, &target)?;
    let state = Arc::new(FolderStore::new(state));
    let opened = LocalRuns::new(Arc::clone(&state)).open(&request).await.map_err(|error| unopened(&error))?;
    let quarantine = match &target {
        Target::Folder { .. } => Duration::ZERO,
        Target::S3 { .. } => QUARANTINE,
    };
    let host = Host::new(&arguments.source, Some(opened.run.to_string()), Arc::clone(&state), s3, quarantine)?;
    greet(&request.source, &target, &opened, printer);

    let (stop, stopped) = watch::channel(false);
    let signals = tokio::spawn(signals(stop, printer.clone()));
    let watching = progress::watch(opened.run.clone(), &host, printer.clone());
    let work = Drive {
        run: opened.run.clone(),
        chunks: Arc::clone(&host.chunks),
        records: Arc::clone(&host.records),
        workers: host::workers(arguments.source.concurrency),
    };
    let driven = drive(work, Arc::clone(&host.ports), stopped).await;
    watching.stop().await;
    signals.abort();
    match driven? {
        Driven::Ended(end) => finish(&end, &target, &host, printer).await,
        Driven::Stopped => {
            let counts = steps::progress(&opened.run, &host.ports).await.unwrap_or_default();
            printer.note(&format!(
                "stopped: {} done, nothing is published; the same command goes on from here",
                crate::units::counted(counts.receipts, "chunk")
            ));
            if printer.json() {
                Printer::data(&serde_json::json!({ "run": opened.run, "verdict": "interrupted" }).to_string());
            }
            Ok(ExitCode::from(INTERRUPTED))
        }
    }
}

fn unopened(error: &OpenRunError) -> Failure {
    let kind = match error {
        OpenRunError::Busy => ReasonKind::TargetOccupied,
        OpenRunError::Request(_) => ReasonKind::BadRequest,
        OpenRunError::State(_) | OpenRunError::Folder { .. } => ReasonKind::State,
    };
    Failure::new(kind, error)
}

fn greet(source: &SourceUrl, target: &Target, opened: &OpenRun, printer: &Printer) {
    let word = if opened.resumed { "going on with" } else { "converting" };
    printer.note(&format!("{word} {source} to {target} (run {})", opened.run));
}

/// The first interrupt asks for a clean stop, the second leaves at once.
async fn signals(stop: watch::Sender<bool>, printer: Printer) {
    let mut asked = false;
    loop {
        interrupted().await;
        if asked {
            printer.set_bar(None);
            printer.note("left at once; the same command goes on from here");
            #[expect(clippy::exit, reason = "the user asked twice; everything on disk is written whole or not at all")]
            std::process::exit(i32::from(INTERRUPTED));
        }
        asked = true;
        printer.note("stopping: chunks in the works are finished first; interrupt again to leave at once");
        stop.send_replace(true);
    }
}

/// Returns when the process is asked to stop.
pub(crate) async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// Prints the report and picks the exit code.
async fn finish(end: &End, target: &Target, host: &Host, printer: &Printer) -> Result<ExitCode, Failure> {
    let object = host.ports.state.get(&keys::report(&end.run)).await;
    let object = object.map_err(|error| Failure::new(ReasonKind::State, &error))?;
    let report: Option<Report> = object.and_then(|object| serde_json::from_slice(&object.bytes).ok());
    if printer.json() {
        Printer::data(&summary::document(end, report.as_ref()).to_string());
    }
    let again = "run the same command again: what is written already is not fetched again";
    Ok(summary::ended(end, report.as_ref(), &target.to_string(), again, printer))
}
