use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// The largest requests that hosts were found to allow, in bytes of uncompressed data: learned from a refusal once, so
/// that every later chunk does not cost another.
#[derive(Debug, Default)]
pub(crate) struct Limits(Mutex<BTreeMap<String, u64>>);

impl Limits {
    /// The most to ask a host for: what is planned, or less if it refused that before.
    pub(crate) fn of(&self, host: &str, planned: u64) -> u64 {
        let limits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        limits.get(host).map_or(planned, |limit| planned.min(*limit))
    }

    /// A host refused more than this.
    pub(crate) fn learn(&self, host: &str, bytes: u64) {
        let mut limits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let limit = limits.entry(host.to_owned()).or_insert(bytes);
        *limit = bytes.min(*limit);
    }
}
