"""The variables this package reads, in one place. They are read once, when LocalStack starts."""

import os
import pathlib
import tempfile


def _path(name: str) -> pathlib.Path | None:
    value = os.environ.get(name)
    return pathlib.Path(value).absolute() if value else None


# Variables of the host that a function may see. Everything else in LocalStack's own environment is kept from it.
PASS_ENV = {"PATH", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR"}
PASS_ENV |= {name.strip() for name in os.environ.get("LAMBDA_PROCESS_PASS_ENV", "").split(",") if name.strip()}

# AWS gives a function 10 seconds to initialise before it starts over.
INIT_TIMEOUT = float(os.environ.get("LAMBDA_PROCESS_INIT_TIMEOUT") or 10)

# How many batches of a mapping run at once where it has no ScalingConfig. AWS starts with 5.
SQS_CONCURRENCY = int(os.environ.get("LAMBDA_PROCESS_SQS_CONCURRENCY") or 5)

LOG_DIR = _path("LAMBDA_PROCESS_LOG_DIR") or pathlib.Path(tempfile.gettempdir()) / "lambda-logs"

RECORD_CALLS = _path("LAMBDA_PROCESS_RECORD_CALLS")
INVOCATIONS = _path("LAMBDA_PROCESS_INVOCATIONS")
FAULTS = _path("LAMBDA_PROCESS_FAULTS")

# LocalStack keeps S3 objects in /tmp/localstack-s3-storage whatever it is told; this moves them.
S3_STORAGE = _path("LAMBDA_PROCESS_S3_STORAGE")

STOP_WITH_STDIN = os.environ.get("LAMBDA_PROCESS_STOP_WITH_STDIN") == "1"
