//! An array of the plan before its chunks are chosen.

use advisor::{Axis, Subject};
use cf::Role;
use dap::Variable;
use grid::Shape;
use zarr::ArrayPath;

use super::{Names, PlanError, dimension_names};
use crate::Request;

/// A coordinate larger than this is chunked like any other variable: nobody loads it whole.
const MAX_WHOLE_BYTES: u64 = 256_000_000;

/// A variable and what the request makes of it.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) variable: &'a Variable,
    pub(super) path: ArrayPath,
    pub(super) dimensions: Vec<String>,
    /// Index at the source of the first element.
    pub(super) offset: Vec<u64>,
    pub(super) shape: Shape,
    /// What the advisor is asked about.
    pub(super) subject: Subject,
    /// Whether it is a coordinate, bounds or the like.
    pub(super) whole: bool,
    /// The chunk shape, once it is chosen.
    pub(super) chunk: Vec<u64>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(
        request: &Request,
        variable: &'a Variable,
        path: ArrayPath,
        names: &Names<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Self, PlanError> {
        let dimensions = dimension_names(variable);
        let (offset, sizes) = window(request, variable, &dimensions)?;
        let source = |source| PlanError::Grid { array: variable.name.clone(), source };
        let shape = Shape::new(sizes).map_err(source)?;
        let chosen = chosen_sizes(request, &variable.name, &dimensions, &shape, notes);
        let source_chunks = variable.source_chunks.as_deref().unwrap_or_default();
        let axes = dimensions.iter().enumerate().map(|(position, name)| Axis {
            name: name.clone(),
            size: shape.sizes().get(position).copied().unwrap_or(1),
            role: names.roles.get(name).copied().unwrap_or(Role::Other),
            cadence: names.cadences.get(name).copied(),
            source_chunk: source_chunks.get(position).copied(),
            offset: offset.get(position).copied().unwrap_or(0),
            chosen: chosen.get(position).copied().flatten(),
        });
        let subject = Subject {
            axes: axes.collect(),
            element_bytes: variable.element().size() as u64,
            wire_bytes: variable.wire.wire_element().width as u64,
        };
        let whole = names.whole.contains(&variable.name);
        let of_it = format!("{}:", variable.name);
        if whole && let Some(key) = request.chunks.keys().find(|key| key.starts_with(&of_it)) {
            notes.push(format!(
                "chunk size {key} is not used: `{}` stands in one chunk, as readers load it whole",
                variable.name
            ));
        }
        let chunk = shape.sizes().iter().map(|size| (*size).max(1)).collect();
        Ok(Self { variable, path, dimensions, offset, shape, subject, whole, chunk })
    }

    /// Whether it stands in one chunk, whatever its size and whatever was chosen.
    pub(super) fn is_one_chunk(&self) -> bool {
        self.whole && self.subject.bytes() <= MAX_WHOLE_BYTES
    }
}

/// First index at the source and number of elements along each dimension.
fn window(request: &Request, variable: &Variable, names: &[String]) -> Result<(Vec<u64>, Vec<u64>), PlanError> {
    let mut offset = Vec::new();
    let mut sizes = Vec::new();
    for (name, dimension) in names.iter().zip(&variable.dimensions) {
        let Some(range) = request.ranges.get(name) else {
            offset.push(0);
            sizes.push(dimension.size);
            continue;
        };
        if range.last() >= dimension.size {
            return Err(PlanError::OutOfRange {
                name: name.clone(),
                range: range.to_string(),
                variable: variable.name.clone(),
                last: dimension.size.saturating_sub(1),
            });
        }
        offset.push(range.first());
        sizes.push(range.length());
    }
    Ok((offset, sizes))
}

/// The user's chunk sizes for this array, clamped to its dimensions; clamping is noted. What names the variable comes
/// before what names the dimension alone.
fn chosen_sizes(
    request: &Request,
    variable: &str,
    names: &[String],
    shape: &Shape,
    notes: &mut Vec<String>,
) -> Vec<Option<u64>> {
    let mut chosen = Vec::new();
    for (name, size) in names.iter().zip(shape.sizes()) {
        let own = format!("{variable}:{name}");
        let (key, asked) = match request.chunks.get(&own) {
            Some(asked) => (&own, Some(*asked)),
            None => (name, request.chunks.get(name).copied()),
        };
        if let Some(asked) = asked.filter(|asked| asked > size) {
            notes.push(format!("chunk size {key}={asked} is beyond the dimension's {size}, so {size} is used"));
        }
        chosen.push(asked.map(|asked| asked.min((*size).max(1))));
    }
    chosen
}
