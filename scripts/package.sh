#!/usr/bin/env bash
# Builds the three functions for Lambda and packs them: target/lambda/ARCHITECTURE/{planner,chunk,finalizer}.zip.
#
#   package.sh             for x86_64, and for arm64 if its standard library is installed
#   package.sh arm64       for one architecture (x86_64, arm64)
#   package.sh --dry-run   says what it would do
#
# The first build takes a quarter of an hour on two cores. Two builds of the same sources with the same tools make the same
# bytes: paths of this machine are not in the binaries, times not in the archives.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

functions=(planner chunk finalizer)
most_bytes=$((8 * 1000 * 1000)) # the goal for each archive
say() { printf 'package: %s\n' "$*" >&2; }

# What cargo-lambda builds for: the oldest processors that run functions.
declare -A triple=([x86_64]=x86_64-unknown-linux-gnu [arm64]=aarch64-unknown-linux-gnu)
declare -A processor=([x86_64]=haswell [arm64]=neoverse-n1)

dry_run=
architectures=()
for argument in "$@"; do
    case $argument in
        --dry-run) dry_run=yes ;;
        x86_64 | arm64) architectures+=("$argument") ;;
        *) say "unknown argument $argument; usage: package.sh [--dry-run] [x86_64] [arm64]"; exit 2 ;;
    esac
done

# Asked of rustc, since not everybody has rustup: where the target's libraries would be, and whether they are.
installed() { [[ -d $(rustc --print target-libdir --target "${triple[$1]}") ]]; }
if ((${#architectures[@]} == 0)); then
    for architecture in x86_64 arm64; do
        if installed "$architecture"; then
            architectures+=("$architecture")
        else
            say "left out $architecture; to build for it: rustup target add ${triple[$architecture]}"
        fi
    done
fi
for architecture in "${architectures[@]}"; do
    installed "$architecture" || { say "$architecture is not installed: rustup target add ${triple[$architecture]}"; exit 1; }
done

bin=$(scripts/infra-env.sh cargo-lambda)
export PATH="$bin:$PATH"
target=$(cargo metadata --locked --no-deps --format-version 1 | "$bin/python" -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
export CARGO_TARGET_DIR=$target # --target-dir would be ignored by parts of cargo-lambda

# cargo-lambda makes a panic end the process unless the workspace says otherwise. Ours says "unwind": a panic fails one
# message. Without that line this would be built wrongly, so it is looked for.
if ! sed -n '/^\[profile\.release\]/,/^\[/p' Cargo.toml | grep -q '^panic = "unwind"'; then
    say 'Cargo.toml has no `panic = "unwind"` in [profile.release]'
    exit 1
fi

run() {
    if [[ -n $dry_run ]]; then printf '%q ' "$@"; printf '\n'; else "$@"; fi
}

pack() {
    "$bin/python" - "$1" "$2" <<'PY'
import sys, zipfile

binary, archive = sys.argv[1:]
entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
entry.external_attr = 0o100755 << 16
entry.create_system = 3
entry.compress_type = zipfile.ZIP_DEFLATED
with open(binary, "rb") as file, zipfile.ZipFile(archive, "w", compresslevel=9) as out:
    out.writestr(entry, file.read(), compresslevel=9)
PY
}

packages=()
for function in "${functions[@]}"; do packages+=(--package "dap2zarr-$function"); done
home=${CARGO_HOME:-$HOME/.cargo}
for architecture in "${architectures[@]}"; do
    out="$target/lambda/$architecture"
    flag=--x86-64
    [[ $architecture == arm64 ]] && flag=--arm64
    # RUSTFLAGS takes the place of the flags cargo-lambda would set, so the processor is named again.
    export RUSTFLAGS="-C target-cpu=${processor[$architecture]} --remap-path-prefix=$PWD=/dap2zarr --remap-path-prefix=$home=/cargo"
    started=$SECONDS
    [[ -n $dry_run ]] && printf 'RUSTFLAGS=%q ' "$RUSTFLAGS"
    # --skip-target-check: otherwise cargo-lambda installs a missing target by itself.
    run cargo lambda build --release --locked "$flag" --skip-target-check --lambda-dir "$out" "${packages[@]}"
    [[ -n $dry_run ]] && continue
    say "$architecture built in $((SECONDS - started)) s"
    printf '%-10s %-8s %12s %12s  %s\n' function for binary zip sha256
    for function in "${functions[@]}"; do
        pack "$out/$function/bootstrap" "$out/$function.zip"
        binary_bytes=$(wc -c <"$out/$function/bootstrap")
        zip_bytes=$(wc -c <"$out/$function.zip")
        digest=$("$bin/python" -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest()[:16])' "$out/$function.zip")
        awk -v name="$function" -v for_="$architecture" -v b="$binary_bytes" -v z="$zip_bytes" -v d="$digest" \
            'BEGIN { printf "%-10s %-8s %9.2f MB %9.2f MB  %s\n", name, for_, b / 1e6, z / 1e6, d }'
        if ((zip_bytes > most_bytes)); then
            say "$function.zip is larger than the $((most_bytes / 1000000)) MB this project aims at; Lambda takes up to 50 MB"
        fi
    done
done
