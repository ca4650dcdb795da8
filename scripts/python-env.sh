#!/usr/bin/env bash
# Makes the Python environment of the tests and benches in .cache/python, and prints the path of its interpreter
# as the last line of standard output. Everything else goes to standard error.
#
# Run it as often as you like: it does nothing when the environment already matches tests/python/requirements.txt
# and the interpreter. DAP2ZARR_PYTHON names the interpreter to build from; otherwise the first suitable one is taken.
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$repository/scripts/environment.sh"

environment="$repository/.cache/python"
python=$(find_any_python)
make_environment "$environment" "$repository/tests/python/requirements.txt" "$python"
printf '%s\n' "$environment/bin/python"
