use cf::{Attributes, Number, Values};
use grid::{ElementType, GridError, Shape};

use crate::{
    ParseError, Projection, WireType,
    attach::{Parts, Strays, attach},
    das::{self, Warnings},
    dds,
    flatten::Flat,
};

/// What a server says it has: a DDS and a DAS put together.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// The name at the end of the DDS, as sent.
    pub name: String,
    /// The numeric arrays and scalars in the order of the DDS. The array of a Grid goes by the Grid's name and its maps
    /// follow it, unless a variable of that name stands beside the Grid; a member of a Structure is `s.v`.
    pub variables: Vec<Variable>,
    /// Global attributes.
    pub attributes: Attributes,
    /// The name of the unlimited dimension, where the server tells (`DODS_EXTRA.Unlimited_Dimension`: Hyrax, TDS).
    pub unlimited: Option<String>,
    /// What the dataset has and we do not read, by (dotted) name.
    pub unsupported: Vec<Unsupported>,
    /// What was odd and how it was taken, one line each.
    pub warnings: Vec<String>,
}

/// A variable that is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported {
    /// Its name; dotted inside Structures.
    pub name: String,
    /// Why it is not read.
    pub reason: String,
}

/// One numeric array or scalar.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// Its name for people and for Zarr: percent-decoded where that gives printable UTF-8.
    pub name: String,
    /// How to ask for it.
    pub projection: Projection,
    /// Its type on the wire.
    pub wire: WireType,
    /// Its dimensions, slowest first (C order); none for a scalar.
    pub dimensions: Vec<Dimension>,
    /// Its attributes, with the types the server gave them.
    pub attributes: Attributes,
    /// The chunk shape of the file behind the server (`_ChunkSizes`, TDS), one size per dimension, each at least 1.
    pub source_chunks: Option<Vec<u64>>,
}

/// A dimension of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dimension {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Number of elements.
    pub size: u64,
}

impl Dataset {
    /// Reads a DDS and a DAS (ESE-RFC-004 §6, §5) and puts them together.
    ///
    /// # Errors
    /// [`ParseError`]: either text is cut, is not a DAP text or says that the server failed. A DAS is never dropped: an
    /// attribute that cannot be read is skipped with a warning, a DAS that cannot be read is an error.
    pub fn from_dap2(dds: &[u8], das: &[u8]) -> Result<Self, ParseError> {
        let mut warnings = Warnings::default();
        let dds = dds::parse(dds)?;
        if dds.trailing > 0 {
            warnings.push(format!("{} bytes after the end of the DDS were ignored", dds.trailing));
        }
        let mut flat = Flat::of(&dds.declarations);
        let table = das::parse(das, &mut warnings)?;
        let Parts { variables: parts, globals, unlimited } =
            attach(&flat.directory, table, Strays::Global, &mut warnings)?;
        for (variable, (attributes, chunks)) in flat.variables.iter_mut().zip(parts) {
            variable.attributes = attributes;
            variable.source_chunks = chunks.and_then(|values| {
                let chunks = chunk_shape(&values, variable.dimensions.len());
                if chunks.is_none() {
                    warnings.push(format!("`{}`: _ChunkSizes is no chunk shape and was ignored", variable.name));
                }
                chunks
            });
        }
        Ok(Self {
            name: dds.name,
            variables: flat.variables,
            attributes: globals,
            unlimited,
            unsupported: flat.unsupported,
            warnings: warnings.into_lines(),
        })
    }

    /// The variable of that name.
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables.iter().find(|variable| variable.name == name)
    }
}

impl Variable {
    /// Its type in memory.
    pub const fn element(&self) -> ElementType {
        self.wire.element()
    }

    /// Its shape.
    ///
    /// # Errors
    /// None for the variables of [`Dataset::from_dap2`]; [`GridError`] if the fields were changed to make no array.
    pub fn shape(&self) -> Result<Shape, GridError> {
        Shape::new(self.dimensions.iter().map(|dimension| dimension.size).collect())
    }
}

/// `_ChunkSizes` as a chunk shape: one size of at least 1 per dimension.
fn chunk_shape(values: &Values, rank: usize) -> Option<Vec<u64>> {
    let sizes: Option<Vec<u64>> = values
        .numbers()?
        .into_iter()
        .map(|number| match number {
            Number::Integer(size) => u64::try_from(size).ok().filter(|size| *size > 0),
            Number::Float(_) => None,
        })
        .collect();
    sizes.filter(|sizes| sizes.len() == rank && rank > 0 && Shape::new(sizes.clone()).is_ok())
}
