//! What the server serves: variables, their attributes, and where their values come from.

use std::fmt;
use std::sync::Arc;

use bytes::BytesMut;

use crate::values::{DapType, Values};

/// A dimension as the DDS prints it: `[name = size]`, or `[size]` when the name is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dimension {
    pub(crate) name: String,
    pub(crate) size: u64,
}

impl From<(&str, u64)> for Dimension {
    fn from((name, size): (&str, u64)) -> Self {
        Self { name: name.to_owned(), size }
    }
}

/// An attribute: values of one type, or a container of attributes.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute {
    /// `Type name v1, v2;`
    Values(String, Values),
    /// `name { ... }`
    Container(String, Vec<Attribute>),
}

impl Attribute {
    /// An attribute with one or more values (none at all prints `Int32 name ;`, which servers also do).
    pub fn new(name: &str, values: impl Into<Values>) -> Self {
        Self::Values(name.to_owned(), values.into())
    }
}

/// Columns of one row: `count` elements from `start` on, every `stride`th.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Columns {
    /// The first column.
    pub start: usize,
    /// The distance from one to the next, at least 1.
    pub stride: usize,
    /// How many.
    pub count: usize,
}

/// Values made when they are asked for, a row (run of the last dimension) at a time.
pub trait Rows: Send + Sync {
    /// Appends `columns` of the row at `row` (one index for every dimension but the last) in wire form:
    /// big-endian, 16-bit types widened to 4 bytes, Byte as 1. [`crate::append_fixed`] does it fast.
    fn append(&self, row: &[u64], columns: Columns, out: &mut BytesMut);
}

/// A type a formula can give: the numeric types.
pub trait Element: Copy {
    /// Its DAP type.
    const TYPE: DapType;
    /// Appends one value in wire form.
    fn put(self, out: &mut BytesMut);
}

macro_rules! element {
    ($($rust:ty => $variant:ident, $wide:ty;)*) => {$(
        impl Element for $rust {
            const TYPE: DapType = DapType::$variant;
            fn put(self, out: &mut BytesMut) {
                out.extend_from_slice(&<$wide>::from(self).to_be_bytes());
            }
        }
    )*};
}
element! {
    u8 => Byte, u8; i16 => Int16, i32; u16 => UInt16, u32; i32 => Int32, i32;
    u32 => UInt32, u32; f32 => Float32, f32; f64 => Float64, f64;
}

struct Formula<F>(F);

impl<T: Element, F: Fn(&[u64]) -> T + Send + Sync> Rows for Formula<F> {
    fn append(&self, row: &[u64], columns: Columns, out: &mut BytesMut) {
        let mut index = row.to_vec();
        for column in (columns.start..).step_by(columns.stride).take(columns.count) {
            index.truncate(row.len());
            index.push(u64::try_from(column).unwrap_or(u64::MAX));
            (self.0)(&index).put(out);
        }
    }
}

/// Where an array's values come from.
#[derive(Clone)]
pub(crate) enum Source {
    Memory(Arc<Values>),
    Rows(Arc<dyn Rows>),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(values) => write!(f, "Memory({} values)", values.count()),
            Self::Rows(_) => f.write_str("Rows"),
        }
    }
}

/// An array (a scalar has no dimensions) with its attributes.
#[derive(Clone, Debug)]
pub struct Array {
    pub(crate) name: String,
    pub(crate) dap_type: DapType,
    pub(crate) dimensions: Vec<Dimension>,
    pub(crate) source: Source,
    pub(crate) attributes: Vec<Attribute>,
}

impl Array {
    /// An array held in memory, values in C order. Their number is checked when the server starts.
    pub fn new<D: Into<Dimension>>(
        name: &str,
        dimensions: impl IntoIterator<Item = D>,
        values: impl Into<Values>,
    ) -> Self {
        let values = values.into();
        Self {
            name: name.to_owned(),
            dap_type: values.dap_type(),
            dimensions: dimensions.into_iter().map(Into::into).collect(),
            source: Source::Memory(Arc::new(values)),
            attributes: Vec::new(),
        }
    }

    /// A scalar.
    pub fn scalar(name: &str, value: impl Into<Values>) -> Self {
        Self::new(name, Vec::<Dimension>::new(), value)
    }

    /// An array whose every value is `value(index)`, one index for each dimension.
    pub fn formula<D: Into<Dimension>, T: Element + 'static>(
        name: &str,
        dimensions: impl IntoIterator<Item = D>,
        value: impl Fn(&[u64]) -> T + Send + Sync + 'static,
    ) -> Self {
        Self::rows(name, dimensions, T::TYPE, Arc::new(Formula(value)))
    }

    /// An array whose rows are made by `rows`, for when a formula per value is too slow.
    pub fn rows<D: Into<Dimension>>(
        name: &str,
        dimensions: impl IntoIterator<Item = D>,
        dap_type: DapType,
        rows: Arc<dyn Rows>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            dap_type,
            dimensions: dimensions.into_iter().map(Into::into).collect(),
            source: Source::Rows(rows),
            attributes: Vec::new(),
        }
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attribute(mut self, name: &str, values: impl Into<Values>) -> Self {
        self.attributes.push(Attribute::new(name, values));
        self
    }

    /// Its elements: the product of the sizes, 1 for a scalar.
    pub(crate) fn elements(&self) -> u64 {
        self.dimensions.iter().map(|d| d.size).product()
    }
}

/// A variable at the top of a dataset or inside a structure.
#[derive(Clone, Debug)]
pub enum Variable {
    /// An array or scalar.
    Array(Arc<Array>),
    /// An array with one map for each of its dimensions; the Grid bears the array's name.
    Grid(Arc<Array>, Vec<Arc<Array>>),
    /// Named members.
    Structure(String, Vec<Variable>),
    /// Declared in the DDS only; asking for its data is answered with an error.
    Sequence(String, Vec<Variable>),
}

impl Variable {
    /// A Grid; the maps are in the order of the array's dimensions.
    pub fn grid(array: Array, maps: impl IntoIterator<Item = Array>) -> Self {
        Self::Grid(Arc::new(array), maps.into_iter().map(Arc::new).collect())
    }

    /// A Structure.
    pub fn structure<V: Into<Self>>(name: &str, members: impl IntoIterator<Item = V>) -> Self {
        Self::Structure(name.to_owned(), members.into_iter().map(Into::into).collect())
    }

    /// A Sequence, to be listed but not read.
    pub fn sequence<V: Into<Self>>(name: &str, members: impl IntoIterator<Item = V>) -> Self {
        Self::Sequence(name.to_owned(), members.into_iter().map(Into::into).collect())
    }

    /// The name a constraint calls it by.
    pub fn name(&self) -> &str {
        match self {
            Self::Array(array) | Self::Grid(array, _) => &array.name,
            Self::Structure(name, _) | Self::Sequence(name, _) => name,
        }
    }
}

impl From<Array> for Variable {
    fn from(array: Array) -> Self {
        Self::Array(Arc::new(array))
    }
}

/// A dataset: a name, variables in the order of the DDS, and the containers of the DAS that are no variables.
#[derive(Clone, Debug)]
pub struct Dataset {
    pub(crate) name: String,
    pub(crate) variables: Vec<Variable>,
    pub(crate) containers: Vec<(String, Vec<Attribute>)>,
}

impl Dataset {
    /// An empty dataset, served at `/name.dds` and so on.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), variables: Vec::new(), containers: Vec::new() }
    }

    /// Adds a variable.
    #[must_use]
    pub fn with(mut self, variable: impl Into<Variable>) -> Self {
        self.variables.push(variable.into());
        self
    }

    /// Adds a global attribute, in `NC_GLOBAL`.
    #[must_use]
    pub fn global(self, name: &str, values: impl Into<Values>) -> Self {
        self.container("NC_GLOBAL", Attribute::new(name, values))
    }

    /// Adds an attribute to a top-level container of the DAS, `DODS_EXTRA` for example.
    #[must_use]
    pub fn container(mut self, container: &str, attribute: Attribute) -> Self {
        match self.containers.iter_mut().find(|(name, _)| name == container) {
            Some((_, attributes)) => attributes.push(attribute),
            None => self.containers.push((container.to_owned(), vec![attribute])),
        }
        self
    }

    /// The dataset's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Finds what would make the server send a body unlike its own DDS.
    ///
    /// # Errors
    /// The first array whose values do not fill its shape, or grid whose maps do not fit its dimensions.
    pub fn check(&self) -> Result<(), DatasetError> {
        self.variables.iter().try_for_each(check)
    }
}

/// A dataset that contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatasetError {
    /// As many values as elements are needed.
    #[error("`{name}` has {found} values, its shape needs {expected}")]
    Values {
        /// The array.
        name: String,
        /// Elements of its shape.
        expected: u64,
        /// Values given.
        found: u64,
    },
    /// One map of the same size for each dimension.
    #[error("the maps of grid `{name}` do not fit its dimensions")]
    Maps {
        /// The grid.
        name: String,
    },
}

fn check(variable: &Variable) -> Result<(), DatasetError> {
    match variable {
        Variable::Array(array) => check_array(array),
        Variable::Grid(array, maps) => {
            check_array(array)?;
            maps.iter().try_for_each(|map| check_array(map))?;
            let sizes = array.dimensions.iter().map(|dimension| vec![dimension.size]);
            let found = maps.iter().map(|map| map.dimensions.iter().map(|d| d.size).collect::<Vec<_>>());
            if sizes.eq(found) { Ok(()) } else { Err(DatasetError::Maps { name: array.name.clone() }) }
        }
        Variable::Structure(_, members) => members.iter().try_for_each(check),
        Variable::Sequence(..) => Ok(()),
    }
}

fn check_array(array: &Array) -> Result<(), DatasetError> {
    let expected = array.elements();
    let found = match &array.source {
        Source::Memory(values) => u64::try_from(values.count()).unwrap_or(u64::MAX),
        Source::Rows(_) => expected,
    };
    if found == expected { Ok(()) } else { Err(DatasetError::Values { name: array.name.clone(), expected, found }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_count_is_found() {
        let dataset = Dataset::new("d").with(Array::new("a", [("x", 3)], [1i16, 2]));
        assert_eq!(dataset.check().unwrap_err().to_string(), "`a` has 2 values, its shape needs 3");
    }

    #[test]
    fn a_grid_needs_fitting_maps() {
        let map = Array::new("x", [("x", 2)], [0f32, 1.0]);
        let array = Array::new("g", [("x", 3)], [1i16, 2, 3]);
        let dataset = Dataset::new("d").with(Variable::grid(array, [map]));
        assert!(matches!(dataset.check(), Err(DatasetError::Maps { .. })));
    }
}
