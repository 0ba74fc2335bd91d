"""How time and memory grow with a capture: 10,000, 100,000 and 1,000,000 records, and ten million on demand.

    python benchmarks/growth.py [LARGEST] [--full]

For each size: the bare first indexing, with its peak of memory and its size on disk; then the start on the
seen workspace, and what is resident on the screen. Growth that is linear or better leaves the microseconds a
record where they were; a start that does not depend on the size stays where it was. With `--full` a capture
of ten million records, 10.6 GB, is generated, measured and deleted; that takes some minutes.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._places import Place, cache, capture
from benchmarks._pty import Screen
from benchmarks._results import Report
from benchmarks.generate import generate
from benchmarks.index import indexed
from benchmarks.start import started

SMALLEST: Final = 10_000
LARGEST: Final = 1_000_000
FULL: Final = 10_000_000
STARTS: Final = 3
SHORT: Final = 100_000
SHORT_RUNS: Final = 3  # the fastest of them; a long one has no need of it
INDEX_GROWTH: Final = 1.1
START_GROWTH: Final = 1.25
MEMORY_GROWTH: Final = 1.3
_BYTES_A_RECORD: Final = 1_400  # of the capture and its index
_SETTLE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Size:
    """What one size takes.

    Attributes:
        records: The size.
        index_s: Seconds of the bare first indexing; `peak_mb` and `disk_mb` belong to it.
        start_s: Seconds from the start on the seen workspace to the tree.
        resident_mb: Resident memory of that explorer.
    """

    records: int
    index_s: float
    peak_mb: float
    disk_mb: float
    start_s: float
    resident_mb: float

    @property
    def index_us(self) -> float:
        """Microseconds of indexing a record."""
        return self.index_s / self.records * 1e6


def measured(workspace: Path, records: int) -> Size:
    """Index a capture and start on it."""
    with tempfile.TemporaryDirectory(prefix="ctui-bench-", dir=cache()) as folder:
        place = Place(workspace, Path(folder))
        rounds = SHORT_RUNS if records <= SHORT else 1
        took = min((indexed(place, f"index-{number}") for number in range(rounds)), key=itemgetter("seconds"))
        place = Place(workspace, place.index / "index-0")
        starts = [started(place)[1] for _ in range(STARTS)]
        with Screen(place.command()) as screen:
            screen.settle(_SETTLE_S, timeout=3 * _SETTLE_S)
            resident = screen.resident_mb()
    return Size(
        records, took["seconds"], took["peak_mb"], took["disk_mb"], statistics.median(starts), resident
    )


def full() -> Size:
    """Generate, measure and delete ten million records."""
    free = shutil.disk_usage(cache()).free
    if free < FULL * _BYTES_A_RECORD:
        needed = FULL * _BYTES_A_RECORD / 1e9
        sys.exit(
            f"{cache()} has {free / 1e9:.0f} GB left and {needed:.0f} GB are needed: set CTUI_BENCH_CACHE"
        )
    with tempfile.TemporaryDirectory(prefix="ctui-bench-", dir=cache()) as folder:
        return measured(generate(Path(folder), FULL).workspace, FULL)


def main() -> None:
    parser = argparse.ArgumentParser(description="Growth of time and memory with the size of a capture.")
    parser.add_argument("largest", type=int, nargs="?", default=LARGEST, help=f"default {LARGEST:,}")
    parser.add_argument("--full", action="store_true", help=f"{FULL:,} records too")
    given = parser.parse_args()
    report = Report("Growth")
    wanted = [SMALLEST * 10**power for power in range(10) if SMALLEST * 10**power <= given.largest]
    sizes = [measured(capture(records), records) for records in wanted or [given.largest]]
    if given.full:
        sizes.append(full())
    for size in sizes:
        report.note(
            f"{size.records:>10,} records: index {size.index_s:8.2f} s, {size.index_us:6.2f} µs a record,"
            f" peak {size.peak_mb:4.0f} MB, on disk {size.disk_mb:5.0f} MB;"
            f" start {size.start_s:.2f} s, resident {size.resident_mb:4.0f} MB"
        )
    for before, size in itertools.pairwise(sizes):
        against = f"{before.records:,}"
        grown = f"{size.records:,} records"
        for what, unit, value, reference, growth in (
            ("indexing, a record", "µs", size.index_us, before.index_us, INDEX_GROWTH),
            ("start", "s", size.start_s, before.start_s, START_GROWTH),
            ("resident", "MB", size.resident_mb, before.resident_mb, MEMORY_GROWTH),
        ):
            report.figure(
                f"{what}, {grown}",
                [value],
                unit,
                item="12",
                goal=reference * growth,
                reference=[reference],
                against=against,
            )
    if given.full:
        report.figure(f"peak memory of indexing, {FULL:,} records", [sizes[-1].peak_mb], "MB", item="12")


if __name__ == "__main__":
    main()
