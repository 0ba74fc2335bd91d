"""The first start on a capture that was never seen, against lnav and Toolong on the same file.

    python benchmarks/first_start.py [RECORDS]

Timed is from the start of the process to the frame that shows the newest run with its number of records; with
the others, to the newest line. Then, with the screen open, until everything is indexed, and what memory that
took. The file is in the page cache for all.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._peers import MissingError, lnav, settings, toolong
from benchmarks._places import unseen
from benchmarks._pty import Screen
from benchmarks._results import Report, alternate
from benchmarks.generate import budgets

RUNS: Final = 2
GOAL_S: Final = 1.0
GOAL_PEAK_MB: Final = 250.0
INDEXED_WITHIN_S: Final = 300.0
_TAIL_BYTES: Final = 1 << 16


def newest_time(file: Path) -> str:
    """When the last record of a capture was captured, as it is written there."""
    with file.open("rb") as lines:
        lines.seek(-min(_TAIL_BYTES, file.stat().st_size), 2)
        last = lines.read().splitlines()[-1].decode()
    found = re.match(r'\{"captured_at":"([^"]+)"', last)
    if found is None:
        raise ValueError(f"the last line of {file} is no record")
    return found[1]


def peer(get: Callable[[], Path], file: Path, report: Report) -> Callable[[], float] | None:
    """What starts a viewer of lines and waits for the newest one; None when it cannot be had."""
    try:
        program = get()
    except MissingError as missing:
        report.note(str(missing))
        return None
    newest = re.escape(newest_time(file))

    def start() -> float:
        with Screen([program, file], env=settings()) as screen:
            return screen.when_matches(newest, timeout=120) - screen.started

    return start


def main() -> None:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    report = Report(f"First start on a capture of {records:,} records that was never seen")
    whole = f" {budgets(records)[-1]:,} records · captured"
    complete: list[float] = []
    peaks: list[float] = []
    settled: list[float] = []
    with unseen(records) as place:

        def ours() -> float:
            command = place.command("--cache-dir", str(place.index / str(len(complete))))
            with Screen(command) as screen:
                shown = screen.when_matches(r"cnn-\d{4} (.*\n)+.*run · .*\d records")
                done = screen.when(
                    lambda: whole in screen.text() and "indexing" not in screen.text(),
                    what="a complete index",
                    timeout=INDEXED_WITHIN_S,
                )
                screen.settle()
                complete.append(done - screen.started)
                peaks.append(screen.peak_mb())
                settled.append(screen.resident_mb())
                return shown - screen.started

        viewers = {"lnav": peer(lnav, place.records, report), "Toolong": peer(toolong, place.records, report)}
        there = {name: start for name, start in viewers.items() if start is not None}
        shown, *others = alternate(RUNS, ours, *there.values())
    figure = "never seen, to the newest run on the screen"
    if not there:
        report.figure(figure, shown, "s", item="2", goal=GOAL_S)
    for item, name, values in zip(("2", ""), there, others, strict=False):
        report.figure(figure, shown, "s", item=item, goal=GOAL_S, reference=values, against=name)
    report.figure("to a complete index, screen open", complete, "s")
    report.figure("peak memory of the first indexing, screen open", peaks, "MB", item="7", goal=GOAL_PEAK_MB)
    report.figure("resident after the first indexing, screen open", settled, "MB")


if __name__ == "__main__":
    main()
