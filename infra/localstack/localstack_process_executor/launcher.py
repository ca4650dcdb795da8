"""Starts LocalStack on this host without Docker, asks after it, and stops it.

    python -m localstack_process_executor start [--state DIR] [--port N] [--stop-with-stdin]
    python -m localstack_process_executor status [--state DIR]
    python -m localstack_process_executor stop [--state DIR]

All it writes is below the state folder, which a start empties:

    pid, endpoint   of the instance that is running; gone when it has stopped
    log             LocalStack's
    functions/      one log for each execution environment
    fs, tmp, s3     LocalStack's own
"""

import argparse
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import psutil

STATE_FOLDERS = ("fs", "tmp", "s3", "functions", "cache")
STATE_FILES = ("pid", "endpoint", "log")
MAIN = "localstack.runtime.main"
STOP_SECONDS = 20

# How this must be run; these are not for the caller to choose.
FIXED = {
    "OVERRIDE_IN_DOCKER": "0",  # a CI container has /.dockerenv, and LocalStack would write to system folders
    "DNS_ADDRESS": "0",  # no DNS server
    "SKIP_SSL_CERT_DOWNLOAD": "1",
    "DISABLE_EVENTS": "1",  # no analytics
    "SQS_ENDPOINT_STRATEGY": "path",  # queue URLs that need no DNS
    "LAMBDA_RUNTIME_EXECUTOR": "process",
}

# What suits tests; the caller's environment comes first.
DEFAULTS = {
    "LAMBDA_SYNCHRONOUS_CREATE": "1",  # a function is usable when CreateFunction returns
    "LAMBDA_RETRY_BASE_DELAY": "1",  # seconds, instead of a minute, between tries of an asynchronous invocation
    "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_ERROR_SEC": "5",
}

# They would send LocalStack's calls to itself somewhere else, or name a profile that it cannot find.
REMOVED = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CA_BUNDLE")


def say(message: str) -> None:
    print(f"localstack: {message}", file=sys.stderr, flush=True)


def free_port(wanted: int) -> int | None:
    """A port that nothing listens on: the wanted one, or any for 0. None if the wanted one is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return None
        return probe.getsockname()[1]


def running(state: pathlib.Path) -> psutil.Process | None:
    """The instance of this state folder, if it is alive. A pid that now belongs to something else does not count."""
    try:
        process = psutil.Process(int((state / "pid").read_text()))
        if MAIN in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
            return process
    except (OSError, ValueError, psutil.Error):
        pass
    return None


def environment(state: pathlib.Path, port: int, stop_with_stdin: bool) -> dict[str, str]:
    result = {
        name: value
        for name, value in os.environ.items()
        if name not in REMOVED and not name.startswith("AWS_ENDPOINT_URL")
    }
    result = DEFAULTS | result | FIXED
    address = f"127.0.0.1:{port}"
    result |= {"GATEWAY_LISTEN": address, "LOCALSTACK_HOST": address}
    result |= {
        "FILESYSTEM_ROOT": str(state / "fs"),
        "TMPDIR": str(state / "tmp"),
        "XDG_CACHE_HOME": str(state / "cache"),
        "LAMBDA_PROCESS_S3_STORAGE": str(state / "s3"),
        "LAMBDA_PROCESS_LOG_DIR": str(state / "functions"),
        "LAMBDA_PROCESS_STOP_WITH_STDIN": "1" if stop_with_stdin else "0",
        "PYTHONUNBUFFERED": "1",
    }
    # LocalStack calls itself over HTTP; a proxy has no business there.
    for name in ("NO_PROXY", "no_proxy"):
        result[name] = ",".join(filter(None, [result.get(name), "127.0.0.1", "localhost"]))
    return result


def healthy(endpoint: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{endpoint}/_localstack/health", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def start(state: pathlib.Path, wanted_port: int, timeout: float, stop_with_stdin: bool) -> int:
    if process := running(state):
        say(f"already running with pid {process.pid} at {(state / 'endpoint').read_text().strip()}; stop it first")
        return 1
    # Looked at beforehand: once it has started, whoever listens there would pass for it.
    port = free_port(wanted_port)
    if port is None:
        say(f"port {wanted_port} of 127.0.0.1 is in use; --port 0 takes a free one")
        return 1
    for name in STATE_FOLDERS:
        shutil.rmtree(state / name, ignore_errors=True)
        (state / name).mkdir(parents=True)
    for name in STATE_FILES:
        (state / name).unlink(missing_ok=True)
    endpoint = f"http://127.0.0.1:{port}"
    # In a session of its own LocalStack cannot read from a terminal; there, Ctrl-C stops it.
    watch_stdin = stop_with_stdin and not sys.stdin.isatty()
    with open(state / "log", "wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", MAIN],
            env=environment(state, port, watch_stdin),
            stdin=None if watch_stdin else subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    (state / "pid").write_text(f"{child.pid}\n")
    deadline = time.monotonic() + timeout
    while not healthy(endpoint):
        if child.poll() is not None or time.monotonic() > deadline:
            what = f"ended with {child.returncode}" if child.poll() is not None else f"not healthy after {timeout:g} s"
            say(f"{what}; the end of {state / 'log'}:")
            sys.stderr.write("".join((state / "log").read_text(errors="replace").splitlines(keepends=True)[-30:]))
            end(child.pid, state)
            return 1
        time.sleep(0.1)
    (state / "endpoint").write_text(f"{endpoint}\n")
    print(endpoint, flush=True)
    if stop_with_stdin:
        # LocalStack watches standard input itself, so that it stops even if this process is killed.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: child.terminate())
        child.wait()
        forget(state)
    return 0


def end(pid: int, state: pathlib.Path) -> None:
    try:
        process = psutil.Process(pid)
        process.terminate()
        process.wait(STOP_SECONDS)
    except psutil.TimeoutExpired:
        say(f"did not stop within {STOP_SECONDS} s, so it is killed")
        process.kill()
        process.wait(5)
    except psutil.NoSuchProcess:
        pass
    forget(state)


def forget(state: pathlib.Path) -> None:
    for name in ("pid", "endpoint"):
        (state / name).unlink(missing_ok=True)


def stop(state: pathlib.Path) -> int:
    process = running(state)
    if process is None:
        say("not running")
        forget(state)
        return 0
    end(process.pid, state)
    say("stopped")
    return 0


def status(state: pathlib.Path) -> int:
    process = running(state)
    if process is None:
        say("not running")
        return 1
    try:
        endpoint = (state / "endpoint").read_text().strip()
    except FileNotFoundError:
        say(f"starting, pid {process.pid}")
        return 1
    print(endpoint)
    say(f"pid {process.pid}, {'healthy' if healthy(endpoint) else 'not answering'}; log {state / 'log'}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="localstack_process_executor", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("start", "start LocalStack, wait until it is healthy, print its endpoint URL"),
        ("stop", "stop it, and every function's process with it"),
        ("status", "print the endpoint URL of the instance; exit code 1 if there is none"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument(
            "--state",
            type=pathlib.Path,
            default=pathlib.Path(os.environ.get("LOCALSTACK_STATE") or ".localstack"),
            help="folder for all it writes (default: $LOCALSTACK_STATE, or .localstack)",
        )
        if name == "start":
            command.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
            command.add_argument("--timeout", type=float, default=60, help="seconds to become healthy (60)")
            command.add_argument(
                "--stop-with-stdin",
                action="store_true",
                help="stay, and stop LocalStack when standard input closes: it cannot outlive whoever started it",
            )
    options = parser.parse_args()
    state = options.state.absolute()
    if options.command == "start":
        return start(state, options.port, options.timeout, options.stop_with_stdin)
    return stop(state) if options.command == "stop" else status(state)
