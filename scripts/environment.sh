# Sourced by python-env.sh, infra-env.sh and localstack-env.sh: finds an interpreter, and makes a virtual environment that
# matches a lock file. Nothing here runs by itself, and everything it says goes to standard error.

# Words before each line that is said: the script that sources this.
say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2; }

# why_unsuitable PYTHON CONDITION WANTED [MODULE]...: prints why this interpreter cannot be used; fails if it can.
# CONDITION is Python over `v`, the version as a tuple of two; WANTED says the same to people.
# An interpreter counts only if it runs: version shims answer `command -v` for versions that are not active, and some
# distributions ship an interpreter without the modules that make an environment.
why_unsuitable() {
    local answer
    answer=$("$1" - "${@:2}" 2>&1 <<'PY'
import sys
condition, wanted, *modules = sys.argv[1:]
v = sys.version_info[:2]
if not eval(condition):
    sys.exit("is Python %d.%d, and %s is needed" % (*v, wanted))
missing = []
for module in modules:
    try:
        __import__(module)
    except ImportError:
        missing.append(module)
if missing:
    sys.exit("lacks the standard modules " + ", ".join(missing))
PY
    ) && return 1
    printf '%s' "${answer:-does not run}" | tail -n 1
    return 0
}

# find_python VARIABLE CONDITION WANTED [MODULE]... <CANDIDATES: prints the first suitable interpreter of standard input,
# or the one that the environment variable named VARIABLE holds. Where there is none, says what was looked at and fails.
find_python() {
    local variable=$1 candidate reason tried=()
    shift
    if [[ -n ${!variable:-} ]]; then
        if reason=$(why_unsuitable "${!variable}" "$@"); then
            say "$variable=${!variable} cannot be used: $reason"
            return 1
        fi
        printf '%s\n' "${!variable}"
        return 0
    fi
    while IFS= read -r candidate; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        if reason=$(why_unsuitable "$candidate" "$@"); then
            tried+=("  $candidate: $reason")
            continue
        fi
        printf '%s\n' "$candidate"
        return 0
    done
    say "no Python $2 found. Install one (on Debian with its -venv package), or name it with $variable. Looked at:"
    if ((${#tried[@]})); then printf '%s\n' "${tried[@]}" >&2; else say "  nothing of that name on the PATH"; fi
    return 3
}

# For everything but LocalStack: 3.11 or later.
find_any_python() {
    find_python DAP2ZARR_PYTHON 'v >= (3, 11)' '3.11 or later' venv ensurepip ssl zlib < <(
        printf '%s\n' python3 python3.13 python3.12 python3.11
        pyenv_pythons '3.*'
    )
}

# pyenv_pythons VERSIONS: the interpreters of pyenv whose version matches, whether active or not.
pyenv_pythons() {
    local found
    for found in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/$1/bin/python3; do
        [[ -x $found ]] && printf '%s\n' "$found"
    done
    return 0
}

# wanted_stamp PYTHON LOCK: what an environment was made from.
wanted_stamp() {
    "$1" - "$2" <<'PY'
import hashlib, pathlib, sys
lock = hashlib.sha256(pathlib.Path(sys.argv[1]).read_bytes()).hexdigest()
print(f"lock sha256:{lock} python {sys.version.split()[0]} at {sys.base_prefix}")
PY
}

# make_environment FOLDER LOCK PYTHON: makes the environment unless it already matches the lock and the interpreter.
# Two may ask at once; the second waits and finds it made.
make_environment() {
    local folder=$1 lock=$2 python=$3 stamp=$1/dap2zarr.stamp
    hold_lock "$folder"
    if [[ -x $folder/bin/python && -f $stamp && $(<"$stamp") == "$(wanted_stamp "$python" "$lock")" ]]; then
        say "up to date"
        return 0
    fi
    say "making $folder from $("$python" --version 2>&1); this takes a minute or two"
    rm -rf "$folder"
    "$python" -m venv "$folder" >&2
    # The lock is complete, so nothing is resolved: what is not listed is not installed, and `pip check` says so.
    if ! "$folder/bin/python" -m pip install --disable-pip-version-check --quiet --no-deps --requirement "$lock" >&2 ||
        ! "$folder/bin/python" -m pip check --disable-pip-version-check >&2; then
        say "the packages of $lock could not be installed (see above); is the package index reachable?"
        return 1
    fi
    # Written last: an interrupted build leaves no stamp and is made again.
    wanted_stamp "$python" "$lock" >"$stamp"
}

# Held until the script that sources this ends.
hold_lock() {
    mkdir -p "$(dirname "$1")"
    command -v flock >/dev/null 2>&1 || return 0
    exec 9>"$1.lock"
    flock 9
}
