//! Answers DAP2 requests as THREDDS and Hyrax do, and misbehaves on demand: a server for tests and the demo.
//!
//! It serves `.dds`, `.das`, `.dods` and `.ver` of datasets held in memory or made by formula, with constraints
//! (`var[a:s:b]`, `grid.grid[..]`, `structure.member`), and counts what it is asked, in [`Server::stats`] and at
//! `/_stats`. Bodies are made while they are sent; a terabyte takes no more memory than a megabyte.
//!
//! ```
//! use dap_server::{Array, At, Dataset, Fault, FaultKind, Server};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let tiny = Dataset::new("tiny")
//!     .with(Array::new("t", [("x", 3)], [1.5f32, 2.5, 3.5]).attribute("units", "K"))
//!     .global("title", "three numbers");
//! let server = Server::start([tiny]).await?;
//! let url = server.url("tiny"); // a client asks for {url}.dods?t[0:1]
//! server.change(|b| b.faults.push(Fault::new(FaultKind::Truncate(At::Percent(50))).next(1)));
//! assert_eq!(server.stats().dods, 0);
//! # assert!(url.ends_with("/tiny"));
//! server.stop().await;
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! It does not do: DAP4, selections (`&x>1`), functions, arrays of Structures, data of Sequences, compression, TLS,
//! authentication. A body follows the order of the dataset, not of the constraint, as libdap's does.

mod behaviour;
mod body;
mod constraint;
mod dataset;
mod fault;
mod handler;
mod outline;
pub mod prism;
pub mod samples;
mod selection;
mod server;
mod stats;
mod text;
mod values;
mod xdr;

pub use behaviour::{Behaviour, Change, Limit};
pub use dataset::{Array, Attribute, Columns, Dataset, DatasetError, Dimension, Element, Rows, Variable};
pub use fault::{At, Fault, FaultError, FaultKind, When};
pub use server::{Server, StartError};
pub use stats::{REMEMBERED, RequestKind, Stats};
pub use values::{DapType, Values};
pub use xdr::append_fixed;
