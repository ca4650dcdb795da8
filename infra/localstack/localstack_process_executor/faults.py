"""Kills or freezes processes to order, so that tests can see what becomes of the work they held.

LAMBDA_PROCESS_FAULTS names a JSON file: a list of rules, read again at each invocation. No file, no faults.

    [{"function": "convert", "contains": "c/0/0/1", "do": "kill", "after_ms": 50, "times": 2}]

`function` is a part of the function's name and `contains` a part of the payload; both may be left out. `kill` is
SIGKILL to the process and all it started; `freeze` is SIGSTOP, so that the function's time-out ends it. `after_ms`
counts from when the process takes the invocation; with 0 it does not get to see it. A rule applies `times` times,
always if that is null or absent.
"""

import json
import logging
import signal
import threading
from collections import Counter

from localstack_process_executor import settings
from localstack_process_executor.process import Process

LOG = logging.getLogger(__name__)

_SIGNALS = {"kill": signal.SIGKILL, "freeze": signal.SIGSTOP}
_applied: Counter[str] = Counter()
_lock = threading.Lock()


def _rules() -> list[dict]:
    if not settings.FAULTS or not settings.FAULTS.exists():
        return []
    try:
        return json.loads(settings.FAULTS.read_text(encoding="utf-8") or "[]")
    except (OSError, ValueError) as error:
        LOG.error("the faults in %s are ignored: %s", settings.FAULTS, error)
        return []


def _applies(rule: dict, function: str, payload: str) -> bool:
    if rule.get("function", "") not in function or rule.get("contains", "") not in payload:
        return False
    # A rule is known by its text: changing it starts its count again.
    text = json.dumps(rule, sort_keys=True)
    times = rule.get("times")
    with _lock:
        if times is not None and _applied[text] >= times:
            return False
        _applied[text] += 1
    return True


def ordered(function: str, payload: str) -> list[dict]:
    """The rules that apply to this invocation; they are counted with that."""
    return [rule for rule in _rules() if _applies(rule, function, payload)]


def start(rules: list[dict], process: Process) -> list[threading.Timer]:
    """Called at the moment the process takes the invocation. The caller cancels the clocks when it is over."""
    clocks = []
    for rule in rules:
        LOG.warning("fault for pid %d: %s", process.pid, rule)
        number = _SIGNALS[rule.get("do", "kill")]
        delay = rule.get("after_ms", 0) / 1000
        if delay <= 0:
            process.signal(number)  # at once: a thread might come too late for a quick function
            continue
        clock = threading.Timer(delay, process.signal, [number])
        clock.daemon = True
        clock.start()
        clocks.append(clock)
    return clocks
