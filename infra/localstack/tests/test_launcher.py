"""Starting and stopping: one's own state, and nothing left behind."""

import os
import signal
import subprocess
import sys
import urllib.request

import pytest
from conftest import Cloud, alive, start, until


def launcher(*arguments):
    command = [sys.executable, "-m", "localstack_process_executor", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=90)


def test_a_second_instance(cloud, tmp_path):
    started = launcher("start", "--state", tmp_path)
    try:
        assert started.returncode == 0, started.stderr
        endpoint = started.stdout.strip()
        assert launcher("status", "--state", tmp_path).stdout.strip() == endpoint
        again = launcher("start", "--state", tmp_path)
        assert again.returncode == 1 and "already running" in again.stderr

        # Large enough not to be kept in memory.
        other = Cloud(tmp_path, endpoint)
        for each in (cloud, other):
            each.client("s3").create_bucket(Bucket="same-name")
            each.client("s3").put_object(Bucket="same-name", Key="k", Body=each.endpoint.encode() * 50_000)
        for each in (cloud, other):
            body = each.client("s3").get_object(Bucket="same-name", Key="k")["Body"].read()
            assert body == each.endpoint.encode() * 50_000
        assert list((tmp_path / "s3").rglob("same-name")), "the objects are to be kept in the state folder"

        if sys.platform == "linux":  # elsewhere nothing ends the children of a process that was killed
            function = other.invoke(other.function())[0]["pid"]
            os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
            until(lambda: not alive(function), 5, "the end of the function")
            assert launcher("status", "--state", tmp_path).returncode == 1
    finally:
        assert launcher("stop", "--state", tmp_path).returncode == 0
    assert not (tmp_path / "pid").exists()
    with pytest.raises(OSError):
        urllib.request.urlopen(endpoint, timeout=2)


def test_nothing_survives_a_killed_test(tmp_path):
    """The launcher is killed, as a test runner kills what takes too long, and its standard input closes."""
    process, _ = start(tmp_path)
    localstack = int((tmp_path / "pid").read_text())
    process.kill()
    process.stdin.close()
    process.wait(5)
    until(lambda: not alive(localstack), 30, "the end of LocalStack")


def test_a_port_in_use_is_reported(cloud, tmp_path):
    taken = cloud.endpoint.rsplit(":", 1)[1]
    try:
        result = launcher("start", "--state", tmp_path, "--port", taken)
        assert result.returncode == 1 and "in use" in result.stderr
    finally:
        launcher("stop", "--state", tmp_path)
