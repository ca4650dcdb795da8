"""A file of JSON lines that several threads append to, and that others may read while it grows."""

import json
import pathlib
import threading


class JsonLines:
    def __init__(self, path: pathlib.Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lock = threading.Lock()

    def write(self, record: dict) -> None:
        line = json.dumps(record, separators=(",", ":"), default=str) + "\n"
        # Opened for each line, so that a test may remove or rotate the file between two steps.
        with self._lock, open(self._path, "a", encoding="utf-8") as file:
            file.write(line)
