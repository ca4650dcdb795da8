//! The three handlers on ports in memory.

mod chunk;
mod configuration;
mod finalizer;
mod planner;
mod ports;
