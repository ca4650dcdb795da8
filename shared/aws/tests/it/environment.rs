//! What variables and profile files do to two clients of one process. Each case is a process of its own, since a
//! process's environment is one for all its tests.

use std::process::Command;

use aws::{
    Aws, S3Options, S3Store, StackTarget, StackTargets, endpoint_from_environment, endpoint_from_profile,
    state_endpoint_from_environment,
};
use run::Target;
use steps::ports::{Queue, Store, StoreError, Targets};

use crate::scripted::{Asked, Scripted, answer, json};

const CASE: &str = "DAP2ZARR_TEST_CASE";
const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", "hunter2env")];

/// Runs a case of [`child`] with these variables and files, and none of AWS's own.
fn run(case: &str, variables: &[(&str, &str)], config: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        command.env_remove(name);
    }
    let output = command
        .args(["environment::child", "--exact", "--ignored", "--nocapture"])
        .env(CASE, case)
        .env("HOME", folder.path())
        .env("AWS_CONFIG_FILE", &file)
        .env("AWS_SHARED_CREDENTIALS_FILE", folder.path().join("credentials"))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "{case}: {said}");
    assert!(!said.contains("hunter2"), "{case}: {said}");
}

#[tokio::test]
#[ignore = "is run by the others, each with its own environment"]
async fn child() {
    match std::env::var(CASE).unwrap_or_default().as_str() {
        "" => {}
        "two endpoints" => two_endpoints().await,
        "no keys" => no_keys().await,
        "roles" => roles().await,
        "named profile" => named_profile().await,
        "aws" => aws_itself().await,
        "stack" => stack().await,
        "stack on AWS" => stack_on_aws().await,
        other => panic!("no case {other}"),
    }
}

fn get(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

async fn open(options: &S3Options) -> Result<S3Store, StoreError> {
    S3Store::open("bucket", "p", options).await
}

/// One process for the servers, another for the clients: their addresses are then in the environment from its start.
#[tokio::test]
async fn no_request_crosses_between_target_and_state() {
    let page = answer(
        "200 OK",
        "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>",
    );
    let servers = [
        Scripted::start(std::slice::from_ref(&page)).await,
        Scripted::start(std::slice::from_ref(&page)).await,
        Scripted::start(std::slice::from_ref(&page)).await,
    ];
    let [target, state, profile] = servers.each_ref().map(Scripted::url);
    tokio::task::spawn_blocking(move || {
        let config = format!("[default]\nendpoint_url = {profile}\n[profile other]\nendpoint_url = {profile}\n");
        let endpoints = [("AWS_ENDPOINT_URL_S3", target.as_str()), ("AWS_ENDPOINT_URL", &state)];
        run("two endpoints", &[&KEYS[..], &endpoints].concat(), &config);
    })
    .await
    .unwrap();
    let asked = servers.each_ref().map(|server| {
        server
            .asked()
            .iter()
            .map(|asked| asked.line.split(' ').next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    });
    assert_eq!(asked, [vec!["GET"; 3], vec!["PUT"; 2], vec![]]);
}

async fn two_endpoints() {
    let target = S3Options { endpoint_url: endpoint_from_environment(get), ..S3Options::default() };
    let state = S3Options { endpoint_url: state_endpoint_from_environment(get), ..S3Options::default() };
    let (target, state) = (open(&target).await.unwrap(), open(&state).await.unwrap());
    let body = bytes::Bytes::from_static(b"x");
    for _ in 0..2 {
        target.list("").await.unwrap();
        state.put_new("k", body.clone()).await.unwrap();
    }
    target.check().await.unwrap();
    assert!(endpoint_from_profile("other").await.unwrap().unwrap().starts_with("http://127.0.0.1:"));
}

#[test]
fn a_custom_endpoint_needs_keys_of_its_own() {
    run("no keys", &[], "[default]\nregion = eu-west-1\n");
    run("no keys", &[("AWS_ACCESS_KEY_ID", "AKIDENV")], "");
    // Whatever hands out the keys of a role on AWS.
    let container =
        [("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/"), ("AWS_EC2_METADATA_DISABLED", "false")];
    run("no keys", &container, "");
    let identity = [("AWS_WEB_IDENTITY_TOKEN_FILE", "/dev/null"), ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r")];
    run("no keys", &identity, "");
}

async fn no_keys() {
    let options = S3Options { endpoint_url: Some("http://127.0.0.1:1".to_owned()), ..S3Options::default() };
    let error = open(&options).await.unwrap_err();
    let StoreError::Denied { message } = &error else { panic!("{error:?}") };
    for said in ["127.0.0.1:1", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "config", "credentials", "`default`"] {
        assert!(message.contains(said), "{message}");
    }
    let other = open(&S3Options { profile: Some("other".to_owned()), ..options }).await.unwrap_err();
    assert!(other.to_string().contains("no profile `other`"), "{other}");
}

#[test]
fn a_custom_endpoint_is_not_sent_a_roles_keys() {
    let source = "[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = hunter2file\n";
    for role in [
        "role_arn = arn:aws:iam::1:role/r\nsource_profile = default\n",
        "role_arn = arn:aws:iam::1:role/r\ncredential_source = Ec2InstanceMetadata\n",
        "role_arn = arn:aws:iam::1:role/r\nweb_identity_token_file = /dev/null\n",
        "sso_session = s\nsso_account_id = 1\nsso_role_name = r\n",
    ] {
        run("roles", &KEYS, &format!("{source}[profile role]\n{role}"));
    }
}

async fn roles() {
    let endpoint_url = Some("http://127.0.0.1:1".to_owned());
    let options = S3Options { endpoint_url, profile: Some("role".to_owned()), ..S3Options::default() };
    let error = open(&options).await.unwrap_err();
    assert!(matches!(&error, StoreError::Denied { message } if message.contains("AWS role")), "{error:?}");
}

#[tokio::test]
async fn a_named_profile_goes_before_the_environment() {
    let server = Scripted::start(&[answer("204 No Content", "")]).await;
    let url = server.url();
    tokio::task::spawn_blocking(move || {
        let config =
            "[profile mine]\nregion = elsewhere-1\naws_access_key_id = AKIDFILE\naws_secret_access_key = hunter2file\n";
        run("named profile", &[&KEYS[..], &[("AWS_ENDPOINT_URL_S3", &url), ("AWS_REGION", "here-1")]].concat(), config);
    })
    .await
    .unwrap();
    let signed: Vec<_> =
        server.asked().iter().map(|asked| asked.header("authorization").unwrap_or_default().to_owned()).collect();
    assert!(signed[0].contains("Credential=AKIDFILE/") && signed[0].contains("/elsewhere-1/s3/"), "{signed:?}");
    assert!(signed[1].contains("Credential=AKIDENV/") && signed[1].contains("/here-1/s3/"), "{signed:?}");
}

async fn named_profile() {
    let options = S3Options { endpoint_url: endpoint_from_environment(get), ..S3Options::default() };
    let named = S3Options { profile: Some("mine".to_owned()), ..options.clone() };
    open(&named).await.unwrap().delete("k").await.unwrap();
    open(&options).await.unwrap().delete("k").await.unwrap();
}

#[test]
fn aws_without_keys_says_what_to_do() {
    run("aws", &[("AWS_ENDPOINT_URL", "http://127.0.0.1:1"), ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")], "");
}

async fn aws_itself() {
    let options = S3Options { region: Some("eu-west-1".to_owned()), ..S3Options::default() };
    let store = open(&options).await.unwrap();
    assert!(format!("{store:?}").contains("AWS S3 in eu-west-1"), "{store:?}");
    let error = store.check().await.unwrap_err();
    assert!(matches!(&error, StoreError::Denied { message } if message.contains("aws sso login")), "{error:?}");
}

/// The environment of a function: a role's keys with their session, and perhaps an endpoint that stands in for AWS.
const ROLE: [(&str, &str); 4] = [
    ("AWS_ACCESS_KEY_ID", "ASIAROLE"),
    ("AWS_SECRET_ACCESS_KEY", "hunter2role"),
    ("AWS_SESSION_TOKEN", "hunter2session"),
    ("AWS_REGION", "eu-west-1"),
];

#[tokio::test]
async fn a_functions_role_signs_for_its_own_services_and_no_one_else() {
    let secret =
        json(r#"{"SecretString":"{\"access_key_id\":\"AKIDTARGET\",\"secret_access_key\":\"hunter2target\"}"}"#);
    let object = answer("200 OK\netag: \"e\"", "");
    let own = Scripted::start(&[object.clone(), json(r#"{"Attributes":{}}"#), secret]).await;
    let target = Scripted::start(&[object]).await;
    let (state_url, target_url) = (own.url(), target.url());
    tokio::task::spawn_blocking(move || {
        let endpoints = [("AWS_ENDPOINT_URL", state_url.as_str()), ("TARGET", &target_url)];
        run("stack", &[&ROLE[..], &endpoints].concat(), "");
    })
    .await
    .unwrap();
    let own = own.asked();
    assert_eq!(own.iter().map(Asked::operation).collect::<Vec<_>>(), ["", "GetQueueAttributes", "GetSecretValue"]);
    for (asked, service) in own.iter().zip(["s3", "sqs", "secretsmanager"]) {
        let signed = asked.header("authorization").unwrap();
        assert!(
            signed.contains("Credential=ASIAROLE/") && signed.contains(&format!("/eu-west-1/{service}/")),
            "{signed}"
        );
        assert_eq!(asked.header("x-amz-security-token"), Some("hunter2session"));
    }
    let target = target.asked();
    assert_eq!(target.len(), 1);
    assert!(target[0].header("authorization").unwrap().contains("Credential=AKIDTARGET/"), "{target:?}");
    assert!(!format!("{:?} {}", target[0], String::from_utf8_lossy(&target[0].body)).contains("hunter2session"));
}

async fn stack() {
    let aws = Aws::from_environment().await.unwrap();
    aws.store("state", "").get("runs/r/plan.json").await.unwrap();
    let queue = aws.queue("http://queue.invalid/123456789012/chunks").unwrap();
    assert!(queue.depth().await.is_err(), "no counts were given");
    let allowed = StackTarget {
        bucket: "target".to_owned(),
        endpoint_url: get("TARGET"),
        secret: Some("target-keys".to_owned()),
        ..StackTarget::default()
    };
    let targets = StackTargets::new(allowed, "state", aws).unwrap();
    let target = Target::s3("s3://target/a.zarr", None, None).unwrap();
    targets.open(&target).await.unwrap().put("c/0", bytes::Bytes::new(), &steps::ports::Metadata::new()).await.unwrap();
}

/// No endpoint: AWS itself, of which nothing is asked before the first request.
#[test]
fn a_cold_start_on_aws_sends_nothing() {
    // Were anything asked of these, the test would wait for an answer, or fail.
    let container =
        [("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/"), ("AWS_EC2_METADATA_DISABLED", "false")];
    run("stack on AWS", &[&ROLE[..], &container].concat(), "");
    run("stack on AWS", &[&container[..], &[("AWS_REGION", "eu-west-1")]].concat(), "");
}

async fn stack_on_aws() {
    let aws = Aws::from_environment().await.unwrap();
    let store = aws.store("state", "");
    let queue = aws.queue("https://sqs.eu-west-1.amazonaws.com/123456789012/chunks").unwrap();
    let allowed = StackTarget { bucket: "target".to_owned(), ..StackTarget::default() };
    let targets = StackTargets::new(allowed, "state", aws.clone()).unwrap();
    let target = targets.open(&Target::s3("s3://target/a.zarr", None, None).unwrap()).await.unwrap();
    assert_eq!((aws.region(), aws.endpoint_url()), ("eu-west-1", None));
    let debug = format!("{aws:?} {store:?} {queue:?} {targets:?} {target:?}");
    assert!(debug.contains("AWS S3 in eu-west-1") && debug.contains("AWS SQS in eu-west-1"), "{debug}");
    assert!(!debug.contains("hunter2") && !debug.contains("ASIAROLE") && !debug.contains("123456789012"), "{debug}");
}
