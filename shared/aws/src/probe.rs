use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use steps::ports::{Store as _, StoreError};

use crate::S3Store;

impl S3Store {
    /// Whether the bucket is there and its prefix may be listed: one LIST of one key, before anything is planned.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if there is no such bucket, [`StoreError::Denied`] if the keys are wrong or may not list,
    /// [`StoreError::Refused`] if the bucket is in another region, [`StoreError::Transient`] if the endpoint cannot be
    /// reached.
    pub async fn check(&self) -> Result<(), StoreError> {
        let request = self.client.list_objects_v2().bucket(&self.place.bucket).prefix(self.place.full("")).max_keys(1);
        request.send().await.map(drop).map_err(|error| self.place.failed("list", "", &error))
    }

    /// Whether the endpoint honours `If-None-Match` and `If-Match`. Some ignore them, and at least one did the opposite; a
    /// state store must honour them. Writes one object below `scratch`, a prefix of the store's, and deletes it.
    ///
    /// # Errors
    /// Those of any PUT. An endpoint that refuses the conditions as such honours none: that is no error.
    pub async fn honours_conditional_writes(&self, scratch: &str) -> Result<bool, StoreError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let key = format!("{}/probe-{:x}-{:x}", scratch.trim_matches('/'), std::process::id(), now.as_nanos());
        let key = key.trim_start_matches('/');
        let honoured = match self.probe(key).await {
            Err(StoreError::Refused { message }) => {
                tracing::debug!(message, "the endpoint refuses conditional writes");
                Ok(false)
            }
            other => other,
        };
        let deleted = self.delete(key).await;
        let honoured = honoured?;
        // A scratch object that stays is litter, and says that the store could not be cleaned up either.
        deleted.map(|()| honoured)
    }

    async fn probe(&self, key: &str) -> Result<bool, StoreError> {
        let put = |text: &'static str| self.put_new(key, Bytes::from_static(text.as_bytes()));
        if !put("first").await? || put("second").await? {
            return Ok(false);
        }
        let Some(etag) = self.get(key).await?.and_then(|object| object.etag) else { return Ok(false) };
        let replaced = self.put_if_match(key, Bytes::from_static(b"third"), &etag).await?;
        Ok(replaced && !self.put_if_match(key, Bytes::from_static(b"fourth"), &etag).await?)
    }
}
