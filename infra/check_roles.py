"""Holds what each function of a deployed stack called against that function's role: nothing denied, nothing unused.

    check_roles.py --endpoint URL --calls calls.jsonl --stack NAME [--stack NAME]...

Emulators check no policies, so the process executor records every call (LAMBDA_PROCESS_RECORD_CALLS), and this reads the
roles as CloudFormation made them. Run it after tests that make the functions do all they can: a permission that no call
needed is then one too many, for each resource and each prefix by itself. What is granted for reasons that an emulator
cannot show stands in UNSEEN, what tests cannot reach in EXEMPT, each with its reason.
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

# Statements and actions that are granted though no call need be recorded.
UNSEEN = {
    ("Logs", "logs:CreateLogStream"): "Lambda writes the logs, with the role, and not through an endpoint",
    ("Logs", "logs:PutLogEvents"): "as logs:CreateLogStream",
    ("OwnQueue", "sqs:GetQueueAttributes"): "Lambda asks for the attributes of a queue it polls; an emulator need not",
}

# What no test can make a function need: function, statement, action, and how the resource (see `in_any_stack`) ends.
_LEASE_GONE = "leases are never deleted; where somebody did it by hand, S3 has to answer 404 and not 403"
EXEMPT = {
    ("ChunkFunction", "StateNames", "s3:ListBucket", ":STATE?prefix=targets/*"): _LEASE_GONE,
    ("FinalizerFunction", "StateNames", "s3:ListBucket", ":STATE?prefix=targets/*"): _LEASE_GONE,
    ("FinalizerFunction", "OwnQueue", "sqs:ChangeMessageVisibility", "*-receipt"): (
        "receipts are hidden for a while when the state bucket fails, which an emulator does not do to order"
    ),
    ("FinalizerFunction", "SendAgain", "sqs:SendMessage", "*-plan"): (
        "a request whose announcement is lost, or a planner that is: simulated on a virtual clock, since it takes minutes"
    ),
    ("FinalizerFunction", "TargetPublish", "s3:GetObject", "/*"): (
        "an object is read where its tag is in doubt: with KMS, or when two workers wrote one chunk"
    ),
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
    """One action on one resource of one statement, with one of its prefixes where it has a condition."""

    sid: str
    action: str
    resource: str
    prefix: str | None = None
    used: bool = field(default=False)

    def allows(self, call: Call) -> bool:
        if call.action != self.action or not fnmatch.fnmatchcase(call.resource, self.resource):
            return False
        # A condition on what a call does not say is not met.
        return self.prefix is None or call.prefix is not None and fnmatch.fnmatchcase(call.prefix, self.prefix)


@dataclass
class Stack:
    """The names of a stack's own that stand in its roles."""

    name: str
    state_bucket: str

    def in_any_stack(self, grant: Grant) -> str:
        """What a grant is for, in words that are the same in every stack: a queue is `*-chunk`, the state bucket STATE,
        the target's secret SECRET."""
        *head, last = grant.resource.split(":", 5)
        service = head[2] if len(head) == 5 else ""
        if service == "sqs" and last.startswith(f"{self.name}-"):
            last = "*" + last.removeprefix(self.name)
        elif service == "s3":
            bucket, slash, key = last.partition("/")
            last = ("STATE" if bucket == self.state_bucket else bucket) + slash + key
        elif service == "secretsmanager":
            last = "SECRET"
        return ":".join([*head, last]) + ("" if grant.prefix is None else f"?prefix={grant.prefix}")


def as_list(value) -> list:
    return value if isinstance(value, list) else [value]


def grants(iam, role: str) -> list[Grant]:
    found = []
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for statement in as_list(document["Statement"]):
            if statement["Effect"] != "Allow":
                raise SystemExit(f"check-roles: {role} has a statement that denies, which this does not know how to read")
            prefixes = [None]
            if condition := statement.get("Condition"):
                if condition.keys() != {"StringLike"} or condition["StringLike"].keys() != {"s3:prefix"}:
                    raise SystemExit(f"check-roles: {role} has a condition that this does not know how to read: {condition}")
                prefixes = as_list(condition["StringLike"]["s3:prefix"])
            for action in as_list(statement["Action"]):
                for resource in as_list(statement["Resource"]):
                    found += [Grant(statement.get("Sid", name), action, resource, prefix) for prefix in prefixes]
    if attached := iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        raise SystemExit(f"check-roles: {role} has policies of others: {attached}")
    return found


def resource_of(entry: dict, region: str, account: str) -> tuple[str, str | None]:
    parameters = entry["parameters"]
    match entry["service"]:
        case "s3" if "Key" in parameters:
            return f"arn:aws:s3:::{parameters['Bucket']}/{parameters['Key']}", None
        case "s3":
            return f"arn:aws:s3:::{parameters['Bucket']}", parameters.get("Prefix")
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
            made = [Call(entry["function"], ACTIONS[operation], resource, prefix)]
            if made[0].action == "s3:GetObject" and entry["status"] == 404:
                # S3 says 404 only to those who may list the bucket, with the key for the prefix, and 403 to all others.
                bucket, _, key = resource.partition("/")
                made.append(Call(entry["function"], "s3:ListBucket", bucket, key))
            for call in made:
                found.setdefault(call.function, {})[(call.action, call.resource, call.prefix)] = call
    return {function: list(different.values()) for function, different in found.items()}


def denied(made: list[Call], granted: list[Grant]) -> list[Call]:
    """The calls that no grant allows; the grants that allow one are used."""
    refused = []
    for call in made:
        allowing = [grant for grant in granted if grant.allows(call)]
        for grant in allowing:
            grant.used = True
        if not allowing:
            refused.append(call)
    return refused


# Function, statement, action, resource in any stack.
Key = tuple[str, str, str, str]


def note_use(uses: dict[Key, bool], function: str, stack: Stack, granted: list[Grant]) -> None:
    """Adds what one stack used. Used in one stack is used: what differs between stacks is where the target lies."""
    for grant in granted:
        key = (function, grant.sid, grant.action, stack.in_any_stack(grant))
        uses[key] = uses.get(key, False) or grant.used


def exemption(key: Key, exempt: dict[Key, str]) -> Key | None:
    *which, resource = key
    return next((one for one in exempt if list(one[:3]) == which and resource.endswith(one[3])), None)


def idle(uses: dict[Key, bool], exempt: dict[Key, str]) -> list[str]:
    """What is granted and was never needed, and what is exempt without being granted."""
    wrong = []
    for key, used in uses.items():
        function, sid, action, resource = key
        if not used and (sid, action) not in UNSEEN and not exemption(key, exempt):
            wrong.append(f"{function}: {action} on {resource} ({sid}) is granted and was never needed")
    matched = {exemption(key, exempt) for key in uses}
    return wrong + [f"{', '.join(one)} is exempt and not granted" for one in exempt if one not in matched]


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
    uses: dict[Key, bool] = {}
    for stack in options.stack:
        outputs = client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
        names = {one["OutputKey"]: one["OutputValue"] for one in outputs}
        for function in FUNCTIONS:
            name = names[function]
            role = client("lambda").get_function_configuration(FunctionName=name)["Role"].rsplit("/", 1)[-1]
            granted = grants(client("iam"), role)
            made = recorded.get(name, [])
            wrong += [f"{name}: {call} is not granted" for call in denied(made, granted)]
            note_use(uses, function, Stack(stack, names["StateBucket"]), granted)
            print(f"{name}: {len(made)} different calls, {len(granted)} grants")
    wrong += idle(uses, EXEMPT)
    for line in sorted(wrong):
        print(f"WRONG {line}")
    for what, reason in sorted((UNSEEN | EXEMPT).items()):
        print(f"not held against calls: {', '.join(what)}: {reason}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
