"""Memory of the explorer on a seen workspace, against LEET's on an offline run of 300,000 values.

    python benchmarks/memory.py [RECORDS]

Resident memory of all processes of each program, a few seconds after its first complete picture. Shared
libraries count in full on both sides. What the first indexing takes is told by `first_start.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._peers import MissingError, offline_run, settings, wandb
from benchmarks._places import seen
from benchmarks._pty import Screen
from benchmarks._results import Report
from benchmarks.start import METRICS, STEPS

RUNS: Final = 2
GOAL_MB: Final = 250.0
SETTLE_S: Final = 3.0


def settled(screen: Screen, pattern: str) -> float:
    """Resident memory, in MB, some time after the screen matches."""
    screen.when_matches(pattern, timeout=60)
    screen.settle(SETTLE_S, timeout=3 * SETTLE_S)
    return screen.resident_mb()


def main() -> None:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    report = Report(f"Memory with {records:,} records")
    ours: list[float] = []
    peaks: list[float] = []
    theirs: list[float] = []
    for _ in range(RUNS):
        with seen(records) as place, Screen(place.command()) as screen:
            ours.append(settled(screen, METRICS))
            peaks.append(screen.peak_mb())
        try:
            with Screen([wandb(), "leet"], cwd=offline_run(STEPS), env=settings()) as screen:
                theirs.append(settled(screen, rf"_step +{STEPS - 1}"))
        except MissingError as missing:
            report.note(str(missing))
    against = f"LEET, {3 * STEPS:,} values"
    report.figure(
        "resident, settled on the screen",
        ours,
        "MB",
        item="7",
        goal=GOAL_MB,
        reference=theirs,
        against=against,
    )
    report.figure("peak from start to settled", peaks, "MB", reference=theirs, against=against)


if __name__ == "__main__":
    main()
