//! All that the verbs touch of the world outside, one trait each.

mod queue;
mod source;
mod store;
mod world;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
pub use queue::{Delivery, Depth, Queue, QueueError, Settlement};
use run::Target;
pub use source::{Document, Sink, Source, SourceError};
pub use store::{Entry, Head, Metadata, Object, Store, StoreError};
pub use world::{Job, World};

use crate::{Meter, buffers::Buffers, limits::Limits, plan_cache::PlanCache};

/// Opens the store of a run's target: the run names it, the host has the credentials.
#[async_trait]
pub trait Targets: Send + Sync + std::fmt::Debug {
    /// The store whose keys are relative to the dataset's root.
    ///
    /// # Errors
    /// [`StoreError`] if the host will not or cannot write there.
    async fn open(&self, target: &Target) -> Result<Arc<dyn Store>, StoreError>;

    /// The target under the one name that this host knows the place by. A run is named after it and takes its lease, so
    /// two spellings of one place must not look like two places.
    ///
    /// # Errors
    /// [`StoreError`] if the host will not write there, whoever asks.
    fn canonical(&self, target: &Target) -> Result<Target, StoreError> {
        Ok(target.clone())
    }
}

/// Everything a verb may use. The local run, LocalStack and AWS differ only in these values.
#[derive(Debug)]
pub struct Ports {
    /// The OPeNDAP servers.
    pub source: Arc<dyn Source>,
    /// Where runs keep their documents.
    pub state: Arc<dyn Store>,
    /// Where datasets go.
    pub targets: Arc<dyn Targets>,
    /// Requests to be opened and runs to be planned.
    pub plans: Arc<dyn Queue>,
    /// One message per chunk.
    pub chunks: Arc<dyn Queue>,
    /// What workers tell the finalizer.
    pub records: Arc<dyn Queue>,
    /// Clock, randomness and computing time.
    pub world: Arc<dyn World>,
    /// What a person watching may see.
    pub meter: Arc<Meter>,
    /// The host's own settings.
    pub settings: Settings,
    /// Plans already read, by run.
    pub(crate) cached_plans: PlanCache,
    /// Memory of chunks that are done.
    pub(crate) buffers: Arc<Buffers>,
    /// What hosts were found to allow.
    pub(crate) limits: Limits,
}

impl Ports {
    /// The ports, with nothing cached.
    #[expect(clippy::too_many_arguments, reason = "one argument for each port, named by its type")]
    pub fn new(
        source: Arc<dyn Source>,
        state: Arc<dyn Store>,
        targets: Arc<dyn Targets>,
        plans: Arc<dyn Queue>,
        chunks: Arc<dyn Queue>,
        records: Arc<dyn Queue>,
        world: Arc<dyn World>,
        meter: Arc<Meter>,
        settings: Settings,
    ) -> Self {
        Self {
            source,
            state,
            targets,
            plans,
            chunks,
            records,
            world,
            meter,
            settings,
            cached_plans: PlanCache::default(),
            buffers: Arc::default(),
            limits: Limits::default(),
        }
    }
}

/// What a host decides about the verbs it runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Names this worker in receipts.
    pub worker: String,
    /// Attempts at one request before its chunk fails, counting the first.
    pub attempts: u32,
    /// First pause between two attempts; doubled each time, with jitter.
    pub pause: Duration,
    /// The longest pause that is waited out inside a handler; a longer one defers the chunk.
    pub longest_pause: Duration,
    /// Rounds of repair before a run with missing objects fails.
    pub repair_rounds: u32,
    /// How long a PUT of a run that did not end cleanly may still land in the target.
    pub quarantine: Duration,
    /// How long a message that was delivered may stay hidden before it is delivered again.
    pub visibility: Duration,
    /// How long a source that cannot be reached is waited for once every chunk is there, before the run fails.
    pub patience: Duration,
    /// Whether this host has the right to write a dataset's documents. Who has not leaves a run that is to be published to
    /// one who has: the sweep finds it.
    pub publishes: bool,
    /// Requests to the source that this host may have in flight at once, where that is fixed for all of its runs.
    pub fleet: Option<u32>,
    /// Bytes of memory a worker has for its one chunk, where that is fixed.
    pub worker_memory: Option<u64>,
    /// Bytes of memory the finalizer has for a run's receipts, where that is fixed.
    pub finalizer_memory: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            worker: "local".to_owned(),
            attempts: 6,
            pause: Duration::from_secs(1),
            longest_pause: Duration::from_mins(1),
            repair_rounds: 2,
            quarantine: Duration::ZERO,
            visibility: Duration::ZERO,
            patience: Duration::ZERO,
            publishes: true,
            fleet: None,
            worker_memory: None,
            finalizer_memory: None,
        }
    }
}
