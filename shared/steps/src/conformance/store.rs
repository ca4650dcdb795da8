use bytes::Bytes;

use crate::ports::{Metadata, Store};

/// What a store promises beyond the port's minimum.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// [`Store::head`] returns the metadata that was put.
    pub keeps_metadata: bool,
    /// [`Store::put_new`] and [`Store::put_if_match`] are honoured.
    pub conditional_writes: bool,
}

/// Holds an empty store to the port's promises.
///
/// # Panics
/// If it breaks one.
pub async fn store(store: &dyn Store, kind: Kind) {
    objects(store, kind).await;
    listing(store).await;
    if kind.conditional_writes {
        conditions(store).await;
    }
    for entry in store.list("").await.unwrap() {
        store.delete(&entry.key).await.unwrap();
    }
    assert_eq!(store.list("").await.unwrap(), [], "the store is empty after every object was deleted");
}

async fn objects(store: &dyn Store, kind: Kind) {
    assert_eq!(store.get("a/b").await.unwrap(), None, "a missing object is nothing, not an error");
    assert_eq!(store.head("a/b").await.unwrap(), None);
    store.delete("a/b").await.unwrap();

    let metadata = Metadata::from([("plan".to_owned(), "12ab".to_owned())]);
    store.put("a/b", Bytes::from_static(b"one"), &metadata).await.unwrap();
    assert_eq!(store.get("a/b").await.unwrap().unwrap().bytes, "one");
    let head = store.head("a/b").await.unwrap().unwrap();
    assert_eq!(head.length, 3);
    if kind.keeps_metadata {
        assert_eq!(head.metadata, metadata);
    }

    store.put("a/b", Bytes::new(), &Metadata::new()).await.unwrap();
    assert_eq!(store.get("a/b").await.unwrap().unwrap().bytes, "", "a later put replaces the object, even by nothing");
    let large = Bytes::from(vec![7_u8; 3_000_000]);
    store.put("large", large.clone(), &Metadata::new()).await.unwrap();
    assert_eq!(store.get("large").await.unwrap().unwrap().bytes, large);
    // Names that servers give to variables.
    for key in ["sea temp/c/0/0", "a+b/0.0", "per%20cent/0", "grün/0", "x=1&y=2/0", "(par)'s/0", ".zgroup"] {
        store.put(key, Bytes::from(key.to_owned()), &Metadata::new()).await.unwrap();
        assert_eq!(store.get(key).await.unwrap().unwrap().bytes, key);
        let listed = store.list(key).await.unwrap();
        assert_eq!(listed.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), [key]);
        store.delete(key).await.unwrap();
        assert_eq!(store.get(key).await.unwrap(), None, "{key} was deleted");
    }
}

async fn listing(store: &dyn Store) {
    for key in ["list/b/1", "list/a", "list/b/0", "list-not", "lis"] {
        store.put(key, Bytes::from_static(b"xy"), &Metadata::new()).await.unwrap();
    }
    let keys = |entries: Vec<crate::ports::Entry>| entries.into_iter().map(|e| (e.key, e.length)).collect::<Vec<_>>();
    let expected = ["list/a", "list/b/0", "list/b/1"].map(|key| (key.to_owned(), 2));
    assert_eq!(keys(store.list("list/").await.unwrap()), expected, "sorted, recursive, and only what has the prefix");
    assert_eq!(keys(store.list("list/b/").await.unwrap()), expected.get(1..).unwrap_or_default());
    assert_eq!(store.list("nothing/").await.unwrap(), []);
    // More than one page of any S3.
    for number in 0..1_030 {
        store.put_small(&format!("many/{number:04}")).await;
    }
    let many = store.list("many/").await.unwrap();
    assert_eq!(many.len(), 1_030, "every page is read");
    assert!(many.is_sorted_by(|one, two| one.key < two.key));
}

async fn conditions(store: &dyn Store) {
    assert!(store.put_new("new", Bytes::from_static(b"1")).await.unwrap());
    assert!(!store.put_new("new", Bytes::from_static(b"2")).await.unwrap(), "the first writer wins");
    let object = store.get("new").await.unwrap().unwrap();
    assert_eq!(object.bytes, "1");
    let Some(etag) = object.etag else { panic!("a store with conditional writes has ETags") };
    assert!(store.put_if_match("new", Bytes::from_static(b"3"), &etag).await.unwrap());
    assert!(!store.put_if_match("new", Bytes::from_static(b"4"), &etag).await.unwrap(), "the ETag is an old one");
    assert_eq!(store.get("new").await.unwrap().unwrap().bytes, "3");

    let writers = (0..8).map(|n| store.put_new("race", Bytes::from(n.to_string())));
    let won = futures::future::join_all(writers).await.into_iter().filter(|won| *won.as_ref().unwrap()).count();
    assert_eq!(won, 1, "of writers at once exactly one wins");
}

impl dyn Store + '_ {
    async fn put_small(&self, key: &str) {
        self.put(key, Bytes::from_static(b"n"), &Metadata::new()).await.unwrap();
    }
}
