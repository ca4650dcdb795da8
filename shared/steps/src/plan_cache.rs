use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use run::{ChunkTask, Digest, Plan, ReasonKind, RunId, keys};
use serde::Deserialize;
use zarr::ChunkCodec;

use crate::{ports::Ports, state, trouble::Trouble};

/// Plans kept at once: a worker serves few runs at a time, the sweep every open one.
const MOST_PLANS: usize = 16;

/// Of a document of any version, what every version has.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// A plan with what every chunk of it needs.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) plan: Plan,
    pub(crate) digest: Digest,
    /// One for each array.
    pub(crate) codecs: Vec<ChunkCodec>,
}

impl Loaded {
    /// # Errors
    /// If the document does not describe arrays that can be encoded.
    pub(crate) fn new(bytes: &[u8]) -> Result<Self, Trouble> {
        // The version first: a later plan may lack what this one has.
        let Versioned { version: found } = serde_json::from_slice(bytes)?;
        if found != run::DOCUMENT_VERSION {
            let known = run::DOCUMENT_VERSION;
            let message = format!("the plan has version {found}, this program reads version {known}: it is older");
            return Err(Trouble::failed(ReasonKind::State, message));
        }
        let plan: Plan = serde_json::from_slice(bytes)?;
        let codecs = plan.arrays.iter().map(|array| ChunkCodec::new(&array.spec, plan.format, &plan.codec));
        let codecs = codecs
            .collect::<Result<_, _>>()
            .map_err(|error| Trouble::Failed(run::Reason::from_error(ReasonKind::State, &error)))?;
        Ok(Self { digest: Digest::of(bytes), plan, codecs })
    }
}

/// Plans already read, by run.
#[derive(Debug, Default)]
pub(crate) struct PlanCache(Mutex<BTreeMap<RunId, Arc<Loaded>>>);

impl PlanCache {
    fn get(&self, run: &RunId) -> Option<Arc<Loaded>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(run).map(Arc::clone)
    }

    fn insert(&self, loaded: &Arc<Loaded>) {
        let mut plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if plans.len() >= MOST_PLANS {
            plans.pop_first();
        }
        plans.insert(loaded.plan.run.clone(), Arc::clone(loaded));
    }
}

/// A run's plan, or nothing if it has none yet. A plan never changes once it is written, so it is read once.
pub(crate) async fn plan_of(run: &RunId, ports: &Ports) -> Result<Option<Arc<Loaded>>, Trouble> {
    if let Some(loaded) = ports.cached_plans.get(run) {
        return Ok(Some(loaded));
    }
    let Some(object) = state::get(ports, &keys::plan(run)).await? else { return Ok(None) };
    let loaded = Arc::new(Loaded::new(&object.bytes)?);
    if loaded.plan.run != *run {
        let message = format!("the plan of run {run} is that of run {}", loaded.plan.run);
        return Err(Trouble::failed(ReasonKind::State, message));
    }
    ports.cached_plans.insert(&loaded);
    Ok(Some(loaded))
}

/// The plan a task belongs to. A task of another plan, or of none, is foreign: nothing is fetched for it.
pub(crate) async fn plan_of_task(task: &ChunkTask, ports: &Ports) -> Result<Arc<Loaded>, Trouble> {
    match plan_of(&task.run, ports).await? {
        Some(loaded) if loaded.digest == task.plan => Ok(loaded),
        _ => Err(foreign(task, format!("no plan {} of run {}", task.plan.short(), task.run))),
    }
}

/// What a task meets that no planner of ours sent, or that outlived its run. It fails nobody's run.
pub(crate) fn foreign(task: &ChunkTask, message: String) -> Trouble {
    tracing::error!(metric = "foreign_message", run = %task.run, what = message, "a chunk's message is dropped");
    Trouble::failed(ReasonKind::State, message)
}
