//! From a dropped request to an open run.

use bytes::Bytes;
use run::{Digest, MAX_REQUEST_LENGTH, Reason, ReasonKind, Request, RequestError, RunId, TargetId, keys};

use crate::{
    Deadline, decide, lease, plan,
    ports::{Object, Ports},
    sendings, state,
    trouble::{Trouble, target_reason},
};

/// Opens the run of a dropped request and plans it. The run follows from the request and from the version of the object,
/// so a trigger that comes twice leads to one run; a run that ended, or whose chunks were sent, is left alone.
///
/// Every step may be repeated, and what a crash leaves is found: before the marker of the open run the object still counts
/// as a request without a run, and after it the run as one without a plan.
pub(crate) async fn request(key: &str, ports: &Ports, deadline: Deadline) -> Result<(), Trouble> {
    if !keys::is_request(key) {
        tracing::error!(metric = "foreign_message", key, "a message about what is not a request is dropped");
        let message = format!("`{key}` is not a request: expected {}NAME.json", keys::requests());
        return Err(Trouble::failed(ReasonKind::BadRequest, message));
    }
    let Some(asked) = Asked::read(key, ports).await? else {
        tracing::info!(key, "the request was removed before it was read");
        return Ok(());
    };
    let run = &asked.run;
    if state::decision(run, ports).await?.is_none() {
        if let Some(document) = &asked.document {
            state::put_new(ports, &keys::request(run), document.clone()).await?;
        }
        state::put(ports, &keys::open(run), Bytes::new()).await?;
        tracing::info!(%run, key, "a request has a run");
    }
    state::put(ports, &asked.accepted, Bytes::new()).await?;
    match asked.target {
        Err(reason) => {
            decide::fail(run, reason.clone(), ports).await?;
            Err(Trouble::Failed(reason))
        }
        Ok(target) => begin(run, &target, ports, deadline).await,
    }
}

/// Plans a run unless its work is under way.
async fn begin(run: &RunId, target: &TargetId, ports: &Ports, deadline: Deadline) -> Result<(), Trouble> {
    if state::decision(run, ports).await?.is_none() {
        if sendings::last(run, ports).await?.is_some() {
            tracing::info!(%run, "the request was announced again, its run is under way");
            return Ok(());
        }
        if let Some(by) = lease::worked_on(run, target, ports).await? {
            return decide::supersede(run, by, ports).await;
        }
    }
    plan::plan(run, ports, deadline).await
}

/// A dropped request and the run it leads to.
struct Asked {
    run: RunId,
    /// What is kept of it: as it will be carried out, or as it came if it cannot be; nothing if that is too long.
    document: Option<Bytes>,
    /// The key of the marker that says that it has a run.
    accepted: String,
    /// Where it wants to write, or why it is refused.
    target: Result<TargetId, Reason>,
}

impl Asked {
    /// Nothing if there is no such object.
    async fn read(key: &str, ports: &Ports) -> Result<Option<Self>, Trouble> {
        // Its line in a LIST first: anybody may have put anything there, of any length, and it is a LIST that the sweep
        // looks for the marker by.
        let listed = state::list(ports, key).await?;
        let Some(listed) = listed.into_iter().find(|entry| entry.key == key) else { return Ok(None) };
        let accepted = keys::accepted(key, listed.etag.as_deref(), listed.modified);
        if listed.length > MAX_REQUEST_LENGTH {
            let error = RequestError::TooLong { found: listed.length };
            let named = Digest::of(key.as_bytes());
            return Ok(Some(Self {
                run: RunId::of_object(&named, None, listed.etag.as_deref(), listed.modified),
                document: None,
                accepted,
                target: Err(Reason::from_error(ReasonKind::BadRequest, &error)),
            }));
        }
        let Some(object) = state::get(ports, key).await? else { return Ok(None) };
        let (version, etag, modified) = (object.version.clone(), object.etag.clone(), object.modified);
        let (digest, document, target) = match read(&object, ports) {
            Ok(request) => (digest(&request)?, state::json(&request)?, Ok(request.target.id())),
            Err(Refused::Target(request, reason)) => (digest(&request)?, state::json(&*request)?, Err(reason)),
            Err(Refused::Document(reason)) => (Digest::of(&object.bytes), object.bytes, Err(reason)),
        };
        let run = RunId::of_object(&digest, version.as_deref(), etag.as_deref(), modified);
        Ok(Some(Self { run, document: Some(document), accepted, target }))
    }
}

/// Why a request is refused without a look at its source.
enum Refused {
    Document(Reason),
    Target(Box<Request>, Reason),
}

/// The request, its target under the one name this host knows it by.
fn read(object: &Object, ports: &Ports) -> Result<Request, Refused> {
    let request = Request::from_json(&object.bytes)
        .map_err(|error| Refused::Document(Reason::from_error(ReasonKind::BadRequest, &error)))?;
    match ports.targets.canonical(&request.target) {
        Ok(target) => Ok(Request { target, ..request }),
        Err(error) => Err(Refused::Target(Box::new(request), target_reason(&error))),
    }
}

fn digest(request: &Request) -> Result<Digest, Trouble> {
    request.digest().map_err(|error| Trouble::Failed(Reason::from_error(ReasonKind::BadRequest, &error)))
}
