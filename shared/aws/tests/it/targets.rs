//! What a deployed stack may write to, and with whose keys (F64, F69).

use std::{sync::Arc, time::Duration};

use aws::{StackTarget, StackTargets};
use bytes::Bytes;
use run::Target;
use steps::ports::{Metadata, Store, StoreError, Targets};

use crate::{
    scripted::{Scripted, answer, error, json},
    secrets::secret,
};

const ENDPOINT: &str = "https://S3.example.org:443/";

fn allowed() -> StackTarget {
    StackTarget { bucket: "target".to_owned(), prefix: "/data/".to_owned(), ..StackTarget::default() }
}

fn third_party(url: &str) -> StackTarget {
    StackTarget { endpoint_url: Some(url.to_owned()), secret: Some("keys".to_owned()), ..allowed() }
}

async fn targets(allowed: StackTarget) -> Result<StackTargets, StoreError> {
    StackTargets::new(allowed, "state", Scripted::start(&[json("{}")]).await.aws().await)
}

fn target(url: &str, endpoint: Option<&str>, region: Option<&str>) -> Target {
    Target::s3(url, endpoint.map(str::to_owned), region.map(str::to_owned)).unwrap()
}

#[tokio::test]
async fn only_the_operators_place_is_written_to() {
    let own = targets(allowed()).await.unwrap();
    let other = targets(third_party(ENDPOINT)).await.unwrap();
    let canonical = |name: &str| Ok(target(name, None, None));
    for (targets, asked, expected) in [
        (&own, target("s3://target/data/a.zarr", None, None), canonical("s3://target/data/a.zarr")),
        (&own, target("s3://target/data", None, None), canonical("s3://target/data")),
        (&own, target("s3://target/data/a", None, Some("eu-west-1")), canonical("s3://target/data/a")),
        (&own, target("s3://target/data/a", None, Some("us-east-1")), Err("TargetRegion")),
        (&own, target("s3://target/database", None, None), Err("TargetPrefix")),
        (&own, target("s3://target", None, None), Err("TargetPrefix")),
        (&own, target("s3://state/data/a", None, None), Err("TargetBucket")),
        (&own, target("s3://target/data/a", Some(ENDPOINT), None), Err("TargetEndpoint")),
        (&own, target("s3://target/data/a", Some("http://169.254.169.254"), None), Err("TargetEndpoint")),
        (&own, target("s3://target/data/a", Some("http://u:hunter2@x"), None), Err("TargetEndpoint")),
        (&own, target("s3://target/data/a", Some("not a url"), None), Err("TargetEndpoint")),
        (&own, Target::Folder { path: "/tmp/x".to_owned() }, Err("a stack has none")),
        (&other, target("s3://target/data/a", None, None), canonical("s3://target/data/a")),
        (&other, target("s3://target/data/a", Some("https://s3.example.org"), None), canonical("s3://target/data/a")),
        (&other, target("s3://target/data/a", Some("http://s3.example.org"), None), Err("TargetEndpoint")),
        (&other, target("s3://target/data/a", Some("https://s3.example.org/x"), None), Err("TargetEndpoint")),
        (
            &other,
            target("s3://target/data/a", Some("https://s3.example.org@evil.example"), None),
            Err("TargetEndpoint"),
        ),
        (
            &other,
            target("s3://target/data/a", Some("https://s3.example.org.evil.example"), None),
            Err("TargetEndpoint"),
        ),
    ] {
        match (targets.canonical(&asked), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(error), Err(said)) => {
                let StoreError::Denied { message } = &error else { panic!("{error:?}") };
                assert!(message.starts_with("this stack writes to s3://target/data only: "), "{message}");
                assert!(message.contains(said) && !message.contains("hunter2"), "{asked:?}: {message}");
                assert_eq!(targets.open(&asked).await.unwrap_err(), error, "what was planned elsewhere is not opened");
            }
            (found, expected) => panic!("{asked:?}: {found:?}, expected {expected:?}"),
        }
    }
}

#[tokio::test]
async fn a_stack_that_stands_in_for_aws_knows_its_own_endpoint() {
    let server = Scripted::start(&[answer("200 OK\netag: \"e\"", "")]).await;
    let targets = StackTargets::new(allowed(), "state", server.aws().await).unwrap();
    let asked = target("s3://target/data/a", Some(&server.url()), None);
    assert_eq!(targets.canonical(&asked).unwrap(), target("s3://target/data/a", None, None));
    let store = targets.open(&asked).await.unwrap();
    store.put("c/0", Bytes::new(), &Metadata::new()).await.unwrap();
    let asked = server.asked();
    assert_eq!(asked.len(), 1, "nothing is sent before the first request");
    assert!(asked[0].line.starts_with("PUT /target/data/a/c/0"), "{}", asked[0].line);
}

#[tokio::test]
async fn a_stack_that_is_set_up_wrong_says_so() {
    let bucket = |bucket: &str| StackTarget { bucket: bucket.to_owned(), ..allowed() };
    let endpoint = |url: &str| StackTarget { secret: Some("keys".to_owned()), ..third_party(url) };
    for (wrong, said) in [
        (StackTarget { secret: Some(" ".to_owned()), ..third_party(ENDPOINT) }, "parameter TargetSecretArn"),
        (endpoint("http://u:hunter2@s3.example.org"), "holds a user name or password"),
        (endpoint("s3.example.org"), "is not a URL"),
        (endpoint("ftp://s3.example.org"), "is not one for S3"),
        (endpoint("https://s3.example.org/?x=y"), "has a query"),
        (bucket("state"), "is the stack's own bucket"),
        (bucket("B"), "parameters TargetBucket and TargetPrefix"),
        (bucket("bucket/x"), "is no bucket's name (parameter TargetBucket)"),
        (StackTarget { prefix: "a/../b".to_owned(), ..allowed() }, "parameters TargetBucket and TargetPrefix"),
    ] {
        let error = targets(wrong.clone()).await.unwrap_err();
        let text = format!("{error:?}");
        assert!(!error.is_transient() && text.contains(said) && !text.contains("hunter2"), "{wrong:?}: {text}");
    }
    let empty = || Some(String::new());
    let unset = StackTarget { endpoint_url: empty(), region: empty(), secret: empty(), ..allowed() };
    targets(unset).await.unwrap();
}

fn keys(id: &str) -> String {
    secret(&format!(r#"{{"access_key_id":"{id}","secret_access_key":"hunter2{id}"}}"#))
}

fn signed(server: &Scripted) -> Vec<String> {
    let of = |header: &str| header.split(['=', '/']).nth(1).unwrap_or_default().to_owned();
    server.asked().iter().map(|asked| of(asked.header("authorization").unwrap_or_default())).collect()
}

async fn open(secrets: &Scripted, target_url: &str, renewal: Duration) -> (StackTargets, Arc<dyn Store>) {
    let targets = StackTargets::new(third_party(target_url), "state", secrets.aws().await).unwrap();
    let targets = targets.renewing_every(renewal);
    assert_eq!(secrets.asked().len(), 0, "fetched when it is needed");
    let store = targets.open(&target("s3://target/data/a", None, None)).await.unwrap();
    (targets, store)
}

#[tokio::test]
async fn a_third_partys_keys_are_fetched_once() {
    let secrets = Scripted::start(&[keys("ONE")]).await;
    let server = Scripted::start(&[answer("200 OK\netag: \"e\"", "")]).await;
    let (targets, store) = open(&secrets, &server.url(), Duration::ZERO).await;
    for number in 0..3 {
        store.put(&format!("c/{number}"), Bytes::new(), &Metadata::new()).await.unwrap();
    }
    targets.open(&target("s3://target/data/b", None, None)).await.unwrap().get("k").await.unwrap();
    assert_eq!(signed(&server), ["ONE"; 4], "and never the role's");
    assert_eq!(signed(&secrets), ["AKIDROLE"]);
    let debug = format!("{targets:?} {store:?}");
    assert!(!debug.contains("hunter2") && !debug.contains("ONE"), "{debug}");
}

#[tokio::test]
async fn keys_that_were_changed_are_fetched_again() {
    let denied = || error("403 Forbidden", "InvalidAccessKeyId", "x");
    let secrets = Scripted::start(&[keys("ONE"), keys("TWO")]).await;
    let server = Scripted::start(&[denied(), answer("200 OK\netag: \"e\"", "")]).await;
    let (_targets, store) = open(&secrets, &server.url(), Duration::ZERO).await;
    store.put("c/0", Bytes::from_static(b"x"), &Metadata::new()).await.unwrap();
    store.put("c/1", Bytes::from_static(b"x"), &Metadata::new()).await.unwrap();
    assert_eq!(signed(&server), ["ONE", "TWO", "TWO"]);
    assert_eq!(server.asked()[1].body, b"x");
    assert_eq!(secrets.asked().len(), 2);
}

#[tokio::test]
async fn a_denial_that_stays_is_passed_on() {
    let denied = error("403 Forbidden", "AccessDenied", "x");
    for (renewal, fetched) in [(Duration::ZERO, 2), (Duration::from_mins(5), 1)] {
        let secrets = Scripted::start(&[keys("ONE")]).await;
        let server = Scripted::start(std::slice::from_ref(&denied)).await;
        let (_targets, store) = open(&secrets, &server.url(), renewal).await;
        let error = store.list("").await.unwrap_err();
        assert!(matches!(&error, StoreError::Denied { message } if message.contains("s3:ListBucket")), "{error:?}");
        assert_eq!(server.asked().len(), 1, "the same keys are not tried twice");
        assert_eq!(secrets.asked().len(), fetched);
    }
}

#[tokio::test]
async fn a_secret_that_is_missing_denies_the_target() {
    let missing = crate::scripted::json_error("400 Bad Request", "ResourceNotFoundException", "x");
    let secrets = Scripted::start(&[missing]).await;
    let targets = StackTargets::new(third_party("http://127.0.0.1:1"), "state", secrets.aws().await).unwrap();
    let error = targets.open(&target("s3://target/data/a", None, None)).await.unwrap_err();
    assert!(matches!(&error, StoreError::Denied { message } if message.contains("TargetSecretArn")), "{error:?}");
}

#[tokio::test]
async fn a_bucket_on_aws_may_have_keys_of_its_own() {
    let answers = [keys("ONE"), answer("200 OK\netag: \"e\"", "")];
    let server = Scripted::start(&answers).await;
    let allowed = StackTarget { secret: Some("keys".to_owned()), region: Some("us-west-2".to_owned()), ..allowed() };
    let targets = StackTargets::new(allowed, "state", server.aws().await).unwrap();
    let store = targets.open(&target("s3://target/data/a", None, None)).await.unwrap();
    store.put("c/0", Bytes::new(), &Metadata::new()).await.unwrap();
    assert_eq!(signed(&server), ["AKIDROLE", "ONE"]);
    assert!(server.asked()[1].header("authorization").unwrap().contains("/us-west-2/s3/"));
}
