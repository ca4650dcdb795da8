//! The ports' promises against a real SQS, S3 and Secrets Manager: those of the LocalStack at `DAP2ZARR_TEST_ENDPOINT`
//! (`infra/localstack/run start` prints its address). Without it these tests say that they did not run.

use std::{
    io::Write as _,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws::{Aws, Keys, S3Options, SqsQueue, StackTarget, StackTargets};
use bytes::Bytes;
use run::Target;
use steps::{
    conformance::{self, Kind},
    ports::{Depth, Metadata, Queue, Settlement, Store, StoreError, Targets},
};

const ENDPOINT: &str = "DAP2ZARR_TEST_ENDPOINT";

async fn localstack(test: &str) -> Option<Aws> {
    let Ok(url) = std::env::var(ENDPOINT) else {
        let _ = writeln!(std::io::stderr(), "SKIPPED: {test} needs a LocalStack at {ENDPOINT}, which is not set");
        return None;
    };
    let options = S3Options { endpoint_url: Some(url), region: Some("us-east-1".to_owned()), ..S3Options::default() };
    Some(Aws::with_keys(&options, &Keys::new("test", "hunter2test")).await.unwrap())
}

/// A name that no other test and no other run has.
fn unique(what: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    format!("{what}-{}-{}", std::process::id(), now.as_nanos())
}

fn buckets(aws: &Aws) -> aws_sdk_s3::Client {
    aws_sdk_s3::Client::from_conf(aws_sdk_s3::config::Builder::from(aws.sdk_config()).force_path_style(true).build())
}

async fn bucket(aws: &Aws) -> String {
    let name = unique("bucket");
    buckets(aws).create_bucket().bucket(&name).send().await.unwrap();
    name
}

/// Buckets and queues are LocalStack's to forget; what is large is not.
async fn remove_bucket(aws: &Aws, name: &str) {
    let store = aws.store(name, "");
    for entry in store.list("").await.unwrap() {
        store.delete(&entry.key).await.unwrap();
    }
    buckets(aws).delete_bucket().bucket(name).send().await.unwrap();
}

async fn with_queue(aws: &Aws) -> (aws_sdk_sqs::Client, SqsQueue, String) {
    let client = aws_sdk_sqs::Client::new(aws.sdk_config());
    let created = client.create_queue().queue_name(unique("queue")).send().await.unwrap();
    let url = created.queue_url.unwrap();
    (client, aws.queue(&url).unwrap(), url)
}

#[tokio::test]
async fn a_queue_keeps_the_ports_promises() {
    let Some(aws) = localstack("the queue's conformance").await else { return };
    let (client, queue, url) = with_queue(&aws).await;
    conformance::queue(&queue).await;
    client.delete_queue().queue_url(&url).send().await.unwrap();
    let gone = queue.send(&["x".to_owned()]).await.unwrap_err();
    assert!(!gone.transient && gone.message.contains("deploy the stack again"), "{gone:?}");
}

#[tokio::test]
async fn a_queue_counts_and_hides() {
    let Some(aws) = localstack("the queue's depth").await else { return };
    let (client, queue, url) = with_queue(&aws).await;
    let bodies: Vec<String> = (0..200).map(|number| format!("{number} {}", "x".repeat(5_000))).collect();
    queue.send(&bodies).await.unwrap();
    assert_eq!(queue.depth().await.unwrap(), Depth { waiting: 200, in_flight: 0 });
    let received = queue.receive(10, Duration::from_secs(1)).await.unwrap();
    let in_flight = received.len() as u64;
    assert_eq!(queue.depth().await.unwrap(), Depth { waiting: 200 - in_flight, in_flight });

    let one = &received[0];
    queue.hide(&one.handle, Duration::from_hours(24)).await.unwrap();
    queue.settle(one, Settlement::Retry(Duration::ZERO)).await.unwrap();
    assert_eq!(queue.depth().await.unwrap().in_flight, in_flight - 1);
    queue.settle(&received[1], Settlement::Done).await.unwrap();
    queue.settle(&received[1], Settlement::Done).await.unwrap();
    queue.settle(&received[1], Settlement::Retry(Duration::from_secs(5))).await.unwrap();
    queue.hide("no handle at all", Duration::from_secs(5)).await.unwrap();
    client.delete_queue().queue_url(&url).send().await.unwrap();
}

#[tokio::test]
async fn a_bucket_keeps_the_ports_promises() {
    let Some(aws) = localstack("the store's conformance").await else { return };
    let bucket = bucket(&aws).await;
    let store = aws.store(&bucket, "sub/sst.zarr");
    conformance::store(&store, Kind { keeps_metadata: true, conditional_writes: true }).await;
    store.check().await.unwrap();
    assert!(store.honours_conditional_writes("scratch").await.unwrap());
    let missing = aws.store("no-such-bucket-at-all", "").check().await.unwrap_err();
    assert!(matches!(missing, StoreError::Missing { .. }), "{missing:?}");
    remove_bucket(&aws, &bucket).await;
}

#[tokio::test]
async fn a_versioned_bucket_names_versions() {
    use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
    let Some(aws) = localstack("versions of objects").await else { return };
    let bucket = bucket(&aws).await;
    let store = aws.store(&bucket, "requests");
    store.put("a.json", Bytes::from_static(b"1"), &Metadata::new()).await.unwrap();
    assert_eq!(store.get("a.json").await.unwrap().unwrap().version, None);
    let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    buckets(&aws).put_bucket_versioning().bucket(&bucket).versioning_configuration(enabled).send().await.unwrap();
    assert_eq!(store.head("a.json").await.unwrap().unwrap().version, None, "it is called null");
    let mut versions = Vec::new();
    for body in ["2", "3"] {
        store.put("a.json", Bytes::from_static(body.as_bytes()), &Metadata::new()).await.unwrap();
        let object = store.get("a.json").await.unwrap().unwrap();
        let head = store.head("a.json").await.unwrap().unwrap();
        assert!(object.version.is_some() && object.version == head.version, "{head:?}");
        let listed = store.list("").await.unwrap();
        assert_eq!(listed[0].etag, object.etag, "the sweep compares listings with what was accepted");
        let second = |time: Option<jiff::Timestamp>| time.unwrap().as_second();
        assert_eq!(second(listed[0].modified), second(object.modified));
        versions.push(object.version);
    }
    assert_ne!(versions[0], versions[1]);
}

#[tokio::test]
async fn a_target_is_opened_with_the_keys_of_a_secret() {
    let Some(aws) = localstack("a target's secret").await else { return };
    let bucket = bucket(&aws).await;
    let name = unique("secret");
    let client = aws_sdk_secretsmanager::Client::new(aws.sdk_config());
    let text = r#"{"access_key_id":"target","secret_access_key":"hunter2target"}"#;
    let created = client.create_secret().name(&name).secret_string(text).send().await.unwrap();
    let arn = created.arn.unwrap();
    let allowed = |secret: &str| StackTarget {
        bucket: bucket.clone(),
        endpoint_url: aws.endpoint_url().map(str::to_owned),
        secret: Some(secret.to_owned()),
        ..StackTarget::default()
    };
    let target = Target::s3(&format!("s3://{bucket}/a.zarr"), None, None).unwrap();
    let targets = StackTargets::new(allowed(&arn), "state", aws.clone()).unwrap();
    let store = targets.open(&target).await.unwrap();
    conformance::store(store.as_ref(), Kind { keeps_metadata: true, conditional_writes: true }).await;

    client.delete_secret().secret_id(&arn).force_delete_without_recovery(true).send().await.unwrap();
    let targets = StackTargets::new(allowed(&arn), "state", aws.clone()).unwrap();
    let error = targets.open(&target).await.unwrap_err();
    assert!(matches!(&error, StoreError::Denied { message } if message.contains("TargetSecretArn")), "{error:?}");
    remove_bucket(&aws, &bucket).await;
}
