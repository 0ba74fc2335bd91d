"""A snapshot as JSON of a workspace that was seen before.

    python benchmarks/once.py [RECORDS]

The reference is the same command on a workspace of 100 records: what is left is what the size costs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._places import Place, seen
from benchmarks._results import Report, alternate

RUNS: Final = 7
SMALL: Final = 100
GOAL_S: Final = 0.6


def snapshot(place: Place, records: int) -> float:
    """Seconds that a snapshot takes."""
    command = [sys.executable, "-m", "contexta_tui", *place.command("--once", "--json")[1:]]
    began = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True)
    took = time.perf_counter() - began
    found = json.loads(done.stdout)["counts"]["records"]
    if found != records:
        raise ValueError(f"the snapshot has {found:,} records instead of {records:,}")
    return took


def main() -> None:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    report = Report(f"contexta-tui --once --json on a seen workspace of {records:,} records")
    with seen(records) as big, seen(SMALL) as small:
        snapshot(big, records)
        ours, theirs = alternate(RUNS, lambda: snapshot(big, records), lambda: snapshot(small, SMALL))
    report.figure(
        "contexta-tui --once --json",
        ours,
        "s",
        item="11",
        goal=GOAL_S,
        reference=theirs,
        against=f"{SMALL} records",
    )


if __name__ == "__main__":
    main()
