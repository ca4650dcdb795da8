"""template.yaml as CloudFormation would see it: SAM's transform applied, conditions decided, references resolved.

Only what the template uses is here; anything else raises, so that nothing is passed over in silence.
"""

import copy
import os
import re
from pathlib import Path

import yaml

os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")  # the translator asks boto3 for a region

from samtranslator.parser.parser import Parser  # noqa: E402
from samtranslator.translator.translator import Translator  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[2]
TEMPLATE = REPOSITORY / "template.yaml"

REGION, ACCOUNT, NAME = "eu-central-1", "123456789012", "dap2zarr"
PSEUDO_PARAMETERS = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{NAME}/0f5c9d2e-8a57-4c1b-9a7e-3d1f0c2b4a69",
    "AWS::StackName": NAME,
    "AWS::URLSuffix": "amazonaws.com",
}
REQUIRED = {
    "TargetBucket": "datasets",
    "AllowedSourceHosts": "data.example.org,*.example.edu",
    "Contact": "me@example.org",
}
NOTHING = object()


class _Loader(yaml.CSafeLoader):
    """YAML with CloudFormation's short forms as the long ones they stand for."""


def _construct(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _construct)


def load(text=None):
    """The template as written, with short forms made long."""
    return yaml.load(text if text is not None else TEMPLATE.read_text(encoding="utf-8"), Loader=_Loader)


class Stack:
    """What a deployment with these parameters has: `resources`, `outputs`, by logical name."""

    def __init__(self, template, **parameters):
        self.parameters = {name: p.get("Default") for name, p in template["Parameters"].items()} | REQUIRED | parameters
        unset = [name for name, value in self.parameters.items() if value is None]
        assert not unset, f"parameters without a value: {unset}"
        template = copy.deepcopy(template)
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function":  # as `sam deploy` does after the upload
                resource["Properties"]["CodeUri"] = "s3://artifacts/code"
        self.template = Translator({}, Parser()).translate(template, copy.deepcopy(self.parameters))
        self.raw = self.template["Resources"]
        here = {name: r for name, r in self.raw.items() if "Condition" not in r or self.condition(r["Condition"])}
        self.resources = {name: self.resolve(resource) for name, resource in here.items()}
        self.outputs = {name: self.resolve(output["Value"]) for name, output in self.template["Outputs"].items()}

    def of(self, kind):
        """The resources of a type: `Lambda::Function`."""
        return {name: r["Properties"] for name, r in self.resources.items() if r["Type"] == f"AWS::{kind}"}

    def condition(self, name):
        return self.resolve(self.template["Conditions"][name])

    def resolve(self, value):
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((key, argument),) = value.items()
            if key == "Ref":
                return self.reference(argument)
            if key == "Condition" and isinstance(argument, str):
                return self.condition(argument)
            if key.startswith("Fn::"):
                return getattr(self, "fn_" + key[4:].lower())(argument)
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NOTHING}

    def reference(self, name):
        if name == "AWS::NoValue":
            return NOTHING
        for values in (PSEUDO_PARAMETERS, self.parameters):
            if name in values:
                return values[name]
        kind, own = self.raw[name]["Type"], self.raw[name].get("Properties", {})
        named = {
            "AWS::Lambda::Function": "FunctionName",
            "AWS::Logs::LogGroup": "LogGroupName",
            "AWS::S3::Bucket": "BucketName",
        }
        if kind in named:
            return self.resolve(own[named[kind]])
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{self.resolve(own['QueueName'])}"
        return f"{name}-id"

    def fn_getatt(self, argument):
        name, attribute = argument
        kind, own = self.raw[name]["Type"], self.raw[name].get("Properties", {})
        if kind == "AWS::SQS::Queue":
            queue = self.resolve(own["QueueName"])
            return {"QueueName": queue, "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"}[attribute]
        assert attribute == "Arn", f"{name}.{attribute}"
        if kind == "AWS::S3::Bucket":
            return f"arn:aws:s3:::{self.reference(name)}"
        if kind == "AWS::Logs::LogGroup":
            return f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{self.reference(name)}:*"
        return f"arn:aws:{kind.split('::')[1].lower()}:::{name}"

    def fn_sub(self, argument):
        text, local = (argument, {}) if isinstance(argument, str) else argument
        local = {key: self.resolve(item) for key, item in local.items()}

        def put(match):
            name = match[1]
            if name in local:
                return str(local[name])
            return str(self.fn_getatt(name.split(".", 1)) if "." in name else self.reference(name))

        return re.sub(r"\$\{([^!}]+)\}", put, text)

    def fn_if(self, argument):
        condition, yes, no = argument
        return self.resolve(yes if self.condition(condition) else no)

    def fn_findinmap(self, argument):
        table, row, column = map(self.resolve, argument)
        return self.template["Mappings"][table][str(row)][column]

    def fn_select(self, argument):
        index, items = argument
        return self.resolve(items)[int(index)]

    def fn_split(self, argument):
        separator, text = map(self.resolve, argument)
        return text.split(separator)

    def fn_join(self, argument):
        separator, items = argument
        return separator.join(self.resolve(items))

    def fn_equals(self, argument):
        left, right = map(self.resolve, argument)
        return str(left) == str(right)

    def fn_not(self, argument):
        return not self.resolve(argument[0])

    def fn_and(self, argument):
        return all(self.resolve(argument))

    def fn_or(self, argument):
        return any(self.resolve(argument))

    # ---------------------------------------------------------------------------------------------- what rules ask for

    def function_of(self, role):
        """The function, by logical name, that has a role."""
        (name,) = [name for name, f in self.of("Lambda::Function").items() if f["Role"] == f"arn:aws:iam:::{role}"]
        return name

    def queue(self, arn):
        (name,) = [name for name in self.of("SQS::Queue") if self.fn_getatt([name, "Arn"]) == arn]
        return name

    def mappings(self):
        """Each event source mapping with its function and queue, by logical name."""
        for mapping in self.of("Lambda::EventSourceMapping").values():
            (function,) = [
                name for name in self.of("Lambda::Function") if mapping["FunctionName"] == self.reference(name)
            ]
            yield mapping, function, self.queue(mapping["EventSourceArn"])

    def statements(self, role):
        """What a role allows: each statement with actions and resources as lists."""
        for policy in self.of("IAM::Role")[role].get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield statement | {
                    "Action": as_list(statement["Action"]),
                    "Resource": as_list(statement["Resource"]),
                }


def as_list(value):
    return value if isinstance(value, list) else [value]


_variants = {}


def variants(template):
    """Stacks over the parameters that change what is deployed; made once for each template, which must not change."""
    known = _variants.get(id(template))
    if known is None or known[0] is not template:
        known = _variants[id(template)] = (template, list(_all_variants(template)))
    return known[1]


def _all_variants(template):
    timeouts = template["Parameters"]["FunctionTimeoutSeconds"]["AllowedValues"]
    window = template["Parameters"]["ReceiptBatchingWindowSeconds"]["MaxValue"]
    for timeout in timeouts:
        yield Stack(template, FunctionTimeoutSeconds=timeout, ReceiptBatchingWindowSeconds=window)
    yield Stack(template, TargetPrefix="zarr/public", PermissionsBoundaryArn="arn:aws:iam::123456789012:policy/b")
    yield Stack(template, TargetKmsKeyArn="arn:aws:kms:eu-central-1:123456789012:key/k", RunRetentionDays=90)
    yield Stack(template, AlarmEmail="me@example.org")
    yield third_party(template)


def third_party(template):
    """A stack whose target is on another service."""
    return Stack(
        template,
        TargetEndpoint="https://objects.example.org",
        TargetSecretArn="arn:aws:secretsmanager:eu-central-1:123456789012:secret:target-AbCdEf",
        TargetSecretKmsKeyArn="arn:aws:kms:eu-central-1:123456789012:key/s",
    )
