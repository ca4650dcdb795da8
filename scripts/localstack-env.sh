#!/usr/bin/env bash
# Makes the Python environment of LocalStack in .cache/localstack, and prints the path of its interpreter as the last
# line of standard output. Everything else goes to standard error.
#
# Run it as often as you like: it makes the environment again when infra/localstack/requirements.txt or the interpreter
# has changed, installs infra/localstack again when only its sources have, and otherwise does nothing.
# DAP2ZARR_PYTHON313 names the interpreter to build from; otherwise a Python 3.13 is looked for.
# Exit code 3: there is no Python 3.13, and the caller decides whether that is a failure.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
package="$repository/infra/localstack"
lock="$package/requirements.txt"
cache="$repository/.cache"
environment="$cache/localstack"
lock_stamp="$environment/lock.stamp"
package_stamp="$environment/package.stamp"
built="$environment/bin/python"

say() { printf 'localstack-env: %s\n' "$*" >&2; }

# An interpreter counts only if it runs: version shims answer `command -v` for versions that are not active, and
# some distributions ship an interpreter without the modules that make an environment.
why_unsuitable() {
    local answer
    answer=$("$1" -c '
import sys
if sys.version_info[:2] != (3, 13):
    sys.exit("is Python %d.%d, and 3.13 is needed" % sys.version_info[:2])
missing = []
for module in ("venv", "ensurepip", "ssl", "zlib", "sqlite3"):
    try:
        __import__(module)
    except ImportError:
        missing.append(module)
if missing:
    sys.exit("lacks the standard modules " + ", ".join(missing))
' 2>&1) && return 1
    printf '%s' "${answer:-does not run}" | tail -n 1
    return 0
}

candidates() {
    printf '%s\n' python3.13 python3
    local found
    for found in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python3.13; do
        [[ -x $found ]] && printf '%s\n' "$found"
    done
    if command -v uv >/dev/null 2>&1; then
        uv python find --no-python-downloads 3.13 2>/dev/null || true
    fi
    return 0
}

find_python() {
    local candidate reason
    if [[ -n ${DAP2ZARR_PYTHON313:-} ]]; then
        if reason=$(why_unsuitable "$DAP2ZARR_PYTHON313"); then
            say "DAP2ZARR_PYTHON313=$DAP2ZARR_PYTHON313 cannot be used: $reason"
            return 1
        fi
        printf '%s\n' "$DAP2ZARR_PYTHON313"
        return 0
    fi
    local tried=()
    while IFS= read -r candidate; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        if reason=$(why_unsuitable "$candidate"); then
            tried+=("  $candidate: $reason")
            continue
        fi
        printf '%s\n' "$candidate"
        return 0
    done < <(candidates)
    say "no Python 3.13 found, and LocalStack runs on no other version. Any of these gives one:"
    say "  uv python install 3.13        pyenv install 3.13        the package python3.13 with python3.13-venv"
    say "Or name one with DAP2ZARR_PYTHON313. Looked at:"
    if ((${#tried[@]})); then printf '%s\n' "${tried[@]}" >&2; else say "  nothing suitable by name"; fi
    return 3
}

wanted_lock_stamp() {
    "$1" - "$lock" <<'PY'
import hashlib, pathlib, sys
lock = hashlib.sha256(pathlib.Path(sys.argv[1]).read_bytes()).hexdigest()
print(f"lock sha256:{lock} python {sys.version.split()[0]} at {sys.base_prefix}")
PY
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

build() {
    local python=$1
    say "making $environment from $("$python" --version 2>&1); this takes a minute or two, and 520 MB"
    rm -rf "$environment"
    "$python" -m venv "$environment" >&2
    # The lock is complete, so nothing is resolved: what is not listed is not installed, and `pip check` says so.
    if ! "$built" -m pip install --disable-pip-version-check --quiet --no-deps --requirement "$lock" >&2 ||
        ! "$built" -m pip check --disable-pip-version-check >&2; then
        say "the packages of infra/localstack/requirements.txt could not be installed (see above)"
        say "is the package index reachable?"
        return 1
    fi
    # Written last: an interrupted build leaves no stamp and is made again.
    wanted_lock_stamp "$python" >"$lock_stamp"
}

install_package() {
    say "installing infra/localstack"
    # From a copy, because setuptools writes build/ and *.egg-info beside the sources; with the setuptools of the lock,
    # so that nothing is downloaded.
    local copy="$environment/source"
    rm -rf "$copy" "$package_stamp"
    mkdir -p "$copy"
    cp -R "$package/pyproject.toml" "$package/README.md" "$package/localstack_process_executor" "$copy/"
    "$built" -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --force-reinstall \
        "$copy" >&2
    rm -rf "$copy"
    wanted_package_stamp "$built" >"$package_stamp"
}

mkdir -p "$cache"
# Two tests may ask at once; the second waits and finds the environment made.
if command -v flock >/dev/null 2>&1; then
    exec 9>"$cache/localstack.lock"
    flock 9
fi

python=$(find_python)
fresh=yes
if [[ ! -x $built || ! -f $lock_stamp || $(<"$lock_stamp") != "$(wanted_lock_stamp "$python")" ]]; then
    build "$python"
    fresh=no
fi
if [[ ! -f $package_stamp || $(<"$package_stamp") != "$(wanted_package_stamp "$python")" ]]; then
    install_package
    fresh=no
fi
[[ $fresh == no ]] || say "up to date"
printf '%s\n' "$built"
