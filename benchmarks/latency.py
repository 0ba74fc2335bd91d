"""From an appended record to the frame that counts it, at 1,000 records a second.

    python benchmarks/latency.py [RECORDS] [RATE]

The explorer is open on a capture of so many records with the run selected that is being written. The screen
says how many records that run has; so for each record there is a first frame that knows of it. LEET looks at
its file every 500 ms by its own setting; half of that is the least median it can have.
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._appender import Appender
from benchmarks._places import seen
from benchmarks._pty import NotSeenError, Screen
from benchmarks._results import Report, quantile

SECONDS: Final = 10.0
LAST_WITHIN_S: Final = 30.0
GOALS_MS: Final = (("p50", 0.5, 60.0), ("p99", 0.99, 150.0))
LEET_POLL_MS: Final = 500.0
COUNT: Final = re.compile(r"run · (?:.* · )?([\d,]+) records")


def count(screen: Screen) -> int:
    """The number of records that the selected run has on the screen."""
    found = COUNT.search(screen.text())
    return int(found[1].replace(",", "")) if found else 0


def counted(screen: Screen, first: int, total: int) -> list[float]:
    """When each record after the first ones was counted on the screen.

    Raises:
        NotSeenError: Some are not, half a minute after the last of them.
    """
    times: list[float] = []
    deadline = time.monotonic() + LAST_WITHIN_S
    while first + len(times) < total:
        for at in screen.frames():
            times += [at] * (count(screen) - first - len(times))
        if time.monotonic() > deadline:
            raise NotSeenError(f"{first + len(times):,} of {total:,} records were counted\n{screen.text()}")
        time.sleep(0.01)
    return times


def main() -> None:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rate = float(sys.argv[2]) if len(sys.argv) > 2 else 1_000.0
    report = Report(f"From an appended record to the screen, {rate:,.0f} records/s beside {records:,}")
    with (
        seen(records) as place,
        Appender(place.workspace, rate, SECONDS) as appender,
        Screen(place.command("--select", "run:vision.live")) as screen,
    ):
        screen.when(lambda: count(screen) == appender.first, what="the run that is written")
        screen.settle()
        appender.begin()
        written = appender.written()
        shown = counted(screen, appender.first, len(written))
    late = [(at - wrote) * 1e3 for wrote, at in zip(written[appender.first :], shown, strict=True)]
    for name, share, goal in GOALS_MS:
        report.figure(
            f"appended record to the screen, {name}",
            late,
            "ms",
            item="4",
            goal=goal,
            reference=[LEET_POLL_MS * share],
            against="LEET's polling",
            by=quantile(share),
        )


if __name__ == "__main__":
    main()
