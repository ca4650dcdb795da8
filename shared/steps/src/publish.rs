//! Metadata into the target: what makes a dataset visible, and what makes it invisible.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use run::{Mode, Plan, Reason, ReasonKind};
use zarr::Document;

use crate::{
    Deadline,
    chunk::given_up,
    lease::{self, Lease},
    plan_cache::plan_of,
    ports::{Metadata, Ports, Store},
    retry::Attempts,
    target,
    trouble::Trouble,
};

/// Small objects on their way to the target at once.
const AT_ONCE: usize = 16;

/// Writes the arrays' documents, then the root's, the last of which publishes the dataset; then removes what is not of
/// the plan.
pub(crate) async fn publish(plan: &Plan, ports: &Ports) -> Result<(), Trouble> {
    let target = target::open(&plan.target, ports, Deadline::NONE).await?;
    let target = target.as_ref();
    let mut documents = Vec::new();
    for array in &plan.arrays {
        documents
            .extend(zarr::array_documents(&array.spec, plan.format, &plan.codec).map_err(|error| internal(&error))?);
    }
    let root = zarr::root_documents(&plan.root_attributes(), &plan.specs(), plan.format, &plan.codec)
        .map_err(|error| internal(&error))?;
    let keep: BTreeSet<String> = documents.iter().chain(&root).map(|document| document.key.clone()).collect();
    let writes = documents.into_iter().map(|document| put(document, target, ports));
    stream::iter(writes).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
    holds(plan, ports).await?;
    for document in root {
        put(document, target, ports).await?;
    }
    let lease = holds(plan, ports).await?;
    remove_stale(plan, &lease, keep, target, ports).await
}

/// The lease, if it is still the plan's run that holds it.
async fn holds(plan: &Plan, ports: &Ports) -> Result<Lease, Trouble> {
    let lease = lease::holder(&plan.target.id(), ports).await?.filter(|lease| lease.run == plan.run);
    lease.ok_or_else(|| Trouble::failed(ReasonKind::Superseded, format!("a newer run took {}", plan.target)))
}

fn internal(error: &zarr::ZarrError) -> Trouble {
    Trouble::Failed(Reason::from_error(ReasonKind::Internal, error))
}

/// Makes a dataset unreadable before its chunks are replaced: the root's documents first, the one readers open before
/// all others, then every document of an array or group, of both formats.
pub(crate) async fn unpublish(target: &dyn Store, ports: &Ports) -> Result<(), Trouble> {
    for key in zarr::root_keys() {
        delete(key.to_owned(), target, ports).await?;
    }
    let entries = target::list(target, ports, Deadline::NONE).await?;
    let documents = entries.into_iter().map(|entry| entry.key).filter(|key| zarr::is_node_document(key));
    delete_all(documents, target, ports).await
}

/// Removes objects that are not of the plan: all of them after an overwrite; after a create only those below arrays of
/// this plan or of one that was never published, which may have left chunks of another shape there.
async fn remove_stale(
    plan: &Plan,
    lease: &Lease,
    mut keep: BTreeSet<String>,
    target: &dyn Store,
    ports: &Ports,
) -> Result<(), Trouble> {
    let chunks = plan
        .chunks()
        .filter_map(|(array, chunk)| Some(zarr::chunk_key(&plan.array(array)?.spec.path, &chunk, plan.format)));
    keep.extend(chunks);
    let mut ours: BTreeSet<String> = plan.arrays.iter().map(|array| array.spec.path.to_string()).collect();
    for run in &lease.unpublished {
        // One that cannot be read, or was never planned, tells nothing.
        if let Ok(Some(left)) = plan_of(run, ports).await {
            ours.extend(left.plan.arrays.iter().map(|array| array.spec.path.to_string()));
        }
    }
    let of_array = |key: &str| ours.contains(key.split('/').next().unwrap_or_default());
    let entries = target::list(target, ports, Deadline::NONE).await?;
    let stale = entries.into_iter().map(|entry| entry.key);
    let stale: Vec<_> =
        stale.filter(|key| !keep.contains(key) && (plan.mode == Mode::Overwrite || of_array(key))).collect();
    if !stale.is_empty() {
        tracing::info!(run = %plan.run, objects = stale.len(), "removing objects that are not of the plan");
    }
    delete_all(stale.into_iter(), target, ports).await
}

async fn put(document: Document, target: &dyn Store, ports: &Ports) -> Result<(), Trouble> {
    let bytes = Bytes::from(document.bytes);
    let mut attempts = Attempts::new(ports, Deadline::NONE, format!("PUT {}", document.key));
    loop {
        match target.put(&document.key, bytes.clone(), &Metadata::new()).await {
            Ok(_) => return Ok(()),
            Err(error) => attempts.again(&error).await.map_err(given_up)?,
        }
    }
}

async fn delete_all(
    keys: impl Iterator<Item = String> + Send,
    target: &dyn Store,
    ports: &Ports,
) -> Result<(), Trouble> {
    let deletions = keys.map(|key| delete(key, target, ports));
    stream::iter(deletions).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await.map(|_| ())
}

async fn delete(key: String, target: &dyn Store, ports: &Ports) -> Result<(), Trouble> {
    let mut attempts = Attempts::new(ports, Deadline::NONE, format!("DELETE {key}"));
    loop {
        match target.delete(&key).await {
            Ok(()) => return Ok(()),
            Err(error) => attempts.again(&error).await.map_err(given_up)?,
        }
    }
}
