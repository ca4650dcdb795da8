"""One process of a function: started in its own process group, watched, killed as a group."""

import concurrent.futures
import functools
import os
import pathlib
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable

# Every process is started from this one thread, which lives as long as LocalStack: Linux ends a process that asked
# for it (see _death_watch) when the *thread* that started it ends, and request threads come and go.
_spawner = concurrent.futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="lambda-spawner")


@functools.cache
def _death_watch() -> list[str]:
    """A prefix to the command that makes the kernel kill the process when LocalStack dies, however it dies.

    setpriv of util-linux does it; without (macOS, busybox) an orderly stop still ends every process, and a SIGKILL of
    LocalStack leaves functions to find out by themselves that their Runtime API has gone.
    """
    setpriv = shutil.which("setpriv")
    prefix = [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
    if prefix and subprocess.run([*prefix, "true"], capture_output=True, timeout=10).returncode != 0:
        return []
    return prefix


class CannotStart(Exception):
    """The bootstrap is missing or cannot be executed."""


class Process:
    """A running bootstrap. `on_exit` is called once, from another thread, when it has ended."""

    def __init__(
        self, bootstrap: pathlib.Path, environment: dict[str, str], log: pathlib.Path, on_exit: Callable[[], None]
    ):
        if not bootstrap.is_file():
            raise CannotStart(f"Couldn't find valid bootstrap(s): [{bootstrap}]")
        if not os.access(bootstrap, os.X_OK):
            raise CannotStart(f"fork/exec {bootstrap}: permission denied")
        start = functools.partial(
            subprocess.Popen,
            [*_death_watch(), str(bootstrap)],
            cwd=bootstrap.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            # The process writes into the file itself: no pipe that could fill up or lose the last lines of a crash.
            with open(log, "ab") as output:
                self._popen = _spawner.submit(start, stdout=output).result()
        except OSError as error:
            raise CannotStart(f"fork/exec {bootstrap}: {error}") from error
        self.pid = self._popen.pid
        self._on_exit = on_exit
        self.exited = threading.Event()
        threading.Thread(target=self._wait, name=f"lambda-wait-{self.pid}", daemon=True).start()

    def _wait(self) -> None:
        self._popen.wait()
        self.exited.set()
        # Whatever it started goes with it, as the sandbox on AWS does.
        self.signal(signal.SIGKILL)
        self._on_exit()

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the process and to all it has started."""
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            pass  # it has gone; macOS says "not permitted" for a group of zombies

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.exited.wait(5)

    def terminate(self, grace: float) -> None:
        self.signal(signal.SIGTERM)
        if not self.exited.wait(grace):
            self.kill()

    def exit_text(self) -> str:
        """How it ended, in the words of AWS."""
        code = self._popen.returncode
        if code == 0:
            return "Runtime exited without providing a reason"
        if code is not None and code < 0:
            return f"Runtime exited with error: signal: {signal.strsignal(-code).lower()}"
        return f"Runtime exited with error: exit status {code}"

    def peak_mb(self) -> int | None:
        """The most memory the process has had so far, in MiB; None where that cannot be told."""
        try:
            status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
            return -(-int(status.split("VmHWM:")[1].split()[0]) // 1024)
        except (OSError, IndexError, ValueError):
            return None
