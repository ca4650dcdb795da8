//! The port's promises, against an endpoint that keeps objects.

use aws::{Keys, S3Options, S3Store};
use bytes::Bytes;
use run::Target;
use steps::{
    conformance::{self, Kind},
    ports::{Metadata, Store, StoreError},
};
use tempfile::TempDir;

use crate::endpoint::Endpoint;

async fn start() -> (TempDir, Endpoint, S3Options) {
    let root = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(root.path(), 0, &["bucket".to_owned()]).await.unwrap();
    let options = S3Options { endpoint_url: Some(endpoint.url()), ..S3Options::default() };
    (root, endpoint, options)
}

fn keys() -> Keys {
    Keys::new("test", "testtest")
}

#[tokio::test]
async fn a_prefix_keeps_the_ports_promises() {
    let (_root, _endpoint, options) = start().await;
    let store = S3Store::open_with_keys("bucket", "sub/sst.zarr", &options, &keys()).await.unwrap();
    conformance::store(&store, Kind { keeps_metadata: true, conditional_writes: true }).await;
}

#[tokio::test]
async fn a_prefix_sees_nothing_beside_it() {
    let (_root, _endpoint, options) = start().await;
    let store = |prefix: &'static str| {
        let options = options.clone();
        async move { S3Store::open_with_keys("bucket", prefix, &options, &keys()).await.unwrap() }
    };
    store("a2").await.put("beside", Bytes::from_static(b"x"), &Metadata::new()).await.unwrap();
    let within = store("/a/").await;
    assert_eq!(within.list("").await.unwrap(), []);
    within.put("k", Bytes::from_static(b"x"), &Metadata::new()).await.unwrap();
    let bucket = store("").await;
    assert!(bucket.get("a/k").await.unwrap().is_some(), "slashes around the prefix are no part of it");
    let all = bucket.list("").await.unwrap();
    assert_eq!(all.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["a/k", "a2/beside"]);
}

#[tokio::test]
async fn etags_agree_where_there_are_any() {
    let (_root, _endpoint, options) = start().await;
    let store = S3Store::open_with_keys("bucket", "p", &options, &keys()).await.unwrap();
    let put = store.put("k", Bytes::from_static(b"abc"), &Metadata::new()).await.unwrap();
    assert_eq!(put.as_deref(), Some("\"900150983cd24fb0d6963f7d28e17f72\""));
    assert_eq!(store.head("k").await.unwrap().unwrap().etag, put);
    assert_eq!(store.get("k").await.unwrap().unwrap().etag, put);
    assert_eq!(store.list("k").await.unwrap()[0].etag, None, "s3s-fs lists none");
}

#[tokio::test]
async fn the_probes_say_what_holds() {
    let (_root, endpoint, options) = start().await;
    let store = S3Store::open_with_keys("bucket", "state", &options, &keys()).await.unwrap();
    store.check().await.unwrap();
    assert!(store.honours_conditional_writes("scratch").await.unwrap());
    assert_eq!(store.list("").await.unwrap(), [], "the probe leaves nothing behind");

    let elsewhere = S3Store::open_with_keys("no-such-bucket", "p", &options, &keys()).await.unwrap();
    let missing = elsewhere.check().await.unwrap_err();
    assert!(matches!(missing, StoreError::Missing { .. }), "{missing:?}");
    assert!(missing.to_string().contains("create bucket `no-such-bucket`"), "{missing}");

    for wrong in [Keys::new("nobody", "testtest"), Keys::new("test", "hunter2secret")] {
        let store = S3Store::open_with_keys("bucket", "p", &options, &wrong).await.unwrap();
        let denied = store.check().await.unwrap_err();
        assert!(matches!(denied, StoreError::Denied { .. }), "{denied:?}");
        assert!(!format!("{denied:?} {store:?} {wrong:?}").contains("hunter2"), "{denied:?}");
    }

    drop(endpoint);
    let gone = store.check().await.unwrap_err();
    assert!(gone.is_transient(), "{gone:?}");
}

#[tokio::test]
async fn a_target_names_its_endpoint() {
    let (_root, endpoint, options) = start().await;
    let folder = Target::Folder { path: "/x".to_owned() };
    assert!(matches!(S3Store::open_target(&folder, &options).await, Err(StoreError::Refused { .. })));
    let target = Target::s3("s3://bucket/a", Some("http://u:p@127.0.0.1:1".to_owned()), None).unwrap();
    let refused = S3Store::open_target(&target, &options).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Refused { message } if !message.contains("u:p")), "{refused:?}");
    drop(endpoint);
}

#[tokio::test]
async fn keys_that_would_leave_the_prefix_are_refused() {
    let (_root, _endpoint, options) = start().await;
    let store = S3Store::open_with_keys("bucket", "p", &options, &keys()).await.unwrap();
    for key in ["", "/a", "../a", "a/../../b", "a/."] {
        let refused = store.put(key, Bytes::new(), &Metadata::new()).await.unwrap_err();
        assert!(matches!(refused, StoreError::Refused { .. }), "{key}: {refused:?}");
    }
}
