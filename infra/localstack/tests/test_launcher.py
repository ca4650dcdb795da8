"""Starting and stopping: one's own state, and nothing left behind."""

import os
import pathlib
import subprocess
import sys
import urllib.request

import pytest
from conftest import Cloud, alive, start, until


def launcher(*arguments):
    command = [sys.executable, "-m", "localstack_process_executor", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=90)


def test_two_instances_do_not_share_their_objects(cloud, tmp_path):
    started = launcher("start", "--state", tmp_path)
    try:
        assert started.returncode == 0, started.stderr
        endpoint = started.stdout.strip()
        other = Cloud(tmp_path, endpoint)
        for each in (cloud, other):
            each.client("s3").create_bucket(Bucket="same-name")
            each.client("s3").put_object(Bucket="same-name", Key="k", Body=each.endpoint.encode() * 50_000)
        for each in (cloud, other):
            body = each.client("s3").get_object(Bucket="same-name", Key="k")["Body"].read()
            assert body == each.endpoint.encode() * 50_000
        assert [path for path in (tmp_path / "s3").rglob("*") if path.is_file()], "the object lies in the state folder"
        assert launcher("status", "--state", tmp_path).stdout.strip() == endpoint
        again = launcher("start", "--state", tmp_path)
        assert again.returncode == 1 and "already running" in again.stderr
        pid = other.invoke(other.function())[0]["pid"]
    finally:
        stopped = launcher("stop", "--state", tmp_path)
    assert stopped.returncode == 0
    assert not alive(pid), "a bootstrap has outlived LocalStack"
    assert launcher("status", "--state", tmp_path).returncode == 1
    with pytest.raises(OSError):
        urllib.request.urlopen(endpoint, timeout=2)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the children of a process that was killed")
def test_nothing_survives_a_killed_test(tmp_path):
    """The launcher is killed, and its standard input closes: LocalStack stops. LocalStack is killed: so are functions."""
    process, endpoint = start(tmp_path)
    localstack = int((tmp_path / "pid").read_text())
    cloud = Cloud(tmp_path, endpoint)
    function = cloud.invoke(cloud.function())[0]["pid"]
    process.kill()
    process.stdin.close()
    process.wait(5)
    until(lambda: not alive(localstack), 30, "the end of LocalStack")
    until(lambda: not alive(function), 5, "the end of the function")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the children of a process that was killed")
def test_functions_end_with_a_killed_localstack(tmp_path):
    process, endpoint = start(tmp_path)
    cloud = Cloud(tmp_path, endpoint)
    function = cloud.invoke(cloud.function())[0]["pid"]
    os.kill(int((tmp_path / "pid").read_text()), 9)
    until(lambda: not alive(function), 5, "the end of the function")
    process.stdin.close()
    process.wait(5)
    assert not pathlib.Path(tmp_path / "pid").exists()


def test_a_port_in_use_is_reported(cloud, tmp_path):
    taken = cloud.endpoint.rsplit(":", 1)[1]
    result = launcher("start", "--state", tmp_path, "--port", taken)
    assert result.returncode == 1
    assert "in use" in result.stderr, result.stderr
