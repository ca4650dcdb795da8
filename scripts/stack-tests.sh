#!/usr/bin/env bash
# Deploys template.yaml on LocalStack, without Docker and without an account, and runs the tests of the deployed stack,
# and those that hold the SQS, S3 and Secrets Manager adapters to their ports.
#
#   stack-tests.sh [--times N] [FILTER]...
#
# Filters are those of cargo test: parts of names. With --times everything is deployed and tested N times. After the tests,
# and only if every test ran, each function's calls are held against its role.
#
# LocalStack needs Python 3.13. Where there is none, CI fails (CI is set), and everybody else's tests are skipped, loudly.
set -euo pipefail
cd "$(dirname "$0")/.."

times=1
if [[ ${1:-} == --times ]]; then
    times=$2
    shift 2
fi

if python=$(scripts/localstack-env.sh); then :; else
    status=$?
    if [[ $status == 3 && -z ${CI:-} ]]; then
        echo "SKIPPED: the tests of the deployed stack need Python 3.13 (see above)" >&2
        exit 0
    fi
    exit "$status"
fi
python=$(tail -n 1 <<<"$python")
sam=$(scripts/infra-env.sh sam | tail -n 1)/sam

target=${CARGO_TARGET_DIR:-target}
cargo build --locked --workspace --all-targets

# What with_stack.py runs, once LocalStack is up: the tests, then the roles.
inner='
set -euo pipefail
# The whole workspace, filtered: a smaller set of packages would have other features, and build everything again.
cargo nextest run --locked --workspace --no-fail-fast --test-threads 8 \
    -E "package(dap2zarr-stack-tests) or (package(dap2zarr-aws) and test(localstack))" -- "${@:2}"
if (($# == 1)); then
    "$1" infra/check_roles.py --endpoint "$AWS_ENDPOINT_URL" --calls "$DAP2ZARR_TEST_CALLS" \
        --stack here --stack elsewhere --stack keyless
fi
'
mkdir -p .cache
for ((round = 1; round <= times; round++)); do
    ((times == 1)) || echo "== round $round of $times" >&2
    "$python" tests/stack/with_stack.py --binaries "$target/debug" --sam "$sam" --work .cache/stack-tests \
        -- bash -c "$inner" inner "$python" "$@"
done
