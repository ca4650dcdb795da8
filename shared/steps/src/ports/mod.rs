//! All that the verbs touch of the world outside, one trait each.

mod queue;
mod source;
mod store;
mod world;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
pub use queue::{Delivery, Queue, QueueError, Settlement};
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
    pub(crate) plans: PlanCache,
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
            chunks,
            records,
            world,
            meter,
            settings,
            plans: PlanCache::default(),
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
        }
    }
}
