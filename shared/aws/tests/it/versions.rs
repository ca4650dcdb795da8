//! What names an object's version and time, and what is said where a permission is missing (F70).

use bytes::Bytes;
use steps::ports::{Metadata, Store, StoreError};

use crate::scripted::{Scripted, answer, error};

const WRITTEN: &str = "last-modified: Sun, 22 Nov 2026 10:00:07 GMT";

#[tokio::test]
async fn a_versioned_bucket_names_versions() {
    // "null" is what S3 calls the version of an object from before versioning was switched on, and of every object where
    // it was suspended: the next one has the same name, so it names nothing.
    for (header, expected) in [("\nx-amz-version-id: v.1", Some("v.1")), ("\nx-amz-version-id: null", None), ("", None)]
    {
        let head = format!("200 OK\netag: \"e\"\n{WRITTEN}{header}");
        let server = Scripted::start(&[answer(&head, "four")]).await;
        let object = server.store().await.get("k").await.unwrap().unwrap();
        assert_eq!(object.version.as_deref(), expected, "{header}");
        assert_eq!(object.modified.unwrap().to_string(), "2026-11-22T10:00:07Z");

        let server =
            Scripted::start(&[format!("HTTP/1.1 {}\r\ncontent-length: 4\r\n\r\n", head.replace('\n', "\r\n"))]).await;
        let head = server.store().await.head("k").await.unwrap().unwrap();
        assert_eq!((head.version.as_deref(), head.length), (expected, 4));
        assert_eq!(head.etag.as_deref(), Some("\"e\""));
    }
}

#[tokio::test]
async fn a_listing_says_when_objects_were_written() {
    let page = "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>false</IsTruncated>\
                <Contents><Key>p/a</Key><Size>1</Size><LastModified>2026-11-22T10:00:07.000Z</LastModified></Contents>\
                <Contents><Key>p/b</Key><Size>1</Size></Contents></ListBucketResult>";
    let server = Scripted::start(&[answer("200 OK", page)]).await;
    let modified: Vec<_> =
        server.store().await.list("").await.unwrap().into_iter().map(|entry| entry.modified).collect();
    assert_eq!(modified, [Some("2026-11-22T10:00:07Z".parse().unwrap()), None]);
}

#[tokio::test]
async fn an_object_without_a_time_or_version_is_read_all_the_same() {
    let server = Scripted::start(&[answer("200 OK", "x")]).await;
    let object = server.store().await.get("k").await.unwrap().unwrap();
    assert_eq!((object.version, object.modified), (None, None));
}

#[tokio::test]
async fn a_denial_says_which_permission_is_missing() {
    let denied = [error("403 Forbidden", "AccessDenied", "Access Denied")];
    let says = |error: StoreError, said: &str| {
        assert!(matches!(&error, StoreError::Denied { message } if message.contains(said)), "{said}: {error:?}");
    };
    let store = Scripted::start(&denied).await.store().await;
    says(store.put("k", Bytes::new(), &Metadata::new()).await.unwrap_err(), "put of s3://bucket/p/k");
    says(store.put_new("k", Bytes::new()).await.unwrap_err(), "the keys need s3:PutObject on this prefix");
    says(store.put_if_match("k", Bytes::new(), "e").await.unwrap_err(), "the keys need s3:PutObject on this prefix");
    says(store.list("").await.unwrap_err(), "the keys need s3:ListBucket on the bucket for this prefix");
    says(store.check().await.unwrap_err(), "the keys need s3:ListBucket");
    says(store.get("k").await.unwrap_err(), "the keys need s3:GetObject on this prefix, and s3:ListBucket");
    says(store.delete("k").await.unwrap_err(), "the keys need s3:DeleteObject");
    let store =
        Scripted::start(&["HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n".to_owned()]).await.store().await;
    says(store.head("k").await.unwrap_err(), "s3:ListBucket, without which a missing object is answered with 403");
}
