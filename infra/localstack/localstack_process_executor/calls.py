"""A record of every AWS API call LocalStack receives, and of the function it came from.

LocalStack checks no IAM policy. This file lets a test do it: hold what each function called against its role.

    {"time": 1767225600.123, "service": "s3", "operation": "PutObject", "function": "convert", "via": "process",
     "parameters": {"Bucket": "data", "Key": "a.zarr/c/0/0"}, "status": 200, "error": null}

`via` says how the call came: "process" from the function's own process; "mapping" from an SQS event source mapping,
which on AWS acts with the function's role as well; "localstack" from LocalStack itself; null from anybody else.
`function` is null for the last two.
"""

import logging
import time

from localstack_process_executor import settings
from localstack_process_executor.jsonl import JsonLines

LOG = logging.getLogger(__name__)

# What policies name as resources or conditions. Compared without case: some services write bucketName, some BucketName.
# Nothing here carries data or secrets.
RESOURCE_PARAMETERS = frozenset(
    name.lower()
    for name in """
    Bucket Key Prefix CopySource VersionId UploadId ACL Delimiter IfMatch IfNoneMatch
    QueueUrl QueueName SecretId Name Names Path KeyId Alias
    TopicArn TableName StreamName FunctionName Qualifier StackName RoleArn RoleName RoleSessionName PolicyArn
    LogGroupName LogStreamName Namespace EventBusName Rule EventSourceArn UUID ResourceArn ParameterFilters
    """.split()
)

# LocalStack hands out credentials for each environment, so an access key id is one function's alone.
_functions: dict[str, str] = {}


def credentials_of(access_key_id: str, function: str) -> None:
    _functions[access_key_id] = function




def parameters(request: dict | None) -> dict:
    """The parameters of a call that an IAM policy could be about."""
    found = {
        name: value
        for name, value in (request or {}).items()
        if name.lower() in RESOURCE_PARAMETERS and isinstance(value, str | int | list)
    }
    # DeleteObjects names its keys one level down, and is allowed or denied key by key.
    objects = ((request or {}).get("Delete") or {}).get("Objects")
    if isinstance(objects, list):
        found["Keys"] = [entry.get("Key") for entry in objects]
    return found


def _access_key_id(request) -> str | None:
    from localstack.utils.aws.request_context import extract_access_key_id_from_auth_header

    if found := extract_access_key_id_from_auth_header(request.headers):
        return found
    presigned = request.args.get("X-Amz-Credential", "")
    return presigned.split("/")[0] or request.args.get("AWSAccessKeyId")


def _caller(context) -> tuple[str | None, str | None]:
    if function := _functions.get(_access_key_id(context.request) or ""):
        return function, "process"
    if not context.is_internal_call:
        return None, None
    source = context.internal_request_params.get("source_arn") or ""
    if ":function:" in source and context.service.service_name == "sqs":
        return source.split(":function:")[1].split(":")[0], "mapping"
    return None, "localstack"


def _error(context, response) -> str | None:
    if response.status_code < 400:
        return None
    return getattr(context.service_exception, "code", None) or str(response.status_code)


def install() -> None:
    """Starts recording, if a file is named for it."""
    if not settings.RECORD_CALLS:
        return
    from localstack.aws.handlers import run_custom_response_handlers

    file = JsonLines(settings.RECORD_CALLS)

    def record(chain, context, response):
        if context.service is None or context.operation is None:
            return  # not an AWS call: LocalStack's own pages
        function, via = _caller(context)
        file.write(
            {
                "time": time.time(),
                "service": context.service.service_name,
                "operation": context.operation.name,
                "function": function,
                "via": via,
                "parameters": parameters(context.service_request),
                "status": response.status_code,
                "error": _error(context, response),
            }
        )

    run_custom_response_handlers.append(record)
    LOG.info("AWS calls are recorded in %s", settings.RECORD_CALLS)
