//! Puts the ports together that the verbs run on in this process.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use aws::{S3Options, S3Store};
use local::{FolderStore, MemoryQueue, SystemWorld};
use run::{Mode, ReasonKind, Request, SourceUrl, Target};
use source_http::{HttpOptions, HttpSource};
use steps::{
    Meter,
    ports::{Ports, Settings, Store, StoreError, Targets},
};
use tokio::sync::Mutex;

use crate::{
    arguments::{ConvertArguments, ModeArgument, SelectionArguments, SourceArguments, TargetArguments},
    failure::Failure,
};

/// A queue's visibility in one process: nothing gets lost, so nothing comes back by itself.
const VISIBILITY: Duration = Duration::from_hours(24 * 365);

/// The ports and what is behind the ones that the loop needs by hand.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) ports: Arc<Ports>,
    pub(crate) chunks: Arc<MemoryQueue>,
    pub(crate) records: Arc<MemoryQueue>,
    pub(crate) meter: Arc<Meter>,
}

impl Host {
    pub(crate) fn new(
        source: &SourceArguments,
        run: Option<String>,
        state: Arc<FolderStore>,
        s3: S3Options,
        quarantine: Duration,
    ) -> Result<Self, Failure> {
        let meter = Arc::new(Meter::default());
        let options = HttpOptions {
            concurrency: source.concurrency,
            contact: source.contact.clone(),
            run,
            ..HttpOptions::default()
        };
        let http =
            HttpSource::new(options, Arc::clone(&meter)).map_err(|error| Failure::new(ReasonKind::Internal, &error))?;
        let chunks = Arc::new(MemoryQueue::new(VISIBILITY));
        let records = Arc::new(MemoryQueue::new(VISIBILITY));
        let settings = Settings { attempts: source.retries.saturating_add(1), quarantine, ..Settings::default() };
        let ports = Ports::new(
            Arc::new(http),
            state,
            Arc::new(OpenTargets { s3, open: Mutex::default() }),
            // Nobody sends requests to this process: its one run is opened by hand.
            Arc::new(MemoryQueue::new(VISIBILITY)),
            Arc::<MemoryQueue>::clone(&chunks),
            Arc::<MemoryQueue>::clone(&records),
            Arc::new(SystemWorld::new(encoders(source.concurrency))),
            Arc::clone(&meter),
            settings,
        );
        Ok(Self { ports: Arc::new(ports), chunks, records, meter })
    }

    /// A host that only looks: it writes nothing, so its state lies nowhere.
    pub(crate) fn looking(source: &SourceArguments) -> Result<Self, Failure> {
        let nowhere = Arc::new(FolderStore::new(std::env::temp_dir().join("dap2zarr-unused")));
        Self::new(source, None, nowhere, S3Options::default(), Duration::ZERO)
    }
}

/// Chunks in the works at once: as many as may be fetched, and half as many more that are being encoded or written. With
/// [`encoders`] this keeps memory below twice the chunk's size times the concurrency. More were tried and were no faster.
pub(crate) fn workers(concurrency: u32) -> usize {
    let concurrency = usize::try_from(concurrency).unwrap_or(1);
    concurrency + (concurrency / 2).max(1)
}

/// Chunks being encoded at once, each of which needs its size twice.
fn encoders(concurrency: u32) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let half = usize::try_from(concurrency / 2).unwrap_or(1);
    if concurrency == 1 { 1 } else { cores.min(half.max(2)) }
}

/// The stores of this process's targets, each opened once.
#[derive(Debug)]
struct OpenTargets {
    s3: S3Options,
    open: Mutex<BTreeMap<String, Arc<dyn Store>>>,
}

#[async_trait]
impl Targets for OpenTargets {
    async fn open(&self, target: &Target) -> Result<Arc<dyn Store>, StoreError> {
        let name = target.id().digest().to_string();
        let mut open = self.open.lock().await;
        if let Some(store) = open.get(&name) {
            return Ok(Arc::clone(store));
        }
        let store: Arc<dyn Store> = match target {
            Target::Folder { path } => {
                let store = FolderStore::new(path);
                store.remove_partial_files().await?;
                Arc::new(store)
            }
            Target::S3 { .. } => {
                let store = S3Store::open_target(target, &self.s3).await?;
                store.check().await?;
                Arc::new(store)
            }
        };
        open.insert(name, Arc::clone(&store));
        Ok(store)
    }
}

/// Reads the source's address. Not left to the argument parser, which would repeat a password in its error.
pub(crate) fn source(text: &str) -> Result<SourceUrl, Failure> {
    text.parse().map_err(|error: run::SourceUrlError| Failure::request(&error))
}

/// The request the arguments make.
pub(crate) fn request(
    url: SourceUrl,
    target: Target,
    mode: ModeArgument,
    selection: &SelectionArguments,
    concurrency: Option<u32>,
    contact: Option<String>,
) -> Result<Request, Failure> {
    let request = Request {
        variables: selection.variables(),
        ranges: selection.range.iter().cloned().collect(),
        chunks: selection.chunks.iter().cloned().collect(),
        chunk_bytes: selection.chunk_bytes.unwrap_or_default(),
        reads: selection.reads().map_err(|error| Failure::new(ReasonKind::BadRequest, &error))?,
        reader: selection.reader(),
        request_bytes: selection.request_bytes,
        format: selection.format,
        codec: selection.codec.clone(),
        mode: match mode {
            ModeArgument::Create => Mode::Create,
            ModeArgument::Overwrite => Mode::Overwrite,
        },
        concurrency,
        contact,
        ..Request::new(url, target)
    };
    request.check().map_err(|error| Failure::request(&error))?;
    Ok(request)
}

/// Reads the target's address and how to reach it.
pub(crate) async fn target(arguments: &ConvertArguments) -> Result<(Target, S3Options), Failure> {
    let options = &arguments.target_options;
    let text = arguments.target.as_str();
    if !text.starts_with("s3://") {
        if text.contains("://") {
            let error = run::TargetError::Scheme { text: text.to_owned() };
            return Err(Failure::request(&error));
        }
        let path = absolute(Path::new(text)).map_err(|error| Failure::new(ReasonKind::BadRequest, &error))?;
        return Ok((Target::Folder { path: path.to_string_lossy().into_owned() }, S3Options::default()));
    }
    let endpoint = endpoint(options).await?;
    let target =
        Target::s3(text, endpoint.clone(), options.region.clone()).map_err(|error| Failure::request(&error))?;
    let s3 = S3Options {
        endpoint_url: endpoint,
        region: options.region.clone(),
        profile: options.profile.clone(),
        virtual_host_style: options.virtual_host_style,
    };
    Ok((target, s3))
}

/// The target's endpoint: the option, the environment, the profile; AWS where none of them says.
async fn endpoint(options: &TargetArguments) -> Result<Option<String>, Failure> {
    if let Some(url) = &options.endpoint_url {
        return Ok(Some(url.clone()));
    }
    if let Some(url) = aws::endpoint_from_environment(|name| std::env::var(name).ok()) {
        return Ok(Some(url));
    }
    match &options.profile {
        Some(profile) => {
            aws::endpoint_from_profile(profile).await.map_err(|error| Failure::new(ReasonKind::TargetDenied, &error))
        }
        None => Ok(None),
    }
}

/// An absolute path without `.`, `..` and links in the part that exists, so that one folder has one name.
fn absolute(path: &Path) -> std::io::Result<PathBuf> {
    let mut resolved = PathBuf::new();
    for component in std::path::absolute(path)?.components() {
        match component {
            Component::ParentDir => {
                resolved.pop();
            }
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => resolved.push(component),
        }
        if let Ok(real) = resolved.canonicalize() {
            resolved = real;
        }
    }
    Ok(resolved)
}

/// Where runs keep their documents: the option, else the user's state folder, else beside the target.
pub(crate) fn state_folder(options: &TargetArguments, target: &Target) -> Result<PathBuf, Failure> {
    let folder = match (&options.state_dir, users_state_folder(), target) {
        (Some(folder), _, _) => folder.clone(),
        (None, Some(folder), _) => folder,
        (None, None, Target::Folder { path }) => PathBuf::from(format!("{path}.dap2zarr")),
        (None, None, Target::S3 { .. }) => PathBuf::from("dap2zarr-state"),
    };
    let inside = match target {
        Target::Folder { path } => absolute(&folder).is_ok_and(|folder| folder.starts_with(path)),
        Target::S3 { .. } => false,
    };
    if inside {
        let message = format!("the state folder {} lies inside the target; choose another", folder.display());
        return Err(run::Reason::new(ReasonKind::BadRequest, message).into());
    }
    Ok(folder)
}

/// `dap2zarr` in the user's state folder, where there is one.
pub(crate) fn users_state_folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_STATE_HOME").or_else(|| set("HOME").map(|home| home.join(".local/state")));
    folder.map(|folder| folder.join("dap2zarr"))
}
