//! The plan advisor from outside: what `plan` proposes is what `convert` does, the page opens in a browser, and measuring a
//! source is polite.

use std::{path::PathBuf, process::Stdio, time::Duration};

use dap_server::{Server, prism};
use e2e::{Machine, Objects};
use serde_json::Value;
use tokio::process::Command;

use crate::setup::{CHUNKS, small};

fn document(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Chunk shapes by array.
fn chunks(plan: &Value) -> Vec<(String, Value)> {
    let arrays = plan["arrays"].as_array().unwrap();
    arrays.iter().map(|array| (array["path"].as_str().unwrap().to_owned(), array["chunk_shape"].clone())).collect()
}

/// Chunk shapes by array, as readers find them.
fn written(objects: &Objects) -> Value {
    serde_json::from_slice(objects.get("zarr.json").unwrap()).unwrap()
}

#[tokio::test]
async fn what_is_proposed_is_what_is_written() {
    let (machine, server) = (Machine::new(), small().await);
    let options = "--chunk-bytes 20kB:80kB --read timeseries@0.8 --read map@0.2 --chunks tmx:time=6";
    let plan = machine.command(format!("plan {} {options} --json", server.url("prism"))).run().await.success();
    let plan = document(&plan.stdout);
    let target = machine.path("out.zarr");
    let convert = format!("convert {} {} {options}", server.url("prism"), target.display());
    let _ = machine.command(convert).run().await.success();
    let root = written(&Objects::of(&target));
    let arrays = &root["consolidated_metadata"]["metadata"];
    for (name, chunk) in chunks(&plan) {
        assert_eq!(arrays[&name]["chunk_grid"]["configuration"]["chunk_shape"], chunk, "{name}");
    }
    let of = |name: &str| chunks(&plan).into_iter().find(|(array, _)| array == name).unwrap().1;
    assert_eq!(of("tmx")[0], 6, "what names a variable is for it alone");
    assert_eq!(of("ppt"), of("tmn"), "variables over the same dimensions share a grid");
    let groups = plan["advice"]["groups"].as_array().unwrap();
    let first = &groups[0]["choice"]["ranked"][0];
    assert!(first["chunk_bytes"].as_u64().unwrap() <= 80_000 && first["chunk_bytes"].as_u64().unwrap() >= 20_000);
}

#[tokio::test]
async fn planning_twice_says_the_same() {
    let (machine, server) = (Machine::new(), small().await);
    let plan = |options: &'static str| {
        let arguments = format!("plan {} --chunk-bytes 100kB {options}", server.url("prism"));
        async { machine.command(arguments).run().await.success().stdout }
    };
    assert_eq!(plan("").await, plan("").await);
    let (one, two) = (document(&plan("--json").await), document(&plan("--json").await));
    assert_eq!(one["advice"], two["advice"]);
}

#[tokio::test]
async fn a_probe_is_polite() {
    let (machine, server) = (Machine::new(), small().await);
    server.change(|behaviour| behaviour.latency = Duration::from_millis(30));
    let probe = format!("plan {} {CHUNKS} --probe --json", server.url("prism"));
    let finished = machine.command(probe).run().await.success();
    let plan = document(&finished.stdout);
    assert_eq!(plan["estimates"]["here"]["source"]["measured"], true, "{plan}");
    let latency = plan["probe"]["latency_s"].as_f64().unwrap();
    assert!(latency >= 0.03, "{latency}");
    let stats = server.stats();
    assert!(stats.max_in_flight <= 2, "{}", stats.max_in_flight);
    // One for the cadence, three for the latency, and three as large as a chunk.
    assert_eq!(stats.dods, 7, "{:?}", stats.constraints);
    let large =
        stats.constraints.iter().filter(|constraint| constraint.contains("[0:11]") || constraint.contains("[12:23]"));
    assert_eq!(large.count(), 3, "{:?}", stats.constraints);
}

#[tokio::test]
async fn a_source_that_refuses_a_probe_is_left_alone() {
    let (machine, server) = (Machine::new(), small().await);
    server.change(|behaviour| behaviour.faults.push("404 on=dods only=[0:11]".parse().unwrap()));
    let finished = machine.command(format!("plan {} {CHUNKS} --probe", server.url("prism"))).run().await;
    assert_eq!(finished.code, Some(3), "{}", finished.output());
    assert!(finished.stderr.contains("--probe"), "{}", finished.stderr);
    let large = server.stats().constraints.iter().filter(|constraint| constraint.contains("[0:11]")).count();
    assert_eq!(large, 1, "what was refused is not asked for again");
}

/// The interpreter with a browser, which `make test` sets up.
fn browser() -> Option<PathBuf> {
    let found = std::env::var_os("DAP2ZARR_TEST_BROWSER").filter(|path| !path.is_empty()).map(PathBuf::from);
    if found.is_none() {
        eprintln!(
            "\n******** SKIPPED: the advisor's page is NOT opened in a browser ********\n\
             DAP2ZARR_TEST_BROWSER is not set. `make test` sets it; or set it to what scripts/browser-env.sh prints.\n"
        );
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "CI must open the page in a browser");
    }
    found
}

/// Opens a page on a desk and on a phone, in light and in dark, without a network.
async fn check(python: &PathBuf, page: &std::path::Path, texts: &[&str]) {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../browser/check_page.py").canonicalize().unwrap();
    let mut command = Command::new(python);
    command.arg(script).arg(page).stdin(Stdio::null()).kill_on_drop(true);
    for text in texts {
        command.args(["--expect-text", text]);
    }
    let output = command.output().await.unwrap();
    let said = [output.stdout.as_slice(), output.stderr.as_slice()].map(String::from_utf8_lossy).join("\n");
    assert!(output.status.success(), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_opens_in_a_browser() {
    let Some(python) = browser() else { return };
    let machine = Machine::new();
    // The real size: metadata is all that is read.
    let server = Server::start([prism::dataset(1512)]).await.unwrap();
    for (name, options, texts) in [
        ("proposal", "", &["189", "322", "352"][..]),
        ("study", "--chunks time=72,lat=354,lon=354", &["36.1 MB", "168", "4.2 s"][..]),
    ] {
        let page = machine.path(&format!("{name}.html"));
        let plan = format!("plan {} {options} --html {}", server.url("prism"), page.display());
        let finished = machine.command(plan).run().await.success();
        assert!(finished.stderr.contains(&format!("{name}.html")), "it says where it is: {}", finished.stderr);
        check(&python, &page, texts).await;
    }
    let types = Server::start([dap_server::samples::types()]).await.unwrap();
    let page = machine.path("types.html");
    let _ = machine.command(format!("plan {} --html {}", types.url("types"), page.display())).run().await.success();
    check(&python, &page, &["u8_matrix"]).await;
}

#[tokio::test]
async fn a_page_that_cannot_be_written_is_said() {
    let (machine, server) = (Machine::new(), small().await);
    let finished = machine.command(format!("plan {} --html /nowhere/x.html", server.url("prism"))).run().await;
    assert_ne!(finished.code, Some(0));
    assert!(finished.stderr.contains("/nowhere/x.html"), "{}", finished.stderr);
}
