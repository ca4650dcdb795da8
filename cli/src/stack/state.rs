use std::{future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use run::{Reason, ReasonKind};
use serde::de::DeserializeOwned;
use steps::ports::{Entry, Object, Store, StoreError};

use crate::failure::Failure;

/// Attempts at one request, and the pause after the first; doubled each time.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(500);

/// The documents of runs, read by a person who waits: a few attempts each, and errors that say what to do.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) store: Arc<dyn Store>,
}

impl State {
    pub(crate) fn new(store: impl Store + 'static) -> Self {
        Self { store: Arc::new(store) }
    }

    pub(crate) async fn get(&self, key: &str) -> Result<Option<Object>, Failure> {
        attempts(|| self.store.get(key)).await
    }

    /// A document; nothing if there is none.
    pub(crate) async fn document<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Failure> {
        let Some(object) = self.get(key).await? else { return Ok(None) };
        serde_json::from_slice(&object.bytes).map(Some).map_err(|error| {
            let message =
                format!("{key} cannot be read: {error}; is this dap2zarr {} older than the stack?", run::VERSION);
            Reason::new(ReasonKind::State, message).into()
        })
    }

    pub(crate) async fn list(&self, prefix: &str) -> Result<Vec<Entry>, Failure> {
        attempts(|| self.store.list(prefix)).await
    }

    /// `false`: there is another object of that key. After a lost reply the one that is there may be ours.
    pub(crate) async fn put_new(&self, key: &str, bytes: &Bytes) -> Result<bool, Failure> {
        if attempts(|| self.store.put_new(key, bytes.clone())).await? {
            return Ok(true);
        }
        Ok(self.get(key).await?.is_some_and(|object| object.bytes == *bytes))
    }
}

async fn attempts<T, F: Future<Output = Result<T, StoreError>>>(call: impl Fn() -> F) -> Result<T, Failure> {
    let mut attempt = 1;
    loop {
        match call().await {
            Ok(value) => return Ok(value),
            Err(error) if error.is_transient() && attempt < ATTEMPTS => {
                tracing::info!(attempt, %error, "trying again");
                tokio::time::sleep(error.retry_after().unwrap_or(PAUSE * (1 << (attempt - 1)))).await;
                attempt += 1;
            }
            Err(error) => return Err(Failure::new(ReasonKind::State, &error)),
        }
    }
}
