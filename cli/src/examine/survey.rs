//! What a dataset holds, sorted for people.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use cf::Attributes;
use dap::{Dataset, Variable};
use zarr::ArrayPath;

/// The variables of a dataset by what they are for, and what a conversion leaves out.
#[derive(Debug)]
pub(super) struct Survey<'a> {
    /// What the dataset is about.
    pub(super) data: Vec<&'a Variable>,
    /// Coordinates, bounds and grid mappings.
    pub(super) coordinates: Vec<&'a Variable>,
    /// Name and reason of what cannot be converted.
    pub(super) left_out: Vec<(&'a str, String)>,
    /// Dimensions of what can be converted, with their sizes: those of the data first.
    pub(super) dimensions: Vec<(&'a str, u64)>,
}

impl<'a> Survey<'a> {
    pub(super) fn of(dataset: &'a Dataset) -> Self {
        let mut left_out: Vec<_> = dataset.unsupported.iter().map(|u| (u.name.as_str(), u.reason.clone())).collect();
        let whole = whole(dataset);
        let (mut data, mut coordinates) = (Vec::new(), Vec::new());
        let mut sizes = HashMap::new();
        for variable in &dataset.variables {
            if let Some(reason) = refusal(variable, &mut sizes) {
                left_out.push((&variable.name, reason));
            } else if whole.contains(&variable.name) {
                coordinates.push(variable);
            } else {
                data.push(variable);
            }
        }
        let all = data.iter().chain(&coordinates).flat_map(|variable| &variable.dimensions);
        let mut seen = HashSet::new();
        let dimensions = all
            .filter_map(|dimension| Some((dimension.name.as_deref()?, dimension.size)))
            .filter(|(name, _)| seen.insert(*name))
            .collect();
        Self { data, coordinates, left_out, dimensions }
    }

    /// Bytes of everything that can be converted, uncompressed.
    pub(super) fn bytes(&self) -> u64 {
        self.data.iter().chain(&self.coordinates).fold(0, |sum, variable| sum.saturating_add(size(variable)))
    }
}

/// Names of coordinates and bounds.
pub(super) fn whole(dataset: &Dataset) -> BTreeSet<String> {
    let described: Vec<_> = dataset
        .variables
        .iter()
        .map(|variable| {
            let names = variable.dimensions.iter().map(|d| d.name.as_deref().unwrap_or_default()).collect();
            (variable.name.as_str(), names, &variable.attributes)
        })
        .collect();
    cf::whole_variables(&described)
}

/// Why a conversion would leave the variable out, as the planner decides: its name must be one for an array, and the
/// first variable with a dimension says how long that is.
fn refusal<'a>(variable: &'a Variable, sizes: &mut HashMap<&'a str, (u64, &'a str)>) -> Option<String> {
    if let Err(error) = ArrayPath::new(&variable.name) {
        return Some(error.to_string());
    }
    let mut own: HashMap<&str, (u64, &str)> = HashMap::new();
    for dimension in &variable.dimensions {
        let Some(name) = dimension.name.as_deref() else { continue };
        if let Some((known, by)) = sizes.get(name).filter(|(known, _)| *known != dimension.size) {
            return Some(format!("its dimension `{name}` has size {}, but {known} in `{by}`", dimension.size));
        }
        own.entry(name).or_insert((dimension.size, &variable.name));
    }
    for (name, size) in own {
        sizes.entry(name).or_insert(size);
    }
    None
}

/// Every dimension with a name; where variables disagree about a size, the first has it.
pub(super) fn sizes(dataset: &Dataset) -> BTreeMap<&str, u64> {
    let mut sizes = BTreeMap::new();
    for dimension in dataset.variables.iter().flat_map(|variable| &variable.dimensions) {
        if let Some(name) = dimension.name.as_deref() {
            sizes.entry(name).or_insert(dimension.size);
        }
    }
    sizes
}

/// Uncompressed bytes of a variable, at most `u64::MAX`.
pub(super) fn size(variable: &Variable) -> u64 {
    variable.shape().map_or(0, |shape| shape.elements()).saturating_mul(variable.element().size() as u64)
}

/// Uncompressed bytes of a chunk of the file behind the server, at most `u64::MAX`.
pub(super) fn source_chunk_bytes(variable: &Variable) -> Option<u64> {
    let element = variable.element().size() as u64;
    let chunk = variable.source_chunks.as_deref()?;
    Some(chunk.iter().fold(element, |bytes, size| bytes.saturating_mul(*size)))
}

/// Whether the numbers stand for others (CF §8.1).
pub(super) fn is_packed(variable: &Variable) -> bool {
    ["scale_factor", "add_offset"].iter().any(|name| variable.attributes.get(name).is_some())
}

/// The single text of an attribute whose name servers write in more than one case; none if it is blank.
pub(super) fn text<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a str> {
    let exact = attributes.text(name);
    let any = || {
        let known = attributes.iter().map(|(known, _)| known).find(|known| known.eq_ignore_ascii_case(name))?;
        attributes.text(known)
    };
    exact.or_else(any).map(str::trim).filter(|text| !text.is_empty())
}
