#!/usr/bin/env bash
# The pure crates know no network, no runtime and no cloud: proved from the dependency graph.
set -euo pipefail
cd "$(dirname "$0")/.."

pure=(dap2zarr-grid dap2zarr-cf dap2zarr-dap dap2zarr-zarr dap2zarr-advisor dap2zarr-run)
forbidden='^(tokio|mio|hyper|reqwest|aws-|h2|rustls|socket2)'
status=0
for crate in "${pure[@]}"; do
    found=$(cargo tree --locked -p "$crate" -e normal --prefix none | sort -u | grep -E "$forbidden" || true)
    if [[ -n $found ]]; then
        printf '%s must be pure, but links:\n%s\n' "$crate" "$found" >&2
        status=1
    fi
done
# Only one crate names the Zarr library, so that an upgrade is one file.
naming=$(cargo tree --locked --workspace -i zarrs -e normal --depth 1 --prefix none | grep -E '^dap2zarr' | grep -v '^dap2zarr-zarr ' || true)
if [[ -n $naming ]]; then
    printf 'only dap2zarr-zarr may depend on zarrs, found:\n%s\n' "$naming" >&2
    status=1
fi
[[ $status -eq 0 ]] && echo "pure: ${pure[*]}"
exit "$status"
