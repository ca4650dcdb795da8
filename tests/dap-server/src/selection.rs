//! A constraint applied to a dataset: which part of which variable, in the order of the DDS.

use std::sync::Arc;

use crate::constraint::{Bounds, ConstraintError, Projection};
use crate::dataset::{Array, Dataset, Variable};

/// The indices taken of one dimension: `count` from `start` on, every `stride`th.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) start: u64,
    pub(crate) stride: u64,
    pub(crate) count: u64,
}

/// A part of one array: a slice for each dimension.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) array: Arc<Array>,
    pub(crate) slices: Vec<Slice>,
}

impl Part {
    /// Elements taken, 1 for a scalar.
    pub(crate) fn elements(&self) -> u64 {
        self.slices.iter().map(|slice| slice.count).product()
    }
}

/// A node of the constrained DDS.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Array(Part),
    Grid(Part, Vec<Part>),
    Structure(String, Vec<Node>),
    Sequence(String, Vec<Node>),
}

/// The whole dataset.
pub(crate) fn everything(dataset: &Dataset) -> Vec<Node> {
    dataset.variables.iter().map(whole).collect()
}

/// What the projections ask for; none at all ask for everything.
pub(crate) fn select(dataset: &Dataset, projections: &[Projection]) -> Result<Vec<Node>, ConstraintError> {
    if projections.is_empty() {
        return Ok(everything(dataset));
    }
    let wanted: Vec<Wanted<'_>> = projections.iter().map(|projection| (projection.path.as_str(), projection)).collect();
    for (path, _) in &wanted {
        if !exists(&dataset.variables, path) {
            return Err(ConstraintError::Unknown((*path).to_owned()));
        }
    }
    members(&dataset.variables, &wanted)
}

/// What is left of a projection's path at this level, and the projection.
type Wanted<'a> = (&'a str, &'a Projection);

fn exists(variables: &[Variable], path: &str) -> bool {
    variables.iter().any(|variable| {
        if path == variable.name() {
            return true;
        }
        let Some(rest) = below(path, variable.name()) else {
            return false;
        };
        match variable {
            Variable::Array(_) => false,
            Variable::Grid(array, maps) => array.name == rest || maps.iter().any(|map| map.name == rest),
            Variable::Structure(_, inner) | Variable::Sequence(_, inner) => exists(inner, rest),
        }
    })
}

fn below<'a>(path: &'a str, name: &str) -> Option<&'a str> {
    path.strip_prefix(name)?.strip_prefix('.')
}

fn members(variables: &[Variable], wanted: &[Wanted<'_>]) -> Result<Vec<Node>, ConstraintError> {
    variables.iter().filter_map(|variable| node(variable, wanted).transpose()).collect()
}

fn node(variable: &Variable, wanted: &[Wanted<'_>]) -> Result<Option<Node>, ConstraintError> {
    let name = variable.name();
    if let Some((_, projection)) = wanted.iter().find(|(path, _)| *path == name) {
        return addressed(variable, projection).map(Some);
    }
    let inside: Vec<Wanted<'_>> =
        wanted.iter().filter_map(|(path, projection)| Some((below(path, name)?, *projection))).collect();
    if inside.is_empty() {
        return Ok(None);
    }
    let node = match variable {
        Variable::Array(_) => return Ok(None),
        Variable::Grid(array, maps) => {
            let parts: Vec<Variable> =
                std::iter::once(array).chain(maps).map(|part| Variable::Array(Arc::clone(part))).collect();
            // Hyrax and THREDDS answer a part of a Grid wrapped as a Structure (DAP2, live servers).
            Node::Structure(name.to_owned(), members(&parts, &inside)?)
        }
        Variable::Structure(_, inner) => Node::Structure(name.to_owned(), members(inner, &inside)?),
        Variable::Sequence(_, inner) => Node::Sequence(name.to_owned(), members(inner, &inside)?),
    };
    Ok(Some(node))
}

/// A variable named by a projection itself.
fn addressed(variable: &Variable, projection: &Projection) -> Result<Node, ConstraintError> {
    let bounds = projection.bounds.as_slice();
    match variable {
        Variable::Array(array) => Ok(Node::Array(part(array, projection)?)),
        Variable::Grid(array, maps) => {
            let array = part(array, projection)?;
            let maps = maps
                .iter()
                .zip(&array.slices)
                .map(|(map, slice)| Part { array: Arc::clone(map), slices: vec![*slice] })
                .collect();
            Ok(Node::Grid(array, maps))
        }
        Variable::Structure(..) | Variable::Sequence(..) if !bounds.is_empty() => {
            Err(ConstraintError::Rank { path: projection.path.clone(), expected: 0, found: bounds.len() })
        }
        Variable::Structure(..) | Variable::Sequence(..) => Ok(whole(variable)),
    }
}

fn part(array: &Arc<Array>, projection: &Projection) -> Result<Part, ConstraintError> {
    if projection.bounds.is_empty() {
        return Ok(full(array));
    }
    if projection.bounds.len() != array.dimensions.len() {
        return Err(ConstraintError::Rank {
            path: projection.path.clone(),
            expected: array.dimensions.len(),
            found: projection.bounds.len(),
        });
    }
    let slices = projection
        .bounds
        .iter()
        .zip(&array.dimensions)
        .enumerate()
        .map(|(dimension, (bounds, known))| {
            taken(*bounds, known.size).ok_or_else(|| ConstraintError::Range {
                path: projection.path.clone(),
                dimension,
                size: known.size,
                first: bounds.first,
                stride: bounds.stride,
                last: bounds.last,
            })
        })
        .collect::<Result<_, _>>()?;
    Ok(Part { array: Arc::clone(array), slices })
}

/// `None` when the bounds leave the dimension, run backwards or have no stride.
fn taken(bounds: Bounds, size: u64) -> Option<Slice> {
    let span = bounds.last.checked_sub(bounds.first)?;
    let steps = span.checked_div(bounds.stride)?;
    (bounds.last < size).then_some(Slice { start: bounds.first, stride: bounds.stride, count: steps + 1 })
}

fn whole(variable: &Variable) -> Node {
    match variable {
        Variable::Array(array) => Node::Array(full(array)),
        Variable::Grid(array, maps) => Node::Grid(full(array), maps.iter().map(full).collect()),
        Variable::Structure(name, inner) => Node::Structure(name.clone(), inner.iter().map(whole).collect()),
        Variable::Sequence(name, inner) => Node::Sequence(name.clone(), inner.iter().map(whole).collect()),
    }
}

fn full(array: &Arc<Array>) -> Part {
    let slices =
        array.dimensions.iter().map(|dimension| Slice { start: 0, stride: 1, count: dimension.size }).collect();
    Part { array: Arc::clone(array), slices }
}

/// The arrays of a body, in the order of the wire.
pub(crate) fn parts(nodes: Vec<Node>) -> Result<Vec<Part>, ConstraintError> {
    let mut found = Vec::new();
    for node in nodes {
        match node {
            Node::Array(part) => found.push(part),
            Node::Grid(array, maps) => {
                found.push(array);
                found.extend(maps);
            }
            Node::Structure(_, inner) => found.extend(parts(inner)?),
            Node::Sequence(name, _) => return Err(ConstraintError::Sequence(name)),
        }
    }
    Ok(found)
}
