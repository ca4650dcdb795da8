//! A server on this machine that says what it was told to say, and remembers what it was asked.

use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use aws::{Aws, Keys, S3Options, S3Store};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// A request as it came over the wire.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Debug)]
struct State {
    answers: VecDeque<String>,
    asked: Vec<Asked>,
}

#[derive(Debug)]
pub(crate) struct Scripted {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

/// An answer with a body; `head` is the status and further header lines.
pub(crate) fn answer(head: &str, body: &str) -> String {
    let (status, headers) = head.split_once('\n').unwrap_or((head, ""));
    let headers = if headers.is_empty() { String::new() } else { headers.replace('\n', "\r\n") + "\r\n" };
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

/// S3's error document.
pub(crate) fn error(head: &str, code: &str, message: &str) -> String {
    answer(
        &format!("{head}\ncontent-type: application/xml"),
        &format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"),
    )
}

/// An answer of SQS or Secrets Manager.
pub(crate) fn json(body: &str) -> String {
    answer("200 OK\ncontent-type: application/x-amz-json-1.0", body)
}

/// An error of SQS or Secrets Manager.
pub(crate) fn json_error(status: &str, code: &str, message: &str) -> String {
    let body = format!(r#"{{"__type":"com.amazonaws.sqs#{code}","message":"{message}"}}"#);
    answer(&format!("{status}\ncontent-type: application/x-amz-json-1.0"), &body)
}

impl Asked {
    /// The operation of a request to SQS or Secrets Manager.
    pub(crate) fn operation(&self) -> &str {
        self.header("x-amz-target").and_then(|target| target.split('.').next_back()).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Scripted {
    /// Gives these answers, one for each request; an empty one closes the connection. Then the last one again and again.
    pub(crate) async fn start(answers: &[String]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { answers: answers.iter().cloned().collect(), asked: Vec::new() }));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.lock().unwrap().asked.clone()
    }

    pub(crate) async fn aws(&self) -> Aws {
        let options =
            S3Options { endpoint_url: Some(self.url()), region: Some("eu-west-1".to_owned()), ..S3Options::default() };
        Aws::with_keys(&options, &Keys::new("AKIDROLE", "hunter2role")).await.unwrap()
    }

    pub(crate) async fn store(&self) -> S3Store {
        let options = S3Options { endpoint_url: Some(self.url()), ..S3Options::default() };
        S3Store::open_with_keys("bucket", "p", &options, &Keys::new("AKIDEXAMPLE", "hunter2secret")).await.unwrap()
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut buffer = Vec::new();
    while let Some(asked) = next_request(&mut stream, &mut buffer).await {
        let text = {
            let mut state = state.lock().unwrap();
            state.asked.push(asked);
            let more = state.answers.len() > 1;
            if more { state.answers.pop_front() } else { state.answers.front().cloned() }.unwrap_or_default()
        };
        // An answer shorter than it announces ends with the connection.
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| announced(head) == body.len());
        if stream.write_all(text.as_bytes()).await.is_err() || !whole {
            return;
        }
    }
}

async fn next_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Asked> {
    let mut part = vec![0; 65_536];
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            if buffer.len() >= end + 4 + announced(&head) {
                let body = buffer[end + 4..end + 4 + announced(&head)].to_vec();
                buffer.drain(..end + 4 + body.len());
                let mut lines = head.lines();
                let line = lines.next().unwrap_or_default().to_owned();
                let headers = lines.filter_map(|line| line.split_once(':'));
                let headers = headers.map(|(key, value)| (key.to_lowercase(), value.trim().to_owned())).collect();
                return Some(Asked { line, headers, body });
            }
            if head.to_lowercase().contains("expect: 100-continue") && buffer.len() == end + 4 {
                stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.ok()?;
            }
        }
        let read = stream.read(&mut part).await.ok().filter(|read| *read > 0)?;
        buffer.extend_from_slice(&part[..read]);
    }
}

fn announced(head: &str) -> usize {
    let mut lengths =
        head.lines().filter_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    lengths.next_back().unwrap_or_default()
}
