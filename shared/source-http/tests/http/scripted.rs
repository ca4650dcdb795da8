//! A server that sends what a test tells it to, however wrong.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What is done for one request.
pub(crate) enum Step {
    Send(Vec<u8>),
    Pause(Duration),
    Close,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The first is 0.
    pub(crate) number: usize,
    /// Path and query as they were sent.
    pub(crate) target: String,
    /// All of it.
    pub(crate) head: String,
}

type Script = dyn Fn(&Request) -> Vec<Step> + Send + Sync;

pub(crate) struct Scripted {
    pub(crate) port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Scripted {
    pub(crate) async fn start(script: impl Fn(&Request) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let script: Arc<Script> = Arc::new(script);
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, Arc::clone(&script), Arc::clone(&seen)));
            }
        });
        Self { port, requests }
    }

    /// A server that always answers the same.
    pub(crate) async fn always(answer: &str) -> Self {
        let answer = answer.as_bytes().to_vec();
        Self::start(move |_| vec![Step::Send(answer.clone())]).await
    }

    pub(crate) fn url(&self) -> run::SourceUrl {
        format!("http://127.0.0.1:{}/d.nc", self.port).parse().unwrap()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn targets(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.target).collect()
    }
}

async fn converse(mut stream: TcpStream, script: Arc<Script>, seen: Arc<Mutex<Vec<Request>>>) -> std::io::Result<()> {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        let head = String::from_utf8(head).unwrap();
        let target = head.split(' ').nth(1).unwrap().to_owned();
        let request = {
            let mut seen = seen.lock().unwrap();
            let request = Request { number: seen.len(), target, head };
            seen.push(request.clone());
            request
        };
        for step in script(&request) {
            match step {
                Step::Send(bytes) => stream.write_all(&bytes).await?,
                Step::Pause(time) => tokio::time::sleep(time).await,
                Step::Close => return stream.shutdown().await,
            }
        }
    }
}

/// A whole answer.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// The same as the only step.
pub(crate) fn send(status: &str, headers: &str, body: &str) -> Vec<Step> {
    vec![Step::Send(answer(status, headers, body).into_bytes())]
}
