mod chunks;
mod draft;
mod error;
mod totals;

use std::collections::{BTreeMap, BTreeSet};

use advisor::{Prices, SourceSpeed, Workers};

use cf::{Cadence, Fill, Role};
use dap::{Dataset, Variable};
use grid::Shape;
use jiff::Timestamp;
use zarr::{ArrayPath, ArraySpec, ChunkCodec};

use self::draft::Draft;
pub use self::error::PlanError;
use crate::{Advice, DOCUMENT_VERSION, Fingerprint, Plan, PlannedArray, Request, RunId, Skipped, VERSION};

/// The largest chunk we plan: the compressors we use count bytes in 31 bits.
const MAX_CHUNK_BYTES: u64 = 2_000_000_000;

/// What a plan is made from, besides the request.
#[derive(Debug)]
pub struct Planning<'a> {
    /// The run.
    pub run: RunId,
    /// The run that failed before, if this one goes on with its work.
    pub continues: Option<RunId>,
    /// The dataset as the source described it.
    pub dataset: &'a Dataset,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// How far apart the steps of its time axes are, by dimension, where that is known.
    pub cadences: BTreeMap<String, Cadence>,
    /// Who will do the work.
    pub workers: Workers,
    /// The time.
    pub now: Timestamp,
}

/// Makes the plan. Pure: the same request, dataset and time give the same plan.
///
/// # Errors
/// See [`PlanError`].
pub fn plan(request: &Request, planning: Planning<'_>) -> Result<Plan, PlanError> {
    advised_plan(request, planning).map(|(plan, _)| plan)
}

/// Makes the plan, and says why it cuts the arrays as it does and how else it could.
///
/// # Errors
/// See [`PlanError`].
pub fn advised_plan(request: &Request, planning: Planning<'_>) -> Result<(Plan, Advice), PlanError> {
    let mut chosen = Chosen::new(request, planning.dataset)?;
    check_dimensions(request, &chosen.variables)?;
    let names = Names::of(&chosen.variables, &planning.cadences);
    let mut notes = planning.dataset.warnings.clone();
    let mut sizes: BTreeMap<String, (u64, String)> = BTreeMap::new();
    let mut drafts = Vec::new();
    for variable in std::mem::take(&mut chosen.variables) {
        let path = match ArrayPath::new(&variable.name) {
            Ok(path) => path,
            Err(error) => {
                chosen.skip(request, &variable.name, error.to_string())?;
                continue;
            }
        };
        if let Some(reason) = conflict(request, variable, &mut sizes) {
            chosen.skip(request, &variable.name, reason)?;
            continue;
        }
        drafts.push(Draft::new(request, variable, path, &names, &mut notes)?);
    }
    let groups = chunks::choose(request, &mut drafts)?;
    let whole = drafts.iter().filter(|draft| draft.is_one_chunk()).map(|draft| draft.variable.name.clone()).collect();
    let advice =
        Advice { reads: request.reads.clone(), reader: request.reader, window: request.chunk_bytes, groups, whole };
    let arrays =
        drafts.into_iter().map(|draft| array(request, draft, &mut notes)).collect::<Result<Vec<_>, PlanError>>()?;
    if arrays.is_empty() {
        return Err(PlanError::Nothing);
    }
    let root = zarr::group_attributes(&planning.dataset.attributes);
    notes.extend(root.notes);
    notes.sort();
    notes.dedup();
    let totals = totals::totals(&arrays, request.request_bytes)?;
    let estimate = advisor::estimate(totals.work(), planning.workers, SourceSpeed::default(), &Prices::default());
    let plan = Plan {
        version: DOCUMENT_VERSION,
        run: planning.run,
        continues: planning.continues,
        made_at: planning.now,
        software: VERSION.to_owned(),
        source: request.source.clone(),
        fingerprint: planning.fingerprint,
        target: request.target.clone(),
        mode: request.mode,
        format: request.format,
        codec: request.codec.clone(),
        request_bytes: request.request_bytes,
        attributes: root.attributes,
        arrays,
        skipped: chosen.skipped,
        notes,
        totals,
        estimate: Some(estimate),
    };
    Ok((plan, advice))
}

/// What the names of variables and dimensions stand for.
struct Names<'a> {
    /// Variables that are coordinates, bounds and the like.
    whole: BTreeSet<String>,
    roles: BTreeMap<String, Role>,
    cadences: &'a BTreeMap<String, Cadence>,
}

impl<'a> Names<'a> {
    fn of(variables: &[&Variable], cadences: &'a BTreeMap<String, Cadence>) -> Self {
        let names: Vec<Vec<String>> = variables.iter().map(|variable| dimension_names(variable)).collect();
        let described: Vec<_> = variables
            .iter()
            .zip(&names)
            .map(|(variable, names)| {
                (variable.name.as_str(), names.iter().map(String::as_str).collect(), &variable.attributes)
            })
            .collect();
        Self { whole: cf::whole_variables(&described), roles: cf::axis_roles(&described), cadences }
    }
}

/// The variables to convert and what is left out.
struct Chosen<'a> {
    variables: Vec<&'a Variable>,
    skipped: Vec<Skipped>,
}

impl<'a> Chosen<'a> {
    fn new(request: &Request, dataset: &'a Dataset) -> Result<Self, PlanError> {
        let unsupported = dataset.unsupported.iter();
        let mut skipped: Vec<Skipped> =
            unsupported.map(|u| Skipped { name: u.name.clone(), reason: u.reason.clone() }).collect();
        let Some(names) = &request.variables else {
            return Ok(Self { variables: dataset.variables.iter().collect(), skipped });
        };
        for name in names {
            if dataset.variable(name).is_some() {
                continue;
            }
            if let Some(unsupported) = dataset.unsupported.iter().find(|unsupported| unsupported.name == *name) {
                return Err(PlanError::Unsupported { name: name.clone(), reason: unsupported.reason.clone() });
            }
            let known = list(dataset.variables.iter().map(|variable| variable.name.as_str()));
            return Err(PlanError::UnknownVariable { name: name.clone(), known });
        }
        let wanted = with_companions(names, dataset);
        skipped.retain(|skipped| wanted.contains(&skipped.name));
        let variables = dataset.variables.iter().filter(|variable| wanted.contains(&variable.name)).collect();
        Ok(Self { variables, skipped })
    }

    /// Leaves a variable out, unless it was asked for by name.
    fn skip(&mut self, request: &Request, name: &str, reason: String) -> Result<(), PlanError> {
        let name = name.to_owned();
        if request.variables.as_ref().is_some_and(|variables| variables.contains(&name)) {
            return Err(PlanError::Unsupported { name, reason });
        }
        self.skipped.push(Skipped { name, reason });
        Ok(())
    }
}

/// The chosen names, and the coordinates and bounds they cannot be read without.
fn with_companions(names: &BTreeSet<String>, dataset: &Dataset) -> BTreeSet<String> {
    let mut wanted = names.clone();
    loop {
        let chosen: Vec<_> = dataset.variables.iter().filter(|variable| wanted.contains(&variable.name)).collect();
        let dimensions = chosen.iter().flat_map(|variable| &variable.dimensions).filter_map(|d| d.name.clone());
        let companions = dimensions.chain(chosen.iter().flat_map(|variable| cf::companions(&variable.attributes)));
        let before = wanted.len();
        let known = |name: &String| dataset.variables.iter().any(|variable| variable.name == *name);
        let found: Vec<String> = companions.filter(known).collect();
        wanted.extend(found);
        if wanted.len() == before {
            return wanted;
        }
    }
}

/// Names for a message: a few of them.
fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.collect();
    let shown = names.iter().take(12).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => "none".to_owned(),
        count if count > 12 => format!("{shown} and {} more", count - 12),
        _ => shown,
    }
}

/// Names in `--chunks`, `--range` and `--read` must be somebody's dimension.
fn check_dimensions(request: &Request, variables: &[&Variable]) -> Result<(), PlanError> {
    let known: BTreeSet<String> = variables.iter().flat_map(|variable| dimension_names(variable)).collect();
    let own = |key: &str| {
        variables.iter().any(|variable| {
            let rest = key.strip_prefix(variable.name.as_str()).and_then(|rest| rest.strip_prefix(':'));
            rest.is_some_and(|dimension| dimension_names(variable).iter().any(|name| name == dimension))
        })
    };
    let asked = request.chunks.keys().filter(|key| !own(key)).map(|name| (name, "chunks"));
    let asked = asked.chain(request.ranges.keys().map(|name| (name, "ranges")));
    for (name, option) in asked {
        if !known.contains(name) {
            let known = list(known.iter().map(String::as_str));
            return Err(PlanError::UnknownDimension { name: name.clone(), option, known });
        }
    }
    if let Some(name) = request.reads.dimensions().find(|name| !known.contains(*name)) {
        return Err(PlanError::UnknownReadDimension {
            name: name.to_owned(),
            nearest: nearest(name, &known),
            known: list(known.iter().map(String::as_str)),
        });
    }
    Ok(())
}

/// The name that shares the most letters, in the same places from the front.
fn nearest(name: &str, known: &BTreeSet<String>) -> String {
    let alike = |other: &str| {
        let pairs = name.chars().zip(other.chars());
        pairs.take_while(|(one, two)| one.eq_ignore_ascii_case(two)).count()
    };
    let nearest = known.iter().max_by_key(|other| alike(other)).filter(|other| alike(other) > 0);
    nearest.map_or_else(String::new, |name| format!("; the nearest is `{name}`"))
}

/// Names of a variable's dimensions. An anonymous one is named after the variable and its position, as netCDF's own DAP
/// client does.
fn dimension_names(variable: &Variable) -> Vec<String> {
    let dimensions = variable.dimensions.iter().enumerate();
    dimensions
        .map(|(axis, dimension)| match &dimension.name {
            Some(name) => name.clone(),
            None => format!("{}_{axis}", variable.name),
        })
        .collect()
}

/// Readers want one size for one dimension name; a server's aggregation may disagree with itself (thredds#168). The
/// first variable decides.
fn conflict(request: &Request, variable: &Variable, sizes: &mut BTreeMap<String, (u64, String)>) -> Option<String> {
    let length = |name: &String, size: u64| request.ranges.get(name).map_or(size, |range| range.length());
    let dimensions: Vec<_> = dimension_names(variable)
        .into_iter()
        .zip(&variable.dimensions)
        .map(|(name, dimension)| (length(&name, dimension.size), name))
        .collect();
    for (size, name) in &dimensions {
        if let Some((known, by)) = sizes.get(name).filter(|(known, _)| known != size) {
            return Some(format!("its dimension `{name}` has size {size}, but {known} in `{by}`"));
        }
    }
    for (size, name) in dimensions {
        sizes.entry(name).or_insert_with(|| (size, variable.name.clone()));
    }
    None
}

fn array(request: &Request, draft: Draft<'_>, notes: &mut Vec<String>) -> Result<PlannedArray, PlanError> {
    let Draft { variable, path, dimensions, offset, shape, whole, chunk, .. } = draft;
    let element = variable.element();
    let chunk_shape = Shape::new(chunk).map_err(|source| PlanError::Grid { array: variable.name.clone(), source })?;
    let fill = Fill::of(&variable.attributes, element);
    let converted = zarr::array_attributes(&variable.attributes, &fill, element, request.format);
    notes.extend(converted.notes.into_iter().map(|note| format!("`{}`: {note}", variable.name)));
    let fill = match fill {
        Fill::Value(bytes) => Some(bytes),
        Fill::None | Fill::NotRepresentable(_) => None,
    };
    let spec = ArraySpec { path, shape, chunk_shape, element, fill, dimensions, attributes: converted.attributes };
    check_chunk(&spec)?;
    ChunkCodec::new(&spec, request.format, &request.codec)
        .map_err(|source| PlanError::Zarr { array: variable.name.clone(), source })?;
    Ok(PlannedArray {
        spec,
        projection: variable.projection.clone(),
        wire: variable.wire,
        offset,
        source_chunks: variable.source_chunks.clone(),
        whole,
    })
}

fn check_chunk(spec: &ArraySpec) -> Result<(), PlanError> {
    let found = spec.chunk_bytes().unwrap_or(u64::MAX);
    if found <= MAX_CHUNK_BYTES {
        return Ok(());
    }
    Err(PlanError::TooLarge {
        what: format!("a chunk of `{}` in bytes", spec.path),
        found,
        most: MAX_CHUNK_BYTES,
        hint: "choose smaller chunks",
    })
}

#[cfg(test)]
mod tests;
