"""check_roles.py sees a call that is denied and a grant that nothing needs, and exempts only what is argued for."""

import json
import sys

import pytest
from stack import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "infra"))
import check_roles  # noqa: E402
from check_roles import Grant, Stack, calls, denied, idle, note_use  # noqa: E402

REGION, ACCOUNT = "us-east-1", "000000000000"
HERE, THERE = Stack("here", "dap2zarr-state-1"), Stack("there", "dap2zarr-state-2")


def queue(name):
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"


def state(key, stack=HERE):
    return f"arn:aws:s3:::{stack.state_bucket}/{key}"


def names(prefix, stack=HERE):
    return Grant("StateNames", "s3:ListBucket", f"arn:aws:s3:::{stack.state_bucket}", prefix)


@pytest.fixture
def recorded(tmp_path):
    """Reads entries as the executor writes them: service, operation, parameters, and the status, 200 unless told."""

    def read(*entries, function="here-chunk"):
        path = tmp_path / "calls.jsonl"
        with path.open("w", encoding="utf-8") as lines:
            for service, operation, parameters, *status in entries:
                entry = {"service": service, "operation": operation, "function": function, "parameters": parameters}
                print(json.dumps(entry | {"status": status[0] if status else 200}), file=lines)
        return calls(str(path), REGION, ACCOUNT).get(function, [])

    return read


def get(key, status=200, stack=HERE):
    return ("s3", "GetObject", {"Bucket": stack.state_bucket, "Key": key}, status)


def listing(**parameters):
    return ("s3", "ListObjectsV2", {"Bucket": HERE.state_bucket} | parameters)


def send(name):
    return ("sqs", "SendMessageBatch", {"QueueUrl": f"http://127.0.0.1:1/queue/{REGION}/{ACCOUNT}/{name}"})


def unused(granted, stack=HERE, exempt=None, function="ChunkFunction"):
    uses = {}
    note_use(uses, function, stack, granted)
    return idle(uses, exempt or {})


def test_what_is_granted_and_needed_is_fine(recorded):
    granted = [
        Grant("State", "s3:GetObject", state("runs/*")),
        Grant("SendReceipts", "sqs:SendMessage", queue("here-receipt")),
        names("runs/*"),
    ]
    assert denied(recorded(get("runs/a/plan.json"), send("here-receipt"), listing(Prefix="runs/a/")), granted) == []
    assert unused(granted) == []


@pytest.mark.parametrize(
    "call",
    [
        get("targets/a"),
        get("runs/a", stack=THERE),
        ("s3", "PutObject", {"Bucket": HERE.state_bucket, "Key": "runs/a"}),
        send("there-receipt"),
        listing(Prefix="requests/"),
        listing(),
    ],
)
def test_a_denied_call_is_reported(recorded, call):
    granted = [
        Grant("State", "s3:GetObject", state("runs/*")),
        Grant("SendReceipts", "sqs:SendMessage", queue("here-receipt")),
        names("runs/*"),
    ]
    assert len(denied(recorded(call), granted)) == 1


def test_a_missing_key_needs_the_right_to_list(recorded):
    granted = [Grant("State", "s3:GetObject", state("runs/*")), names("targets/*")]
    (refused,) = denied(recorded(get("runs/a", 404)), granted)
    assert (refused.action, refused.prefix) == ("s3:ListBucket", "runs/a")
    granted = [Grant("State", "s3:GetObject", state("runs/*")), names("runs/*")]
    assert denied(recorded(get("runs/a", 404)), granted) == []
    assert unused(granted) == []


def test_an_unused_grant_is_reported_for_each_resource(recorded):
    granted = [
        Grant("SendAgain", "sqs:SendMessage", queue("here-chunk")),
        Grant("SendAgain", "sqs:SendMessage", queue("here-plan")),
    ]
    assert denied(recorded(send("here-chunk")), granted) == []
    (line,) = unused(granted)
    assert "sqs:SendMessage" in line and ":*-plan (SendAgain)" in line


def test_an_unused_prefix_is_reported(recorded):
    granted = [names("runs/*"), names("accepted/*")]
    assert denied(recorded(listing(Prefix="runs/")), granted) == []
    (line,) = unused(granted)
    assert ":STATE?prefix=accepted/* (StateNames)" in line


def test_used_in_one_stack_is_used(recorded):
    uses = {}
    secret = "arn:aws:secretsmanager:us-east-1:000000000000:secret:"
    for stack, name in ((HERE, "target-AbCdEf"), (THERE, "nobody-GhIjKl")):
        granted = [
            Grant("SendReceipts", "sqs:SendMessage", queue(f"{stack.name}-receipt")),
            Grant("State", "s3:GetObject", state("runs/*", stack)),
            Grant("target-secret", "secretsmanager:GetSecretValue", secret + name),
            names("runs/*", stack),
        ]
        if stack is THERE:
            asked = ("secretsmanager", "GetSecretValue", {"SecretId": secret + name})
            made = recorded(send("there-receipt"), get("runs/a", 404, THERE), asked)
            assert denied(made, granted) == []
        note_use(uses, "ChunkFunction", stack, granted)
    assert len(uses) == 4
    assert idle(uses, {}) == []


def test_what_is_unseen_is_so_in_its_statement_only():
    assert unused([Grant("OwnQueue", "sqs:GetQueueAttributes", queue("here-receipt"))]) == []
    assert len(unused([Grant("ChunkQueueDepth", "sqs:GetQueueAttributes", queue("here-chunk"))])) == 1
    assert len(unused([Grant("OwnQueue", "sqs:ChangeMessageVisibility", queue("here-chunk"))])) == 1


EXEMPT = {("PlannerFunction", "TargetUnpublish", "s3:DeleteObject", "/*.zarray"): "a reason"}


@pytest.mark.parametrize(
    ("function", "sid", "action", "end", "lines"),
    [
        ("PlannerFunction", "TargetUnpublish", "s3:DeleteObject", "*.zarray", 0),
        # Reported as unused, and the exemption as one for nothing.
        ("FinalizerFunction", "TargetUnpublish", "s3:DeleteObject", "*.zarray", 2),
        ("PlannerFunction", "TargetPublish", "s3:DeleteObject", "*.zarray", 2),
        ("PlannerFunction", "TargetUnpublish", "s3:PutObject", "*.zarray", 2),
        ("PlannerFunction", "TargetUnpublish", "s3:DeleteObject", "*.zgroup", 2),
    ],
)
def test_an_exemption_holds_only_where_it_is_argued(function, sid, action, end, lines):
    granted = [Grant(sid, action, f"arn:aws:s3:::datasets/{end}")]
    assert len(unused(granted, exempt=EXEMPT, function=function)) == lines


def test_exemptions_have_reasons():
    for table in (check_roles.UNSEEN, check_roles.EXEMPT):
        assert all(len(reason.split()) >= 2 for reason in table.values())


class Iam:
    def __init__(self, **statement):
        self.statement = {"Effect": "Allow", "Sid": "StateNames"} | statement

    def list_role_policies(self, RoleName):
        return {"PolicyNames": ["stack"]}

    def get_role_policy(self, RoleName, PolicyName):
        return {"PolicyDocument": {"Statement": [self.statement]}}

    def list_attached_role_policies(self, RoleName):
        return {"AttachedPolicies": []}


def test_each_action_resource_and_prefix_is_a_grant():
    iam = Iam(
        Action=["s3:ListBucket"],
        Resource=["arn:aws:s3:::a", "arn:aws:s3:::b"],
        Condition={"StringLike": {"s3:prefix": ["runs/*", "targets/*"]}},
    )
    found = [(grant.resource, grant.prefix) for grant in check_roles.grants(iam, "role")]
    assert found == [(f"arn:aws:s3:::{bucket}", prefix) for bucket in "ab" for prefix in ("runs/*", "targets/*")]


@pytest.mark.parametrize(
    "change",
    [{"Effect": "Deny"}, {"Condition": {"StringLike": {"kms:ViaService": "s3.*"}}}, {"Condition": {"Bool": {}}}],
)
def test_what_it_cannot_read_is_refused(change):
    with pytest.raises(SystemExit):
        check_roles.grants(Iam(Action="s3:GetObject", Resource="arn:aws:s3:::a/*", **change), "role")
