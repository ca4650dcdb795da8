//! What is sent to a custom endpoint, and what is made of its refusals (F55–F73).

use std::time::Duration;

use aws::{Keys, S3Options, S3Store};
use bytes::Bytes;
use steps::ports::{Metadata, Store, StoreError};

use crate::scripted::{Scripted, answer, error};

const EMPTY: fn() -> Metadata = Metadata::new;

#[tokio::test]
async fn a_put_is_plain_http_with_our_own_digest() {
    let server = Scripted::start(&[answer("200 OK\netag: \"e\"", "")]).await;
    let store = server.store().await;
    let metadata = Metadata::from([("plan".to_owned(), "12ab".to_owned())]);
    assert_eq!(store.put("c/0/1", Bytes::from_static(b"abc"), &metadata).await.unwrap().as_deref(), Some("\"e\""));
    let large = Bytes::from(vec![7; 3_000_000]);
    store.put("c/0/2", large.clone(), &EMPTY()).await.unwrap();

    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    for (request, length) in asked.iter().zip(["3", "3000000"]) {
        assert!(request.line.starts_with("PUT /bucket/p/c/0/"), "path style: {}", request.line);
        assert_eq!(request.header("content-length"), Some(length));
        assert!(request.header("content-md5").is_some());
        for absent in ["x-amz-trailer", "x-amz-sdk-checksum-algorithm", "transfer-encoding", "content-encoding"] {
            assert_eq!(request.header(absent), None, "{absent}");
        }
        let head = format!("{:?}", request.headers);
        assert!(
            !head.contains("aws-chunked") && !head.contains("STREAMING") && !head.contains("x-amz-checksum"),
            "{head}"
        );
    }
    assert_eq!(asked[0].header("content-md5"), Some("kAFQmDzST7DWlj99KOF/cg=="));
    assert_eq!(asked[0].header("x-amz-meta-plan"), Some("12ab"));
    assert_eq!(asked[0].body, b"abc");
    assert_eq!(asked[1].body, large);
}

#[tokio::test]
async fn the_host_can_name_the_bucket() {
    let server = Scripted::start(&[answer("200 OK", "")]).await;
    // Not an address but a name, which alone can have the bucket before it; every such name is this machine.
    let endpoint_url = Some(server.url().replace("127.0.0.1", "localhost"));
    let options = S3Options { endpoint_url, virtual_host_style: true, ..S3Options::default() };
    let store = S3Store::open_with_keys("bucket", "p", &options, &Keys::new("a", "b")).await.unwrap();
    let put = store.put("k", Bytes::new(), &EMPTY()).await;
    match server.asked().first() {
        Some(request) => assert!(request.line.starts_with("PUT /p/k"), "{}", request.line),
        // Where names below localhost are not resolved, the request went nowhere, and not to the path.
        None => assert!(put.unwrap_err().is_transient()),
    }
}

#[tokio::test]
async fn refusals_are_told_apart() {
    type Is = fn(&StoreError) -> bool;
    let transient: Is = StoreError::is_transient;
    let missing: Is = |error| matches!(error, StoreError::Missing { .. });
    let denied: Is = |error| matches!(error, StoreError::Denied { .. });
    let full: Is = |error| matches!(error, StoreError::Full { .. });
    let refused: Is = |error| matches!(error, StoreError::Refused { .. });
    let cases: &[(String, Is, &str)] = &[
        (error("500 Oops", "InternalError", "We tried."), transient, "500 InternalError: We tried"),
        (answer("502 Bad Gateway", "<html>no</html>"), transient, "502"),
        (String::new(), transient, "no connection"),
        (error("409 Conflict", "ConditionalRequestConflict", "x"), transient, "409"),
        (error("400 Bad Request", "BadDigest", "x"), transient, "BadDigest"),
        (error("403 Forbidden", "RequestTimeTooSkewed", "x"), transient, "clock"),
        (error("404 Not Found", "NoSuchBucket", "x"), missing, "create bucket `bucket`"),
        (error("403 Forbidden", "AccessDenied", "x"), denied, "s3:PutObject"),
        (error("403 Forbidden", "InvalidAccessKeyId", "x"), denied, "keys are those of this endpoint"),
        (error("403 Forbidden", "QuotaExceeded", "x"), full, "raise the quota"),
        (error("507 Full", "XMinioStorageFull", "x"), full, "free some room"),
        (error("501 Not Implemented", "NotImplemented", "x"), refused, "does not implement"),
        (
            error("301 Moved\nx-amz-bucket-region: eu-west-1", "PermanentRedirect", "x"),
            refused,
            "is in region eu-west-1, the request was for us-east-1",
        ),
        (error("307 Moved", "TemporaryRedirect", "x"), refused, "name the bucket's region"),
    ];
    for (answer, is, said) in cases {
        let server = Scripted::start(std::slice::from_ref(answer)).await;
        let store = server.store().await;
        let error = store.put("c/0", Bytes::from_static(b"x"), &EMPTY()).await.unwrap_err();
        let text = error.to_string();
        assert!(is(&error), "{answer}\n{error:?}");
        assert!(text.contains(said) && text.contains("s3://bucket/p/c/0 at 127.0.0.1:"), "{answer}\n{text}");
        assert!(!text.contains("hunter2") && !text.contains("AKIDEXAMPLE"), "{text}");
        assert_eq!(server.asked().len(), 1, "one attempt: more are the verbs' affair");
    }
}

#[tokio::test]
async fn an_endpoint_says_how_long_to_wait() {
    let server = Scripted::start(&[error("503 Slow\nretry-after: 7", "SlowDown", "x")]).await;
    let error = server.store().await.list("").await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn conditions_that_do_not_hold_are_no_errors() {
    let failed = error("412 Precondition Failed", "PreconditionFailed", "x");
    let server = Scripted::start(&[failed.clone(), failed, error("404 Not Found", "NoSuchKey", "x")]).await;
    let store = server.store().await;
    assert!(!store.put_new("k", Bytes::new()).await.unwrap());
    assert!(!store.put_if_match("k", Bytes::new(), "\"e\"").await.unwrap());
    assert!(!store.put_if_match("k", Bytes::new(), "\"e\"").await.unwrap());
    let asked = server.asked();
    assert_eq!(asked[0].header("if-none-match"), Some("*"));
    assert_eq!(asked[1].header("if-match"), Some("\"e\""));

    let server = Scripted::start(&[error("404 Not Found", "NoSuchBucket", "x")]).await;
    let store = server.store().await;
    assert!(matches!(store.put_if_match("k", Bytes::new(), "e").await, Err(StoreError::Missing { .. })));
    assert!(matches!(store.get("k").await, Err(StoreError::Missing { .. })));
    assert!(matches!(store.delete("k").await, Err(StoreError::Missing { .. })));
    assert_eq!(store.head("k").await.unwrap(), None, "a HEAD cannot tell");
}

#[tokio::test]
async fn a_truncated_body_is_never_returned() {
    let server = Scripted::start(&["HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfive5".to_owned()]).await;
    let error = server.store().await.get("k").await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert!(error.to_string().contains("broke off after 5 of 10 bytes"), "{error}");
}

#[tokio::test]
async fn a_head_without_permission_says_which() {
    let server = Scripted::start(&["HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n".to_owned()]).await;
    let error = server.store().await.head("k").await.unwrap_err();
    assert!(matches!(&error, StoreError::Denied { message } if message.contains("s3:ListBucket")), "{error:?}");
}

#[tokio::test]
async fn a_listing_that_repeats_itself_ends() {
    let page = "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>true</IsTruncated>\
                <Contents><Key>p/a</Key><Size>1</Size></Contents>\
                <NextContinuationToken>again</NextContinuationToken></ListBucketResult>";
    let server = Scripted::start(&[answer("200 OK", page)]).await;
    let error = server.store().await.list("").await.unwrap_err();
    assert!(error.to_string().contains("repeats a page"), "{error}");
    assert!(server.asked().len() < 5);
}

#[tokio::test]
async fn a_page_for_people_is_no_listing() {
    let server =
        Scripted::start(&[answer("200 OK\ncontent-type: text/html", "<html><body>Log in</body></html>")]).await;
    let error = server.store().await.check().await.unwrap_err();
    assert!(error.to_string().contains("check the endpoint's address"), "{error}");
}

#[tokio::test]
async fn an_endpoint_that_ignores_conditions_is_found_out() {
    let ignored = Scripted::start(&[answer("200 OK\netag: \"e\"", "")]).await;
    assert!(!ignored.store().await.honours_conditional_writes("s").await.unwrap());
    let asked = ignored.asked();
    assert!(asked.last().unwrap().line.starts_with("DELETE /bucket/p/s/probe-"), "{asked:?}");

    let inverted = [error("412 Precondition Failed", "PreconditionFailed", "x"), answer("204 No Content", "")];
    assert!(!Scripted::start(&inverted).await.store().await.honours_conditional_writes("s").await.unwrap());

    let refused = [error("501 Not Implemented", "NotImplemented", "x"), answer("204 No Content", "")];
    assert!(!Scripted::start(&refused).await.store().await.honours_conditional_writes("s").await.unwrap());

    let denied = [error("403 Forbidden", "AccessDenied", "x"), answer("204 No Content", "")];
    let denied = Scripted::start(&denied).await.store().await.honours_conditional_writes("s").await;
    assert!(matches!(denied, Err(StoreError::Denied { .. })), "{denied:?}");
}
