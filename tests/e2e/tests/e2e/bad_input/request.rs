//! Requests for what there is not, and options that mean nothing.

use e2e::{Machine, Objects};

use super::case::Cases;

pub(super) async fn cases(cases: &mut Cases) {
    for (name, options, says) in [
        ("unknown variable", "--variables tmx,snow", &["`snow`", "tmx"][..]),
        ("unknown dimension in --chunks", "--chunks tiem=12", &["`tiem`", "time"]),
        ("unknown dimension in --range", "--range level=0:1", &["`level`", "time"]),
        ("--chunks time=0", "--chunks time=0", &["time", "0", "at least 1"]),
        ("--chunks without a size", "--chunks time", &["`time`", "DIMENSION=SIZE"]),
        ("--chunks time=many", "--chunks time=many", &["time=many"]),
        ("--chunks time=-5", "--chunks time=-5", &["time=-5", "at least 1", "time=1"]),
        ("--chunks of a variable there is not", "--chunks snow:time=5", &["snow:time", "time"]),
        ("unknown kind of --read", "--read series", &["`series`", "timeseries", "map", "region"]),
        ("unknown dimension in --read", "--read tiem=all", &["`tiem`", "`time`"]),
        ("a length in --read that is none", "--read time=-1", &["time=-1", "time=1"]),
        ("weights that do not sum", "--read map@0.5 --read year@0.9", &["1.4", "map@0.357 year@0.643"]),
        ("a weight that is none", "--read map@lots", &["`lots`", "0.5"]),
        ("a window the wrong way round", "--chunk-bytes 9MB:1MB", &["9000000", "1000000:9000000"]),
        (
            "a window that no shape fits",
            "--chunk-bytes 50000:50010",
            &["no chunk shape", "the nearest is", "window of"],
        ),
        ("a negative window", "--chunk-bytes -5:10", &["-5"]),
        ("a reader that waits a day", "--reader-latency 1d", &["1d", "200ms"]),
        ("no GETs at a time", "--readers 0", &["0", "1"]),
        ("--range beyond the dimension", "--range time=0:24", &["time", "24"]),
        ("--range backwards", "--range time=5:3", &["5:3", "empty"]),
        ("--range without a last index", "--range time=5", &["`5`", "FIRST:LAST"]),
        ("unknown codec", "--codec brotli", &["brotli", "blosc", "zstd", "gzip"]),
        ("codec level out of bounds", "--codec zstd:99", &["99"]),
        ("zlib in Zarr v3", "--codec zlib --format v3", &["zlib", "Zarr v3", "zstd"]),
        ("unknown format", "--format v4", &["v4", "v2", "v3"]),
        ("bad --chunk-bytes", "--chunk-bytes 5apples", &["5apples", "64MB"]),
        ("--chunk-bytes too small", "--chunk-bytes 10", &["chunk_bytes", "10"]),
        ("--request-bytes too large", "--request-bytes 2GB", &["request_bytes", "THREDDS"]),
        ("--concurrency 0", "--concurrency 0", &["0", "1..=1000"]),
        ("unknown option", "--chunk time=12", &["--chunk"]),
    ] {
        let before = cases.server.stats().dods;
        cases.convert_prism(name, options, 2, says).await;
        cases.expect(cases.server.stats().dods == before, &format!("{name}: data was asked for"));
    }
    clamped(cases).await;
}

/// A chunk size beyond the dimension is no mistake worth failing for, but it is said.
async fn clamped(cases: &mut Cases) {
    let name = "chunk beyond the dimension";
    let machine = Machine::new();
    let target = machine.path("out.zarr");
    let options = "--chunks time=72,lat=354,lon=354";
    let arguments = format!("convert {} {} {options}", cases.server.url("prism"), target.display());
    let finished = machine.command(arguments).run().await;
    let notes: Vec<_> = finished.stderr.lines().map(str::trim).filter(|line| line.starts_with("note:")).collect();
    cases.check(name, &finished, &notes.join("; "), 0, &["72", "24"]);
    cases.expect(Objects::of(&target).is_published(), &format!("{name}: nothing is published"));
}
