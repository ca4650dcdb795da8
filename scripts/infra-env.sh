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
source "$repository/scripts/environment.sh"

name=${1:-}
lock="$repository/infra/requirements-$name.txt"
if [[ -z $name || ! -f $lock ]]; then
    echo "usage: infra-env.sh sam | checkov | cargo-lambda" >&2
    exit 2
fi
environment="$repository/.cache/infra/$name"
python=$(find_any_python)
make_environment "$environment" "$lock" "$python"
printf '%s\n' "$environment/bin"
