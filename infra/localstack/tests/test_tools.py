"""What is there for tests: faults, measurements, and the record of calls."""

import json
import time

from conftest import lines, until


def test_a_fault_kills_the_process_at_work(cloud):
    name = cloud.function()
    rule = {"function": name, "contains": "doomed", "do": "kill", "after_ms": 200, "times": 1}
    cloud.faults.write_text(json.dumps([rule]))
    assert cloud.invoke(name, text="spared")[1] is None
    began = time.monotonic()
    answer, error, _ = cloud.invoke(name, text="doomed", do="sleep", seconds=5)
    assert time.monotonic() - began < 3
    assert error == "Unhandled" and "signal: killed" in answer["errorMessage"]
    assert cloud.invoke(name, text="doomed", do="ok")[1] is None, "once was ordered"

    cloud.faults.write_text(json.dumps([{"function": name, "contains": "at once", "times": 3}]))
    outcomes = [cloud.invoke(name, text="at once", do="ok")[1] for _ in range(4)]
    assert outcomes == ["Unhandled", "Unhandled", "Unhandled", None]


def test_a_chunk_whose_worker_dies_is_done_by_another(cloud):
    name = cloud.function()
    url, arn = cloud.queue(visibility=3)
    cloud.faults.write_text(json.dumps([{"function": name, "contains": "c/0/1", "after_ms": 50, "times": 1}]))
    cloud.map(arn, name, BatchSize=1)
    cloud.send(url, [{"do": "sleep", "seconds": 0.3, "chunk": f"c/0/{i}"} for i in range(3)])
    until(lambda: cloud.left(url) == 0, what="an empty queue")
    outcomes = sorted(line["outcome"] for line in cloud.invocations(name))
    assert outcomes == ["exit", "ok", "ok", "ok"]


def test_a_frozen_process_runs_into_its_timeout(cloud):
    name = cloud.function(timeout=1)
    cloud.faults.write_text(json.dumps([{"function": name, "do": "freeze", "times": 1}]))
    assert cloud.invoke(name, do="sleep", seconds=0.2)[0]["errorType"] == "Sandbox.Timedout"
    assert cloud.invoke(name)[1] is None


def test_what_an_invocation_says_of_itself(cloud):
    name = cloud.function()
    answer, _, _ = cloud.invoke(name)
    cloud.invoke(name, do="sleep", seconds=0.2)
    cold, warm = cloud.invocations(name)
    assert cold["cold"] and cold["init_ms"] > 1 and cold["pid"] == answer["pid"]
    assert not warm["cold"] and warm["init_ms"] is None and warm["duration_ms"] >= 200
    assert warm["peak_mb"] >= 5 and warm["concurrent"] == 1 and warm["outcome"] == "ok"


def test_calls_are_recorded_with_the_function_they_came_from(cloud):
    one = cloud.function(role="arn:aws:iam::000000000000:role/shared")
    other = cloud.function(role="arn:aws:iam::000000000000:role/shared")
    bucket = "recorded"
    cloud.client("s3").create_bucket(Bucket=bucket)
    assert cloud.invoke(one, do="put", bucket=bucket, key="a/b")[0]["status"] == 200
    assert cloud.invoke(other, do="put", bucket="absent", key="c")[0]["status"] == 404
    recorded = [line for line in lines(cloud.calls) if line["parameters"].get("Bucket") in (bucket, "absent")]
    columns = ("operation", "function", "via", "status", "error")
    assert [tuple(line[column] for column in columns) for line in recorded] == [
        ("CreateBucket", None, None, 200, None),
        ("PutObject", one, "process", 200, None),
        ("PutObject", other, "process", 404, "NoSuchBucket"),
    ]
    assert recorded[1]["parameters"] == {"Bucket": bucket, "Key": "a/b"}


def test_calls_of_a_mapping_count_as_its_function_s(cloud):
    name = cloud.function()
    url, arn = cloud.queue(visibility=30)
    cloud.map(arn, name, BatchSize=1)
    cloud.send(url, [{}])
    until(lambda: cloud.left(url) == 0, what="an empty queue")
    mine = [line for line in lines(cloud.calls) if line["function"] == name]
    assert {"ReceiveMessage", "DeleteMessageBatch", "GetQueueAttributes"} <= {line["operation"] for line in mine}
    queue = url.rsplit("/", 1)[1]
    assert {(line["via"], line["parameters"]["QueueUrl"].rsplit("/", 1)[1]) for line in mine} == {("mapping", queue)}


def test_no_secret_is_recorded(cloud):
    secrets = cloud.client("secretsmanager")
    secrets.create_secret(Name="login", SecretString="hunter2")
    secrets.get_secret_value(SecretId="login")
    recorded = [line for line in lines(cloud.calls) if line["service"] == "secretsmanager"]
    assert [line["parameters"] for line in recorded] == [{"Name": "login"}, {"SecretId": "login"}]
    assert "hunter2" not in cloud.calls.read_text()
