"""Holds what each function of a deployed stack called against that function's role: nothing denied, nothing unused.

    check_roles.py --endpoint URL --calls calls.jsonl --stack NAME [--stack NAME]...

Emulators check no policies, so the process executor records every call (LAMBDA_PROCESS_RECORD_CALLS), and this reads the
roles as CloudFormation made them. Run it after tests that make the functions do all they can: a permission that no call
needed is then one too many. What is granted for reasons that an emulator cannot show stands in UNSEEN, each with its
reason.
"""

import argparse
import fnmatch
import json
import sys
from dataclasses import dataclass, field

import boto3

FUNCTIONS = ("PlannerFunction", "ChunkFunction", "FinalizerFunction")

# What each operation needs. HEAD has no permission of its own.
ACTIONS = {
    ("s3", "GetObject"): "s3:GetObject",
    ("s3", "HeadObject"): "s3:GetObject",
    ("s3", "PutObject"): "s3:PutObject",
    ("s3", "DeleteObject"): "s3:DeleteObject",
    ("s3", "ListObjectsV2"): "s3:ListBucket",
    ("s3", "HeadBucket"): "s3:ListBucket",
    ("sqs", "SendMessage"): "sqs:SendMessage",
    ("sqs", "SendMessageBatch"): "sqs:SendMessage",
    ("sqs", "ReceiveMessage"): "sqs:ReceiveMessage",
    ("sqs", "DeleteMessage"): "sqs:DeleteMessage",
    ("sqs", "DeleteMessageBatch"): "sqs:DeleteMessage",
    ("sqs", "ChangeMessageVisibility"): "sqs:ChangeMessageVisibility",
    ("sqs", "ChangeMessageVisibilityBatch"): "sqs:ChangeMessageVisibility",
    ("sqs", "GetQueueAttributes"): "sqs:GetQueueAttributes",
    ("secretsmanager", "GetSecretValue"): "secretsmanager:GetSecretValue",
}

# Actions that are granted though no call is recorded.
UNSEEN = {
    "logs:CreateLogStream": "Lambda writes the logs, with the role, and not through an endpoint",
    "logs:PutLogEvents": "as logs:CreateLogStream",
    "sqs:GetQueueAttributes": "Lambda asks for the attributes of a queue it polls; the emulator does not",
}


@dataclass
class Call:
    function: str
    action: str
    resource: str
    prefix: str | None

    def __str__(self) -> str:
        prefix = "" if self.prefix is None else f" with prefix {self.prefix!r}"
        return f"{self.action} on {self.resource}{prefix}"


@dataclass
class Grant:
    """One action on one resource of one statement."""

    sid: str
    action: str
    resource: str
    prefixes: list[str] | None
    used: bool = field(default=False)

    def allows(self, call: Call) -> bool:
        if call.action != self.action or not fnmatch.fnmatchcase(call.resource, self.resource):
            return False
        if self.prefixes is None or call.prefix is None:
            return self.prefixes is None or call.action != "s3:ListBucket"
        return any(fnmatch.fnmatchcase(call.prefix, pattern) for pattern in self.prefixes)

    def __str__(self) -> str:
        return f"{self.action} on {self.resource} ({self.sid})"


def as_list(value) -> list:
    return value if isinstance(value, list) else [value]


def grants(iam, role: str) -> list[Grant]:
    found = []
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for statement in as_list(document["Statement"]):
            if statement["Effect"] != "Allow":
                raise SystemExit(f"check-roles: {role} has a statement that denies, which this does not know how to read")
            condition = dict(statement.get("Condition") or {})
            prefixes = None
            for operator in ("StringLike", "StringLikeIfExists"):
                if operator in condition:
                    prefixes = as_list(condition.pop(operator).get("s3:prefix", []))
            if condition:
                raise SystemExit(f"check-roles: {role} has a condition that this does not know how to read: {condition}")
            for action in as_list(statement["Action"]):
                for resource in as_list(statement["Resource"]):
                    found.append(Grant(statement.get("Sid", name), action, resource, prefixes))
    if attached := iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        raise SystemExit(f"check-roles: {role} has policies of others: {attached}")
    return found


def resource_of(entry: dict, region: str, account: str) -> tuple[str, str | None]:
    parameters = entry["parameters"]
    match entry["service"]:
        case "s3" if "Key" in parameters:
            return f"arn:aws:s3:::{parameters['Bucket']}/{parameters['Key']}", None
        case "s3":
            return f"arn:aws:s3:::{parameters['Bucket']}", parameters.get("Prefix", "")
        case "sqs":
            return f"arn:aws:sqs:{region}:{account}:{parameters['QueueUrl'].rsplit('/', 1)[-1]}", None
        case "secretsmanager":
            return parameters["SecretId"], None
    raise SystemExit(f"check-roles: a call of {entry['service']}, of which this knows nothing: {entry}")


def calls(path: str, region: str, account: str) -> dict[str, list[Call]]:
    """Every different call of each function."""
    found: dict[str, dict[tuple, Call]] = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            # A polled message is received and deleted with the function's role, but not by its process.
            if not entry["function"]:
                continue
            operation = (entry["service"], entry["operation"])
            if operation not in ACTIONS:
                raise SystemExit(f"check-roles: {entry['function']} called {operation}, of which this knows nothing")
            resource, prefix = resource_of(entry, region, account)
            call = Call(entry["function"], ACTIONS[operation], resource, prefix)
            found.setdefault(call.function, {})[(call.action, resource, prefix)] = call
    return {function: list(different.values()) for function, different in found.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--calls", required=True)
    parser.add_argument("--stack", action="append", required=True)
    options = parser.parse_args()

    def client(service: str):
        return boto3.client(
            service,
            endpoint_url=options.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    account = client("sts").get_caller_identity()["Account"]
    recorded = calls(options.calls, "us-east-1", account)
    wrong = []
    unused: dict[tuple[str, str], bool] = {}
    for stack in options.stack:
        outputs = client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
        names = {one["OutputKey"]: one["OutputValue"] for one in outputs}
        for function in FUNCTIONS:
            name = names[function]
            role = client("lambda").get_function_configuration(FunctionName=name)["Role"].rsplit("/", 1)[-1]
            granted = grants(client("iam"), role)
            made = recorded.get(name, [])
            for call in made:
                allowing = [grant for grant in granted if grant.allows(call)]
                for grant in allowing:
                    grant.used = True
                if not allowing:
                    wrong.append(f"{name}: {call} is not granted")
            for grant in granted:
                if grant.action not in UNSEEN:
                    # Used in one stack is used: what differs between stacks is where the target lies.
                    key = (function, f"{grant.sid}: {grant.action}")
                    unused[key] = unused.get(key, True) and not grant.used
            print(f"{name}: {len(made)} different calls, {len(granted)} grants")
    wrong += [f"{function}: {grant} is granted and was never needed" for (function, grant), idle in unused.items() if idle]
    for line in sorted(wrong):
        print(f"WRONG {line}")
    for action, reason in sorted(UNSEEN.items()):
        print(f"not held against calls: {action}: {reason}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
