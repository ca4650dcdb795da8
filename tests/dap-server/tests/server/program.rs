//! The program.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::{get, text};

#[tokio::test]
async fn it_says_where_it_listens_and_stops_with_stdin() {
    let port_file = std::env::temp_dir().join(format!("dap-server-{}.port", std::process::id()));
    let mut child = Command::new(env!("CARGO_BIN_EXE_dap2zarr-test-dap-server"))
        .args(["--stop-with-stdin", "--time", "24", "--port-file"])
        .arg(&port_file)
        .args(["--fault", "503 next=1 retry-after=1", "--max-request-megabytes", "10"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    let stdout = child.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut url).unwrap();
    let url = url.trim_end();
    let port = std::fs::read_to_string(&port_file).unwrap();
    std::fs::remove_file(&port_file).unwrap();
    assert_eq!(url, format!("http://127.0.0.1:{}/", port.trim()));
    let (_, dds) = text(&format!("{url}prism.dds")).await;
    assert!(dds.contains("Float32 ppt[time = 24][lat = 621][lon = 1405];"), "{dds}");
    for (query, expected) in [("time", 503), ("time", 200), ("ppt", 403)] {
        let url = format!("{url}prism.dods?{query}");
        assert_eq!(get(&url).await.unwrap().0, expected);
    }
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}
