//! An S3 endpoint that refuses what it is told to: emulators check no policies.

use std::{
    convert::Infallible,
    net::Ipv4Addr,
    path::Path,
    sync::{Arc, Mutex},
};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::endpoint::Endpoint;

/// What is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Nothing,
    /// Every PUT of an object.
    Put,
    /// LIST; and, as S3 does to who may not list, HEAD and GET of what is not there.
    List,
}

/// What was asked for and what became of it.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) puts: u64,
    pub(crate) refused: u64,
    /// `Credential=` of the requests' signatures: which keys they were made with.
    pub(crate) access_keys: std::collections::BTreeSet<String>,
}

/// A proxy before an endpoint of its own.
#[derive(Debug)]
pub(crate) struct Proxy {
    refused: Arc<Mutex<Refused>>,
    pub(crate) seen: Arc<Mutex<Seen>>,
    accepting: JoinHandle<()>,
    _endpoint: Endpoint,
}

impl Proxy {
    pub(crate) async fn start(root: &Path, port: u16, bucket: &str) -> Self {
        let endpoint = Endpoint::start(root, 0, &[bucket.to_owned()]).await.unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let refused = Arc::new(Mutex::new(Refused::Nothing));
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let behind = endpoint.url();
        let accepting = tokio::spawn({
            let (refused, seen) = (Arc::clone(&refused), Arc::clone(&seen));
            async move {
                loop {
                    let Ok((stream, _)) = listener.accept().await else { continue };
                    let (behind, refused, seen) = (behind.clone(), Arc::clone(&refused), Arc::clone(&seen));
                    let answer = service_fn(move |request| {
                        let (behind, refused, seen) = (behind.clone(), *refused.lock().unwrap(), Arc::clone(&seen));
                        async move { Ok::<_, Infallible>(answer(request, &behind, refused, &seen).await) }
                    });
                    tokio::spawn(async move {
                        // A client that goes away is no matter of the proxy's.
                        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
                    });
                }
            }
        });
        Self { refused, seen, accepting, _endpoint: endpoint }
    }

    pub(crate) fn refuse(&self, what: Refused) {
        *self.refused.lock().unwrap() = what;
        *self.seen.lock().unwrap() = Seen::default();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn answer(
    request: Request<Incoming>,
    behind: &str,
    refused: Refused,
    seen: &Mutex<Seen>,
) -> Response<Full<Bytes>> {
    let method = request.method().clone();
    {
        let mut seen = seen.lock().unwrap();
        seen.puts += u64::from(method == Method::PUT);
        let signature = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let key = signature.and_then(|text| text.split_once("Credential=")?.1.split('/').next());
        seen.access_keys.insert(key.unwrap_or("none").to_owned());
    }
    let listing = method == Method::GET && request.uri().query().is_some_and(|query| query.contains("list-type"));
    if (refused == Refused::Put && method == Method::PUT) || (refused == Refused::List && listing) {
        return denied(seen);
    }
    let answer = forward(request, behind).await;
    if refused == Refused::List && answer.status() == StatusCode::NOT_FOUND { denied(seen) } else { answer }
}

fn denied(seen: &Mutex<Seen>) -> Response<Full<Bytes>> {
    seen.lock().unwrap().refused += 1;
    let body = "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
    let answer = Response::builder().status(StatusCode::FORBIDDEN).header("content-type", "application/xml");
    answer.body(Full::new(Bytes::from_static(body.as_bytes()))).unwrap()
}

/// As it came, `Host` included, which the signature covers.
async fn forward(request: Request<Incoming>, behind: &str) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let client = reqwest::Client::builder().no_proxy().no_gzip().no_deflate().build().unwrap();
    let sent =
        client.request(head.method, format!("{behind}{}", head.uri)).headers(head.headers).body(body).send().await;
    let got = sent.unwrap();
    let mut answer = Response::builder().status(got.status());
    for (name, value) in got.headers() {
        // The body is sent anew, whole.
        if name != "transfer-encoding" {
            answer = answer.header(name, value);
        }
    }
    answer.body(Full::new(got.bytes().await.unwrap())).unwrap()
}
