//! A stack's state bucket, what its functions would have written there, and the command as a user runs it.

use std::process::{Output, Stdio};

use aws::{Keys, S3Options, S3Store};
use run::{
    ChunkTask, DOCUMENT_VERSION, Decision, Digest, End, Plan, Planning, Receipt, Record, Request, RunId, Target,
    Timings, Verdict, What, keys,
};
use steps::ports::{Metadata, Store};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{
    cloud::{Cloud, Script},
    endpoint::Endpoint,
};

pub(crate) const SOURCE: &str = "http://127.0.0.1:1/prism";
pub(crate) const TARGET: &str = "s3://data/prism.zarr";
const BUCKET: &str = "state-bucket";

/// What a stack's template gives out.
pub(crate) fn outputs() -> Vec<(&'static str, &'static str)> {
    vec![
        ("StateBucket", BUCKET),
        ("PlannerFunction", "climate-planner"),
        ("ChunkFunction", "climate-chunk"),
        ("FinalizerFunction", "climate-finalizer"),
        ("TargetUrl", "s3://data/"),
    ]
}

/// A user before a stack.
#[derive(Debug)]
pub(crate) struct User {
    root: TempDir,
    _endpoint: Endpoint,
    cloud: Cloud,
    state: S3Store,
}

impl User {
    pub(crate) async fn new() -> Self {
        Self::with(Script { outputs: Some(outputs()), logs: Vec::new() }).await
    }

    pub(crate) async fn with(script: Script) -> Self {
        let root = tempfile::tempdir().unwrap();
        let endpoint = Endpoint::start(&root.path().join("s3"), 0, &[BUCKET.to_owned()]).await.unwrap();
        let options = S3Options { endpoint_url: Some(endpoint.url()), ..S3Options::default() };
        let state = S3Store::open_with_keys(BUCKET, "", &options, &Keys::new("test", "testtest")).await.unwrap();
        let cloud = Cloud::start(script, &endpoint.url()).await;
        std::fs::create_dir(root.path().join("home")).unwrap();
        Self { root, _endpoint: endpoint, cloud, state }
    }

    /// A path on the user's machine.
    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.root.path().join(name)
    }

    /// The command with these arguments, separated by blanks.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dap2zarr"));
        command
            .args(arguments.split_whitespace())
            .env_clear()
            .env("HOME", self.path("home"))
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "testtest")
            .env("AWS_ENDPOINT_URL", format!("http://{}", self.cloud.address))
            // The target's variables never reach the state.
            .env("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
            .env("AWS_S3_ENDPOINT", "http://127.0.0.1:1")
            .env("DAP2ZARR_STATE_BUCKET", BUCKET)
            .current_dir(self.root.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, arguments: &str) -> Finished {
        finished(self.command(arguments).output().await.unwrap())
    }

    pub(crate) fn spawn(&self, arguments: &str) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    pub(crate) async fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        self.state.put(key, bytes.into().into(), &Metadata::new()).await.unwrap();
    }

    pub(crate) async fn put_json(&self, key: &str, document: &(impl serde::Serialize + Sync)) {
        self.put(key, serde_json::to_vec(document).unwrap()).await;
    }

    pub(crate) async fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.state.get(key).await.unwrap().map(|object| object.bytes.to_vec())
    }

    /// The requests that were dropped.
    pub(crate) async fn requests(&self) -> Vec<String> {
        self.state.list("requests/").await.unwrap().into_iter().map(|entry| entry.key).collect()
    }

    /// A run that the planner has opened.
    pub(crate) async fn opened(&self, version: &str) -> RunId {
        let request = request();
        let run = RunId::of_version(&request.digest().unwrap(), version);
        self.put_json(&keys::request(&run), &request).await;
        self.put(&keys::open(&run), "").await;
        run
    }

    /// A run with a plan and so many receipts.
    pub(crate) async fn converting(&self, version: &str, receipts: usize) -> RunId {
        let run = self.opened(version).await;
        let plan = plan(&run);
        self.put(&keys::plan(&run), plan.to_json().unwrap()).await;
        let records: Vec<_> = plan
            .chunks()
            .take(receipts)
            .map(|(array, chunk)| {
                let task = plan.task(&Digest::of(b"plan"), array, chunk);
                Record { run: run.clone(), what: What::Receipt(receipt(task)) }
            })
            .collect();
        if !records.is_empty() {
            let (name, bytes) = run::write_segment(&records).unwrap();
            self.put(&keys::segment(&run, &name), bytes).await;
        }
        run
    }

    /// A run that has ended, with a report if it had receipts.
    pub(crate) async fn ended(&self, version: &str, verdict: Verdict, missing: &[&str]) -> RunId {
        let run = self.converting(version, 5).await;
        let at = plan(&run).made_at;
        let decision = Decision { version: DOCUMENT_VERSION, run: run.clone(), verdict: verdict.clone(), at };
        self.put_json(&keys::decision(&run), &decision).await;
        let end = End {
            version: DOCUMENT_VERSION,
            run: run.clone(),
            verdict,
            at,
            missing: missing.iter().map(|chunk| (*chunk).to_owned()).collect(),
            missing_chunks: missing.len() as u64,
        };
        self.put_json(&keys::end(&run), &end).await;
        let plan = plan(&run);
        let receipts: Vec<_> = plan
            .chunks()
            .take(5)
            .map(|(array, chunk)| receipt(plan.task(&Digest::of(b"plan"), array, chunk)))
            .collect();
        self.put_json(&keys::report(&run), &run::report(&plan, &end, &receipts)).await;
        self.state.delete(&keys::open(&run)).await.unwrap();
        run
    }
}

pub(crate) fn request() -> Request {
    Request {
        chunks: [("time".to_owned(), 1)].into(),
        ..Request::new(SOURCE.parse().unwrap(), Target::s3(TARGET, None, None).unwrap())
    }
}

/// The arguments that make [`request`].
pub(crate) fn submission() -> String {
    format!("submit {SOURCE} {TARGET} --chunks time=1")
}

fn plan(run: &RunId) -> Plan {
    let dds = "Dataset { Float32 tmx[time = 8][lat = 4]; Float64 time[time = 8]; } prism;";
    let dataset = dap::Dataset::from_dap2(dds.as_bytes(), b"Attributes { }").unwrap();
    let fingerprint = run::fingerprint(&dataset, &dataset);
    let now = "2026-01-31T12:00:00Z".parse().unwrap();
    run::plan(
        &request(),
        Planning {
            run: run.clone(),
            continues: None,
            dataset: &dataset,
            fingerprint,
            now,
            cadences: std::collections::BTreeMap::new(),
            workers: advisor::Workers { at_once: 4, memory: None },
        },
    )
    .unwrap()
}

fn receipt(ChunkTask { array, chunk, .. }: ChunkTask) -> Receipt {
    Receipt {
        array,
        chunk,
        key: "tmx/c/0".to_owned(),
        length: 1_000,
        etag: None,
        sha256: Digest::of(b"chunk"),
        bytes_fetched: 16,
        fill_only: false,
        requests: 1,
        timings: Timings { fetch_ms: 400, encode_ms: 20, put_ms: 100 },
        finished_at: "2026-01-31T12:00:05Z".parse().unwrap(),
        worker: "lambda".to_owned(),
    }
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn finished(output: Output) -> Finished {
    Finished {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Finished {
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Whether stderr has a text, blanks and line ends aside.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "`{text}` is not in\n{}\n(stdout: {})", self.stderr, self.stdout);
        self
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}
