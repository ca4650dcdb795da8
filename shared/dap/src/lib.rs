//! What the server said.
//!
//! This crate answers one question: given the bytes an OPeNDAP server sent, which arrays does it have, what are their
//! attributes, how is a block of one asked for, and which values are in a response? It reads the DDS, the DAS and the
//! `.dods` body of DAP2, the DMR and the `.dap` body of DAP4, and writes constraint expressions. Bytes in, values out:
//! it opens no connection, knows no HTTP status and, where a whole response is not asked for, keeps no body in memory.
//!
//! ```
//! use dap::{Dataset, Query};
//! use grid::Hyperslab;
//!
//! let dds = b"Dataset { Grid { Array: Int16 t[y = 4][x = 6]; Maps: Float64 y[y = 4]; Float64 x[x = 6]; } t; } d;";
//! let das = b"Attributes { t { Float32 scale_factor 0.01; } NC_GLOBAL { String title \"two metres\"; } }";
//! let dataset = Dataset::from_dap2(dds, das)?;
//! assert_eq!(dataset.attributes.text("title"), Some("two metres"));
//! let names: Vec<_> = dataset.variables.iter().map(|v| v.name.as_str()).collect();
//! assert_eq!(names, ["t", "y", "x"]);
//!
//! let t = dataset.variable("t").unwrap();
//! let query = Query::array(&t.projection, &Hyperslab::new(vec![2, 0], vec![2, 6])?);
//! assert_eq!(query.to_string(), "t.t[2:3][0:5]");
//! assert_eq!(query.encoded(), "t.t%5B2:3%5D%5B0:5%5D");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`Dataset`] has no strings, Sequences and arrays of Structures but lists them by name in [`Dataset::unsupported`];
//! [`decode_dods`] reads them too, from a whole response. [`decode_dap`] does so for DAP4, which has no [`Dataset`]
//! yet: its metadata are a [`Dmr`].

mod attach;
mod body;
mod dap4;
mod das;
mod dataset;
mod dds;
mod decode_error;
mod decoded;
mod directory;
pub mod dmr;
mod dods;
mod error;
mod flatten;
mod header;
mod limits;
mod name;
mod projection;
mod query;
mod server_error;
mod text;
mod values;
mod wire;

pub use body::{BodyDecoder, Progress};
pub use dap4::{Checksums, decode_dap, decode_dap_with_checksums};
pub use dataset::{Dataset, Dimension, Unsupported, Variable};
pub use decode_error::DecodeError;
pub use decoded::{Content, Decoded, DecodedVariable};
pub use dmr::{Dmr, parse_dmr};
pub use dods::decode_dods;
pub use error::{BodyError, ParseError, Position};
pub use projection::{InvalidProjection, Projection};
pub use query::Query;
pub use server_error::{ServerError, ServerErrorKind, page_title};
pub use wire::WireType;
