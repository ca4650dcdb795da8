use std::{io::Read as _, path::Path, process::ExitCode};

use bytes::Bytes;
use jiff::Timestamp;
use run::{MAX_REQUEST_LENGTH, Reason, ReasonKind, Request, RunId, Target, keys};

use crate::{arguments::SubmitArguments, failure::Failure, host, printer::Printer, runs, stack::Stack, watch};

/// Hands a request to a stack.
pub(crate) async fn submit(arguments: &SubmitArguments, printer: &Printer) -> Result<ExitCode, Failure> {
    let request = read(arguments)?;
    if arguments.dry_run {
        Printer::data(document(&request)?.trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let stack = Stack::find(&arguments.stack).await?;
    let sent = send(&stack, &request, arguments.name.as_deref(), arguments.force, printer).await?;
    sent.tell(&stack, arguments.watch, printer).await
}

/// A request that is on its way.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) run: RunId,
    /// The object's key; nothing where the run was open already.
    key: Option<String>,
}

impl Sent {
    /// Prints the run, or watches it.
    pub(crate) async fn tell(self, stack: &Stack, watching: bool, printer: &Printer) -> Result<ExitCode, Failure> {
        let Self { run, key } = self;
        // A watched run's one document of JSON is its report.
        if !printer.json() {
            Printer::data(run.as_str());
        } else if !watching {
            Printer::data(&serde_json::json!({ "run": run, "request": key, "submitted": key.is_some() }).to_string());
        }
        if watching {
            return watch::watch(stack, &run, printer).await;
        }
        printer.note(&format!("watch it: dap2zarr status {run} --watch{}", stack.again));
        Ok(ExitCode::SUCCESS)
    }
}

/// Puts a request below `requests/`, unless a run of it is open.
pub(crate) async fn send(
    stack: &Stack,
    request: &Request,
    name: Option<&str>,
    force: bool,
    printer: &Printer,
) -> Result<Sent, Failure> {
    if let Some(outputs) = &stack.outputs {
        outputs.check(&request.target)?;
    }
    let open = if force { Vec::new() } else { runs::open_on_target(&stack.state, request).await? };
    if let Some((run, _)) = open.iter().find(|(_, same)| *same) {
        printer.note(&format!("this request is open already, as run {run}; --force submits it again"));
        return Ok(Sent { run: run.clone(), key: None });
    }
    if let Some((run, _)) = open.first() {
        let message = format!(
            "run {run} is writing to {} and would be ended by this one: wait for it, cancel it, or pass --force",
            request.target
        );
        return Err(Reason::new(ReasonKind::TargetOccupied, message).into());
    }
    let digest = request.digest().map_err(|error| Failure::request(&error))?;
    let name = match name {
        Some(name) => name.to_owned(),
        None => format!("{}-{}", digest.short(), Timestamp::now().strftime("%Y%m%dT%H%M%SZ")),
    };
    let key = format!("{}{name}.json", keys::requests());
    if !stack.state.put_new(&key, &Bytes::from(document(request)?)).await? {
        return Err(runs::bad(format!("there is another request {key} already; choose another --name")));
    }
    let Some(object) = stack.state.get(&key).await? else {
        return Err(Reason::new(ReasonKind::State, format!("{key} was written and is gone")).into());
    };
    if object.version.is_none() {
        tracing::info!(key, "the bucket keeps no versions; a stack's own bucket does");
    }
    let run = runs::name(&digest, &object);
    printer.note(&format!("submitted {} to {} as {key}", request.source, request.target));
    Ok(Sent { run, key: Some(key) })
}

/// The request of a file, or of the arguments.
fn read(arguments: &SubmitArguments) -> Result<Request, Failure> {
    let request = match (&arguments.request, &arguments.url, &arguments.target) {
        (Some(file), _, _) => {
            let mut request = from_file(file)?;
            request.contact = request.contact.or_else(|| arguments.contact.clone());
            request
        }
        (None, Some(url), Some(target)) => from_arguments(arguments, url, target)?,
        (None, _, _) => return Err(runs::bad("a dataset and a target are needed, or --request FILE".to_owned())),
    };
    if let Target::Folder { path } = &request.target {
        return Err(runs::bad(format!("a stack writes to S3, not to the folder {path}; dap2zarr convert does")));
    }
    Ok(request)
}

fn from_arguments(arguments: &SubmitArguments, url: &str, target: &str) -> Result<Request, Failure> {
    if !target.contains("://") {
        return Err(runs::bad(format!(
            "a stack writes to S3, not to the folder {target}: expected s3://bucket/prefix; for a folder, use dap2zarr \
             convert"
        )));
    }
    let url = host::source(url)?;
    let target = Target::s3(target, arguments.endpoint_url.clone(), None).map_err(|error| Failure::request(&error))?;
    let SubmitArguments { mode, concurrency, .. } = *arguments;
    host::request(url, target, mode, &arguments.selection, concurrency, arguments.contact.clone())
}

fn from_file(file: &Path) -> Result<Request, Failure> {
    let name = if file == Path::new("-") { "stdin".to_owned() } else { file.display().to_string() };
    let failed = |what: &dyn std::fmt::Display| runs::bad(format!("{name}: {what}"));
    let mut bytes = Vec::new();
    let read = if name == "stdin" {
        std::io::stdin().lock().take(MAX_REQUEST_LENGTH + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(MAX_REQUEST_LENGTH + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| failed(&error))?;
    Request::from_json(&bytes).map_err(|error| failed(&error))
}

/// The request's document, as people read it.
fn document(request: &Request) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(request).map_err(|error| Failure::new(ReasonKind::Internal, &error))?;
    Ok(text + "\n")
}
