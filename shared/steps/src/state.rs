//! Reading and writing the state store's documents, with a few attempts each.

use bytes::Bytes;
use run::{Decision, End, RunId, Verdict, keys};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Deadline,
    ports::{Entry, Head, Metadata, Object, Ports, StoreError},
    retry::{Attempts, GaveUp},
    trouble::Trouble,
};

/// Calls the state store until it answers or the attempts are used up.
macro_rules! attempt {
    ($ports:expr, $what:expr, $call:expr) => {{
        let mut attempts = Attempts::new($ports, Deadline::NONE, $what.to_owned());
        loop {
            match $call.await {
                Ok(value) => break Ok(value),
                Err(error) => {
                    if let Err(gave_up) = attempts.again(&error).await {
                        break Err(trouble(&gave_up, &error, $ports));
                    }
                }
            }
        }
    }};
}

/// A state store that wants us to wait is no reason to defer a chunk: the deferral would have to be written there.
fn trouble(gave_up: &GaveUp, error: &StoreError, ports: &Ports) -> Trouble {
    match gave_up {
        GaveUp::Later(until, _) => Trouble::until(*until, ports),
        GaveUp::Failed(_) | GaveUp::TooLarge(..) => Trouble::state(error),
    }
}

pub(crate) async fn get(ports: &Ports, key: &str) -> Result<Option<Object>, Trouble> {
    attempt!(ports, key, ports.state.get(key))
}

pub(crate) async fn head(ports: &Ports, key: &str) -> Result<Option<Head>, Trouble> {
    attempt!(ports, key, ports.state.head(key))
}

pub(crate) async fn get_json<T: DeserializeOwned>(ports: &Ports, key: &str) -> Result<Option<T>, Trouble> {
    let Some(object) = get(ports, key).await? else { return Ok(None) };
    Ok(Some(serde_json::from_slice(&object.bytes)?))
}

pub(crate) async fn list(ports: &Ports, prefix: &str) -> Result<Vec<Entry>, Trouble> {
    attempt!(ports, prefix, ports.state.list(prefix))
}

pub(crate) async fn put(ports: &Ports, key: &str, bytes: Bytes) -> Result<(), Trouble> {
    attempt!(ports, key, ports.state.put(key, bytes.clone(), &Metadata::new())).map(|_| ())
}

pub(crate) async fn put_json(ports: &Ports, key: &str, document: &(impl Serialize + Sync)) -> Result<(), Trouble> {
    put(ports, key, json(document)?).await
}

/// `true` if we wrote it. After a lost reply our own document may already be there: whoever must know reads it back.
pub(crate) async fn put_new(ports: &Ports, key: &str, bytes: Bytes) -> Result<bool, Trouble> {
    attempt!(ports, key, ports.state.put_new(key, bytes.clone()))
}

pub(crate) async fn put_if_match(ports: &Ports, key: &str, bytes: Bytes, etag: &str) -> Result<bool, Trouble> {
    attempt!(ports, key, ports.state.put_if_match(key, bytes.clone(), etag))
}

pub(crate) async fn delete(ports: &Ports, key: &str) -> Result<(), Trouble> {
    attempt!(ports, key, ports.state.delete(key))
}

pub(crate) fn json(document: &impl Serialize) -> Result<Bytes, Trouble> {
    let mut bytes = serde_json::to_vec_pretty(document)?;
    bytes.push(b'\n');
    Ok(bytes.into())
}

pub(crate) async fn end(run: &RunId, ports: &Ports) -> Result<Option<End>, Trouble> {
    get_json(ports, &keys::end(run)).await
}

pub(crate) async fn decision(run: &RunId, ports: &Ports) -> Result<Option<Decision>, Trouble> {
    get_json(ports, &keys::decision(run)).await
}

/// Asks for a run to be cancelled; what was already decided stays. The sweep writes the end.
///
/// # Errors
/// What the state store said.
pub async fn cancel(run: &RunId, ports: &Ports) -> Result<Verdict, String> {
    let decided = crate::decide::decide(run, Verdict::Cancelled, ports).await;
    decided.map(|decision| decision.verdict).map_err(|trouble| format!("{trouble:?}"))
}
