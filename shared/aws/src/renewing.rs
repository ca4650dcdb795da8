use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use steps::ports::{Entry, Head, Metadata, Object, Store, StoreError};
use tokio::{sync::Mutex, time::Instant};

use crate::{
    Aws, Keys, S3Options, S3Store,
    client::{Access, Opened},
};

/// A secret's keys, fetched when they are first needed and kept, and the client they open.
pub(crate) struct SecretKeys {
    aws: Aws,
    arn: String,
    options: S3Options,
    renewal: Duration,
    now: Mutex<Option<Current>>,
}

#[derive(Clone)]
struct Current {
    keys: Keys,
    opened: Opened,
    /// Counts the keys of this process, so that a denial of former ones is known for what it is.
    generation: u64,
    fetched: Instant,
}

impl fmt::Debug for SecretKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKeys").field("options", &self.options).finish_non_exhaustive()
    }
}

impl SecretKeys {
    pub(crate) fn new(aws: Aws, arn: String, options: S3Options, renewal: Duration) -> Self {
        Self { aws, arn, options, renewal, now: Mutex::default() }
    }

    /// The same, not fetched yet.
    pub(crate) fn renewing_every(&self, renewal: Duration) -> Self {
        Self::new(self.aws.clone(), self.arn.clone(), self.options.clone(), renewal)
    }

    /// The client, and which keys it has. Fetches the secret if nobody has.
    pub(crate) async fn opened(&self) -> Result<(Opened, u64), StoreError> {
        let mut now = self.now.lock().await;
        let current = if let Some(current) = &*now {
            current.clone()
        } else {
            let keys = self.aws.secret(&self.arn).await?;
            now.insert(self.current(keys, 0).await?).clone()
        };
        Ok((current.opened, current.generation))
    }

    /// The client with other keys than those that were denied, if the secret has other ones by now.
    async fn renewed(&self, denied: u64) -> Option<Opened> {
        let mut now = self.now.lock().await;
        let current = now.as_mut()?;
        if current.generation != denied {
            return Some(current.opened.clone());
        }
        if current.fetched.elapsed() < self.renewal {
            return None;
        }
        current.fetched = Instant::now();
        let keys = match self.aws.secret(&self.arn).await {
            Ok(keys) => keys,
            Err(error) => {
                tracing::warn!(reason = %error, "the target's keys were denied, and the secret could not be read again");
                return None;
            }
        };
        if keys.parts() == current.keys.parts() {
            return None;
        }
        tracing::info!("the target's keys were denied: the secret has others by now");
        *current = self.current(keys, denied + 1).await.ok()?;
        Some(current.opened.clone())
    }

    async fn current(&self, keys: Keys, generation: u64) -> Result<Current, StoreError> {
        let opened = Access::of(&self.options, Some(&keys)).await?.s3();
        Ok(Current { keys, opened, generation, fetched: Instant::now() })
    }
}

/// A store whose keys come from a secret. What is denied is asked once more if the secret was changed in the meantime:
/// an environment of Lambda lives for hours, and a key that is revoked in one of them must not end a run.
#[derive(Debug)]
pub(crate) struct Renewing {
    bucket: String,
    prefix: String,
    keys: Arc<SecretKeys>,
}

impl Renewing {
    pub(crate) fn new(bucket: &str, prefix: &str, keys: Arc<SecretKeys>) -> Self {
        Self { bucket: bucket.to_owned(), prefix: prefix.to_owned(), keys }
    }

    fn store(&self, opened: Opened) -> S3Store {
        S3Store::of(&self.bucket, &self.prefix, opened)
    }

    async fn with<T, F, R>(&self, request: F) -> Result<T, StoreError>
    where
        F: Fn(S3Store) -> R + Sync,
        R: Future<Output = Result<T, StoreError>> + Send,
        T: Send,
    {
        let (opened, generation) = self.keys.opened().await?;
        match request(self.store(opened)).await {
            Err(denied @ StoreError::Denied { .. }) => match self.keys.renewed(generation).await {
                Some(opened) => request(self.store(opened)).await,
                None => Err(denied),
            },
            other => other,
        }
    }
}

#[async_trait]
impl Store for Renewing {
    async fn put(&self, key: &str, bytes: Bytes, metadata: &Metadata) -> Result<Option<String>, StoreError> {
        let bytes = &bytes;
        self.with(|store| async move { store.put(key, bytes.clone(), metadata).await }).await
    }

    async fn put_new(&self, key: &str, bytes: Bytes) -> Result<bool, StoreError> {
        let bytes = &bytes;
        self.with(|store| async move { store.put_new(key, bytes.clone()).await }).await
    }

    async fn put_if_match(&self, key: &str, bytes: Bytes, etag: &str) -> Result<bool, StoreError> {
        let bytes = &bytes;
        self.with(|store| async move { store.put_if_match(key, bytes.clone(), etag).await }).await
    }

    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        self.with(|store| async move { store.get(key).await }).await
    }

    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        self.with(|store| async move { store.head(key).await }).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>, StoreError> {
        self.with(|store| async move { store.list(prefix).await }).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.with(|store| async move { store.delete(key).await }).await
    }
}
