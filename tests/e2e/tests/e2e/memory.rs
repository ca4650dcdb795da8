//! Memory of the main job stays below twice a chunk's bytes for each request in flight, and 100 MB.

use dap_server::{Server, prism};
use e2e::{Machine, Objects, Table, binary};
use serde_json::Value;

const CONCURRENCY: u64 = 4;
const CHUNK_BYTES: u64 = 72 * 354 * 354 * 4;
const MOST_BYTES: u64 = CHUNK_BYTES * 2 * CONCURRENCY + 100_000_000;

/// The demo: twelve years of the whole grid, 1.5 GB. Takes half a minute, with nothing beside it (see
/// `.config/nextest.toml`).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_stays_within_its_memory() {
    let server = Server::start([prism::dataset(144)]).await.unwrap();
    let machine = Machine::with(binary("dap2zarr-measured", "DAP2ZARR_MEASURED_BIN"));
    let (target, figures) = (machine.path("demo.zarr"), machine.path("figures.json"));
    let options = format!("--chunks time=72,lat=354,lon=354 --concurrency {CONCURRENCY}");
    let command = machine.command(format!("convert {} {} {options}", server.url("prism"), target.display()));
    let finished = command.env("DAP2ZARR_MEASURE_FILE", figures.to_string_lossy()).run().await.success();
    assert!(Objects::of(&target).is_published());

    let figures: Value = serde_json::from_str(&std::fs::read_to_string(figures).unwrap()).unwrap();
    let (heap, resident) = (figures["heap_bytes"].as_u64().unwrap(), figures["resident_bytes"].as_u64().unwrap());
    let mut table = Table::new(&["memory of the demo", "MB", "allowed MB"]);
    let allowed = megabytes(MOST_BYTES);
    table.row(&["Rust heap, peak", &megabytes(heap), &allowed]);
    table.row(&["resident, peak (C libraries and program included)", &megabytes(resident), &allowed]);
    eprintln!("{}in {:?}\n{}", table.publish("memory"), finished.elapsed, finished.stderr);
    assert!(heap > CHUNK_BYTES, "the allocator counts: {heap}");
    assert!(heap < MOST_BYTES, "the heap takes {heap} bytes, more than {MOST_BYTES}");
    assert!(resident < MOST_BYTES, "the process takes {resident} bytes, more than {MOST_BYTES}");
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{}", bytes / 1_000_000, bytes / 100_000 % 10)
}
