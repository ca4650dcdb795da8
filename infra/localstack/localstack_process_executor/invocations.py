"""One line for each invocation: how cold starts, memory and concurrency are measured.

    {"time": 1767225600.123, "function": "planner", "version": "$LATEST", "request_id": "...", "environment": "1f0c...",
     "pid": 4711, "cold": true, "init_ms": 31.5, "duration_ms": 120.4, "peak_mb": 38, "concurrent": 3, "outcome": "ok"}

`time` is when it began. `concurrent` is how many invocations of the function were running then, this one included, so
its maximum is the peak concurrency. `outcome` is ok, error (the function said so), timeout, exit (the process ended),
init (it did not initialise) or stopped (LocalStack stopped).
"""

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator

from localstack_process_executor import settings
from localstack_process_executor.jsonl import JsonLines

_file = JsonLines(settings.INVOCATIONS) if settings.INVOCATIONS else None
_running: Counter[str] = Counter()
_lock = threading.Lock()


@contextlib.contextmanager
def counted(function_arn: str) -> Iterator[int]:
    """Counts an invocation as running; gives how many of the function are."""
    with _lock:
        _running[function_arn] += 1
        concurrent = _running[function_arn]
    try:
        yield concurrent
    finally:
        with _lock:
            _running[function_arn] -= 1


def record(**fields) -> None:
    if _file:
        _file.write(fields)
