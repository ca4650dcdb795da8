//! Real netCDF files behind a server that is not ours, read back by zarr-python and xarray: `tests/python/real_files.py`
//! converts and compares, and prints the table.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use e2e::{Machine, binary, publish};
use tokio::process::Command;

use crate::setup::S3;

const BUCKET: &str = "real-files";

/// The interpreter with the readers, which `make test` sets up.
fn python() -> Option<PathBuf> {
    let found = std::env::var_os("DAP2ZARR_TEST_PYTHON").filter(|path| !path.is_empty()).map(PathBuf::from);
    if found.is_none() {
        eprintln!(
            "\n******** SKIPPED: real files are NOT tested ********\n\
             DAP2ZARR_TEST_PYTHON is not set. `make test` sets it; or set it to what scripts/python-env.sh prints.\n"
        );
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "CI must test real files");
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_real_file_is_equal_in_both_formats_and_targets() {
    let Some(python) = python() else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../python/real_files.py");
    let (machine, s3) = (Machine::new(), S3::with_bucket(BUCKET).await);
    let output = Command::new(python)
        .arg(script.canonicalize().unwrap())
        .arg("--bin")
        .arg(binary("dap2zarr", "DAP2ZARR_BIN"))
        .arg("--work")
        .arg(machine.path("work"))
        .args(["--endpoint-url", &s3.url(), "--bucket", BUCKET, "--twice"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", machine.home())
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "testtest")
        .env("AWS_REGION", "us-east-1")
        .current_dir(&machine)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let table = String::from_utf8_lossy(&output.stdout);
    publish("real-files", &table);
    eprintln!("{table}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: see the lines with DIFFERENT", output.status);
}
