"""SQS event source mappings: how many batches at once, how large they are, and what becomes of failures."""

import json
import time

from conftest import until


def drained(cloud, url, seconds=30):
    until(lambda: cloud.left(url) == 0, seconds, "an empty queue")


def test_as_many_batches_at_once_as_allowed_and_no_more(cloud):
    name = cloud.function()
    url, arn = cloud.queue(visibility=30)
    cloud.map(arn, name, BatchSize=1, ScalingConfig={"MaximumConcurrency": 4})
    cloud.send(url, [{"do": "sleep", "seconds": 0.4}] * 20)
    drained(cloud, url)
    seen = cloud.invocations(name)
    assert len(seen) == 20
    assert max(line["concurrent"] for line in seen) == 4
    assert len({line["pid"] for line in seen}) == 4


def test_the_limit_holds_through_update_disable_and_enable(cloud):
    functions = cloud.client("lambda")
    name = cloud.function()
    url, arn = cloud.queue(visibility=30)
    mapping = cloud.map(arn, name, BatchSize=1, ScalingConfig={"MaximumConcurrency": 6})

    cloud.send(url, [{"do": "sleep", "seconds": 1.2}] * 12)
    until(lambda: cloud.left(url) <= 6, what="the end of the first six")
    time.sleep(0.5)
    # Six more are running; from here on two at a time, those that are still running included.
    functions.update_event_source_mapping(UUID=mapping, ScalingConfig={"MaximumConcurrency": 2})
    updated = time.time()
    cloud.send(url, [{"do": "sleep", "seconds": 0.2}] * 6)
    drained(cloud, url)
    seen = cloud.invocations(name)
    assert len(seen) == 18
    assert max(line["concurrent"] for line in seen) == 6
    assert max(line["concurrent"] for line in seen if line["time"] > updated) == 2

    functions.update_event_source_mapping(UUID=mapping, Enabled=False)
    until(lambda: functions.get_event_source_mapping(UUID=mapping)["State"] == "Disabled", what="State Disabled")
    cloud.send(url, [{"do": "ok"}] * 4)
    time.sleep(1.5)
    assert len(cloud.invocations(name)) == 18 and cloud.left(url) == 4

    functions.update_event_source_mapping(UUID=mapping, Enabled=True)
    drained(cloud, url)
    assert len(cloud.invocations(name)) == 22

    functions.delete_event_source_mapping(UUID=mapping)
    time.sleep(1.5)
    cloud.send(url, [{"do": "ok"}] * 2)
    time.sleep(1.5)
    assert len(cloud.invocations(name)) == 22 and cloud.left(url) == 2


def test_failed_items_come_again_and_end_among_the_dead_letters(cloud):
    name = cloud.function()
    url, arn, dead = cloud.queue(dead_letters_after=3, visibility=2)
    cloud.map(arn, name, BatchSize=5)
    cloud.send(url, [{"do": "error" if i in (2, 7) else "ok", "i": i} for i in range(10)])
    until(lambda: cloud.left(dead) == 2, what="two dead letters")
    assert {json.loads(body)["i"] for body in cloud.bodies(dead)} == {2, 7}
    assert cloud.left(url) == 0


def test_a_batch_whose_process_ends_comes_again_and_ends_among_the_dead_letters(cloud):
    name = cloud.function()
    url, arn, dead = cloud.queue(dead_letters_after=2, visibility=2)
    cloud.map(arn, name, BatchSize=10)
    cloud.send(url, [{"do": "exit"}])
    until(lambda: cloud.left(dead) == 1, what="a dead letter")
    assert [line["outcome"] for line in cloud.invocations(name)] == ["exit", "exit"]


def test_large_batches_with_a_window(cloud):
    name = cloud.function()
    url, arn = cloud.queue(visibility=30)
    cloud.send(url, [{"do": "error" if i == 77 else "ok", "i": i} for i in range(700)])
    cloud.map(arn, name, BatchSize=1000, MaximumBatchingWindowInSeconds=2)
    until(lambda: cloud.left(url) == 1, 30, "all but the one that fails")
    assert len(cloud.invocations(name)) == 1, "the messages were there, and fit into one batch"


def test_a_window_gathers_what_trickles_in(cloud):
    name = cloud.function()
    url, arn = cloud.queue(visibility=30)
    cloud.map(arn, name, BatchSize=50, MaximumBatchingWindowInSeconds=3, ScalingConfig={"MaximumConcurrency": 8})
    for i in range(10):
        cloud.send(url, [{"i": i}])
        time.sleep(0.15)
    drained(cloud, url)
    assert len(cloud.invocations(name)) == 1, "eight pollers would have made up to eight batches"


def test_a_payload_is_never_larger_than_lambda_takes(cloud):
    name = cloud.function()
    url, arn = cloud.queue(visibility=30)
    cloud.send(url, [{"text": "x" * 250_000}] * 3)
    for _ in range(9):
        cloud.send(url, [{"text": "x" * 250_000}] * 3)
    cloud.map(arn, name, BatchSize=100, MaximumBatchingWindowInSeconds=2)
    drained(cloud, url)
    seen = cloud.invocations(name)
    assert len(seen) == 2 and all(line["outcome"] == "ok" for line in seen)


def test_a_body_arrives_as_it_was_sent(cloud):
    name = cloud.function()
    url, arn = cloud.queue(visibility=30)
    body = '{"n":1.0e2,  "do":"error", "message":"\\u00e9"}'
    # The event is looked at by a fault, which waits for the very text.
    cloud.map(arn, name, BatchSize=1)
    cloud.faults.write_text(json.dumps([{"function": name, "contains": json.dumps(body), "do": "kill", "times": 1}]))
    cloud.send(url, [body])
    until(lambda: [line for line in cloud.invocations(name) if line["outcome"] == "exit"], what="the text as sent")


def test_a_filter_drops_what_does_not_match(cloud):
    name = cloud.function()
    url, arn = cloud.queue(visibility=30)
    pattern = json.dumps({"body": {"kind": ["wanted"]}})
    cloud.map(arn, name, BatchSize=1, FilterCriteria={"Filters": [{"Pattern": pattern}]})
    cloud.send(url, [{"kind": kind} for kind in ("other", "wanted", "other")])
    drained(cloud, url)
    assert len(cloud.invocations(name)) == 1
