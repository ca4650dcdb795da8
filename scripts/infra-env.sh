#!/usr/bin/env bash
# Makes one of the environments of infra/ in .cache/infra, and prints the path of its bin folder as the last line of
# standard output. Everything else goes to standard error.
#
#   infra-env.sh sam           aws-sam-cli, cfn-lint and pytest: lints, tests and deploys template.yaml
#   infra-env.sh checkov       checkov, which wants another boto3 than aws-sam-cli does
#   infra-env.sh cargo-lambda  cargo-lambda and zig: release builds for Lambda
#
# Run it as often as you like: it does nothing when the environment already matches infra/requirements-NAME.txt and the
# interpreter. DAP2ZARR_PYTHON names the interpreter to build from; otherwise the first suitable one is taken.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
name=${1:-}
lock="$repository/infra/requirements-$name.txt"
if [[ -z $name || ! -f $lock ]]; then
    echo "usage: infra-env.sh sam | checkov | cargo-lambda" >&2
    exit 2
fi
cache="$repository/.cache/infra"
environment="$cache/$name"
stamp="$environment/dap2zarr.stamp"
built="$environment/bin/python"

say() { printf 'infra-env: %s\n' "$*" >&2; }

# An interpreter counts only if it runs: version shims answer `command -v` for versions that are not active, and
# some distributions ship an interpreter without the modules that make an environment.
why_unsuitable() {
    local answer
    answer=$("$1" -c '
import sys
if sys.version_info < (3, 11):
    sys.exit("is Python %d.%d, and 3.11 or later is needed" % sys.version_info[:2])
missing = []
for module in ("venv", "ensurepip", "ssl", "zlib"):
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
    printf '%s\n' python3 python3.13 python3.12 python3.11
    local found
    for found in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.*/bin/python3; do
        [[ -x $found ]] && printf '%s\n' "$found"
    done
    return 0
}

find_python() {
    local candidate reason
    if [[ -n ${DAP2ZARR_PYTHON:-} ]]; then
        if reason=$(why_unsuitable "$DAP2ZARR_PYTHON"); then
            say "DAP2ZARR_PYTHON=$DAP2ZARR_PYTHON cannot be used: $reason"
            return 1
        fi
        printf '%s\n' "$DAP2ZARR_PYTHON"
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
    say "no suitable Python found: 3.11 or later with venv and ensurepip is needed (on Debian: python3 and python3-venv)."
    say "Install one, or name it with DAP2ZARR_PYTHON. Looked at:"
    if ((${#tried[@]})); then printf '%s\n' "${tried[@]}" >&2; else say "  nothing called python3 on the PATH"; fi
    return 1
}

wanted_stamp() {
    "$1" - "$lock" <<'PY'
import hashlib, pathlib, sys
lock = hashlib.sha256(pathlib.Path(sys.argv[1]).read_bytes()).hexdigest()
print(f"lock sha256:{lock} python {sys.version.split()[0]} at {sys.base_prefix}")
PY
}

build() {
    local python=$1
    say "making $environment from $("$python" --version 2>&1); this takes a minute or two"
    rm -rf "$environment"
    "$python" -m venv "$environment" >&2
    # The lock is complete, so nothing is resolved: what is not listed is not installed, and `pip check` says so.
    if ! "$built" -m pip install --disable-pip-version-check --quiet --no-deps --requirement "$lock" >&2 ||
        ! "$built" -m pip check --disable-pip-version-check >&2; then
        say "the packages of infra/requirements-$name.txt could not be installed (see above); is the package index reachable?"
        return 1
    fi
    # Written last: an interrupted build leaves no stamp and is made again.
    wanted_stamp "$python" >"$stamp"
}

mkdir -p "$cache"
# Two may ask at once; the second waits and finds the environment made.
if command -v flock >/dev/null 2>&1; then
    exec 9>"$cache/$name.lock"
    flock 9
fi

python=$(find_python)
if [[ -x $built && -f $stamp && $(<"$stamp") == "$(wanted_stamp "$python")" ]]; then
    say "up to date"
else
    build "$python"
fi
printf '%s\n' "$environment/bin"
