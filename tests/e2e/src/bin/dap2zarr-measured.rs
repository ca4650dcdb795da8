//! `dap2zarr` under a counting allocator: the same program, which at its end writes how much memory it took to the file
//! named by `DAP2ZARR_MEASURE_FILE`, as `{"heap_bytes": N, "resident_bytes": N}`.
//!
//! `heap_bytes` is the most that Rust code had allocated at once. What the C libraries of the codecs allocate is not in
//! it, but is in `resident_bytes`: the most the system ever gave the process (`VmHWM`), program text included.

use std::{fs, process::ExitCode};

use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

fn main() -> ExitCode {
    let code = dap2zarr_cli::main();
    let Some(file) = std::env::var_os("DAP2ZARR_MEASURE_FILE") else { return code };
    let figures = format!("{{\"heap_bytes\": {}, \"resident_bytes\": {}}}\n", ALLOCATOR.peak_usage(), resident_bytes());
    if fs::write(file, figures).is_ok() { code } else { ExitCode::FAILURE }
}

/// `VmHWM`; 0 where there is no /proc.
fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}
