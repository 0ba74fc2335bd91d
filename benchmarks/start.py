"""The start on a workspace that was seen before, against LEET's start on an offline run of 100,000 steps.

    python benchmarks/start.py [RECORDS]

Timed is from the start of the process to the frame that shows it: with us the tree and the number of records,
first as a picture of the last start, then drawn by the app, and the metrics of the newest run; with LEET its
charts.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._peers import MissingError, offline_run, settings, wandb
from benchmarks._places import Place, seen
from benchmarks._pty import Screen
from benchmarks._results import Report, alternate

RUNS: Final = 7
STEPS: Final = 100_000
GOAL_S: Final = 0.45
TREE: Final = r"cnn-\d{4} (.*\n)+.*run · .*\d records"
BY_THE_APP: Final = r"\A(?!.* opening\b)[\s\S]*?"
"""How a screen begins that is no picture of the last start."""

METRICS: Final = r"│ (loss|correct) +\d+\.\d{3} +\d+\.\d{3}"


def started(place: Place) -> tuple[float, float, float]:
    """Seconds from the start to tree and counts, to the same by the app, and to the newest run's metrics."""
    with Screen(place.command()) as screen:
        seen = screen.when_matches(TREE), screen.when_matches(BY_THE_APP + TREE), screen.when_matches(METRICS)
        return seen[0] - screen.started, seen[1] - screen.started, seen[2] - screen.started


def leet(run: Path) -> float:
    """Start LEET; seconds to its charts."""
    with Screen([wandb(), "leet"], cwd=run, env=settings()) as screen:
        return screen.when_matches(r"│loss(.*\n)+.*[⠁-⣿]") - screen.started


def main() -> None:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    report = Report(f"Start on a seen workspace of {records:,} records")
    alive: list[float] = []
    metrics: list[float] = []
    charts: list[float] = []
    with seen(records) as place:

        def ours() -> float:
            tree, by_the_app, further = started(place)
            alive.append(by_the_app)
            metrics.append(further)
            return tree

        # The next one shows at once what this one showed when it had come to rest.
        with Screen(place.command()) as screen:
            screen.settle(2.0)
        try:
            run = offline_run(STEPS)
            leet(run)
            trees, charts = alternate(RUNS, ours, lambda: leet(run))
        except MissingError as missing:
            report.note(str(missing))
            (trees,) = alternate(RUNS, ours)
    against = f"LEET, {STEPS:,} steps"
    report.figure(
        "start to tree and counts", trees, "s", item="1", goal=GOAL_S, reference=charts, against=against
    )
    report.figure(
        "start to the same, drawn by the app", alive, "s", item="1", reference=charts, against=against
    )
    report.figure("start to the metrics of the newest run", metrics, "s", reference=charts, against=against)


if __name__ == "__main__":
    main()
