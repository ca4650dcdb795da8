use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use bytes::Bytes;
use run::Digest;
use steps::ports::{Entry, Head, Metadata, Object, Store, StoreError};

/// Ends the name of a file that is still being written; never listed.
const PARTIAL: &str = ".dap2zarr-partial";
/// Held while a conditional write looks and writes; never listed.
const LOCK: &str = ".dap2zarr-lock";

/// Objects as files below a folder, which is made when the first object is written.
///
/// A file is written under another name, flushed to the disk and then renamed, so a reader sees all of it or none, and
/// a machine that loses power leaves no empty file under a chunk's name. Metadata of objects is not kept, and a listing
/// has no `ETag`; a file's tag is the SHA-256 of its bytes.
#[derive(Debug, Clone)]
pub struct FolderStore {
    root: PathBuf,
}

impl FolderStore {
    /// A store on a folder; it need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Removes what writers that were killed left half-written. Only for a caller who knows that nobody else writes.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub async fn remove_partial_files(&self) -> Result<(), StoreError> {
        self.blocking("prepare", "", |store| {
            let mut files = Vec::new();
            walk(&store.root, &mut files)?;
            let partial = |path: &&PathBuf| path.to_string_lossy().ends_with(PARTIAL);
            files.iter().filter(partial).try_for_each(fs::remove_file)
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        what: &'static str,
        key: &str,
        work: impl FnOnce(&Self) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        let path = self.root.join(key);
        match tokio::task::spawn_blocking(move || work(&store)).await {
            Ok(result) => result.map_err(|error| explain(what, &path, &error)),
            Err(error) => Err(StoreError::Refused { message: format!("could not {what} {}: {error}", path.display()) }),
        }
    }

    /// The file of a key. Keys are made by us, but a key that could leave the folder is refused all the same.
    fn path(&self, key: &str) -> io::Result<PathBuf> {
        if key.split('/').any(|segment| matches!(segment, "" | "." | "..") || segment.contains('\0')) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the key has an empty, `.` or `..` segment"));
        }
        Ok(self.root.join(key))
    }

    fn read(&self, key: &str) -> io::Result<Option<Object>> {
        match fs::read(self.path(key)?) {
            Ok(bytes) => Ok(Some(Object {
                etag: Some(Digest::of(&bytes).to_string()),
                bytes: bytes.into(),
                version: None,
                modified: None,
            })),
            Err(error) => absent(error),
        }
    }

    fn write(&self, key: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(key)?;
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let short: String = name.chars().take(40).collect();
        let partial = folder.join(format!(".{short}.{:016x}{PARTIAL}", crate::world::random()));
        let written = File::create_new(&partial).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_data()
        });
        let renamed = written.and_then(|()| fs::rename(&partial, &path));
        if renamed.is_err() {
            // The first error is the one to tell; that the leftover cannot be removed either adds nothing.
            let _ = fs::remove_file(&partial);
        }
        renamed
    }

    /// Writes if `wanted` says yes to what is there, while no other conditional write goes on.
    fn write_if(&self, key: &str, bytes: &[u8], wanted: impl FnOnce(Option<&Object>) -> bool) -> io::Result<bool> {
        fs::create_dir_all(&self.root)?;
        let lock = File::create(self.root.join(LOCK))?;
        lock.lock()?;
        let wanted = wanted(self.read(key)?.as_ref());
        if wanted {
            self.write(key, bytes)?;
        }
        lock.unlock()?;
        Ok(wanted)
    }
}

fn absent<T>(error: io::Error) -> io::Result<Option<T>> {
    use io::ErrorKind::{IsADirectory, NotADirectory, NotFound};
    if matches!(error.kind(), NotFound | NotADirectory | IsADirectory) { Ok(None) } else { Err(error) }
}

/// Every file below a folder; none if the folder does not exist.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            // A link is listed as what it is, not followed: a loop would never end.
            if entry.file_type()?.is_dir() { folders.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    Ok(())
}

fn explain(what: &str, path: &Path, error: &io::Error) -> StoreError {
    use io::ErrorKind as Kind;
    let kind = error.kind();
    let said = |hint: &str| format!("could not {what} {}: {error}{hint}", path.display());
    if matches!(kind, Kind::StorageFull | Kind::QuotaExceeded) {
        StoreError::Full { message: said("; make room and run the same command again") }
    } else if matches!(kind, Kind::PermissionDenied | Kind::ReadOnlyFilesystem) {
        StoreError::Denied { message: said("; choose a folder you may write to, or change its permissions") }
    } else if matches!(kind, Kind::Interrupted | Kind::TimedOut | Kind::StaleNetworkFileHandle) {
        StoreError::Transient { message: said(""), retry_after: None }
    } else if matches!(kind, Kind::NotADirectory | Kind::AlreadyExists) {
        StoreError::Refused { message: said("; part of the path is a file, choose another folder") }
    } else {
        StoreError::Refused { message: said("") }
    }
}

#[async_trait]
impl Store for FolderStore {
    async fn put(&self, key: &str, bytes: Bytes, _metadata: &Metadata) -> Result<Option<String>, StoreError> {
        let name = key.to_owned();
        self.blocking("write", key, move |store| store.write(&name, &bytes)).await?;
        Ok(None)
    }

    async fn put_new(&self, key: &str, bytes: Bytes) -> Result<bool, StoreError> {
        let name = key.to_owned();
        self.blocking("write", key, move |store| store.write_if(&name, &bytes, |there| there.is_none())).await
    }

    async fn put_if_match(&self, key: &str, bytes: Bytes, etag: &str) -> Result<bool, StoreError> {
        let (name, etag) = (key.to_owned(), etag.to_owned());
        let same = move |there: Option<&Object>| there.is_some_and(|there| there.etag.as_deref() == Some(&etag));
        self.blocking("write", key, move |store| store.write_if(&name, &bytes, same)).await
    }

    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        let name = key.to_owned();
        self.blocking("read", key, move |store| store.read(&name)).await
    }

    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        let name = key.to_owned();
        let head = move |store: &Self| match fs::metadata(store.path(&name)?) {
            Ok(metadata) if metadata.is_dir() => Ok(None),
            Ok(metadata) => Ok(Some(Head { length: metadata.len(), ..Head::default() })),
            Err(error) => absent(error),
        };
        self.blocking("look at", key, head).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>, StoreError> {
        let prefix = prefix.to_owned();
        let list = move |store: &Self| {
            // The deepest folder the prefix names whole: nothing outside it can match.
            let folder =
                prefix.rsplit_once('/').map_or_else(|| store.root.clone(), |(folder, _)| store.root.join(folder));
            let mut files = Vec::new();
            walk(&folder, &mut files)?;
            let mut entries = Vec::new();
            for file in files {
                let key = file.strip_prefix(&store.root).unwrap_or(&file).to_string_lossy().into_owned();
                if !key.starts_with(&prefix) || key.ends_with(PARTIAL) || key.ends_with(LOCK) {
                    continue;
                }
                match fs::symlink_metadata(&file) {
                    Ok(metadata) => entries.push(Entry { key, length: metadata.len(), etag: None, modified: None }),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            entries.sort_by(|one, two| one.key.cmp(&two.key));
            Ok(entries)
        };
        self.blocking("list", "", list).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let name = key.to_owned();
        let delete = move |store: &Self| {
            let path = store.path(&name)?;
            match fs::remove_file(&path) {
                Ok(()) => {}
                Err(error) => return absent(error).map(|_: Option<()>| ()),
            }
            // Folders that became empty go too, as in a bucket; the first that is not empty stops it.
            let parents = path.ancestors().skip(1).take_while(|folder| *folder != store.root);
            for folder in parents {
                if fs::remove_dir(folder).is_err() {
                    break;
                }
            }
            Ok(())
        };
        self.blocking("delete", key, delete).await
    }
}

#[cfg(test)]
mod tests {
    use steps::conformance::{self, Kind};

    use super::*;

    #[tokio::test]
    async fn a_folder_is_a_store() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::new(folder.path().join("not/yet"));
        conformance::store(&store, Kind { keeps_metadata: false, conditional_writes: true }).await;
    }

    #[tokio::test]
    async fn a_key_cannot_leave_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::new(folder.path().join("inside"));
        for key in ["../x", "a/../../x", "/x", "a//b", "."] {
            let error = store.put(key, Bytes::new(), &Metadata::new()).await.unwrap_err();
            assert!(matches!(error, StoreError::Refused { .. }), "{key}: {error}");
        }
        assert!(!folder.path().join("x").exists());
    }

    #[tokio::test]
    async fn a_half_written_file_is_neither_listed_nor_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::new(folder.path());
        let partial = folder.path().join(format!("a/.0.0123{PARTIAL}"));
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(&partial, b"half").unwrap();
        assert_eq!(store.list("").await.unwrap(), []);
        store.remove_partial_files().await.unwrap();
        assert!(!partial.exists());
    }

    #[tokio::test]
    async fn a_file_in_the_way_is_refused_with_a_hint() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), b"").unwrap();
        let store = FolderStore::new(folder.path().join("file"));
        let error = store.put("a", Bytes::new(), &Metadata::new()).await.unwrap_err();
        assert!(error.to_string().contains("choose another folder"), "{error}");
    }
}
