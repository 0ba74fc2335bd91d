"""Writes a realistic capture of any size, for benchmarks and for looking at the explorer by hand.

    python benchmarks/generate.py RECORDS [WORKSPACE] [--lifecycle] [--one-batch] [--seed SEED]

It writes ``record.jsonl`` with exactly so many records, about 1.07 KB each, and ``artifact.jsonl`` into
``WORKSPACE/.contexta/cache/capture``; with ``--lifecycle`` also ``context.jsonl``, as our capture does.
Memory does not grow with the size, and the same seed gives the same bytes. What is in it: see `_job`.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._job import Job

RECORDS_PER_RUN: Final = 50_000
FEWEST_RUNS: Final = 3
_BUFFER_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes:
        workspace: The ``.contexta`` folder.
        runs: Number of runs; likewise `batches`, `samples`, and `wrong` for samples that are wrong.
        size: Bytes of all files.
    """

    workspace: Path
    records: int
    runs: int
    batches: int
    samples: int
    wrong: int
    size: int


def budgets(records: int) -> list[int]:
    """How many records each run of a capture has."""
    runs = max(FEWEST_RUNS, records // RECORDS_PER_RUN)
    return [records * (number + 1) // runs - records * number // runs for number in range(runs)]


def generate(
    folder: Path, records: int, *, seed: int = 0, lifecycle: bool = False, one_batch: bool = False
) -> Written:
    """Write a capture into ``.contexta`` in a folder.

    Args:
        folder: Made when missing. A capture that is there is overwritten.
        records: Number of records.
        seed: What values, times and refs follow from.
        lifecycle: Whether scopes state when they begin and how they end; public Contexta's do not.
        one_batch: Whether all records are metrics of as many samples of a single batch.
    """
    workspace = folder / ".contexta"
    capture = workspace / "cache" / "capture"
    capture.mkdir(parents=True, exist_ok=True)
    names = ("record", "artifact", "context") if lifecycle else ("record", "artifact")
    with ExitStack() as stack:
        files = [
            stack.enter_context((capture / f"{name}.jsonl").open("wb", buffering=_BUFFER_BYTES))
            for name in names
        ]
        job = Job(*files, seed=seed)
        if one_batch:
            job.one_batch(records)
        else:
            for number, budget in enumerate(budgets(records)):
                job.run(f"cnn-{number:04}", budget, deploys=number % 4 == 2, ships=number % 8 == 2)
    size = sum((capture / f"{name}.jsonl").stat().st_size for name in names)
    runs = 1 if one_batch else len(budgets(records))
    return Written(workspace, job.records, runs, job.batches, job.samples, job.wrong, size)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a realistic capture.")
    parser.add_argument("records", type=int, help="how many records")
    parser.add_argument("workspace", type=Path, nargs="?", default=Path(), help="folder for .contexta; here")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--public", action="store_true", help="records only, as public Contexta; the default")
    form.add_argument("--lifecycle", action="store_true", help="with context lines, as our capture writes")
    parser.add_argument("--one-batch", action="store_true", help="all samples in one batch")
    parser.add_argument("--seed", type=int, default=0, help="default 0")
    given = parser.parse_args()
    if given.records < 0:
        parser.error(f"{given.records} records cannot be written: give 0 or more")
    began = time.perf_counter()
    written = generate(
        given.workspace,
        given.records,
        seed=given.seed,
        lifecycle=given.lifecycle,
        one_batch=given.one_batch,
    )
    seconds = time.perf_counter() - began
    print(
        f"{written.workspace}: {written.records:,} records, {written.runs:,} runs,"
        f" {written.batches:,} batches, {written.samples:,} samples ({written.wrong:,} wrong),"
        f" {written.size / 1e6:,.1f} MB in {seconds:.1f} s"
    )


if __name__ == "__main__":
    main()
