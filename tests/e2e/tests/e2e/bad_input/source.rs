//! Sources that are not there, or not what they should be.

use dap_server::{Fault, Server, prism, samples};
use tokio::net::TcpListener;

use super::case::{Cases, SECRET};
use crate::setup::{CHUNKS, PLANNING};

pub(super) async fn cases(cases: &mut Cases) {
    addresses(cases).await;
    hosts(cases).await;
    answers(cases).await;
    bodies(cases).await;
}

async fn addresses(cases: &mut Cases) {
    cases.convert("a name in place of a URL", "prism", "", 2, &["`prism`", "not a URL", "expected", "https://"]).await;
    cases.convert("ftp:// URL", "ftp://server/x.nc", "", 2, &["`ftp`", "expected http or https"]).await;
    let secret = format!("http://me:{SECRET}@127.0.0.1:9/x");
    cases.convert("URL with user:password", &secret, "", 2, &["user name or a password"]).await;
    let constrained = format!("{}?tmx[0:1]", cases.server.url("prism"));
    cases.convert("URL with a constraint", &constrained, "", 2, &["?tmx", "--variables and --range"]).await;
}

async fn hosts(cases: &mut Cases) {
    let url = "http://no-such-host.invalid/prism";
    cases.convert("no such host", url, "--retries 1", 3, &["no-such-host.invalid"]).await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/prism", free.local_addr().unwrap());
    drop(free);
    cases.convert("connection refused", &url, "--retries 1", 3, &["refuses the connection", "is the server up"]).await;
    let url = cases.server.url("nothing");
    cases.convert("no such dataset (404)", &url, "", 3, &["404", &url]).await;
}

/// Servers whose documents are wrong.
async fn answers(cases: &mut Cases) {
    for (name, fault, says) in [
        ("an HTML page", "html on=dds", &["expected a DAP response", "Log in"][..]),
        ("a DDS cut in the middle", "cut-dds on=dds", &["DDS line 16", "expected a name"]),
        ("a DAS that ends early", "truncate on=das", &["prism.das", "ended at byte"]),
        ("an Error body with status 200", "error-body on=dds", &["out of memory"]),
        ("credentials wanted (401)", "401 on=dds", &["401"]),
        ("a server that is always busy", "503 on=dds", &["503", "tried 2 times"]),
    ] {
        let server = broken(&[fault]).await;
        cases.convert(name, &server.url("prism"), "--retries 1", 3, says).await;
        cases.expect(server.stats().dods == 0, &format!("{name}: data was asked for"));
    }
    let server = Server::start([samples::sequence()]).await.unwrap();
    let options = "--variables profiles";
    cases.convert("a Sequence is asked for", &server.url("sequence"), options, 2, &["profiles", "Sequence"]).await;
}

/// Servers whose data is wrong.
async fn bodies(cases: &mut Cases) {
    let chunk = "only=tmx.tmx[12:23][0:31][48:95]";
    for (name, fault, exit, says) in [
        ("a body cut in the middle", "truncate", 5, &["tmx", "tried 3 times", "ended at byte"][..]),
        ("a body that is too short", "short at=8", 5, &["tmx", "tried 3 times", "ends"]),
        ("an HTML page in place of data", "html", 3, &["tmx", "expected a DAP response"]),
        ("an Error body in place of data", "error-body", 3, &["tmx", "out of memory", "tried 3 times"]),
        ("dropped connections", "drop", 3, &["tmx", "tried 3 times"]),
    ] {
        let server = broken(&[&format!("{fault} {chunk}")]).await;
        let options = format!("{CHUNKS} --retries 2");
        cases.convert(name, &server.url("prism"), &options, exit, says).await;
        cases.expect(server.stats().faults == 3, &format!("{name}: {} attempts", server.stats().faults));
    }
    names_the_missing_chunk(cases).await;
}

/// What is done stays done, and the summary names what is not.
async fn names_the_missing_chunk(cases: &mut Cases) {
    let server = broken(&["truncate next=3 only=tmx.tmx[12:23][0:31][48:95]"]).await;
    let machine = e2e::Machine::new();
    let target = machine.path("out.zarr");
    let convert = || {
        let arguments = format!("convert {} {} {CHUNKS} --retries 2", server.url("prism"), target.display());
        machine.command(arguments)
    };
    let failed = cases.run("the same, and again", &machine, convert(), 5, &["1 chunk is missing", "tmx/"]).await;
    cases.expect(failed.stderr.contains("run the same command again"), "it says what to do next");
    let before = server.stats().dods;
    let again = convert().run().await;
    cases.expect(again.code == Some(0), &format!("the second time it succeeds: {}", again.stderr));
    cases.expect(server.stats().dods == before + PLANNING + 1, "only the missing chunk is fetched");
}

async fn broken(faults: &[&str]) -> Server {
    let server = Server::start([prism::window(24, 64, 96)]).await.unwrap();
    let faults: Vec<Fault> = faults.iter().map(|fault| fault.parse().unwrap()).collect();
    server.change(|behaviour| behaviour.faults = faults);
    server
}
