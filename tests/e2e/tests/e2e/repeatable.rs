//! The same request gives the same bytes, whatever the concurrency, the target and the size of requests.

use e2e::{Machine, Objects};

use crate::setup::{CHUNK_COUNT, CHUNKS, PLANNING, S3, reference, small, with_keys};

#[tokio::test]
async fn at_any_concurrency_in_both_formats_to_a_folder_and_to_s3() {
    let s3 = S3::start().await;
    for format in ["v2", "v3"] {
        let expected = reference(&format!("--format {format}")).await;
        for concurrency in [1, 8] {
            let (machine, server) = (Machine::new(), small().await);
            let convert = |target: &str, options: &str| {
                let url = server.url("prism");
                let options = format!("{CHUNKS} --format {format} --concurrency {concurrency} {options}");
                with_keys(machine.command(format!("convert {url} {target} {options}")))
            };
            let folder = machine.path("out.zarr");
            let _ = convert(&folder.to_string_lossy(), "").run().await.success();
            Objects::of(&folder).assert_same(&expected);
            let prefix = format!("{format}/at-{concurrency}.zarr");
            let endpoint = format!("--endpoint-url {}", s3.url());
            let _ = convert(&format!("s3://bucket/{prefix}"), &endpoint).run().await.success();
            s3.objects(&prefix).assert_same(&expected);
        }
    }
}

#[tokio::test]
async fn with_small_requests_and_with_large_ones() {
    let expected = reference("").await;
    // A chunk is 12 × 32 × 48 × 4 = 73,728 bytes.
    for (request_bytes, requests) in [("100MB", CHUNK_COUNT), ("30kB", 24 * 3 + 4), ("2kB", 24 * 12 * 4 + 4)] {
        let (machine, server) = (Machine::new(), small().await);
        let target = machine.path("out.zarr");
        let arguments =
            format!("convert {} {} {CHUNKS} --request-bytes {request_bytes}", server.url("prism"), target.display());
        let _ = machine.command(arguments).run().await.success();
        Objects::of(&target).assert_same(&expected);
        assert_eq!(server.stats().dods, PLANNING + requests, "--request-bytes {request_bytes}");
    }
}

#[tokio::test]
async fn a_selection_gives_the_bytes_of_its_part() {
    let expected = reference("").await;
    let (machine, server) = (Machine::new(), small().await);
    let target = machine.path("out.zarr");
    let arguments = format!(
        "convert {} {} {CHUNKS} --variables tmx --range time=12:23,lat=0:31,lon=48:95",
        server.url("prism"),
        target.display()
    );
    let _ = machine.command(arguments).run().await.success();
    let part = Objects::of(&target);
    assert_eq!(part.get("tmx/c/0/0/0"), expected.get("tmx/c/1/0/1"));
    assert_eq!(part.keys().filter(|key| key.starts_with("ppt")).count(), 0);
}
