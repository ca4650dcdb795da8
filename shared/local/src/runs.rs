use std::{
    fs::{self, File, TryLockError},
    sync::Arc,
};

use bytes::Bytes;
use run::{Request, RequestError, RunId, keys};
use steps::ports::{Metadata, Store, StoreError};

use crate::FolderStore;

/// The runs of this machine's user, in one state folder.
#[derive(Debug)]
pub struct LocalRuns {
    state: Arc<FolderStore>,
}

/// A run that this process works on. Its target is locked against other processes until this is dropped.
#[derive(Debug)]
pub struct OpenRun {
    /// The run.
    pub run: RunId,
    /// Whether it was begun by an earlier process and goes on here.
    pub resumed: bool,
    _lock: File,
}

/// Why no run was opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenRunError {
    /// Another process writes to the target.
    #[error("another dap2zarr process is writing to this target; wait for it, or stop it first")]
    Busy,
    /// The state folder cannot be used.
    #[error(transparent)]
    State(#[from] StoreError),
    /// The state folder cannot be used.
    #[error("the state folder {path} cannot be used; choose another with --state-dir")]
    Folder {
        /// The folder.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The request is not valid.
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl LocalRuns {
    /// Runs that keep their documents in a state folder.
    pub fn new(state: Arc<FolderStore>) -> Self {
        Self { state }
    }

    /// The run for a request: the newest attempt if it has not ended, else the next one.
    ///
    /// # Errors
    /// See [`OpenRunError`].
    pub async fn open(&self, request: &Request) -> Result<OpenRun, OpenRunError> {
        let lock = self.lock(request)?;
        let digest = request.digest()?;
        let attempts = self.state.list(&format!("runs/{}-", digest.short())).await?;
        let newest = attempts
            .iter()
            .filter_map(|entry| RunId::try_from(entry.key.split('/').nth(1)?.to_owned()).ok()?.attempt_of(&digest))
            .max();
        let (attempt, resumed) = match newest {
            None => (1, false),
            Some(attempt) => {
                let ended = self.state.head(&keys::end(&RunId::attempt(&digest, attempt))).await?.is_some();
                if ended { (attempt + 1, false) } else { (attempt, true) }
            }
        };
        let run = RunId::attempt(&digest, attempt);
        let document = serde_json::to_vec_pretty(request).map_err(RequestError::from)?;
        self.state.put_new(&keys::request(&run), document.into()).await?;
        self.state.put(&keys::open(&run), Bytes::new(), &Metadata::new()).await?;
        Ok(OpenRun { run, resumed, _lock: lock })
    }

    fn lock(&self, request: &Request) -> Result<File, OpenRunError> {
        let folder = self.state.root().join("locks");
        let failed = |source| OpenRunError::Folder { path: self.state.root().display().to_string(), source };
        fs::create_dir_all(&folder).map_err(failed)?;
        let lock = File::create(folder.join(request.target.id().digest().as_str())).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => Err(OpenRunError::Busy),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use run::Target;

    use super::*;

    #[tokio::test]
    async fn an_attempt_goes_on_until_it_ended() {
        let folder = tempfile::tempdir().unwrap();
        let state = Arc::new(FolderStore::new(folder.path()));
        let runs = LocalRuns::new(Arc::clone(&state));
        let request = Request::new("http://h/x".parse().unwrap(), Target::Folder { path: "/x.zarr".to_owned() });
        let first = runs.open(&request).await.unwrap();
        assert!(!first.resumed);
        assert!(matches!(runs.open(&request).await, Err(OpenRunError::Busy)));
        let run = first.run.clone();
        drop(first);
        let again = runs.open(&request).await.unwrap();
        assert_eq!((&again.run, again.resumed), (&run, true));
        drop(again);
        state.put(&keys::end(&run), Bytes::from_static(b"{}"), &Metadata::new()).await.unwrap();
        let next = runs.open(&request).await.unwrap();
        assert_eq!(next.run.attempt_of(&request.digest().unwrap()), Some(2));
        assert!(!next.resumed);
    }
}
