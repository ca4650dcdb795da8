//! The runs in a state store: which there are, and which one a person means.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use run::{Digest, Reason, ReasonKind, Request, RunId, What, keys, read_segment};
use steps::ports::{Entry, Object};

use crate::{
    failure::Failure,
    stack::State,
    standing::{Seen, View},
    units::counted,
};

/// So many runs are named where an id is ambiguous.
const MOST_NAMED: usize = 5;
/// So many of the latest objects of a request are looked at.
const MOST_WAITING: usize = 5;
/// A request this young may not have been opened.
const YOUNG_SECONDS: i64 = 120;
/// So many segments are read for the time until which chunks wait.
const MOST_DEFERRING: usize = 20;

/// A run that somebody asked about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    pub(crate) run: RunId,
    pub(crate) seen: Seen,
}

/// The run that a person means by an id or its beginning.
pub(crate) async fn find(state: &State, text: &str) -> Result<Found, Failure> {
    if RunId::try_from(text.to_owned()).is_err() {
        return Err(bad(format!("`{text}` is not a run's id: expected something like 4f3c2a9b1d7e-v0a1b2c3d4e5f")));
    }
    let runs = group(&state.list(&format!("{}{text}", keys::runs())).await?);
    if let Some(found) = pick(runs, text)? {
        return Ok(found);
    }
    let waiting = waiting(state, text).await?;
    if let Some((run, since)) = waiting.into_iter().find(|(run, _)| run.as_str().starts_with(text)) {
        return match elsewhere(state, &run, since).await? {
            Some(found) => Ok(found),
            None => Ok(Found { run, seen: Seen::default() }),
        };
    }
    Err(bad(format!("there is no run `{text}` here; `dap2zarr status` shows a stack's runs")))
}

/// A run's documents; those that are written once are taken from an earlier view.
pub(crate) async fn view(state: &State, found: Found, before: Option<View>) -> Result<View, Failure> {
    let Found { run, seen } = found;
    let before = before.filter(|before| before.run == run);
    let (request, plan, decision) =
        before.map_or((None, None, None), |before| (before.request, before.plan, before.decision));
    let request = match request {
        None if seen.request => request_of(state, &run).await?,
        known => known,
    };
    let plan = match plan {
        None if seen.plan => state.document(&keys::plan(&run)).await?,
        known => known,
    };
    let decision = match decision {
        None if seen.decision => state.document(&keys::decision(&run)).await?,
        known => known,
    };
    let end = if seen.end { state.document(&keys::end(&run)).await? } else { None };
    let deferred = if seen.end { None } else { deferred(state, &seen).await? };
    Ok(View { run, seen, request, plan, decision, end, deferred })
}

/// A run's request; nothing where there is none, or none that can be read: that is what the run failed for then.
async fn request_of(state: &State, run: &RunId) -> Result<Option<Request>, Failure> {
    let object = state.get(&keys::request(run)).await?;
    Ok(object.and_then(|object| Request::from_json(&object.bytes).ok()))
}

/// How many chunks wait because the source asked for a pause, and until when.
async fn deferred(state: &State, seen: &Seen) -> Result<Option<(u64, Timestamp)>, Failure> {
    let now = Timestamp::now();
    let mut chunks = BTreeMap::new();
    for segment in seen.deferring.iter().rev().take(MOST_DEFERRING) {
        let Some(object) = state.get(segment).await? else { continue };
        for record in read_segment(&object.bytes).unwrap_or_default() {
            if let What::Deferred { array, chunk, until, .. } = record.what
                && until > now
            {
                chunks.insert((array, chunk), until);
            }
        }
    }
    Ok(chunks.values().max().map(|until| (chunks.len() as u64, *until)))
}

/// What is known of one run now.
pub(crate) async fn look(state: &State, run: &RunId) -> Result<Seen, Failure> {
    let entries = state.list(&format!("{}{run}/", keys::runs())).await?;
    Ok(group(&entries).remove(run).unwrap_or_default())
}

/// What a listing below `runs/` says of each run.
pub(crate) fn group(entries: &[Entry]) -> BTreeMap<RunId, Seen> {
    let mut runs: BTreeMap<RunId, Seen> = BTreeMap::new();
    for entry in entries {
        let Some((run, rest)) = entry.key.strip_prefix(keys::runs()).and_then(|key| key.split_once('/')) else {
            continue;
        };
        // `open` is no run's id.
        if let Ok(run) = RunId::try_from(run.to_owned()) {
            runs.entry(run).or_default().add(rest, entry);
        }
    }
    runs
}

/// The one run that is meant, if any.
fn pick(mut runs: BTreeMap<RunId, Seen>, text: &str) -> Result<Option<Found>, Failure> {
    if let Some(exact) = runs.keys().find(|run| run.as_str() == text).cloned() {
        runs.retain(|run, _| *run == exact);
    }
    if runs.len() > 1 {
        let names: Vec<_> = runs.keys().take(MOST_NAMED).map(RunId::as_str).collect();
        let more = if runs.len() > MOST_NAMED { ", …" } else { "" };
        return Err(bad(format!("`{text}` begins {}: {}{more}", counted(runs.len() as u64, "run"), names.join(", "))));
    }
    Ok(runs.pop_first().map(|(run, seen)| Found { run, seen }))
}

/// The runs of open markers.
pub(crate) async fn open(state: &State) -> Result<BTreeSet<RunId>, Failure> {
    let entries = state.list(keys::open_runs()).await?;
    let name = |entry: &Entry| RunId::try_from(entry.key.strip_prefix(keys::open_runs())?.to_owned()).ok();
    Ok(entries.iter().filter_map(name).collect())
}

/// The runs of the latest objects below `requests/` that were submitted for the request a run's id begins with, and when
/// those were written.
async fn waiting(state: &State, run: &str) -> Result<Vec<(RunId, Option<Timestamp>)>, Failure> {
    let request = run.split('-').next().unwrap_or(run);
    let entries = state.list(&format!("{}{request}", keys::requests())).await?;
    let mut runs = Vec::new();
    for entry in entries.iter().rev().take(MOST_WAITING) {
        runs.extend(of_object(state, &entry.key).await?.map(|run| (run, entry.modified)));
    }
    Ok(runs)
}

/// The run that an object below `requests/` leads to; nothing if it is no request.
async fn of_object(state: &State, key: &str) -> Result<Option<RunId>, Failure> {
    let Some(object) = state.get(key).await? else { return Ok(None) };
    let digest = Request::from_json(&object.bytes).ok().and_then(|request| request.digest().ok());
    Ok(digest.map(|digest| name(&digest, &object)))
}

/// The run that a request's object leads to. As `steps` names it where a request is opened.
pub(crate) fn name(request: &Digest, object: &Object) -> RunId {
    RunId::of_object(request, object.version.as_deref(), object.etag.as_deref(), object.modified)
}

/// The run of the same object under another digest: a stack that knows the target by another name (its endpoint filled
/// in) names the run after that.
async fn elsewhere(state: &State, run: &RunId, since: Option<Timestamp>) -> Result<Option<Found>, Failure> {
    let version = |run: &RunId| run.as_str().split_once("-v").map(|(_, version)| version.to_owned());
    let Some(wanted) = version(run) else { return Ok(None) };
    let is_it = |run: &RunId| version(run).as_ref() == Some(&wanted);
    if let Some(run) = open(state).await?.into_iter().find(is_it) {
        let seen = look(state, &run).await?;
        return Ok(Some(Found { run, seen }));
    }
    // A young request has no run yet; the run of an old one has ended, and is looked for among all.
    if since.is_some_and(|since| since.duration_until(Timestamp::now()).as_secs() < YOUNG_SECONDS) {
        return Ok(None);
    }
    let mut runs = group(&state.list(keys::runs()).await?);
    runs.retain(|run, _| is_it(run));
    Ok(runs.pop_first().map(|(run, seen)| Found { run, seen }))
}

/// The open runs whose request has the same target, each with whether it is the same request.
pub(crate) async fn open_on_target(state: &State, request: &Request) -> Result<Vec<(RunId, bool)>, Failure> {
    let mut found = Vec::new();
    for run in open(state).await? {
        let Some(theirs) = request_of(state, &run).await? else { continue };
        if theirs.target.to_string() == request.target.to_string() {
            found.push((run, same(&theirs, request)));
        }
    }
    Ok(found)
}

/// Whether two requests to one target ask for the same.
fn same(one: &Request, two: &Request) -> bool {
    let normal = |request: &Request| Request {
        // The stack's endpoint may be filled in in one of them.
        target: two.target.clone(),
        concurrency: None,
        contact: None,
        ..request.clone()
    };
    normal(one) == normal(two)
}

pub(crate) fn bad(message: String) -> Failure {
    Reason::new(ReasonKind::BadRequest, message).into()
}

#[cfg(test)]
mod tests {
    use run::Target;

    use super::*;

    fn entry(key: &str) -> Entry {
        Entry { key: key.to_owned(), length: 1, etag: None, modified: None }
    }

    #[test]
    fn a_beginning_is_enough_if_it_is_one_runs() {
        let runs = group(&[
            entry("runs/aaaaaaaaaaaa-1/request.json"),
            entry("runs/aaaaaaaaaaaa-1/plan.json"),
            entry("runs/aaaaaaaaaaaa-12/request.json"),
            entry("runs/open/aaaaaaaaaaaa-1"),
        ]);
        assert_eq!(runs.len(), 2);
        let found = |text: &str| pick(runs.clone(), text).map(|found| found.map(|found| found.run.to_string()));
        assert_eq!(found("aaaaaaaaaaaa-1").unwrap().as_deref(), Some("aaaaaaaaaaaa-1"));
        let message = format!("{:?}", found("aaaa").unwrap_err());
        assert!(message.contains("begins 2 runs: aaaaaaaaaaaa-1, aaaaaaaaaaaa-12"), "{message}");
        assert_eq!(pick(BTreeMap::new(), "bb").unwrap(), None);
    }

    #[test]
    fn requests_are_the_same_if_the_dataset_would_be() {
        let target = |endpoint: Option<&str>| Target::s3("s3://bucket/x", endpoint.map(str::to_owned), None).unwrap();
        let request = |endpoint| Request::new("http://h/x".parse().unwrap(), target(endpoint));
        let polite = Request { concurrency: Some(2), ..request(Some("http://e")) };
        assert!(same(&polite, &request(None)));
        assert!(!same(
            &Request { chunk_bytes: advisor::Window::at_most(5_000).unwrap(), ..request(None) },
            &request(None)
        ));
    }
}
