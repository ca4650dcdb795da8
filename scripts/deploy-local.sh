#!/usr/bin/env bash
# The whole stack on this machine, without Docker and without an AWS account: builds the functions, starts LocalStack,
# deploys template.yaml, drops a request, waits for the dataset, opens it with xarray, and stops what it started.
#
#   deploy-local.sh          once through
#   deploy-local.sh --keep   leaves it running, and says how to look around
#   deploy-local.sh --stop   stops what --keep has left running
# Other flags (--months, --concurrency, --timeout) go to infra/deploy_local.py.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

sam=$(scripts/infra-env.sh sam)
if [[ " $* " == *" --stop "* || " $* " == *" --help "* ]]; then
    exec "$sam/python" infra/deploy_local.py "$@"
fi
scripts/localstack-env.sh >/dev/null
python=$(scripts/python-env.sh)
started=$SECONDS
echo "Building the functions and the test server, for this machine ..."
cargo build --quiet --locked -p dap2zarr-planner -p dap2zarr-chunk -p dap2zarr-finalizer -p dap2zarr-test-dap-server
echo "    $((SECONDS - started)) s"
exec "$sam/python" infra/deploy_local.py --binaries "${CARGO_TARGET_DIR:-target}/debug" --python "$python" "$@"
