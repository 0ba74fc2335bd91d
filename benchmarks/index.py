"""The first indexing of a capture, against a bare loop of `orjson.loads` over the same file.

    python benchmarks/index.py [RECORDS]

Both sides are a process of their own and run in turn; what is timed is the work in them, without the start of
the interpreter. The file is in the page cache for both.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._peers import MissingError, orjson_python
from benchmarks._places import Place, unseen
from benchmarks._results import Report, alternate

RUNS: Final = 3
_LOOP: Final = """
import sys, time, orjson
began = time.perf_counter()
with open(sys.argv[1], "rb") as file:
    for line in file:
        orjson.loads(line)
print(time.perf_counter() - began)
"""


def indexed(place: Place, folder: str) -> dict[str, float]:
    """Index a capture in a process of its own; what that took."""
    script = Path(__file__).with_name("_index.py")
    command = [sys.executable, str(script), str(place.workspace), str(place.index / folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    took: dict[str, float] = json.loads(done.stdout)
    return took


def main() -> None:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    report = Report(f"First indexing of {records:,} records, without a screen")
    took: list[dict[str, float]] = []
    with unseen(records) as place:

        def ours() -> float:
            took.append(indexed(place, f"index-{len(took)}"))
            return took[-1]["seconds"]

        try:
            python = orjson_python()
        except MissingError as missing:
            report.note(str(missing))
            (seconds,), loop = alternate(RUNS, ours), []
        else:
            command = [str(python), "-c", _LOOP, str(place.records)]

            def theirs() -> float:
                return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

            seconds, loop = alternate(RUNS, ours, theirs)
        size = place.records.stat().st_size
    report.figure(
        "to a complete index, bare",
        seconds,
        "s",
        item="3",
        goal=statistics.median(loop) if loop else None,
        reference=loop,
        against="loop of orjson.loads",
    )
    report.figure("processor time of it", [each["cpu_s"] for each in took], "s")
    report.figure("peak memory of it", [each["peak_mb"] for each in took], "MB")
    report.figure("size of the index", [each["disk_mb"] for each in took], "MB")
    report.note(f"the capture has {size / 1e6:,.0f} MB: {size / 1e6 / min(seconds):,.0f} MB/s at best")


if __name__ == "__main__":
    main()
