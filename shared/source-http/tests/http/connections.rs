use std::sync::Arc;

use run::{ReasonKind, SourceUrl};
use source_http::{HttpOptions, HttpSource};
use tokio::net::TcpListener;

use crate::{
    dds, fetch, options, permanent,
    scripted::{Scripted, Step, answer},
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
    assert_eq!(kind, ReasonKind::SourceUnreachable);
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

/// The environment belongs to the process, so this test runs itself once more, in one of its own.
#[tokio::test]
async fn a_proxy_is_used_only_on_demand_and_never_for_loopback() {
    const INNER: &str = "DAP2ZARR_TEST_BEHIND_PROXY";
    if std::env::var_os(INNER).is_some() {
        return behind_proxy().await;
    }
    let proxy = Scripted::always(&answer("200 OK", "", "Dataset { by proxy")).await;
    let status = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "connections::a_proxy_is_used_only_on_demand_and_never_for_loopback"])
        .env("http_proxy", format!("http://127.0.0.1:{}", proxy.port))
        .env_remove("no_proxy")
        .env_remove("NO_PROXY")
        .env(INNER, "1")
        .status()
        .await
        .unwrap();
    assert!(status.success());
    assert_eq!(proxy.targets(), ["http://no-such-host.invalid/d.nc.dds"]);
}

async fn behind_proxy() {
    let server = Scripted::always(&answer("200 OK", "", "Dataset {")).await;
    let proxied = HttpSource::new(HttpOptions { system_proxy: true, ..options() }, Arc::default()).unwrap();
    let elsewhere = url("no-such-host.invalid", 80);
    assert_eq!(dds(&proxied, &elsewhere).await.unwrap(), "Dataset { by proxy");
    assert_eq!(dds(&proxied, &server.url()).await.unwrap(), "Dataset {");
    dds(&source(), &elsewhere).await.unwrap_err();
    assert_eq!(dds(&source(), &server.url()).await.unwrap(), "Dataset {");
}
