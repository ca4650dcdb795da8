use std::sync::Arc;

use run::{ReasonKind, SourceUrl};
use source_http::{HttpOptions, HttpSource};
use tokio::net::TcpListener;

use crate::{
    dds, fetch, options, permanent,
    scripted::{Scripted, Step, answer, send},
    source, transient,
};

async fn unused_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

fn url(host: &str, port: u16) -> SourceUrl {
    format!("http://{host}:{port}/d.nc").parse().unwrap()
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_a_typo_at_first_contact() {
    let port = unused_port().await;
    let (kind, message) = permanent(dds(&source(), &url("127.0.0.1", port)).await);
    assert_eq!(kind, ReasonKind::SourceUnreachable);
    assert_eq!(message, format!("`127.0.0.1:{port}` refuses the connection: is the server up, the port right?"));
}

#[tokio::test]
async fn a_server_that_goes_away_comes_back() {
    let server = Scripted::always(&answer("200 OK", "", "Dataset {")).await;
    let source = source();
    dds(&source, &server.url()).await.unwrap();
    let (kind, ..) = transient(fetch(&source, &url("127.0.0.1", unused_port().await)).await);
    assert_eq!(kind, ReasonKind::SourceUnreachable);
}

#[tokio::test]
async fn a_worker_takes_no_refusal_for_a_typo() {
    let options = HttpOptions { give_up_early: false, ..options() };
    let source = HttpSource::new(options, Arc::default()).unwrap();
    transient(fetch(&source, &url("127.0.0.1", unused_port().await)).await);
}

#[tokio::test]
async fn a_host_that_does_not_exist_is_named() {
    // Permanent, or transient where the resolver itself cannot be reached.
    let error = dds(&source(), &url("no-such-host.invalid", 80)).await.unwrap_err().to_string();
    assert!(error.starts_with("no such host `no-such-host.invalid`: check the URL and the network"), "{error}");
}

#[tokio::test]
async fn https_to_a_server_that_speaks_http_is_no_secure_connection() {
    let server = Scripted::start(|_| send("200 OK", "", "")).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let text = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
            tokio::io::AsyncWriteExt::write_all(&mut stream, text).await.unwrap();
        }
    });
    let url: SourceUrl = format!("https://127.0.0.1:{port}/d.nc").parse().unwrap();
    let (kind, message) = permanent(dds(&source(), &url).await);
    assert_eq!((kind, server.requests().len()), (ReasonKind::SourceUnreachable, 0));
    assert!(message.starts_with(&format!("no secure connection to `127.0.0.1:{port}`")), "{message}");
}

#[tokio::test]
async fn a_connection_closed_without_an_answer_is_transient() {
    let server = Scripted::start(|_| vec![Step::Close]).await;
    let (kind, message, _) = transient(fetch(&source(), &server.url()).await);
    assert_eq!((kind, server.requests().len()), (ReasonKind::SourceUnreachable, 1));
    assert!(message.contains("without an answer"), "{message}");
    let server = Scripted::always("220 smtp.example.org ESMTP\r\n").await;
    assert_eq!(transient(fetch(&source(), &server.url()).await).0, ReasonKind::SourceUnreachable);
}
