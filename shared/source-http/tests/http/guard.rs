use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use run::{ReasonKind, SourceUrl};
use source_http::{HttpOptions, HttpSource, Reach};
use tokio::net::TcpListener;

use crate::{
    dds, fetch, options, permanent,
    scripted::{Scripted, answer, send},
};

fn guarded(list: &str) -> HttpSource {
    HttpSource::new(HttpOptions { reach: Reach::Guarded(list.parse().unwrap()), ..options() }, Arc::default()).unwrap()
}

/// A source that may ask these servers.
fn guarded_for(servers: &[&Scripted]) -> HttpSource {
    let entries: Vec<String> = servers.iter().map(|server| format!("127.0.0.1:{}", server.port)).collect();
    guarded(&entries.join(","))
}

/// A listener that nobody may connect to, and how many did.
async fn forbidden() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, connections)
}

async fn redirecting_to(location: String) -> Scripted {
    Scripted::always(&answer("302 Found", &format!("Location: {location}\r\n"), "the secret page")).await
}

#[tokio::test]
async fn a_listed_server_is_read() {
    let server = Scripted::always(&answer("200 OK", "", "Dataset {")).await;
    let source = guarded_for(&[&server]);
    assert_eq!(dds(&source, &server.url()).await.unwrap(), "Dataset {");
    fetch(&source, &server.url()).await.unwrap();
    assert_eq!(server.targets(), ["/d.nc.dds", "/d.nc.dods?v%5B0:1%5D"]);
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_that_is_not_listed() {
    let (port, connections) = forbidden().await;
    for list in ["", "*.example.org", "*", "127.0.0.1:1"] {
        for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433", "LOCALHOST."] {
            let url: SourceUrl = format!("http://{host}:{port}/d.nc").parse().unwrap();
            let (kind, message) = permanent(dds(&guarded(list), &url).await);
            assert_eq!(kind, ReasonKind::SourceNotAllowed, "{message}");
            assert!(message.contains("AllowedSourceHosts"), "{message}");
        }
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_redirect_to_a_server_that_is_not_listed_is_not_followed() {
    let (port, connections) = forbidden().await;
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:7f00:1]", "127.1"] {
        let server = redirecting_to(format!("http://{host}:{port}/latest/meta-data?token=1")).await;
        let (kind, message) = permanent(dds(&guarded_for(&[&server]), &server.url()).await);
        assert_eq!(kind, ReasonKind::SourceNotAllowed, "{message}");
        let from = format!("http://127.0.0.1:{}/d.nc.dds redirects elsewhere: ", server.port);
        assert!(message.starts_with(&from) && message.contains("AllowedSourceHosts"), "{message}");
        assert!(!message.contains("secret") && !message.contains("token"), "{message}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_redirect_to_what_gives_out_credentials_is_not_followed() {
    for location in [
        "http://169.254.169.254/latest/meta-data/",
        "//[::ffff:169.254.169.254]/",
        "http://[fd00:ec2::254]/",
        "http://0251.0376.0251.0376/",
    ] {
        let server = redirecting_to(location.to_owned()).await;
        let (kind, message) = permanent(dds(&guarded_for(&[&server]), &server.url()).await);
        assert_eq!(kind, ReasonKind::SourceNotAllowed, "{message}");
        assert!(message.contains("where no source may be"), "{message}");
    }
}

#[tokio::test]
async fn every_hop_is_looked_at() {
    let (port, connections) = forbidden().await;
    let last = redirecting_to(format!("http://127.0.0.1:{port}/")).await;
    let first = redirecting_to(format!("http://127.0.0.1:{}/x", last.port)).await;
    let (kind, message) = permanent(dds(&guarded_for(&[&first, &last]), &first.url()).await);
    assert_eq!(kind, ReasonKind::SourceNotAllowed, "{message}");
    assert!(message.starts_with(&format!("http://127.0.0.1:{}/x redirects", last.port)), "{message}");
    assert_eq!((first.requests().len(), last.requests().len(), connections.load(Ordering::SeqCst)), (1, 1, 0));
}

#[tokio::test]
async fn a_redirect_to_a_listed_server_carries_nothing_along() {
    let new = Scripted::always(&answer("200 OK", "", "Dataset {")).await;
    let to = format!("Location: http://127.0.0.1:{}/d.nc.dds\r\nSet-Cookie: session=1\r\n", new.port);
    let old = Scripted::start(move |_| send("302 Found", &to, "")).await;
    let source = guarded_for(&[&old, &new]);
    assert_eq!(dds(&source, &old.url()).await.unwrap(), "Dataset {");
    let head = new.requests()[0].head.to_ascii_lowercase();
    for header in ["authorization:", "cookie:", "referer:"] {
        assert!(!head.contains(header), "{head}");
    }
}

#[tokio::test]
async fn users_other_schemes_and_loops_end_a_chain() {
    let loops = Scripted::always(&answer("301 Moved", "Location: /d.nc.dds\r\n", "")).await;
    let (kind, message) = permanent(dds(&guarded_for(&[&loops]), &loops.url()).await);
    assert_eq!((kind, loops.requests().len()), (ReasonKind::SourceRefused, 6));
    assert!(message.starts_with("more than 5 redirects"), "{message}");

    let (port, connections) = forbidden().await;
    for location in [format!("http://u:p@127.0.0.1:{port}/"), format!("gopher://127.0.0.1:{port}/")] {
        let server = redirecting_to(location).await;
        let source = guarded(&format!("127.0.0.1:{port},127.0.0.1:{}", server.port));
        assert_eq!(permanent(dds(&source, &server.url()).await).0, ReasonKind::SourceRefused);
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

/// The environment belongs to the process, so this test runs itself once more, in one of its own.
#[tokio::test]
async fn the_guarded_ask_no_proxy() {
    const INNER: &str = "DAP2ZARR_TEST_GUARDED_BEHIND_PROXY";
    if std::env::var_os(INNER).is_some() {
        let reach = Reach::Guarded("no-such-host.invalid".parse().unwrap());
        let options = HttpOptions { reach, system_proxy: true, ..options() };
        let source = HttpSource::new(options, Arc::default()).unwrap();
        dds(&source, &"http://no-such-host.invalid/d.nc".parse().unwrap()).await.unwrap_err();
        return;
    }
    let (port, connections) = forbidden().await;
    let proxy = format!("http://127.0.0.1:{port}");
    let status = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "guard::the_guarded_ask_no_proxy"])
        .envs([("http_proxy", &proxy), ("HTTPS_PROXY", &proxy), ("ALL_PROXY", &proxy)])
        .env_remove("no_proxy")
        .env_remove("NO_PROXY")
        .env(INNER, "1")
        .status()
        .await
        .unwrap();
    assert!(status.success());
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}
