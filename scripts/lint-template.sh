#!/usr/bin/env bash
# Lints template.yaml: `sam validate --lint`, cfn-lint with its serverless rules, checkov. Asks no server anything.
# What is waived stands in infra/cfn-lint.yaml and infra/checkov.yaml, each with its reason.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

sam=$(scripts/infra-env.sh sam)
checkov=$(scripts/infra-env.sh checkov)
export SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1
# No proxy answers here, and no key is valid: a tool that wanted to call out would fail.
export HTTPS_PROXY=http://127.0.0.1:9 HTTP_PROXY=http://127.0.0.1:9 AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none

step() {
    local name=$1 started=$EPOCHREALTIME
    shift
    "$@" || { printf 'lint-template: %s failed\n' "$name" >&2; return 1; }
    awk -v name="$name" -v from="$started" -v to="$EPOCHREALTIME" 'BEGIN { printf "%-22s passed in %.1f s\n", name, to - from }'
}

step "sam validate --lint" "$sam/sam" validate --lint --template-file template.yaml
step "cfn-lint" "$sam/cfn-lint" --config-file infra/cfn-lint.yaml
step "checkov" "$checkov/checkov" --config-file infra/checkov.yaml --file template.yaml --skip-download --quiet --compact
