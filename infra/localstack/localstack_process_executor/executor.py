"""The runtime executor: one host process per execution environment, running the function's own `bootstrap`.

LocalStack makes one executor for each environment, so a function that runs N times at once has N processes. What its
Docker executor leaves to a program inside the container is done here: the Runtime API, time-outs, restarts after a
crash, and the START, END and REPORT lines. What is not emulated stands in the README.
"""

import json
import logging
import math
import os
import pathlib
import platform
import shutil
import tempfile
import threading
import time

from localstack import config
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import LambdaRuntimeException, RuntimeExecutor

from localstack_process_executor import calls, faults, invocations, settings
from localstack_process_executor.process import CannotStart, Process
from localstack_process_executor.runtime_api import Invocation, RuntimeApi, Session, error_document

LOG = logging.getLogger(__name__)

ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), platform.machine())
STOP_GRACE = 1.0

_environments: "set[ProcessRuntimeExecutor]" = set()
_closing = threading.Event()


def stop_all() -> None:
    """Ends every process at once, whatever it is doing, and lets no new one start. Called when LocalStack stops."""
    _closing.set()
    for environment in list(_environments):
        environment.stop(drain=False)


class InitFailed(Exception):
    """The process did not get as far as asking for its first invocation. `document` is what the caller gets to see."""

    def __init__(self, kind: str, message: str, document: bytes | None = None):
        super().__init__(f"{kind}: {message}")
        self.document = document or error_document(kind, message)


class ProcessRuntimeExecutor(RuntimeExecutor):
    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        super().__init__(id=id, function_version=function_version)
        self._name = function_version.id.function_name
        self._api: RuntimeApi | None = None
        self._session: Session | None = None
        self._process: Process | None = None
        self._environment: dict[str, str] = {}
        self._init_ms: float | None = None  # until the next REPORT line has told it
        self._changed_at = 0
        self._lock = threading.Lock()
        self._busy = False
        self._stopping = False
        settings.LOG_DIR.mkdir(parents=True, exist_ok=True)
        self._log_path = settings.LOG_DIR / f"{self._name}-{id[:12]}.log"
        self._scratch = pathlib.Path(tempfile.gettempdir()) / "lambda-tmp" / id

    # What LocalStack asks of the class, when a function is created, updated or deleted.

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        function = function_version.config
        if not str(function.runtime or "").startswith("provided"):
            raise LambdaRuntimeException(f"processes run provided.* runtimes only, and this is {function.runtime}")
        wanted = str(function.architectures[0]) if function.architectures else ARCHITECTURE
        if wanted != ARCHITECTURE and not config.LAMBDA_IGNORE_ARCHITECTURE:
            raise LambdaRuntimeException(
                f"the function is for {wanted} and this host is {ARCHITECTURE}; "
                "LAMBDA_IGNORE_ARCHITECTURE=1 runs it all the same"
            )
        function.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Nothing: LocalStack itself removes the unpacked code."""

    # Addresses. An IP address rather than a name makes the AWS SDKs use path-style S3 by themselves.

    def get_address(self) -> str:
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        return f"http://{self._api.address}" if self._api else "http://127.0.0.1"

    # Life.

    def start(self, env_vars: dict[str, str]) -> None:
        """Starts the process and lets it initialise.

        A failure is not raised: like AWS, the first invocation then tries once more, and it is that one which fails,
        with its log.
        """
        if _closing.is_set():
            raise LambdaRuntimeException("LocalStack is stopping")
        _environments.add(self)
        self._api = RuntimeApi()
        self._scratch.mkdir(parents=True, exist_ok=True)
        self._environment = {name: value for name, value in os.environ.items() if name in settings.PASS_ENV}
        self._environment["TMPDIR"] = str(self._scratch)
        self._environment |= {name: str(value) for name, value in env_vars.items() if value is not None}
        self._environment["AWS_LAMBDA_RUNTIME_API"] = self._api.address
        self._environment["LAMBDA_TASK_ROOT"] = str(self._code())
        calls.credentials_of(self._environment["AWS_ACCESS_KEY_ID"], self._name)
        try:
            self._spawn(settings.INIT_TIMEOUT)
        except InitFailed as failure:
            LOG.warning("function %s did not initialise: %s; its log: %s", self._name, failure, self._log_path)

    def stop(self, drain: bool = True) -> None:
        """Ends the environment. One that is handling an invocation finishes it first, as on AWS: LocalStack calls this
        when a function is updated or deleted."""
        with self._lock:
            self._stopping = True
            if self._busy and drain:
                return
        self._end(grace=STOP_GRACE if drain else 0)

    def _end(self, grace: float = STOP_GRACE) -> None:
        process, api = self._process, self._api
        if api and api.session.current:
            api.session.current.finish("stopped", error_document("Runtime.Stopped", "LocalStack is stopping"))
        if process and not process.exited.is_set():
            process.terminate(grace) if grace else process.kill()
        if api:
            api.close()
        _environments.discard(self)
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _code(self) -> pathlib.Path:
        return pathlib.Path(self.function_version.config.code.get_unzipped_code_location())

    def _spawn(self, limit: float) -> None:
        """Starts the process and waits until it asks for work. Raises InitFailed, with no process left."""
        bootstrap = self._code() / "bootstrap"
        session = self._session = self._api.new_session()
        began = time.perf_counter()
        try:
            self._process = process = Process(bootstrap, self._environment, self._log_path, session.end)
        except CannotStart as error:
            self._process = None
            raise self._init_failed(began, "Runtime.InvalidEntrypoint", f"Error: {error}") from error
        self._changed_at = bootstrap.stat().st_mtime_ns
        in_time = session.initialised.wait(limit)
        if session.ready and not process.exited.is_set():
            self._init_ms = (time.perf_counter() - began) * 1000
            return
        ended = process.exited.is_set()
        process.kill()
        if session.init_error is not None:
            raise self._init_failed(began, "Runtime.InitError", "the function reported it", session.init_error)
        if ended or in_time:
            raise self._init_failed(began, "Runtime.ExitError", f"Error: {process.exit_text()}")
        raise self._init_failed(began, "Sandbox.Timedout", f"Error: init took more than {limit:.2f} seconds")

    def _init_failed(self, began: float, kind: str, message: str, document: bytes | None = None) -> InitFailed:
        self._log(
            f"INIT_REPORT Init Duration: {(time.perf_counter() - began) * 1000:.2f} ms\tPhase: init\t"
            f"Status: {'timeout' if kind == 'Sandbox.Timedout' else 'error'}\tError Type: {kind}"
        )
        return InitFailed(kind, message, document)

    # Invocations.

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        with self._lock:
            self._busy = True
        try:
            with invocations.counted(self.function_version.id.unqualified_arn()) as concurrent:
                return self._invoke(payload, concurrent)
        finally:
            with self._lock:
                self._busy = False
                stopping = self._stopping
            if stopping:
                self._end()

    def _invoke(self, payload: dict[str, str], concurrent: int) -> InvocationResult:
        request_id = payload["invoke-id"]
        timeout = self.function_version.config.timeout
        log_start = self._log_path.stat().st_size if self._log_path.exists() else 0
        if self._init_ms is not None:
            log_start = 0  # the log of the first invocation includes that of the initialisation
        self._log(f"START RequestId: {request_id} Version: {self.function_version.id.qualifier}")
        started_at, began = time.time(), time.perf_counter()
        invocation = Invocation(
            request_id,
            {
                "Lambda-Runtime-Aws-Request-Id": request_id,
                "Lambda-Runtime-Deadline-Ms": str(int((started_at + timeout) * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": payload["invoked-function-arn"],
                "Lambda-Runtime-Trace-Id": payload.get("trace-id") or "",
            },
            payload["payload"].encode(),
        )
        if self._process and self._code_has_changed():
            self._process.kill()
        try:
            self._hand_over(invocation, payload["payload"], began + timeout)
        except InitFailed as failure:
            invocation.finish("init", failure.document)
        duration_ms = (time.perf_counter() - began) * 1000
        peak_mb = self._process.peak_mb() if self._process else None
        if invocation.outcome == "timeout":
            self._log(f"{request_id} Task timed out after {timeout:.2f} seconds")
        self._log_end(invocation, duration_ms, peak_mb)
        invocations.record(
            time=started_at,
            function=self._name,
            version=self.function_version.id.qualifier,
            request_id=request_id,
            environment=self.id,
            pid=self._process.pid if self._process else None,
            cold=self._init_ms is not None or invocation.outcome == "init",
            init_ms=round(self._init_ms, 2) if self._init_ms is not None else None,
            duration_ms=round(duration_ms, 2),
            peak_mb=peak_mb,
            concurrent=concurrent,
            outcome=invocation.outcome,
        )
        self._init_ms = None
        is_error = invocation.outcome != "ok"
        return InvocationResult(request_id, invocation.payload, is_error, self._logs_since(log_start))

    def _hand_over(self, invocation: Invocation, payload: str, deadline: float) -> None:
        """Gives the invocation to the process, and returns when it is finished one way or another."""
        rules = faults.ordered(self._name, payload)
        clocks: list[threading.Timer] = []
        while not invocation.outcome:
            if self._stopping:
                invocation.finish("stopped", error_document("Runtime.Stopped", "the environment was stopped"))
                return
            if self._process is None or self._process.exited.is_set():
                self._spawn(deadline - time.perf_counter())
            process, session = self._process, self._session
            if rules:
                invocation.on_taken = lambda process=process: clocks.extend(faults.start(rules, process))
            session.offer(invocation)
            self._wait(invocation, process, deadline)
        for clock in clocks:
            clock.cancel()

    def _wait(self, invocation: Invocation, process: Process, deadline: float) -> None:
        while not invocation.wait(min(deadline - time.perf_counter(), 0.05)):
            if process.exited.is_set():
                # It may have answered with its last breath: the handler thread gets a moment to say so.
                if invocation.wait(0.05):
                    return
                if not invocation.taken and not self._stopping:
                    return  # it died before it saw the invocation, which another process can have
                message = f"RequestId: {invocation.request_id} Error: {process.exit_text()}"
                invocation.finish("exit", error_document("Runtime.ExitError", message))
            elif time.perf_counter() >= deadline:
                seconds = self.function_version.config.timeout
                message = f"RequestId: {invocation.request_id} Error: Task timed out after {seconds:.2f} seconds"
                invocation.finish("timeout", error_document("Sandbox.Timedout", message))
                process.kill()

    def _code_has_changed(self) -> bool:
        """Hot reload, for functions made with S3Bucket=hot-reload and S3Key=FOLDER: a new bootstrap, a new process."""
        if not self.function_version.config.code.is_hot_reloading():
            return False
        try:
            return (self._code() / "bootstrap").stat().st_mtime_ns != self._changed_at
        except OSError:
            return True

    # Logs: of the process and of the executor, in one file per environment.

    def _log_end(self, invocation: Invocation, duration_ms: float, peak_mb: int | None) -> None:
        report = (
            f"REPORT RequestId: {invocation.request_id}\tDuration: {duration_ms:.2f} ms\t"
            f"Billed Duration: {math.ceil(duration_ms)} ms\t"
            f"Memory Size: {self.function_version.config.memory_size} MB\t"
            f"Max Memory Used: {peak_mb or 0} MB"
        )
        if self._init_ms is not None:
            report += f"\tInit Duration: {self._init_ms:.2f} ms"
        if invocation.outcome == "timeout":
            report += "\tStatus: timeout"
        elif invocation.outcome in ("exit", "init"):
            report += f"\tStatus: error\tError Type: {_error_type(invocation.payload)}"
        self._log(f"END RequestId: {invocation.request_id}")
        self._log(report)

    def _log(self, line: str) -> None:
        with open(self._log_path, "ab") as file:
            file.write(line.encode() + b"\n")

    def _logs_since(self, offset: int) -> str:
        with open(self._log_path, "rb") as file:
            file.seek(offset)
            return file.read().decode(errors="replace")

    def get_logs(self) -> str:
        return self._logs_since(0) if self._log_path.exists() else ""


def _error_type(document: bytes) -> str:
    try:
        return str(json.loads(document).get("errorType"))
    except (ValueError, AttributeError):
        return "Unknown"
