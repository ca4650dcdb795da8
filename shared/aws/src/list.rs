use std::collections::{BTreeMap, HashSet};

use aws_sdk_s3::{operation::list_objects_v2::ListObjectsV2Output, types::Object};
use steps::ports::{Entry, StoreError};

use crate::{S3Store, place::Place};

/// Pages in a row without a new key before a listing is taken for an endless one. S3 may send a few of them.
const IDLE_PAGES: u32 = 20;

impl S3Store {
    /// Reads every page. Keys are not asked for in URL encoding: they are valid XML 1.0 text, and some endpoints (s3s-fs)
    /// confirm the encoding without applying it.
    pub(crate) async fn list_all(&self, prefix: &str) -> Result<Vec<Entry>, StoreError> {
        let mut pages = Pages::new(&self.place, prefix);
        let mut token = None;
        loop {
            let request = self.client.list_objects_v2().bucket(&self.place.bucket).prefix(self.place.full(prefix));
            let page = request
                .set_continuation_token(token)
                .send()
                .await
                .map_err(|error| self.place.failed("list", prefix, &error))?;
            token = pages.add(page)?;
            if token.is_none() {
                return Ok(pages.found.into_values().collect());
            }
        }
    }
}

/// The pages of one listing so far: a set, since endpoints repeat pages and ignore page sizes.
struct Pages<'a> {
    place: &'a Place,
    prefix: &'a str,
    found: BTreeMap<String, Entry>,
    tokens: HashSet<String>,
    idle: u32,
}

impl<'a> Pages<'a> {
    fn new(place: &'a Place, prefix: &'a str) -> Self {
        Self { place, prefix, found: BTreeMap::new(), tokens: HashSet::new(), idle: 0 }
    }

    /// Takes a page, and returns the token of the next one, if there is one.
    fn add(&mut self, page: ListObjectsV2Output) -> Result<Option<String>, StoreError> {
        let before = self.found.len();
        for object in page.contents.unwrap_or_default() {
            if let Some(entry) = self.entry(&object) {
                self.found.insert(entry.key.clone(), entry);
            }
        }
        let broken = |what: &str| Err(self.place.transient("list", self.prefix, what));
        let token = page.next_continuation_token.filter(|token| !token.is_empty());
        match (page.is_truncated, token) {
            (Some(false), _) | (None, None) => Ok(None),
            (Some(true), None) => broken("the listing has more pages, but the endpoint gave no token for the next"),
            (_, Some(token)) => {
                self.idle = if self.found.len() == before { self.idle + 1 } else { 0 };
                if self.idle > IDLE_PAGES {
                    return broken("the endpoint sends one page of the listing after another without a new key");
                }
                if !self.tokens.insert(token.clone()) {
                    return broken("the endpoint repeats a page of the listing: its token was given before");
                }
                Ok(Some(token))
            }
        }
    }

    /// An object as the store's own, if it is one: below the store's prefix, and beginning as was asked.
    fn entry(&self, object: &Object) -> Option<Entry> {
        let key = self.place.relative(object.key.as_deref()?)?;
        key.starts_with(self.prefix).then(|| Entry {
            key: key.to_owned(),
            length: object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
            etag: object.e_tag.as_deref().and_then(etag),
            modified: object.last_modified.as_ref().and_then(crate::store::time),
        })
    }
}

/// A listing's `ETag` in the form the headers have, with its quotes: some listings leave them out.
fn etag(text: &str) -> Option<String> {
    match text {
        "" | "\"\"" => None,
        quoted if quoted.ends_with('"') => Some(quoted.to_owned()),
        bare => Some(format!("\"{bare}\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::tests::place;

    fn page(keys: &[&str], token: Option<&str>) -> ListObjectsV2Output {
        let objects = keys.iter().map(|key| Object::builder().key(*key).size(1).e_tag("\"e\"").build()).collect();
        ListObjectsV2Output::builder()
            .set_contents(Some(objects))
            .is_truncated(token.is_some())
            .set_next_continuation_token(token.map(str::to_owned))
            .build()
    }

    #[test]
    fn pages_are_a_set_without_strangers() {
        let place = place("p");
        let mut pages = Pages::new(&place, "a");
        assert_eq!(pages.add(page(&["p/ab", "p/a", "p/b", "q/a", "p/"], Some("1"))).unwrap().as_deref(), Some("1"));
        assert_eq!(pages.add(page(&["p/ab", "p/aa"], None)).unwrap(), None);
        assert_eq!(pages.found.keys().collect::<Vec<_>>(), ["a", "aa", "ab"]);
    }

    #[test]
    fn a_listing_that_does_not_end_is_an_error() {
        let place = place("");
        let mut pages = Pages::new(&place, "");
        pages.add(page(&["a"], Some("1"))).unwrap();
        pages.add(page(&["b"], Some("2"))).unwrap();
        assert!(pages.add(page(&["c"], Some("1"))).unwrap_err().is_transient(), "a token comes twice");

        let mut pages = Pages::new(&place, "");
        let endless = (0..100).map(|number| pages.add(page(&["a"], Some(&number.to_string()))));
        assert!(endless.take(30).any(|page| page.is_err()), "ever new tokens, never a new key");

        let mut pages = Pages::new(&place, "");
        let mut lost = page(&["a"], None);
        lost.is_truncated = Some(true);
        assert!(pages.add(lost).is_err(), "the token is lost");
    }

    #[test]
    fn etags_of_listings_have_their_quotes() {
        assert_eq!(etag("abc").as_deref(), Some("\"abc\""));
        assert_eq!(etag("\"abc\"").as_deref(), Some("\"abc\""));
        assert_eq!(etag("W/\"abc\"").as_deref(), Some("W/\"abc\""));
        assert_eq!(etag(""), None);
    }
}
