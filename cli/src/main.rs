//! The `dap2zarr` command; `dap2zarr_cli` is the program.

fn main() -> std::process::ExitCode {
    dap2zarr_cli::main()
}
