//! The ports on one machine.
//!
//! This crate answers one question: what do the verbs stand on when there is no cloud? A folder as a [`Store`], a queue
//! in memory, the system's clock, and [`drive`], the loop that plays the part of SQS and Lambda: it hands messages to
//! [`steps::handle`] until the run has ended. It knows no protocol and no format.
//!
//! [`Store`]: steps::ports::Store

mod drive;
mod folder;
mod memory;
mod queue;
mod runs;
mod world;

pub use drive::{Drive, Driven, drive};
pub use folder::FolderStore;
pub use memory::MemoryStore;
pub use queue::MemoryQueue;
pub use runs::{LocalRuns, OpenRun, OpenRunError};
pub use world::SystemWorld;
