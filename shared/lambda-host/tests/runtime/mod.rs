//! One process of a function and a Runtime API for it, on loopback: what the functions' own tests are made of.
//!
//! The API is that of the Lambda developer guide, "Using the Lambda runtime API": `next`, `response`, `error` and
//! `init/error`, each invocation with a deadline.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

use serde_json::{Value, json};

/// How long anything may take here.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a process told the Runtime API.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) path: String,
    pub(crate) body: Value,
}

/// A running function.
#[derive(Debug)]
pub(crate) struct Function {
    child: Child,
    started: Instant,
    calls: Receiver<Call>,
    events: Sender<Event>,
    log: Arc<Mutex<String>>,
}

struct Event {
    body: Value,
    time: Duration,
}

/// An environment in which every function starts. Nothing listens where AWS is said to be.
fn environment() -> Vec<(&'static str, &'static str)> {
    let queue = "http://127.0.0.1:9/000000000000/queue";
    vec![
        ("AWS_LAMBDA_FUNCTION_NAME", "stack-function"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
        ("AWS_SESSION_TOKEN", "hunter3"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("DAP2ZARR_STATE_BUCKET", "state"),
        ("DAP2ZARR_PLAN_QUEUE_URL", queue),
        ("DAP2ZARR_CHUNK_QUEUE_URL", queue),
        ("DAP2ZARR_RECEIPT_QUEUE_URL", queue),
        ("DAP2ZARR_TARGET_BUCKET", "datasets"),
        ("DAP2ZARR_TARGET_PREFIX", ""),
        ("DAP2ZARR_ALLOWED_SOURCE_HOSTS", "*.example.org"),
        ("DAP2ZARR_MAXIMUM_CONCURRENCY", "4"),
        ("DAP2ZARR_FUNCTION_TIMEOUT_SECONDS", "300"),
        ("DAP2ZARR_CHUNK_MEMORY_MB", "512"),
        ("DAP2ZARR_FINALIZER_MEMORY_MB", "512"),
        ("DAP2ZARR_MAX_RECEIVE_COUNT", "5"),
        ("DAP2ZARR_VISIBILITY_SECONDS", "1800"),
    ]
}

impl Function {
    /// Starts a function with these variables changed; an empty value is one that is not set.
    pub(crate) fn start(binary: &str, changes: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (told, calls) = channel();
        let (events, waiting) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        thread::spawn(move || {
            for connection in listener.incoming() {
                let (told, waiting) = (told.clone(), Arc::clone(&waiting));
                thread::spawn(move || answer(&connection.unwrap(), &told, &waiting));
            }
        });
        let mut command = Command::new(binary);
        command.env_clear().envs(environment()).env("AWS_LAMBDA_RUNTIME_API", &address);
        command.envs(changes.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped());
        let started = Instant::now();
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (output, lines) = (child.stdout.take().unwrap(), Arc::clone(&log));
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                lines.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        Self { child, started, calls, events, log }
    }

    /// How long it took until the process asked for its first event.
    pub(crate) fn cold_start(&self) -> Duration {
        let call = self.calls.recv_timeout(PATIENCE).unwrap();
        assert!(call.path.ends_with("/invocation/next"), "{call:?}");
        self.started.elapsed()
    }

    /// Invokes the function, which has `time` to answer, and returns what it answered.
    pub(crate) fn invoke(&self, body: Value, time: Duration) -> Call {
        self.events.send(Event { body, time }).unwrap();
        loop {
            let call = self.calls.recv_timeout(PATIENCE).unwrap();
            if !call.path.ends_with("/invocation/next") {
                return call;
            }
        }
    }

    /// The answer to an invocation that succeeds.
    pub(crate) fn response(&self, body: Value, time: Duration) -> Value {
        let call = self.invoke(body, time);
        assert!(call.path.ends_with("/response"), "{call:?}");
        call.body
    }

    /// What a process that cannot start told the Runtime API, once it has ended as failed.
    pub(crate) fn init_error(&mut self) -> Value {
        let call = self.calls.recv_timeout(PATIENCE).unwrap();
        assert!(call.path.ends_with("/runtime/init/error"), "{call:?}");
        assert!(!self.child.wait().unwrap().success());
        call.body
    }

    /// The log so far, every line of which is JSON, with that field.
    pub(crate) fn log(&self, field: &str, value: &str) -> Vec<Value> {
        thread::sleep(Duration::from_millis(50));
        let log = self.log.lock().unwrap();
        assert!(!log.contains("hunter2") && !log.contains("hunter3"), "a secret in the log: {log}");
        let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{line}")));
        lines.filter(|line| line[field] == value).collect()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An SQS event as AWS documents it (Lambda developer guide, "Using Lambda with Amazon SQS"), its messages called `m-0`,
/// `m-1`, …
pub(crate) fn sqs(bodies: &[&str], deliveries: u32) -> Value {
    let record = |(number, body): (usize, &&str)| {
        json!({
            "messageId": format!("m-{number}"),
            "receiptHandle": format!("handle-{number}"),
            "body": body,
            "attributes": {
                "ApproximateReceiveCount": deliveries.to_string(),
                "SentTimestamp": "1545082649183",
                "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                "ApproximateFirstReceiveTimestamp": "1545082649185",
            },
            "messageAttributes": {},
            "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:queue",
            "awsRegion": "eu-west-1",
        })
    };
    json!({"Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>()})
}

/// Serves one connection for as long as it is open.
fn answer(connection: &TcpStream, told: &Sender<Call>, waiting: &Mutex<Receiver<Event>>) {
    let mut reader = BufReader::new(connection);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request).unwrap_or(0) == 0 {
            return;
        }
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).unwrap();
            let header = header.trim().to_ascii_lowercase();
            if let Some(text) = header.strip_prefix("content-length:") {
                length = text.trim().parse().unwrap();
            }
            if header.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let path = request.split(' ').nth(1).unwrap().to_owned();
        let next = path.ends_with("/next");
        if told.send(Call { path, body: serde_json::from_slice(&body).unwrap_or_default() }).is_err() {
            return;
        }
        if next {
            let Ok(event) = waiting.lock().unwrap().recv() else { return };
            respond(connection, "200 OK", &event.body.to_string(), &invocation(event.time));
        } else {
            respond(connection, "202 Accepted", "{}", "");
        }
    }
}

fn invocation(time: Duration) -> String {
    let deadline = (SystemTime::now() + time).duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    format!(
        "Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\nLambda-Runtime-Deadline-Ms: {deadline}\r\n\
         Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-west-1:123456789012:function:stack-function\r\n"
    )
}

fn respond(mut connection: &TcpStream, status: &str, body: &str, headers: &str) {
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    // A process that was killed does not read it.
    let _ = connection.write_all(text.as_bytes());
}
