"""What becomes of one invocation, whatever the function's process does."""

import concurrent.futures
import os
import re
import signal
import sys
import time

from conftest import HERE, INIT_TIMEOUT, alive, package, until


def test_an_answer_and_its_log(cloud):
    name = cloud.function()
    answer, error, log = cloud.invoke(name, text="é")
    assert error is None
    assert answer["echo"] == {"text": "é"}
    assert "initialising: ok" in log and "START RequestId" in log and "END RequestId" in log
    assert re.search(r"REPORT .*Duration: .*Max Memory Used: [1-9]\d* MB\tInit Duration: [\d.]+ ms", log)
    again, _, log = cloud.invoke(name)
    assert again["pid"] == answer["pid"]
    assert "Init Duration" not in log


def test_the_log_reaches_cloudwatch(cloud):
    name = cloud.function()
    cloud.invoke(name)

    def found():
        logs = cloud.client("logs")
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return False
        return any("REPORT RequestId" in event["message"] for event in events)

    until(found, what="the REPORT line in CloudWatch")


def test_only_what_is_allowed_of_the_environment(cloud):
    name = cloud.function(MINE="1")
    seen, _, _ = cloud.invoke(name, do="environment")
    assert seen["MINE"] == "1" and seen["PASSED_ON"] == "seen" and "KEPT_BACK" not in seen
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == name and seen["AWS_ENDPOINT_URL"] == cloud.endpoint
    assert not [variable for variable in seen if variable.startswith(("LAMBDA_PROCESS", "FILESYSTEM", "PYTHON"))]
    assert "HOME" not in seen


def test_an_error_of_the_function(cloud):
    answer, error, _ = cloud.invoke(cloud.function(), do="error", message="no such dataset")
    assert error == "Unhandled"
    assert answer == {"errorType": "ValueError", "errorMessage": "no such dataset"}


def test_a_process_that_ends_is_replaced(cloud):
    name = cloud.function()
    first, _, _ = cloud.invoke(name)
    # 101 is what a panic in Rust ends with, 0 is a runtime that just left.
    for code, words in ((101, "exit status 101"), (0, "without providing a reason")):
        answer, error, log = cloud.invoke(name, do="exit", code=code)
        assert error == "Unhandled"
        assert answer["errorType"] == "Runtime.ExitError" and words in answer["errorMessage"]
        assert "Status: error\tError Type: Runtime.ExitError" in log
    then, error, _ = cloud.invoke(name)
    assert error is None and then["pid"] != first["pid"]
    assert [line["outcome"] for line in cloud.invocations(name)] == ["ok", "exit", "exit", "ok"]


def test_an_idle_process_that_is_killed_is_replaced(cloud):
    name = cloud.function()
    first, _, _ = cloud.invoke(name)
    os.kill(first["pid"], signal.SIGKILL)
    until(lambda: not alive(first["pid"]), what="its end")
    then, error, _ = cloud.invoke(name)
    assert error is None and then["pid"] != first["pid"]


def test_a_timeout(cloud):
    name = cloud.function(timeout=1)
    first, _, _ = cloud.invoke(name)
    began = time.monotonic()
    answer, error, log = cloud.invoke(name, do="sleep", seconds=30)
    assert 0.9 < time.monotonic() - began < 3
    assert error == "Unhandled"
    assert answer["errorType"] == "Sandbox.Timedout" and "Task timed out after 1.00 seconds" in answer["errorMessage"]
    assert "Task timed out after 1.00 seconds" in log and "Status: timeout" in log
    assert not alive(first["pid"])
    assert cloud.invoke(name)[1] is None


def test_failures_to_initialise(cloud):
    answer, error, log = cloud.invoke(cloud.function(INIT="exit"))
    assert error == "Unhandled"
    assert answer["errorType"] == "Runtime.ExitError" and "exit status 3" in answer["errorMessage"]
    assert "initialising: exit" in log and "INIT_REPORT" in log

    answer, error, _ = cloud.invoke(cloud.function(INIT="error"))
    assert error == "Unhandled"
    assert answer == {"errorType": "Test.Init", "errorMessage": "cannot begin"}


def test_an_initialisation_without_end(cloud):
    began = time.monotonic()
    answer, error, _ = cloud.invoke(cloud.function(INIT="hang", timeout=1))
    # Once on its own clock, and once more within the time of the invocation.
    assert INIT_TIMEOUT + 0.9 < time.monotonic() - began < INIT_TIMEOUT + 4
    assert error == "Unhandled" and answer["errorType"] == "Sandbox.Timedout"


def test_an_initialisation_that_fails_once(cloud, tmp_path):
    _, error, _ = cloud.invoke(cloud.function(INIT=f"once:{tmp_path / 'tried'}"))
    assert error is None


def test_nothing_to_run(cloud):
    answer, error, _ = cloud.invoke(cloud.function(code=package(other="text")))
    assert error == "Unhandled"
    assert answer["errorType"] == "Runtime.InvalidEntrypoint" and "bootstrap" in answer["errorMessage"]


def test_what_a_function_starts_ends_with_it(cloud):
    name = cloud.function()
    child = cloud.invoke(name, do="child")[0]["child"]
    assert alive(child)
    cloud.invoke(name, do="exit")
    until(lambda: not alive(child), what="the end of the child")


def test_new_configuration_and_code(cloud, tmp_path):
    name = cloud.function(timeout=20)
    functions = cloud.client("lambda")
    first, _, _ = cloud.invoke(name)
    begun, go_on = tmp_path / "begun", tmp_path / "go-on"
    with concurrent.futures.ThreadPoolExecutor() as pool:
        running = pool.submit(cloud.invoke, name, do="wait", begun=str(begun), until=str(go_on))
        until(begun.exists, what="the invocation that is under way")
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": {"CODE": "2"}})
        functions.get_waiter("function_updated_v2").wait(FunctionName=name)
        then, error, _ = cloud.invoke(name)
        assert error is None and then["version"] == "2" and then["pid"] != first["pid"]
        # On AWS an update lets the invocations of the old version finish.
        assert alive(first["pid"]) and not running.done()
        go_on.touch()
        assert running.result(20)[1] is None
    until(lambda: not alive(first["pid"]), what="the end of the old version's process")
    functions.update_function_code(FunctionName=name, ZipFile=package(other="no bootstrap any more"))
    functions.get_waiter("function_updated_v2").wait(FunctionName=name)
    assert cloud.invoke(name)[0]["errorType"] == "Runtime.InvalidEntrypoint"


def test_hot_reload(cloud, tmp_path):
    bootstrap = tmp_path / "bootstrap"

    def write(version):
        text = (HERE / "bootstrap.py").read_text().replace('os.environ.get("CODE", "1")', repr(version))
        bootstrap.write_text(f"#!{sys.executable} -SE\n{text}")
        bootstrap.chmod(0o755)

    write("one")
    name = "hot-reload"
    cloud.client("lambda").create_function(
        FunctionName=name,
        Runtime="provided.al2023",
        Handler="bootstrap",
        Role="arn:aws:iam::000000000000:role/any",
        Code={"S3Bucket": "hot-reload", "S3Key": str(tmp_path)},
    )
    assert cloud.invoke(name)[0]["version"] == "one"
    write("two")
    assert cloud.invoke(name)[0]["version"] == "two"


def test_a_deleted_function_has_no_process(cloud):
    name = cloud.function()
    pid = cloud.invoke(name)[0]["pid"]
    cloud.client("lambda").delete_function(FunctionName=name)
    until(lambda: not alive(pid), what="the end of the process")


def test_environments_in_parallel(cloud):
    name = cloud.function()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: cloud.invoke(name, do="sleep", seconds=0.7), range(8)))
    assert all(error is None for _, error, _ in answers)
    seen = cloud.invocations(name)
    assert len({line["pid"] for line in seen}) == 8 and max(line["concurrent"] for line in seen) == 8
