#!/usr/bin/env bash
# The main job on a machine without a network: a test server on this machine publishes a dataset in the shape of PRISM
# (12 years of monthly grids, 1.5 GB), and dap2zarr converts it to ./demo.zarr in the chunks of the original study.
set -euo pipefail
cd "$(dirname "$0")/.."

# The development build, which make test uses too: its codecs and its byte path are optimised.
cargo build --locked -p dap2zarr -p dap2zarr-test-dap-server
bin=${CARGO_TARGET_DIR:-target}/debug

mkdir -p .cache
port_file=$(mktemp .cache/demo-port.XXXXXX)
server=
cleanup() {
    [[ -n $server ]] && kill "$server" 2>/dev/null
    rm -f "$port_file"
}
trap cleanup EXIT
"$bin/dap2zarr-test-dap-server" --port 0 --time 144 --port-file "$port_file" >/dev/null &
server=$!
for _ in {1..100}; do
    [[ -s $port_file ]] && break
    sleep 0.1
done
port=$(tr -dc 0-9 <"$port_file")
[[ -n $port ]] || { echo "the test server did not start" >&2; exit 1; }
url="http://127.0.0.1:$port/prism"

run() {
    printf '\n$ dap2zarr'
    printf ' %s' "$@"
    printf '\n'
    "$bin/dap2zarr" "$@"
}
export DAP2ZARR_STATE_DIR=.cache/demo-state
run examine "$url"
run convert "$url" ./demo.zarr --chunks time=72,lat=354,lon=354 --mode overwrite

cat <<'END'

The dataset is in ./demo.zarr. To open it:

    pip install xarray zarr dask
    python -c 'import xarray; print(xarray.open_zarr("demo.zarr"))'

On your own data, with the optimised build:

    cargo install --path cli
    dap2zarr examine https://server/path/dataset
    dap2zarr convert https://server/path/dataset ./dataset.zarr
END
