//! Conversions that are interrupted, killed and started twice.

use std::{path::PathBuf, time::Duration};

use dap_server::{Server, prism};
use e2e::{Finished, Invocation, Machine, Objects, Running};

use crate::setup::{PLANNING, S3, with_keys};

const CHUNKS: &str = "--chunks time=12,lat=32,lon=48 --concurrency 2";
/// Of four years: 3 grids of 4 × 2 × 2, and 4 coordinates and bounds.
const CHUNK_COUNT: u64 = 3 * 16 + 4;
/// A request takes so long that a conversion can be stopped in its middle.
const SLOW: Duration = Duration::from_millis(150);

/// A user's conversion of a slow server's dataset.
struct Scene {
    machine: Machine,
    server: Server,
    target: PathBuf,
}

impl Scene {
    async fn new() -> Self {
        let server = Server::start([prism::window(48, 64, 96)]).await.unwrap();
        let machine = Machine::new();
        let target = machine.path("out.zarr");
        Self { machine, server, target }
    }

    fn convert(&self, target: &str) -> Invocation {
        self.machine.command(format!("convert {} {target} {CHUNKS}", self.server.url("prism")))
    }

    fn to_folder(&self) -> Invocation {
        self.convert(&self.target.to_string_lossy())
    }

    /// Starts, and waits until some chunks are done and many are not.
    async fn to_the_middle(&self, command: Invocation) -> Running {
        self.server.change(|behaviour| behaviour.latency = SLOW);
        let running = command.spawn();
        while self.server.stats().answered < 12 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        running
    }

    /// What an undisturbed conversion makes.
    async fn undisturbed(&self) -> Objects {
        let machine = Machine::new();
        let target = machine.path("undisturbed.zarr");
        let server = Server::start([prism::window(48, 64, 96)]).await.unwrap();
        let arguments = format!("convert {} {} {CHUNKS}", server.url("prism"), target.display());
        let _ = machine.command(arguments).run().await.success();
        Objects::of(&target)
    }

    /// Goes on at full speed; returns how many data requests that took.
    async fn goes_on(&self, command: Invocation) -> (Finished, u64) {
        self.server.change(|behaviour| behaviour.latency = Duration::ZERO);
        self.server.reset_stats();
        let finished = command.run().await.success();
        assert!(finished.stderr.contains("going on with"), "{}", finished.stderr);
        (finished, self.server.stats().dods)
    }
}

/// Chunks done, from `stopped: 14 chunks done, …`.
fn done(finished: &Finished) -> u64 {
    let line = finished.stderr.lines().find_map(|line| line.strip_prefix("stopped: "));
    line.and_then(|line| line.split(' ').next()?.parse().ok()).unwrap_or_else(|| panic!("{}", finished.stderr))
}

#[tokio::test]
async fn an_interrupt_stops_cleanly_and_the_next_conversion_goes_on() {
    for signal in ["INT", "TERM"] {
        let scene = Scene::new().await;
        let running = scene.to_the_middle(scene.to_folder()).await;
        running.signal(signal);
        let stopped = running.finish().await;
        assert_eq!(stopped.code, Some(130), "{}", stopped.stderr);
        assert!(stopped.stderr.contains("the same command goes on from here"), "{}", stopped.stderr);
        assert!(!Objects::of(&scene.target).is_published());
        assert_eq!(PLANNING + done(&stopped), scene.server.stats().answered, "what was under way is finished");

        let (_, requests) = scene.goes_on(scene.to_folder()).await;
        assert_eq!(requests, CHUNK_COUNT - done(&stopped), "what is done is not fetched again");
        Objects::of(&scene.target).assert_same(&scene.undisturbed().await);
    }
}

#[tokio::test]
async fn a_kill_loses_only_what_was_under_way() {
    let scene = Scene::new().await;
    let running = scene.to_the_middle(scene.to_folder()).await;
    running.signal("KILL");
    let killed = running.finish().await;
    assert_eq!(killed.code, None);
    assert!(!Objects::of(&scene.target).is_published());
    let answered = scene.server.stats().answered;

    let (_, requests) = scene.goes_on(scene.to_folder()).await;
    // With --concurrency 2 three chunks are in the works, and the receipts of the last few may not be written yet.
    assert!(requests <= CHUNK_COUNT - answered + 6, "{requests} requests after {answered} were answered");
    let store = Objects::of(&scene.target);
    store.assert_same(&scene.undisturbed().await);
    assert!(!store.keys().any(|key| key.contains("partial")), "no half-written file stays");
}

#[tokio::test]
async fn an_interrupted_conversion_to_s3_goes_on() {
    let (scene, s3) = (Scene::new().await, S3::start().await);
    for signal in ["INT", "KILL"] {
        let target = format!("s3://bucket/{signal}.zarr");
        let convert = || with_keys(scene.convert(&target)).env("AWS_ENDPOINT_URL_S3", s3.url());
        scene.server.reset_stats();
        let running = scene.to_the_middle(convert()).await;
        running.signal(signal);
        let _ = running.finish().await;
        let prefix = format!("{signal}.zarr");
        assert!(!s3.objects(&prefix).is_published());
        let answered = scene.server.stats().answered;
        let (_, requests) = scene.goes_on(convert()).await;
        // Objects on S3 say which plan they are of: not even a lost receipt costs a fetch.
        assert!(requests <= CHUNK_COUNT - answered + 3, "{requests} requests after {answered} were answered");
        s3.objects(&prefix).assert_same(&scene.undisturbed().await);
    }
}

#[tokio::test]
async fn a_second_interrupt_leaves_at_once() {
    let scene = Scene::new().await;
    let running = scene.to_the_middle(scene.to_folder()).await;
    scene.server.change(|behaviour| behaviour.latency = Duration::from_mins(2));
    tokio::time::sleep(SLOW * 3).await;
    running.signal("INT");
    tokio::time::sleep(Duration::from_millis(300)).await;
    running.signal("INT");
    let asked = std::time::Instant::now();
    let left = running.finish().await;
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    assert_eq!(left.code, Some(130), "{}", left.stderr);
    assert!(left.stderr.contains("interrupt again to leave at once"), "{}", left.stderr);
    assert!(left.stderr.contains("left at once"), "{}", left.stderr);
    assert!(!Objects::of(&scene.target).is_published());
    scene.goes_on(scene.to_folder()).await;
    Objects::of(&scene.target).assert_same(&scene.undisturbed().await);
}

#[tokio::test]
async fn an_interrupt_while_the_source_is_described() {
    let scene = Scene::new().await;
    scene.server.change(|behaviour| behaviour.latency = Duration::from_mins(2));
    let running = scene.to_folder().spawn();
    tokio::time::sleep(Duration::from_millis(700)).await;
    running.signal("INT");
    tokio::time::sleep(Duration::from_millis(300)).await;
    running.signal("INT");
    let left = running.finish().await;
    assert_eq!(left.code, Some(130), "{}", left.stderr);
    assert!(left.elapsed < Duration::from_secs(10), "{:?}", left.elapsed);
}

#[tokio::test]
async fn two_at_once_on_one_target() {
    let scene = Scene::new().await;
    let first = scene.to_the_middle(scene.to_folder()).await;
    // Another request for the same target is refused as well.
    for options in ["", "--format v2", "--mode overwrite"] {
        let mut second = scene.to_folder();
        for option in options.split_whitespace() {
            second = second.argument(option);
        }
        let second = second.run().await;
        assert_eq!(second.code, Some(4), "{}", second.stderr);
        assert!(second.stderr.contains("another dap2zarr process"), "{}", second.stderr);
    }
    scene.server.change(|behaviour| behaviour.latency = Duration::ZERO);
    let _ = first.finish().await.success();
    Objects::of(&scene.target).assert_same(&scene.undisturbed().await);
}

#[tokio::test]
async fn another_request_takes_over_what_an_interrupted_one_left() {
    let scene = Scene::new().await;
    let running = scene.to_the_middle(scene.to_folder()).await;
    running.signal("KILL");
    let _ = running.finish().await;
    scene.server.change(|behaviour| behaviour.latency = Duration::ZERO);
    let target = scene.target.to_string_lossy().into_owned();
    let _ = scene.convert(&target).argument("--variables=tmx").run().await.success();
    let store = Objects::of(&scene.target);
    assert!(store.is_published());
    let documents: Vec<_> = store.keys().filter(|key| key.ends_with("zarr.json")).collect();
    let arrays = ["lat", "lon", "time", "time_bnds", "tmx"].map(|array| format!("{array}/zarr.json"));
    let expected: Vec<_> = arrays.iter().map(String::as_str).chain(["zarr.json"]).collect();
    assert_eq!(documents, expected, "no reader finds anything of the interrupted run");
}
