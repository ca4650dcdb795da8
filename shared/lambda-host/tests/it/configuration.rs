use std::{collections::BTreeMap, time::Duration};

use lambda_host::{Configuration, ConfigurationError, Function};

fn environment() -> BTreeMap<&'static str, &'static str> {
    let queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/queue";
    BTreeMap::from([
        ("AWS_LAMBDA_FUNCTION_NAME", "stack-chunk"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/22/[$LATEST]0123"),
        ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
        ("DAP2ZARR_STATE_BUCKET", "stack-state"),
        ("DAP2ZARR_PLAN_QUEUE_URL", queue),
        ("DAP2ZARR_CHUNK_QUEUE_URL", queue),
        ("DAP2ZARR_RECEIPT_QUEUE_URL", queue),
        ("DAP2ZARR_TARGET_BUCKET", "datasets"),
        ("DAP2ZARR_TARGET_PREFIX", "/zarr/"),
        ("DAP2ZARR_TARGET_ENDPOINT_URL", ""),
        ("DAP2ZARR_TARGET_PATH_STYLE", "true"),
        ("DAP2ZARR_ALLOWED_SOURCE_HOSTS", "*"),
        ("DAP2ZARR_CONTACT", "me@example.org"),
        ("DAP2ZARR_MAXIMUM_CONCURRENCY", "10"),
        ("DAP2ZARR_FUNCTION_TIMEOUT_SECONDS", "300"),
        ("DAP2ZARR_CHUNK_MEMORY_MB", "1024"),
        ("DAP2ZARR_FINALIZER_MEMORY_MB", "512"),
        ("DAP2ZARR_MAX_RECEIVE_COUNT", "5"),
        ("DAP2ZARR_VISIBILITY_SECONDS", "1800"),
    ])
}

fn read(function: Function, changes: &[(&'static str, &'static str)]) -> Result<Configuration, ConfigurationError> {
    let mut variables = environment();
    variables.extend(changes.iter().copied());
    Configuration::read(function, |name| variables.get(name).map(|text| (*text).to_owned()))
}

fn message(function: Function, changes: &[(&'static str, &'static str)]) -> String {
    read(function, changes).unwrap_err().to_string()
}

#[test]
fn a_function_reads_what_is_its_own() {
    let chunk = read(Function::Chunk, &[]).unwrap();
    assert_eq!(chunk.worker, "2026/11/22/[$LATEST]0123");
    assert_eq!((chunk.max_receive_count, chunk.maximum_concurrency), (Some(5), Some(10)));
    assert_eq!((chunk.plan_queue_url, chunk.chunk_memory_mb, chunk.visibility), (None, None, None));
    assert_eq!((chunk.target.prefix.as_str(), chunk.target.endpoint_url), ("zarr", None));
    let planner = read(Function::Planner, &[("DAP2ZARR_RECEIPT_QUEUE_URL", ""), ("DAP2ZARR_PLAN_QUEUE_URL", "")]);
    assert_eq!(planner.unwrap().chunk_memory_mb, Some(1024));
    let finalizer = read(Function::Finalizer, &[("DAP2ZARR_MAXIMUM_CONCURRENCY", "")]).unwrap();
    assert_eq!(finalizer.visibility, Some(Duration::from_mins(30)));
}

#[test]
fn every_problem_is_named_at_once() {
    let changes = [
        ("AWS_LAMBDA_RUNTIME_API", ""),
        ("DAP2ZARR_STATE_BUCKET", " "),
        ("DAP2ZARR_CHUNK_QUEUE_URL", "queue"),
        ("DAP2ZARR_TARGET_BUCKET", "Not/a bucket"),
        ("DAP2ZARR_TARGET_PREFIX", "a/../b"),
        ("DAP2ZARR_TARGET_PATH_STYLE", "yes"),
        ("DAP2ZARR_TARGET_REGION", "eu west"),
        ("DAP2ZARR_ALLOWED_SOURCE_HOSTS", "http://example.org/"),
        ("DAP2ZARR_CONTACT", "me)\r\nHost: x"),
        ("DAP2ZARR_MAXIMUM_CONCURRENCY", "-1"),
        ("DAP2ZARR_FUNCTION_TIMEOUT_SECONDS", "5m"),
        ("DAP2ZARR_MAX_RECEIVE_COUNT", "0"),
        ("DAP2ZARR_LOG", "=,="),
    ];
    let message = message(Function::Chunk, &changes);
    for (name, _) in changes {
        assert!(message.contains(name), "{name}: {message}");
    }
    for part in [
        "DAP2ZARR_STATE_BUCKET: expected the name of a bucket, it is not set",
        "DAP2ZARR_FUNCTION_TIMEOUT_SECONDS: expected a whole number from 1, found `5m`",
        "DAP2ZARR_TARGET_PATH_STYLE: expected true or false, found `yes`",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(!message.contains(char::is_control), "{message}");
}

#[test]
fn what_may_be_a_secret_is_never_shown() {
    let changes = [
        ("DAP2ZARR_CHUNK_QUEUE_URL", "https://user:hunter2@sqs.example.org/q"),
        ("DAP2ZARR_TARGET_ENDPOINT_URL", "https://s3.example.org/?key=hunter2"),
        ("DAP2ZARR_TARGET_SECRET_ARN", "hunter2"),
    ];
    let message = message(Function::Chunk, &changes);
    assert!(!message.contains("hunter2"), "{message}");
    assert_eq!(message.matches("DAP2ZARR_").count(), 3, "{message}");
}

#[test]
fn an_endpoint_needs_a_secret() {
    let endpoint = ("DAP2ZARR_TARGET_ENDPOINT_URL", "https://s3.example.org");
    assert!(message(Function::Finalizer, &[endpoint]).contains("DAP2ZARR_TARGET_SECRET_ARN"));
    let arn = ("DAP2ZARR_TARGET_SECRET_ARN", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:keys-AbCdEf");
    assert!(read(Function::Finalizer, &[endpoint, arn]).is_ok());
}
