use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use reqwest::Url;
use run::SourceUrl;

/// What was learned about datasets.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<HashMap<SourceUrl, Learned>>);

#[derive(Debug, Default)]
struct Learned {
    /// Where its redirects end.
    moved: Option<SourceUrl>,
    /// Whether a request with encoded brackets worked.
    encoded_brackets: bool,
}

impl Memory {
    fn known(&self) -> MutexGuard<'_, HashMap<SourceUrl, Learned>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where to ask for a response of the dataset, so that no redirect gets a chance to spoil the constraint
    /// (pydap#460, netcdf-java#161).
    pub(crate) fn response(&self, url: &SourceUrl, suffix: &str, query: Option<&str>) -> Url {
        let known = self.known();
        known.get(url).and_then(|learned| learned.moved.as_ref()).unwrap_or(url).response(suffix, query)
    }

    /// A response of the dataset came from this address. Remembered if others can be made from it alike.
    pub(crate) fn answered_at(&self, url: &SourceUrl, suffix: &str, query: Option<&str>, at: &Url) {
        if *at == self.response(url, suffix, query) {
            return;
        }
        let base = at.path().strip_suffix(suffix).and_then(|path| {
            let mut base = at.clone();
            base.set_query(None);
            base.set_path(path);
            base.as_str().parse::<SourceUrl>().ok()
        });
        if let Some(base) = base.filter(|base| base.response(suffix, query) == *at) {
            tracing::info!(from = %url, to = %base, "the dataset has moved; asking there from now on");
            self.known().entry(url.clone()).or_default().moved = Some(base);
        }
    }

    /// The place the dataset moved to cannot be reached: the next request goes to its own address again.
    pub(crate) fn forget_move(&self, url: &SourceUrl) {
        if let Some(learned) = self.known().get_mut(url) {
            learned.moved = None;
        }
    }

    pub(crate) fn encoded_brackets_work(&self, url: &SourceUrl) -> bool {
        self.known().get(url).is_some_and(|learned| learned.encoded_brackets)
    }

    pub(crate) fn encoded_brackets_worked(&self, url: &SourceUrl) {
        if !self.encoded_brackets_work(url) {
            self.known().entry(url.clone()).or_default().encoded_brackets = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked_at(final_url: &str) -> String {
        let memory = Memory::default();
        let url: SourceUrl = "http://h/a%20b.nc".parse().unwrap();
        memory.answered_at(&url, ".dds", None, &final_url.parse().unwrap());
        memory.response(&url, ".dods", Some("v%5B0:1%5D")).to_string()
    }

    #[test]
    fn a_move_is_remembered_for_all_responses() {
        assert_eq!(asked_at("https://h/a%20b.nc.dds"), "https://h/a%20b.nc.dods?v%5B0:1%5D");
        assert_eq!(asked_at("https://other:8443/new/b.nc.dds"), "https://other:8443/new/b.nc.dods?v%5B0:1%5D");
    }

    #[test]
    fn an_address_for_one_response_only_is_not_remembered() {
        for url in ["https://h/login?back=/a.nc.dds", "https://h/a.nc.dds?token=1", "https://h/a.nc.dds;session=1"] {
            assert_eq!(asked_at(url), "http://h/a%20b.nc.dods?v%5B0:1%5D", "{url}");
        }
    }
}
