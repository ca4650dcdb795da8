//! What a function is told by its environment.

use std::{fmt, time::Duration};

use run::Target;
use source_http::AllowedHosts;

use crate::{
    log,
    variables::{Problem, Variables},
};

/// Which of the three functions a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// From a request to a plan and its messages.
    Planner,
    /// One chunk.
    Chunk,
    /// From receipts to a published dataset.
    Finalizer,
}

/// A function's configuration, whole and checked. Holds no secret: a secret is known by its ARN only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// Which function this is.
    pub function: Function,
    /// Names this environment in receipts: its log stream, where a person finds what it did.
    pub worker: String,
    /// The function's memory in MiB.
    pub memory_mb: u64,
    /// The stack's own bucket.
    pub state_bucket: String,
    /// Where plan messages are sent, or come from.
    pub plan_queue_url: Option<String>,
    /// Where chunk messages are sent, or come from.
    pub chunk_queue_url: String,
    /// Where records are sent, or come from.
    pub receipt_queue_url: Option<String>,
    /// Where datasets may go.
    pub target: TargetPlace,
    /// The hosts that may be asked.
    pub allowed_hosts: AllowedHosts,
    /// Whom a server's operator can write to.
    pub contact: Option<String>,
    /// Chunk environments at once, each with one request in flight.
    pub maximum_concurrency: Option<u32>,
    /// The longest timeout of the stack's functions.
    pub function_timeout: Duration,
    /// Memory of the chunk function in MiB, where plans are made.
    pub chunk_memory_mb: Option<u64>,
    /// Memory of the finalizer in MiB, where plans are made.
    pub finalizer_memory_mb: Option<u64>,
    /// Deliveries of a chunk message before it becomes a dead letter.
    pub max_receive_count: Option<u32>,
    /// Visibility of the chunk queue.
    pub visibility: Option<Duration>,
}

/// The one place below which a stack writes datasets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TargetPlace {
    /// The bucket.
    pub bucket: String,
    /// The prefix, without a slash at either end; may be empty.
    pub prefix: String,
    /// A third party's endpoint; AWS where absent.
    pub endpoint_url: Option<String>,
    /// The endpoint's region; the function's where absent.
    pub region: Option<String>,
    /// Whether the bucket stands in the path of requests, on an endpoint of its own.
    pub path_style: bool,
    /// The secret with the endpoint's keys.
    pub secret_arn: Option<String>,
}

/// Everything that is wrong with an environment, so that it takes one deployment to put it right and not one for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigurationError {
    problems: Vec<Problem>,
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the function's environment is wrong: ")?;
        for (number, problem) in self.problems.iter().enumerate() {
            if number > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigurationError {}

/// What Lambda itself sets and the runtime's client reads, panicking where it is missing.
const OF_LAMBDA: [&str; 3] = ["AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_RUNTIME_API"];

impl Configuration {
    /// Reads the environment of a function through `get`. A variable that is set but empty counts as not set: that is
    /// how a template says nothing.
    ///
    /// # Errors
    /// [`ConfigurationError`] names every variable that is wrong, what was expected and, where it cannot be secret, what
    /// was found.
    pub fn read(function: Function, get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigurationError> {
        let mut variables = Variables::new(&get);
        for name in OF_LAMBDA {
            variables.required(name, "what Lambda sets", |text| Some(text.to_owned()));
        }
        variables.optional("DAP2ZARR_LOG", "a filter such as `info` or `info,steps=debug`", log::is_filter);
        let is = |one| function == one;
        let whole = Self {
            function,
            worker: worker(&get),
            memory_mb: variables.number("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
            state_bucket: variables.required("DAP2ZARR_STATE_BUCKET", BUCKET, bucket),
            plan_queue_url: plan_queue(function, &mut variables),
            chunk_queue_url: variables.url("DAP2ZARR_CHUNK_QUEUE_URL"),
            receipt_queue_url: (!is(Function::Planner)).then(|| variables.url("DAP2ZARR_RECEIPT_QUEUE_URL")),
            target: target(&mut variables),
            allowed_hosts: allowed_hosts(&mut variables),
            contact: variables.optional("DAP2ZARR_CONTACT", CONTACT, contact),
            maximum_concurrency: (!is(Function::Finalizer)).then(|| variables.number("DAP2ZARR_MAXIMUM_CONCURRENCY")),
            function_timeout: Duration::from_secs(variables.number("DAP2ZARR_FUNCTION_TIMEOUT_SECONDS")),
            chunk_memory_mb: is(Function::Planner).then(|| variables.number("DAP2ZARR_CHUNK_MEMORY_MB")),
            finalizer_memory_mb: is(Function::Planner).then(|| variables.number("DAP2ZARR_FINALIZER_MEMORY_MB")),
            max_receive_count: is(Function::Chunk).then(|| variables.number("DAP2ZARR_MAX_RECEIVE_COUNT")),
            visibility: is(Function::Finalizer)
                .then(|| Duration::from_secs(variables.number("DAP2ZARR_VISIBILITY_SECONDS"))),
        };
        let problems = variables.into_problems();
        if problems.is_empty() { Ok(whole) } else { Err(ConfigurationError { problems }) }
    }
}

const BUCKET: &str = "the name of a bucket";
const CONTACT: &str = "printable ASCII without parentheses, such as an address of mail or of a page";

fn bucket(text: &str) -> Option<String> {
    Target::s3(&format!("s3://{text}"), None, None).ok().filter(|_| !text.contains('/')).map(|_| text.to_owned())
}

fn contact(text: &str) -> Option<String> {
    let printable = |c: char| (c == ' ' || c.is_ascii_graphic()) && c != '(' && c != ')';
    text.chars().all(printable).then(|| text.to_owned())
}

/// The finalizer sends there; the planner only puts off a message that has to wait, and does without.
fn plan_queue<G: Fn(&str) -> Option<String>>(function: Function, variables: &mut Variables<G>) -> Option<String> {
    const NAME: &str = "DAP2ZARR_PLAN_QUEUE_URL";
    match function {
        Function::Finalizer => Some(variables.url(NAME)),
        Function::Planner => variables.optional_url(NAME),
        Function::Chunk => None,
    }
}

fn target<G: Fn(&str) -> Option<String>>(variables: &mut Variables<G>) -> TargetPlace {
    const SECRET: &str = "DAP2ZARR_TARGET_SECRET_ARN";
    let place = TargetPlace {
        bucket: variables.required("DAP2ZARR_TARGET_BUCKET", BUCKET, bucket),
        prefix: variables
            .optional("DAP2ZARR_TARGET_PREFIX", "segments with slashes between them", prefix)
            .unwrap_or_default(),
        endpoint_url: variables.optional_url("DAP2ZARR_TARGET_ENDPOINT_URL"),
        region: variables.optional("DAP2ZARR_TARGET_REGION", "a region such as eu-west-1", region),
        path_style: variables
            .optional("DAP2ZARR_TARGET_PATH_STYLE", "true or false", |text| text.parse().ok())
            .unwrap_or_default(),
        secret_arn: variables.optional_hidden(SECRET, "the ARN of a secret", arn),
    };
    if place.endpoint_url.is_some() && !variables.is_set(SECRET) {
        variables.problem(SECRET, "expected the ARN of the secret with the endpoint's keys, since DAP2ZARR_TARGET_ENDPOINT_URL is set; it is not set".to_owned());
    }
    place
}

fn prefix(text: &str) -> Option<String> {
    let text = text.trim_matches('/');
    let whole = Target::s3(&format!("s3://bucket/{text}"), None, None);
    whole.ok().map(|_| text.to_owned())
}

fn region(text: &str) -> Option<String> {
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    text.bytes().all(good).then(|| text.to_owned())
}

fn arn(text: &str) -> Option<String> {
    (text.starts_with("arn:") && text.contains(":secretsmanager:")).then(|| text.to_owned())
}

fn allowed_hosts<G: Fn(&str) -> Option<String>>(variables: &mut Variables<G>) -> AllowedHosts {
    const NAME: &str = "DAP2ZARR_ALLOWED_SOURCE_HOSTS";
    // Nothing is not everything here: a stack that is open to every host says so.
    let read = variables
        .get(NAME)
        .ok_or("expected hosts with commas between them, or * for every public host; it is not set".to_owned());
    match read.and_then(|text| text.parse::<AllowedHosts>().map_err(|error| error.to_string())) {
        Ok(hosts) => hosts,
        Err(problem) => {
            variables.problem(NAME, problem);
            AllowedHosts::default()
        }
    }
}

/// The log stream belongs to one environment alone; where there is none, the function and the process do.
fn worker(get: impl Fn(&str) -> Option<String>) -> String {
    let set = |name: &str| get(name).filter(|text| !text.trim().is_empty());
    set("AWS_LAMBDA_LOG_STREAM_NAME").unwrap_or_else(|| {
        let function = set("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
        format!("{function}/{}", std::process::id())
    })
}
