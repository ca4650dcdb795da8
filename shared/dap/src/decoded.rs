use cf::Attributes;
use grid::ElementType;

use crate::{Dimension, Unsupported};

/// A whole response, or a saved one: every variable with its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The variables, in the order of the response. A member of a Structure or of a flat Sequence is a variable of its own,
    /// `s.v`, with the Structure's dimensions before its own; a variable of a group is `group/v`.
    pub variables: Vec<DecodedVariable>,
    /// Global attributes; those of a group are named `group/name`.
    pub attributes: Attributes,
    /// What the response has and we do not read, by name.
    pub unsupported: Vec<Unsupported>,
    /// What was odd and how it was taken, one line each.
    pub warnings: Vec<String>,
}

/// One variable and its values.
#[derive(Debug, Clone, PartialEq)]
pub struct DecodedVariable {
    /// Its name for people.
    pub name: String,
    /// Its dimensions, slowest first (C order); none for a scalar.
    pub dimensions: Vec<Dimension>,
    /// Its values, as many as the dimensions' product.
    pub content: Content,
    /// Its attributes, with the types the server gave them.
    pub attributes: Attributes,
}

/// Values in C order.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Numbers, in the machine's byte order.
    Numbers {
        /// Their type.
        element: ElementType,
        /// Elements times the type's size.
        bytes: Vec<u8>,
    },
    /// Text, one string an element; bytes that are no UTF-8 were read as ISO 8859-1.
    Text(Vec<String>),
    /// Bytes without meaning (DAP4 Opaque), one blob an element.
    Opaque(Vec<Vec<u8>>),
}

impl Content {
    /// The number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers { element, bytes } => bytes.len() / element.size(),
            Self::Text(texts) => texts.len(),
            Self::Opaque(blobs) => blobs.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
