//! What the numbers mean.
//!
//! This crate answers one question: given a variable's attributes, with the types the server gave them, what do its
//! values stand for? It knows typed attribute values, fill values, which variables are coordinates or bounds, which
//! dimension is time, vertical, y or x, and how far apart the steps in time are. The rules are those of the CF
//! conventions; each function names its section. It reads no protocol and writes no format.
//!
//! ```
//! use cf::{Attributes, Fill, Values};
//! use grid::ElementType;
//!
//! let mut attributes = Attributes::default();
//! attributes.push("_FillValue", Values::Float32(vec![-9999.0]));
//! assert_eq!(Fill::of(&attributes, ElementType::Float32), Fill::Value((-9999.0_f32).to_ne_bytes().to_vec()));
//! // A server may give the fill value another type; it counts if the variable's type can hold it exactly.
//! assert_eq!(Fill::of(&attributes, ElementType::Int16), Fill::Value((-9999_i16).to_ne_bytes().to_vec()));
//! assert!(matches!(Fill::of(&attributes, ElementType::UInt8), Fill::NotRepresentable(_)));
//! ```

mod attributes;
mod axes;
mod cadence;
mod fill;
mod roles;
mod values;

pub use attributes::{Attribute, Attributes};
pub use axes::{Role, axis_roles, time_coordinates};
pub use cadence::Cadence;
pub use fill::Fill;
pub use roles::{companions, whole_variables};
pub use values::{Number, Values};
