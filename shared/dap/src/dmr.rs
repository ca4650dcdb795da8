//! The DMR: which variables a DAP4 server has (DAP4 specification, volume 1, "DMR Declarations").
//!
//! ```text
//! <Dataset name dapVersion="4.0" dmrVersion="1.0">           the root group
//!   <Dimension name size/> <Enumeration name basetype> <Group name>
//!   <Int16 name> <Dim name="/x"/> <Dim size="3"/> <Map name="/x"/> <Attribute name type> <Value>…
//! ```

mod attributes;
mod declarations;
mod names;
mod xml;

use cf::Attributes;
use grid::{ElementType, Shape};

use crate::{Dimension, ParseError};

pub(crate) use attributes::{is_server_made, numbers_of};
pub(crate) use xml::first_element;

/// What a DAP4 server says it has, with names, types and attributes as sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Dmr {
    /// The dataset's name.
    pub name: String,
    /// Everything in it.
    pub root: Group,
    /// The enumerations of all groups; [`Type::Enumeration`] counts in here.
    pub enumerations: Vec<Enumeration>,
    /// What was odd and how it was taken, one line each.
    pub warnings: Vec<String>,
}

/// A group: the dataset itself, or one inside it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Group {
    /// Its own name, without that of the group around it; empty for the root.
    pub name: String,
    /// The dimensions declared in it, by name in full.
    pub dimensions: Vec<SharedDimension>,
    /// The variables declared in it, in order.
    pub variables: Vec<Declaration>,
    /// The groups inside it, in order.
    pub groups: Vec<Group>,
    /// Its attributes.
    pub attributes: Attributes,
}

/// A dimension that variables refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedDimension {
    /// Its name in full, without the slash in front: `x`, `group/y`.
    pub name: String,
    /// Number of elements.
    pub size: u64,
    /// Whether it can grow, where the server tells (`_edu.ucar.isunlimited`: THREDDS).
    pub unlimited: bool,
}

/// Names for integers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enumeration {
    /// Its name in full, without the slash in front.
    pub name: String,
    /// The integer type its values are sent in.
    pub base: ElementType,
    /// Names and values, in order.
    pub constants: Vec<(String, i128)>,
}

/// One variable, or a member of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Declaration {
    /// Its own name.
    pub name: String,
    /// Its type, with members.
    pub kind: Type,
    /// Its own dimensions, slowest first (C order); a shared one by its name in full, `x` or `group/y`. Together they
    /// make an array of fewer than 2^63 elements.
    pub dimensions: Vec<Dimension>,
    /// The coordinates it names (`<Map>`), as sent: `/lat`.
    pub maps: Vec<String>,
    /// Its attributes, with the types the server gave them.
    pub attributes: Attributes,
}

/// A type of DAP4 (volume 1, "Atomic Types" and "Container Types").
#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    /// A number; `Byte` is `UInt8`.
    Number(ElementType),
    /// `Char`: one byte of text.
    Char,
    /// `String`, `URL`, `URI`.
    Text,
    /// `Opaque`: bytes without meaning.
    Opaque,
    /// `Enum`: a position in [`Dmr::enumerations`].
    Enumeration(usize),
    /// `Structure`, with its members.
    Structure(Vec<Declaration>),
    /// `Sequence`, with the fields of its rows.
    Sequence(Vec<Declaration>),
}

/// Reads a DMR.
///
/// # Errors
/// [`ParseError`]: the text is cut, no well-formed XML, has a document type (DTD), is the DDX of an older server,
/// refers to a dimension or an enumeration that it does not declare, or says that the server failed. An attribute that
/// cannot be read as its type is kept as text with a warning.
pub fn parse_dmr(text: &[u8]) -> Result<Dmr, ParseError> {
    declarations::parse(text)
}

impl Declaration {
    /// Number of elements, 1 for a scalar.
    pub(crate) fn elements(&self) -> u64 {
        // Checked when it was read; a caller may have changed the fields since.
        Shape::new(self.dimensions.iter().map(|dimension| dimension.size).collect())
            .map_or(u64::MAX, |shape| shape.elements())
    }
}

impl Dmr {
    /// The type of a variable's numbers in memory, of a `Char` and of an enumeration too; nothing for text, opaque and
    /// what has members.
    pub fn element(&self, kind: &Type) -> Option<ElementType> {
        match kind {
            Type::Number(element) => Some(*element),
            Type::Char => Some(ElementType::UInt8),
            Type::Enumeration(at) => self.enumerations.get(*at).map(|enumeration| enumeration.base),
            Type::Text | Type::Opaque | Type::Structure(_) | Type::Sequence(_) => None,
        }
    }
}
