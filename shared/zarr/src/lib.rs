//! What readers open.
//!
//! This crate answers one question: given an array's shape, type and attributes, which documents and which bytes make
//! it a Zarr array that every reader opens with the source's values? It writes v2 and v3 metadata, consolidated
//! metadata for both, chunk keys, and encodes and decodes one chunk at a time. It is pure: it names keys and makes
//! bytes, and leaves storing them to its caller. It is the only crate that names `zarrs`, which it uses to check its own
//! documents and for the codecs.
//!
//! ```
//! use cf::{Attributes, Fill, Values};
//! use grid::{ChunkIndex, ElementType, Shape};
//! use zarr::{ArrayPath, ArraySpec, ChunkCodec, Codec, Format};
//!
//! let mut source = Attributes::default();
//! source.push("units", Values::text("degC"));
//! source.push("_FillValue", Values::Int16(vec![-999]));
//! let fill = Fill::of(&source, ElementType::Int16);
//! let converted = zarr::array_attributes(&source, &fill, ElementType::Int16, Format::V3);
//! assert_eq!(converted.attributes["_FillValue"], -999);
//!
//! let spec = ArraySpec {
//!     path: ArrayPath::new("sst")?,
//!     shape: Shape::new(vec![4, 5])?,
//!     chunk_shape: Shape::new(vec![2, 5])?,
//!     element: ElementType::Int16,
//!     fill: Some((-999_i16).to_ne_bytes().to_vec()),
//!     dimensions: vec!["lat".to_owned(), "lon".to_owned()],
//!     attributes: converted.attributes,
//! };
//! let codec = Codec::default();
//! let documents = zarr::array_documents(&spec, Format::V3, &codec)?;
//! assert_eq!(documents[0].key, "sst/zarr.json");
//! assert_eq!(zarr::chunk_key(&spec.path, &ChunkIndex::new(vec![1, 0]), Format::V3), "sst/c/1/0");
//!
//! let chunk_codec = ChunkCodec::new(&spec, Format::V3, &codec)?;
//! let chunk = vec![7; 20]; // 2 × 5 elements of 2 bytes
//! let stored = chunk_codec.encode(&chunk)?;
//! assert_eq!(chunk_codec.decode(stored)?, chunk);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attributes;
mod codec;
mod compression;
mod documents;
mod error;
mod fill;
mod format;
mod frames;
mod keys;
mod path;
mod spec;
mod v2;
mod v3;

pub use attributes::{Converted, array_attributes, group_attributes};
pub use codec::ChunkCodec;
pub use compression::{Codec, CodecSpellingError};
pub use documents::{Document, array_documents, root_documents};
pub use error::ZarrError;
pub use format::{Format, FormatError};
pub use keys::{chunk_key, is_node_document, root_keys};
pub use path::{ArrayPath, PathError};
pub use spec::ArraySpec;
