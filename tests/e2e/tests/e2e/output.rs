//! What the command prints: JSON that is nothing but JSON, and text for people.

use dap_server::{Server, prism};
use e2e::Machine;
use serde_json::Value;

use crate::setup::{CHUNK_COUNT, CHUNKS, small};

async fn json(arguments: &str) -> (Value, String) {
    let (machine, server) = (Machine::new(), small().await);
    let arguments =
        arguments.replace("URL", &server.url("prism")).replace("TARGET", &machine.path("out.zarr").to_string_lossy());
    let finished = machine.command(arguments).run().await.success();
    let document = serde_json::from_str(&finished.stdout).unwrap();
    (document, finished.stderr)
}

#[tokio::test]
async fn examine_as_json() {
    let (document, stderr) = json("examine URL --json").await;
    assert_eq!(document["dimensions"]["lat"], 64);
    assert_eq!(document["unlimited"], "time");
    let names: Vec<_> = document["variables"].as_array().unwrap().iter().map(|v| v["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["lon", "lat", "time", "time_bnds", "ppt", "tmx", "tmn"]);
    assert_eq!(document["variables"][4]["source_chunks"], serde_json::json!([1, 23, 44]));
    assert_eq!(stderr, "");
}

#[tokio::test]
async fn plan_as_json() {
    let (document, stderr) = json(&format!("plan URL {CHUNKS} --json")).await;
    assert_eq!(document["totals"]["chunks"], CHUNK_COUNT);
    assert_eq!(stderr, "");
}

#[tokio::test]
async fn convert_as_json() {
    let (document, stderr) = json(&format!("convert URL TARGET {CHUNKS} --json")).await;
    assert_eq!(document["verdict"], "publish");
    assert_eq!(document["chunks"], CHUNK_COUNT);
    assert_eq!(document["missing_chunks"], 0);
    assert_eq!(document["skipped"], serde_json::json!([]));
    assert!(stderr.contains("published"), "what is for people goes to stderr: {stderr}");
}

#[tokio::test]
async fn quiet_is_quiet() {
    let (_, stderr) = json(&format!("convert URL TARGET {CHUNKS} --json --quiet")).await;
    assert_eq!(stderr, "");
}

#[tokio::test]
async fn a_failure_is_json_too() {
    let (machine, server) = (Machine::new(), small().await);
    let arguments = format!("convert {} out.zarr --variables nothing --json", server.url("prism"));
    let finished = machine.command(arguments).run().await;
    assert_eq!(finished.code, Some(2), "{}", finished.stderr);
    let document: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert!(document.to_string().contains("nothing"), "{document}");
}

/// What a command prints about the window, with the server's port taken out.
async fn text(arguments: &str) -> String {
    let server = Server::start([prism::window(24, 64, 96)]).await.unwrap();
    let arguments = arguments.replace("URL", &server.url("prism"));
    let finished = Machine::new().command(arguments).run().await.success();
    assert_eq!(finished.stderr, "");
    finished.stdout.replace(&server.address().to_string(), "SERVER")
}

#[tokio::test]
async fn examine_for_people() {
    insta::assert_snapshot!(text("examine URL --attributes").await);
}

#[tokio::test]
async fn plan_for_people() {
    insta::assert_snapshot!(text(&format!("plan URL {CHUNKS} --request-bytes 30kB")).await);
}

#[tokio::test]
async fn plan_of_default_chunks_for_people() {
    let server = Server::start([prism::dataset(144)]).await.unwrap();
    let finished = Machine::new().command(format!("plan {}", server.url("prism"))).run().await.success();
    insta::assert_snapshot!(finished.stdout);
}
