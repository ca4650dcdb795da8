use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use steps::ports::{Entry, Head, Metadata, Object, Store, StoreError};
use tokio::time::Instant;

/// Objects in memory: for tests and simulations. Its clock is tokio's, which tests pause, and begins with 2026.
#[derive(Debug)]
pub struct MemoryStore {
    objects: Mutex<Objects>,
    since: Instant,
}

/// 2026-01-01, in seconds of the epoch.
const BEGINNING: i64 = 1_767_225_600;

#[derive(Debug, Default)]
struct Objects {
    by_key: BTreeMap<String, Kept>,
    writes: u64,
    now: Option<Timestamp>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self { objects: Mutex::default(), since: Instant::now() }
    }
}

#[derive(Debug, Clone)]
struct Kept {
    bytes: Bytes,
    metadata: Metadata,
    etag: String,
    modified: Option<Timestamp>,
}

impl MemoryStore {
    fn lock(&self) -> MutexGuard<'_, Objects> {
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        objects.now =
            Timestamp::from_second(BEGINNING).ok().and_then(|time| time.checked_add(self.since.elapsed()).ok());
        objects
    }

    /// Every object, by key.
    pub fn snapshot(&self) -> BTreeMap<String, Bytes> {
        self.lock().by_key.iter().map(|(key, kept)| (key.clone(), kept.bytes.clone())).collect()
    }
}

impl Objects {
    fn put(&mut self, key: &str, bytes: Bytes, metadata: Metadata) -> String {
        self.writes += 1;
        let etag = format!("\"{}\"", self.writes);
        self.by_key.insert(key.to_owned(), Kept { bytes, metadata, etag: etag.clone(), modified: self.now });
        etag
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn put(&self, key: &str, bytes: Bytes, metadata: &Metadata) -> Result<Option<String>, StoreError> {
        Ok(Some(self.lock().put(key, bytes, metadata.clone())))
    }

    async fn put_new(&self, key: &str, bytes: Bytes) -> Result<bool, StoreError> {
        let mut objects = self.lock();
        let absent = !objects.by_key.contains_key(key);
        if absent {
            objects.put(key, bytes, Metadata::new());
        }
        Ok(absent)
    }

    async fn put_if_match(&self, key: &str, bytes: Bytes, etag: &str) -> Result<bool, StoreError> {
        let mut objects = self.lock();
        let same = objects.by_key.get(key).is_some_and(|kept| kept.etag == etag);
        if same {
            objects.put(key, bytes, Metadata::new());
        }
        Ok(same)
    }

    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        let kept = self.lock().by_key.get(key).cloned();
        Ok(kept.map(|kept| Object {
            bytes: kept.bytes,
            version: Some(kept.etag.clone()),
            etag: Some(kept.etag),
            modified: kept.modified,
        }))
    }

    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        let kept = self.lock().by_key.get(key).cloned();
        Ok(kept.map(|kept| Head {
            length: kept.bytes.len() as u64,
            version: Some(kept.etag.clone()),
            etag: Some(kept.etag),
            metadata: kept.metadata,
        }))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>, StoreError> {
        let objects = self.lock();
        let from = objects.by_key.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix));
        let entry = |(key, kept): (&String, &Kept)| Entry {
            key: key.clone(),
            length: kept.bytes.len() as u64,
            etag: Some(kept.etag.clone()),
            modified: kept.modified,
        };
        Ok(from.map(entry).collect())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.lock().by_key.remove(key);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use steps::conformance::{self, Kind};

    use super::*;

    #[tokio::test]
    async fn memory_is_a_store() {
        conformance::store(&MemoryStore::default(), Kind { keeps_metadata: true, conditional_writes: true }).await;
    }
}
