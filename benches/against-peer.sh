#!/usr/bin/env bash
# Measures dap2zarr against xarray and dask doing the same work, in one run, and prints the two ratios.
# Exit status 0 if dap2zarr is at least 3 times faster in at most a third of the memory, 1 if not.
#
#   benches/against-peer.sh [--rounds N] [--time MONTHS] [--endpoint-url URL] [--json FILE] [...]
#
# Without --endpoint-url it starts the s3-endpoint example. Other arguments: against_peer.py --help.
# A quiet machine matters more than many rounds: nothing else should be running.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
caller=$PWD
cd "$repository"
target=${CARGO_TARGET_DIR:-$repository/target}

arguments=()
endpoint=(--endpoint-command "$target/release/examples/s3-endpoint")
build_endpoint=true
while (($#)); do
    case $1 in
    --endpoint-url)
        endpoint=(--endpoint-url "${2:?--endpoint-url needs a URL}")
        build_endpoint=false
        shift
        ;;
    --json)
        [[ ${2:?--json needs a file} == /* ]] && json=$2 || json=$caller/$2
        arguments+=(--json "$json")
        shift
        ;;
    *) arguments+=("$1") ;;
    esac
    shift
done

# In one build, so that the cloud client is compiled once.
what=(--package dap2zarr --package dap2zarr-test-dap-server --bins)
if $build_endpoint; then
    what+=(--package dap2zarr-aws --example s3-endpoint)
fi
cargo build --release --locked "${what[@]}" >&2
python=$(scripts/python-env.sh)

exec "$python" benches/against_peer.py \
    --bin "$target/release/dap2zarr" \
    --server "$target/release/dap2zarr-test-dap-server" \
    "${endpoint[@]}" "${arguments[@]}"
