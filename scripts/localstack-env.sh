#!/usr/bin/env bash
# Makes the Python environment of LocalStack in .cache/localstack, and prints the path of its interpreter as the last
# line of standard output. Everything else goes to standard error. It takes 520 MB.
#
# Run it as often as you like: it makes the environment again when infra/localstack/requirements.txt or the interpreter
# has changed, installs infra/localstack again when only its sources have, and otherwise does nothing.
# DAP2ZARR_PYTHON313 names the interpreter to build from; otherwise a Python 3.13 is looked for: on the PATH, among the
# versions of pyenv, and with `uv python find`.
# Exit code 3: there is no Python 3.13, and the caller decides whether that is a failure.
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$repository/scripts/environment.sh"

package="$repository/infra/localstack"
environment="$repository/.cache/localstack"
stamp="$environment/package.stamp"
built="$environment/bin/python"

candidates() {
    printf '%s\n' python3.13 python3
    pyenv_pythons '3.13*'
    if command -v uv >/dev/null 2>&1; then
        uv python find --no-python-downloads 3.13 2>/dev/null || true
    fi
    return 0
}

wanted_package_stamp() {
    "$1" - "$package" <<'PY'
import hashlib, pathlib, sys
root = pathlib.Path(sys.argv[1])
digest = hashlib.sha256()
for path in [root / "pyproject.toml", *sorted((root / "localstack_process_executor").glob("*.py"))]:
    digest.update(f"{path.relative_to(root)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
print(f"package sha256:{digest.hexdigest()}")
PY
}

install_package() {
    say "installing infra/localstack"
    # From a copy, because setuptools writes build/ and *.egg-info beside the sources; with the setuptools of the lock,
    # so that nothing is downloaded.
    local copy="$environment/source"
    rm -rf "$copy" "$stamp"
    mkdir -p "$copy"
    cp -R "$package/pyproject.toml" "$package/README.md" "$package/localstack_process_executor" "$copy/"
    "$built" -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --force-reinstall \
        "$copy" >&2
    rm -rf "$copy"
    wanted_package_stamp "$built" >"$stamp"
}

python=$(find_python DAP2ZARR_PYTHON313 'v == (3, 13)' 3.13 venv ensurepip ssl zlib sqlite3 < <(candidates)) || {
    status=$?
    ((status != 3)) || say 'Any of these gives one: uv python install 3.13; pyenv install 3.13; the packages python3.13 and python3.13-venv'
    exit "$status"
}
make_environment "$environment" "$package/requirements.txt" "$python"
if [[ ! -f $stamp || $(<"$stamp") != "$(wanted_package_stamp "$python")" ]]; then
    install_package
fi
printf '%s\n' "$built"
