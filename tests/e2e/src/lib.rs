//! What the end-to-end tests are made of: the command as a user runs it, stores compared byte for byte, and tables.
//!
//! This crate answers one question: does the whole program do what its documents say? It runs the `dap2zarr` that was
//! built beside the tests, in a home folder of its own and without the caller's environment. What it is run against
//! (servers, endpoints, faults) is made by the tests themselves.
//!
//! ```no_run
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let machine = e2e::Machine::new();
//! let target = machine.path("out.zarr");
//! let finished = machine.command(format!("convert http://127.0.0.1:8080/prism {}", target.display())).run().await;
//! assert_eq!(finished.code, Some(0), "{}", finished.stderr);
//! let store = e2e::Objects::of(&target);
//! assert!(store.is_published());
//! # });
//! ```
#![expect(clippy::unwrap_used, clippy::panic, reason = "a harness that cannot go on stops the test")]

mod machine;
mod objects;
mod table;

pub use machine::{Finished, Invocation, Machine, Running, binary, build_folder, signal};
pub use objects::Objects;
pub use table::{Table, publish};
