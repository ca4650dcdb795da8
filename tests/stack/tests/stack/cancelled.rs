//! A run is cancelled, and resumed.

use std::time::Duration;

use dap_server::{Behaviour, prism};
use e2e::Machine;
use run::{RunId, Verdict};

use crate::setup::{Stack, reference};

const OPTIONS: &str = "--chunks time=6,lat=32,lon=48";
/// 3 grids of 4 × 2 × 2, and 4 coordinates and bounds.
const CHUNKS: u64 = 3 * 16 + 4;
/// Data requests for the first times: `submit`'s look at the source, and the plan of each of two runs.
const PLANNING: u64 = 3;

#[tokio::test]
async fn a_cancelled_run_stops_and_its_work_is_taken_over() {
    let Some(stack) = Stack::deployed("here", "cancelled") else { return };
    let slow = Behaviour { latency: Duration::from_secs(1), ..Behaviour::default() };
    let server = stack.source(prism::window(24, 64, 96), slow).await;
    let machine = Machine::new();
    let arguments = format!("submit {} {} {OPTIONS}", server.url("prism"), stack.target("x.zarr"));
    let submitted = stack.command(&machine, arguments).run().await.success();
    let run = RunId::try_from(submitted.stdout.trim().to_owned()).unwrap();
    while server.stats().answered < 8 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let _ = stack.command(&machine, format!("cancel {run}")).run().await.success();
    let end = stack.end(&run).await;
    assert_eq!(end.verdict, Verdict::Cancelled);
    assert!(!stack.objects("x.zarr").await.is_published());
    // What was under way may end; nothing new begins.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let asked = server.stats().dods;
    assert!(asked < CHUNKS, "{asked} requests: the run was over before it was cancelled");
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(server.stats().dods, asked, "no request after the run was cancelled");

    server.change(|behaviour| behaviour.latency = Duration::ZERO);
    let resumed = stack.command(&machine, format!("resume {run} --watch")).run().await;
    // The former run may have had writes under way for as long as a function may take: so long the new one waits.
    let resumed = resumed.success();
    let new = RunId::try_from(resumed.stdout.lines().next().unwrap().trim().to_owned()).unwrap();
    assert_ne!(new, run);
    assert_eq!(stack.plan(&new).await.continues, Some(run));
    let again = server.stats().dods - asked;
    assert!(again < CHUNKS, "{again} of {CHUNKS} chunks were fetched again");
    assert!(server.stats().dods <= CHUNKS + stack.concurrency() + PLANNING, "only what was missing is fetched");
    stack.objects("x.zarr").await.assert_same(&reference(&server.url("prism"), OPTIONS).await);
}
