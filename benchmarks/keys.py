"""From a key to the changed frame, among a million samples while 10,000 records arrive a second.

    python benchmarks/keys.py [SAMPLES] [RATE]

The cursor goes down the samples of one batch, one with each key; a key has had its effect with the first
frame in which the cursor bar is on its sample, or beyond. The reference is the same keys on a small workspace
in which nothing happens.
"""

from __future__ import annotations

import random
import re
import sys
import time
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._appender import Appender
from benchmarks._places import Place, seen
from benchmarks._pty import Screen
from benchmarks._results import Report, quantile

SMALL: Final = 1_000
PRESSES: Final = 100
EVERY_S: Final = 0.15
SAMPLE: Final = re.compile(r"item-(\d+)")
GOALS_MS: Final = (("p95", quantile(0.95), 50.0), ("worst", max, 150.0))


def opened(screen: Screen) -> None:
    """Expand the batch and go to a sample in it."""
    screen.when_matches(r"▸ . holdout-1 +\S+ samples", timeout=60)
    screen.settle()
    screen.press("l")
    screen.when_matches("item-0000003")
    for _ in range(4):
        screen.press("j")
        screen.settle(0.2, timeout=1.0)


def sample(screen: Screen) -> int:
    """The number of the sample under the cursor bar, or -1."""
    found = SAMPLE.search(screen.at_bar())
    return int(found[1]) if found else -1


def pressed(screen: Screen, report: Report) -> list[float]:
    """Press keys at an irregular pace; milliseconds from each to the frame that shows its effect."""
    rng = random.Random(0)
    for _ in screen.frames():
        pass
    first = sample(screen)
    presses: list[float] = []
    for _ in range(PRESSES):
        presses.append(screen.press("j"))
        time.sleep(EVERY_S * rng.uniform(0.7, 1.3))
    time.sleep(1.0)
    times: list[float] = []
    for frame in screen.frames():
        moved = sample(screen) - first
        times += [(frame - at) * 1e3 for at in presses[len(times) : moved]]
    if len(times) < PRESSES:
        report.note(f"{PRESSES - len(times)} of {PRESSES} keys had no effect\n{screen.text()}")
    return times


def explorer(place: Place) -> Screen:
    """The explorer on a workspace with one batch, that batch selected."""
    return Screen(place.command("--select", "holdout-1"))


def main() -> None:
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rate = float(sys.argv[2]) if len(sys.argv) > 2 else 10_000.0
    report = Report(
        f"From a key to the changed frame, {samples:,} samples and {rate:,.0f} records/s arriving"
    )
    with seen(SMALL, one_batch=True) as place, explorer(place) as screen:
        opened(screen)
        idle = pressed(screen, report)
    seconds = PRESSES * EVERY_S * 1.3 + 5.0
    with (
        seen(samples, one_batch=True) as place,
        Appender(place.workspace, rate, seconds) as appender,
        explorer(place) as screen,
    ):
        opened(screen)
        appender.begin()
        time.sleep(1.5)
        busy = pressed(screen, report)
        report.note(
            f"records still arrived at the end: {'yes' if appender.running() else 'no'};"
            f" the screen said: {screen.text().splitlines()[0].strip()}"
        )
    for name, by, goal in GOALS_MS:
        report.figure(
            f"key to the changed frame, {name}",
            busy,
            "ms",
            item="5",
            goal=goal,
            reference=idle,
            against=f"{SMALL:,} samples, idle",
            by=by,
        )


if __name__ == "__main__":
    main()
