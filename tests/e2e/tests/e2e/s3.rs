//! S3 targets: every way to name the endpoint and its keys.

use std::fs;

use e2e::{Invocation, Machine};

use crate::setup::{CHUNKS, S3, reference, small, with_keys};

/// Converts to `s3://bucket/out.zarr`, with what names the endpoint and its keys added by `how`.
async fn converts(options: &str, how: impl FnOnce(Invocation, &Machine, &S3) -> Invocation) {
    let (machine, server, s3) = (Machine::new(), small().await, S3::start().await);
    let options = options.replace("ENDPOINT", &s3.url());
    let command = machine.command(format!("convert {} s3://bucket/a/out.zarr {CHUNKS} {options}", server.url("prism")));
    let finished = how(command, &machine, &s3).run().await.success();
    assert!(!finished.output().contains("testtest"), "{}", finished.output());
    s3.objects("a/out.zarr").assert_same(&reference(options_of_format(&options)).await);
    let bucket = s3.objects("");
    let beside: Vec<_> = bucket.keys().filter(|key| !key.starts_with("a/out.zarr/")).collect();
    assert!(beside.is_empty(), "nothing but the dataset goes to the bucket: {beside:?}");
    assert!(machine.state().join("runs").is_dir(), "the run's documents stay here");
}

fn options_of_format(options: &str) -> &str {
    if options.contains("--format v2") { "--format v2" } else { "" }
}

#[tokio::test]
async fn the_endpoint_by_option() {
    converts("--endpoint-url ENDPOINT", |command, _, _| with_keys(command)).await;
    converts("--endpoint-url ENDPOINT/ --format v2", |command, _, _| with_keys(command)).await;
}

#[tokio::test]
async fn the_endpoint_by_variable() {
    converts("", |command, _, s3| with_keys(command).env("AWS_ENDPOINT_URL_S3", s3.url())).await;
    converts("", |command, _, s3| with_keys(command).env("AWS_S3_ENDPOINT", s3.url())).await;
}

#[tokio::test]
async fn the_option_is_stronger_than_the_variables() {
    converts("--endpoint-url ENDPOINT", |command, _, _| {
        with_keys(command).env("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9").env("AWS_S3_ENDPOINT", "http://127.0.0.1:9")
    })
    .await;
}

#[tokio::test]
async fn a_profile_of_the_users_files() {
    let write = |machine: &Machine, file: &str, text: String| {
        fs::create_dir_all(machine.home().join(".aws")).unwrap();
        fs::write(machine.home().join(".aws").join(file), text).unwrap();
    };
    let keys = "[other]\naws_access_key_id = nobody\naws_secret_access_key = wrong\n\
                [lab]\naws_access_key_id = test\naws_secret_access_key = testtest\n";
    converts("--endpoint-url ENDPOINT --profile lab", |command, machine, _| {
        write(machine, "credentials", keys.to_owned());
        command.env("AWS_ACCESS_KEY_ID", "nobody").env("AWS_SECRET_ACCESS_KEY", "wrong")
    })
    .await;
    converts("--profile lab --format v2", |command, machine, s3| {
        write(machine, "credentials", keys.to_owned());
        write(machine, "config", format!("[profile lab]\nendpoint_url = {}\nregion = eu-west-1\n", s3.url()));
        command
    })
    .await;
}

#[tokio::test]
async fn a_bucket_without_a_prefix() {
    let (machine, server, s3) = (Machine::new(), small().await, S3::start().await);
    let arguments = format!("convert {} s3://bucket {CHUNKS} --endpoint-url {}", server.url("prism"), s3.url());
    let _ = with_keys(machine.command(arguments)).run().await.success();
    s3.objects("").assert_same(&reference("").await);
}
