"""Appends records to a workspace at a steady rate: ``_append.py WORKSPACE RATE SECONDS``.

A process of its own, as the job would be. It begins a run ``live`` with ten records, says so, waits for a
line on standard input, appends for so many seconds with the journal's own writer, and prints when each record
was written, in seconds of `time.perf_counter`, as a JSON list.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._job import Job
from contexta.journal.append import JournalWriter

FIRST = 10
NAME = "live"


class _Paced:
    """Takes one line a call and writes each when its time has come."""

    def __init__(self, path: Path, rate: float) -> None:
        self._writer = JournalWriter(path)
        self._rate = rate
        self._began = 0.0
        self.written: list[float] = []

    def write(self, line: bytes, /) -> None:
        if len(self.written) == FIRST:
            print("ready", flush=True)
            sys.stdin.readline()
            self._began = time.perf_counter()
        due = self._began + (len(self.written) - FIRST) / self._rate
        if self._began and (ahead := due - time.perf_counter()) > 0.0005:
            time.sleep(ahead)
        failure = self._writer.append(line)
        if failure is not None:
            raise OSError(failure.reason)
        self.written.append(time.perf_counter())


def main() -> None:
    workspace, rate, seconds = Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    journal = _Paced(workspace / "cache" / "capture" / "record.jsonl", rate)
    now = time.time_ns() // 1000
    Job(journal, seed=now, start=now).run(NAME, FIRST + round(rate * seconds))
    print(json.dumps(journal.written))


if __name__ == "__main__":
    main()
