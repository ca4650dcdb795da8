//! A deployed stack, and what tests do with it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::PathBuf,
    time::{Duration, Instant},
};

use aws::{Keys, S3Options, S3Store};
use dap_server::{Behaviour, Dataset, Server};
use e2e::{Invocation, Machine, Objects};
use run::{End, Plan, Reason, Report, RunId, Verdict, keys};
use serde::Deserialize;
use serde_json::{Value, json};
use steps::ports::{Metadata, Store as _};

/// Names the file in which `with_stack.py` describes what it deployed.
const VARIABLE: &str = "DAP2ZARR_TEST_STACK";

/// No run of these tests takes longer; one that does hangs.
const LONGEST: Duration = Duration::from_mins(12);

/// What `with_stack.py` deployed.
#[derive(Debug, Clone, Deserialize)]
struct Described {
    endpoint: String,
    sources: Vec<u16>,
    elsewhere: u16,
    concurrency: u64,
    faults: PathBuf,
    invocations: PathBuf,
    logs: PathBuf,
    stacks: BTreeMap<String, BTreeMap<String, String>>,
}

/// One deployed stack, and a prefix of its target that is this test's alone.
#[derive(Debug, Clone)]
pub(crate) struct Stack {
    described: Described,
    name: &'static str,
    test: &'static str,
    outputs: BTreeMap<String, String>,
}

/// One line of the process executor's record of invocations.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Invoked {
    pub(crate) function: String,
    pub(crate) cold: bool,
    pub(crate) init_ms: Option<f64>,
    pub(crate) duration_ms: f64,
    pub(crate) peak_mb: Option<f64>,
    pub(crate) outcome: String,
}

impl Stack {
    /// The stack of that name, for the test of that name; nothing, and a loud line, if none is deployed.
    pub(crate) fn deployed(name: &'static str, test: &'static str) -> Option<Self> {
        let Some(path) = std::env::var_os(VARIABLE) else {
            eprintln!("SKIPPED: {test}: no stack is deployed; run scripts/stack-tests.sh");
            return None;
        };
        let described: Described = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let outputs = described.stacks[name].clone();
        Some(Self { described, name, test, outputs })
    }

    pub(crate) fn output(&self, name: &str) -> &str {
        &self.outputs[name]
    }

    /// `MaximumConcurrency` of the chunk queue's mapping.
    pub(crate) fn concurrency(&self) -> u64 {
        self.described.concurrency
    }

    /// The port on which the stacks `elsewhere` and `keyless` expect their target's endpoint.
    pub(crate) fn elsewhere(&self) -> u16 {
        self.described.elsewhere
    }

    /// A server that the stack may ask: on one of the ports that it was told.
    pub(crate) async fn source(&self, dataset: Dataset, behaviour: Behaviour) -> Server {
        for port in &self.described.sources {
            if let Ok(server) = Server::start_with([dataset.clone()], behaviour.clone(), *port).await {
                return server;
            }
        }
        panic!("every port that sources may have is taken");
    }

    /// A target of this test's own.
    pub(crate) fn target(&self, dataset: &str) -> String {
        format!("s3://{}/{}/{dataset}", self.output("TargetBucket"), self.test)
    }

    /// The document of a request for `url`, chunked as `chunks` says.
    pub(crate) fn request(&self, url: &str, dataset: &str, chunks: &Value) -> Value {
        let target =
            json!({"s3": {"bucket": self.output("TargetBucket"), "prefix": format!("{}/{dataset}", self.test)}});
        json!({"version": 1, "source": url, "target": target, "chunks": chunks})
    }

    async fn bucket(&self, bucket: &str, prefix: &str) -> S3Store {
        let options = S3Options { endpoint_url: Some(self.described.endpoint.clone()), ..S3Options::default() };
        S3Store::open_with_keys(bucket, prefix, &options, &Keys::new("test", "test")).await.unwrap()
    }

    /// The state bucket.
    pub(crate) async fn state(&self) -> S3Store {
        self.bucket(self.output("StateBucket"), "").await
    }

    /// The objects of a dataset that the stack wrote beside itself.
    pub(crate) async fn objects(&self, dataset: &str) -> Objects {
        let target = self.bucket(self.output("TargetBucket"), &format!("{}/{dataset}", self.test)).await;
        let mut objects = BTreeMap::new();
        for entry in target.list("").await.unwrap() {
            let object = target.get(&entry.key).await.unwrap().unwrap();
            objects.insert(entry.key, object.bytes.to_vec());
        }
        Objects::from(objects)
    }

    /// Drops a document into `requests/`, as a user with the AWS console would, and returns the version it got.
    pub(crate) async fn drop_request(&self, name: &str, document: &[u8]) -> String {
        let state = self.state().await;
        let key = format!("requests/{}-{name}.json", self.test);
        state.put(&key, document.to_vec().into(), &Metadata::new()).await.unwrap();
        state.head(&key).await.unwrap().unwrap().version.unwrap()
    }

    /// Drops a request, and returns its run's name.
    pub(crate) async fn ask(&self, name: &str, request: &Value) -> RunId {
        let document = serde_json::to_vec(request).unwrap();
        let digest = run::Request::from_json(&document).unwrap().digest().unwrap();
        RunId::of_version(&digest, &self.drop_request(name, &document).await)
    }

    /// Waits until a run has ended, and says how. The sweep is not waited for: it is asked for every few seconds.
    pub(crate) async fn end(&self, run: &RunId) -> End {
        let state = self.state().await;
        let started = Instant::now();
        let mut swept = Instant::now();
        while started.elapsed() < LONGEST {
            if let Some(object) = state.get(&keys::end(run)).await.unwrap() {
                return serde_json::from_slice(&object.bytes).unwrap();
            }
            if swept.elapsed() > Duration::from_secs(5) {
                self.sweep().await;
                swept = Instant::now();
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let documents = self.runs(run).await.into_iter().filter(|key| !key.contains("/receipts/")).collect::<Vec<_>>();
        panic!("run {run} did not end within {LONGEST:?}: {documents:?}");
    }

    /// The reason for which a run failed.
    pub(crate) async fn failure(&self, run: &RunId) -> (Reason, End) {
        let end = self.end(run).await;
        let Verdict::Failed { reason } = end.verdict.clone() else { panic!("run {run} was to fail, but: {end:?}") };
        (reason, end)
    }

    /// The keys of a run's documents.
    pub(crate) async fn runs(&self, run: &RunId) -> Vec<String> {
        let entries = self.state().await.list(&format!("runs/{run}/")).await.unwrap();
        entries.into_iter().map(|entry| entry.key).collect()
    }

    /// Every run of a request.
    pub(crate) async fn runs_of(&self, request: &Value) -> Vec<RunId> {
        let digest = run::Request::from_json(request.to_string().as_bytes()).unwrap().digest().unwrap();
        let entries = self.state().await.list(&format!("runs/{}-", digest.short())).await.unwrap();
        let mut runs: Vec<_> = entries.iter().map(|entry| entry.key.split('/').nth(1).unwrap().to_owned()).collect();
        runs.dedup();
        runs.into_iter().map(|run| RunId::try_from(run).unwrap()).collect()
    }

    /// Waits for an object of the state bucket.
    pub(crate) async fn wait_for(&self, key: &str) {
        let (state, started) = (self.state().await, Instant::now());
        while state.head(key).await.unwrap().is_none() {
            assert!(started.elapsed() < LONGEST, "{key} does not come");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Whether a run's open marker goes, which it does right after the end.
    pub(crate) async fn is_closed(&self, run: &RunId) -> bool {
        let state = self.state().await;
        for _ in 0..50 {
            if state.head(&keys::open(run)).await.unwrap().is_none() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        false
    }

    pub(crate) async fn plan(&self, run: &RunId) -> Plan {
        self.document(&keys::plan(run)).await
    }

    pub(crate) async fn report(&self, run: &RunId) -> Report {
        // It is written right after the end.
        for _ in 0..50 {
            if self.state().await.head(&keys::report(run)).await.unwrap().is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        self.document(&keys::report(run)).await
    }

    async fn document<T: serde::de::DeserializeOwned>(&self, key: &str) -> T {
        let object = self.state().await.get(key).await.unwrap();
        serde_json::from_slice(&object.unwrap_or_else(|| panic!("there is no {key}")).bytes).unwrap()
    }

    /// Invokes the finalizer as the schedule does every minute.
    pub(crate) async fn sweep(&self) {
        let event = json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}});
        let url = format!(
            "{}/2015-03-31/functions/{}/invocations",
            self.described.endpoint,
            self.output("FinalizerFunction")
        );
        let answer = reqwest::Client::new().post(url).body(event.to_string()).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        assert!(!answer.headers().contains_key("x-amz-function-error"), "{}", answer.text().await.unwrap());
    }

    /// One call of SQS on a queue of the stack, by the name of the output that has its URL.
    pub(crate) async fn sqs(&self, queue: &str, operation: &str, mut arguments: Value) -> Value {
        arguments["QueueUrl"] = self.output(queue).into();
        let answer = reqwest::Client::new()
            .post(format!("{}/", self.described.endpoint))
            .header("x-amz-target", format!("AmazonSQS.{operation}"))
            .header("content-type", "application/x-amz-json-1.0")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, Signature=0",
            )
            .body(arguments.to_string())
            .send()
            .await
            .unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{operation}: {status} {text}");
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
    }

    /// Sends a message to a queue of the stack.
    pub(crate) async fn send(&self, queue: &str, body: &str) {
        self.sqs(queue, "SendMessage", json!({ "MessageBody": body })).await;
    }

    /// Messages in a queue, those under way included.
    pub(crate) async fn depth(&self, queue: &str) -> u64 {
        let attributes = self.sqs(queue, "GetQueueAttributes", json!({ "AttributeNames": ["All"] })).await;
        let count = |name: &str| attributes["Attributes"][name].as_str().unwrap().parse::<u64>().unwrap();
        ["", "NotVisible", "Delayed"].iter().map(|kind| count(&format!("ApproximateNumberOfMessages{kind}"))).sum()
    }

    /// Waits until no message of a queue waits or is under way.
    pub(crate) async fn wait_until_empty(&self, queue: &str) {
        let started = Instant::now();
        while self.depth(queue).await > 0 {
            assert!(started.elapsed() < LONGEST, "{queue} is never empty");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// The bodies of a queue's messages that contain a text.
    pub(crate) async fn messages(&self, queue: &str, text: &str) -> Vec<String> {
        let arguments = json!({ "MaxNumberOfMessages": 10, "VisibilityTimeout": 1 });
        let received = self.sqs(queue, "ReceiveMessage", arguments).await;
        let messages = received["Messages"].as_array().cloned().unwrap_or_default();
        let bodies = messages.iter().map(|message| message["Body"].as_str().unwrap().to_owned());
        bodies.filter(|body| body.contains(text)).collect()
    }

    /// Every invocation so far of one of the stack's functions, by the name of its output.
    pub(crate) fn invocations(&self, function: &str) -> Vec<Invoked> {
        let Ok(file) = File::open(&self.described.invocations) else { return Vec::new() };
        let lines = BufReader::new(file).lines().map_while(Result::ok);
        let all = lines.filter_map(|line| serde_json::from_str::<Invoked>(&line).ok());
        all.filter(|one| one.function == self.output(function)).collect()
    }

    /// Every line that functions logged so far, of any stack.
    pub(crate) fn log_lines(&self) -> Vec<String> {
        let files = fs::read_dir(&self.described.logs).unwrap().map(|entry| entry.unwrap().path());
        files
            .flat_map(|file| fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
            .collect()
    }

    /// Adds rules to the process executor's faults. Other tests may do the same at the same time.
    pub(crate) fn faults(&self, rules: &[Value]) {
        self.change_faults(|all| all.extend_from_slice(rules));
    }

    /// Takes rules away whose payload text contains `text`.
    pub(crate) fn lift_faults(&self, text: &str) {
        self.change_faults(|all| all.retain(|rule| !rule["contains"].as_str().unwrap_or_default().contains(text)));
    }

    fn change_faults(&self, change: impl FnOnce(&mut Vec<Value>)) {
        let path = &self.described.faults;
        let lock = File::create(path.with_extension("lock")).unwrap();
        lock.lock().unwrap();
        let mut rules: Vec<Value> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        change(&mut rules);
        let fresh = path.with_extension("new");
        fs::write(&fresh, serde_json::to_vec(&rules).unwrap()).unwrap();
        fs::rename(&fresh, path).unwrap();
    }

    /// The command, on a machine that knows this account.
    pub(crate) fn command(&self, machine: &Machine, arguments: impl AsRef<str>) -> Invocation {
        let command = machine.command(arguments).env("AWS_ENDPOINT_URL", &self.described.endpoint);
        let command = command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        command.env("AWS_REGION", "us-east-1").env("DAP2ZARR_STACK", self.name)
    }
}

/// Converts a dataset on this machine with the same options: what the stack is to come to as well.
pub(crate) async fn reference(url: &str, options: &str) -> Objects {
    let machine = Machine::new();
    let target = machine.path("reference.zarr");
    let _ = machine.command(format!("convert {url} {} {options}", target.display())).run().await.success();
    Objects::of(&target)
}
