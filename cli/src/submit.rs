use std::{io::Read as _, path::Path, process::ExitCode, time::Duration};

use advisor::{Estimate, Prices, SourceSpeed, Workers};
use bytes::Bytes;
use jiff::Timestamp;
use run::{MAX_REQUEST_LENGTH, Plan, Reason, ReasonKind, Request, RunId, Target, keys};
use serde_json::json;

use crate::{
    arguments::{SourceArguments, SubmitArguments},
    failure::Failure,
    host::{self, Host},
    plan::cost,
    printer::Printer,
    runs,
    stack::Stack,
    units::{bytes, counted, whole},
    watch,
};

/// Hands a request to a stack.
pub(crate) async fn submit(arguments: &SubmitArguments, printer: &Printer) -> Result<ExitCode, Failure> {
    let request = read(arguments)?;
    if arguments.dry_run {
        Printer::data(document(&request)?.trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let stack = Stack::find(&arguments.stack).await?;
    if let Some(outputs) = &stack.outputs {
        outputs.check(&request.target)?;
    }
    // Where nobody sees it, the source is not asked.
    let unseen = printer.quiet() && !printer.json();
    let workers = stack.outputs.as_ref().map_or(cost::STACK, |outputs| outputs.workers);
    let estimate =
        if arguments.no_estimate || unseen { None } else { estimated(&request, workers, PATIENCE, printer).await };
    let sent = send(&stack, &request, arguments.name.as_deref(), arguments.force, printer).await?;
    Sent { estimate, ..sent }.tell(&stack, arguments.watch, printer).await
}

/// Says what the run will take, if the source's metadata can be read from here: it may be open to the stack alone, which
/// is no reason to fail.
async fn estimated(request: &Request, workers: Workers, patience: Duration, printer: &Printer) -> Option<Estimate> {
    let plan = match tokio::time::timeout(patience, preview(request)).await {
        Ok(Ok(plan)) => plan,
        Ok(Err(failure)) => {
            printer.note(&format!("no estimate, since the plan cannot be made from here: {}", failure.message()));
            return None;
        }
        Err(_) => {
            let seconds = patience.as_secs();
            printer.note(&format!("no estimate: the source did not tell what it has within {seconds} s"));
            return None;
        }
    };
    let (prices, source) = (Prices::default(), SourceSpeed::default());
    let estimate = cost::of(&plan, workers, source, &prices);
    let totals = plan.totals;
    for line in [
        format!("{} in {}:", cost::amount(&totals, ""), counted(totals.chunks, "chunk")),
        format!("  estimated {}", cost::with_stack(&estimate)),
        format!("  stored as {}, {} a month", bytes(whole(estimate.stored_bytes)), cost::month(&estimate)),
        format!("  {}; dap2zarr plan --probe measures it", cost::speed(&estimate.source)),
    ] {
        printer.note(&line);
    }
    Some(estimate)
}

async fn preview(request: &Request) -> Result<Plan, Failure> {
    let source = SourceArguments { concurrency: 1, retries: 0, contact: request.contact.clone() };
    let host = Host::looking(&source)?;
    let (plan, _) = steps::preview(request, &host.ports).await?;
    Ok(plan)
}

/// A request that is on its way.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) run: RunId,
    /// The object's key; nothing where the run was open already.
    key: Option<String>,
    /// What it is expected to take, where that could be told.
    estimate: Option<Estimate>,
}

/// How long the source may take to tell what it has, for the sake of an estimate.
const PATIENCE: Duration = Duration::from_secs(20);

impl Sent {
    /// Prints the run, or watches it.
    pub(crate) async fn tell(self, stack: &Stack, watching: bool, printer: &Printer) -> Result<ExitCode, Failure> {
        let Self { run, key, estimate } = self;
        // A watched run's one document of JSON is its report.
        if !printer.json() {
            Printer::data(run.as_str());
        } else if !watching {
            let submitted = key.is_some();
            let document = json!({ "run": run, "request": key, "submitted": submitted, "estimate": estimate });
            Printer::data(&document.to_string());
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
        return Ok(Sent { run: run.clone(), key: None, estimate: None });
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
    Ok(Sent { run, key: Some(key), estimate: None })
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

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    const DDS: &str = "Dataset { Float32 tmx[time = 240][lat = 600][lon = 700]; } prism;";

    fn request(address: &str) -> Request {
        let target = Target::s3("s3://bucket/prism.zarr", None, None).unwrap();
        Request::new(format!("http://{address}/prism").parse().unwrap(), target)
    }

    /// A server of one small dataset, or one that accepts and says nothing.
    async fn source(answers: bool) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let mut silent = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                if !answers {
                    silent.push(stream);
                    continue;
                }
                let mut buffer = [0; 4_096];
                let length = stream.read(&mut buffer).await.unwrap_or(0);
                let asked = String::from_utf8_lossy(&buffer[..length]).into_owned();
                let (kind, body) = if asked.contains(".dds") { ("dds", DDS) } else { ("das", "Attributes { }") };
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Description: dods-{kind}\r\n\
                     Content-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all((head + body).as_bytes()).await;
            }
        });
        address
    }

    #[tokio::test]
    async fn what_a_run_takes_is_told_before_it_is_sent() {
        let printer = Printer::new(false, true);
        let estimate = estimated(&request(&source(true).await), cost::STACK, PATIENCE, &printer).await.unwrap();
        assert_eq!(estimate.workers, cost::STACK);
        // 403 MB at 1.45 MB/s on four functions.
        assert!((60.0..120.0).contains(&estimate.seconds), "{estimate:?}");
        assert!(estimate.dollars.is_some_and(|dollars| dollars.total > 0.0), "{estimate:?}");
    }

    #[tokio::test]
    async fn a_source_that_cannot_be_asked_is_no_reason_to_fail() {
        let printer = Printer::new(false, true);
        assert_eq!(estimated(&request("127.0.0.1:1"), cost::STACK, PATIENCE, &printer).await, None);
        let silent = request(&source(false).await);
        assert_eq!(estimated(&silent, cost::STACK, Duration::from_millis(200), &printer).await, None);
    }
}
