#!/usr/bin/env bash
# Every test, from nothing: what `make test` runs, and CI.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*" >&2; }

step "Python environment with the readers"
python=$(scripts/python-env.sh)
export DAP2ZARR_TEST_PYTHON=$python

step "Browser for the advisor's page"
if browser=$(scripts/browser-env.sh); then
    DAP2ZARR_TEST_BROWSER=$(tail -n 1 <<<"$browser")
    export DAP2ZARR_TEST_BROWSER
else
    status=$?
    # As with LocalStack: nobody's laptop has to have it.
    [[ $status == 3 && -z ${CI:-} ]] || exit "$status"
    echo "SKIPPED: the advisor's page is not opened in a browser (see above)" >&2
fi

step "format, purity"
cargo fmt --all --check
scripts/purity.sh

step "build"
cargo build --locked --workspace --all-targets

step "lints"
cargo clippy --locked --workspace --all-targets -- -D warnings

step "tests"
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --locked --workspace --no-fail-fast
else
    echo "cargo-nextest is not installed (cargo install cargo-nextest --locked), so cargo test runs the tests, more slowly" >&2
    cargo test --locked --workspace --no-fail-fast --lib --bins --tests -- --test-threads=2
fi

step "documentation"
cargo test --locked --workspace --doc --quiet
RUSTDOCFLAGS=-Dwarnings cargo doc --locked --workspace --no-deps --quiet

step "the comparison of stores, tested on stores that differ"
"$python" -m pytest -q tests/python

if [[ -n ${DAP2ZARR_TEST_BROWSER:-} ]]; then
    step "the check of pages, tested on pages that are wrong"
    "$DAP2ZARR_TEST_BROWSER" -m pytest -q tests/browser
fi

step "template.yaml: linters, and rules that linters do not know"
scripts/lint-template.sh
"$(scripts/infra-env.sh sam | tail -n 1)/python" -m pytest -q -c infra/tests/pytest.ini infra/tests

step "LocalStack without Docker"
if scripts/localstack-env.sh >/dev/null; then
    infra/localstack/test -q
    step "the deployed stack"
    scripts/stack-tests.sh
else
    status=$?
    # Nobody's laptop has to have it; where it counts it has to be there.
    [[ $status == 3 && -z ${CI:-} ]] || exit "$status"
    echo "SKIPPED: LocalStack and the tests of the deployed stack need Python 3.13 (see above)" >&2
fi

for table in real-files bad-input memory stack-bad-input stack-memory many-chunks saved-responses; do
    if [[ -s ${CARGO_TARGET_DIR:-target}/$table-table.txt ]]; then
        step "$table"
        cat "${CARGO_TARGET_DIR:-target}/$table-table.txt"
    fi
done
