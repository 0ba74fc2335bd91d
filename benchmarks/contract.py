"""What a contract model costs: to make, to write as text, to read back.

The reference is `json.dumps` of the same plain data in the same run, because that is what a store would pay
without a contract.

    python benchmarks/contract.py [SAMPLES]
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._results import Report
from contexta.contract import (
    SampleObservation,
    deserialize_lenient,
    deserialize_sample_observation,
    to_json,
)

ROUNDS = 5
STAGE = "stage:bench.run-1.evaluate"
BATCH = "batch:bench.run-1.evaluate.holdout"


def sample(index: int) -> SampleObservation:
    return SampleObservation(
        f"sample:bench.run-1.evaluate.holdout.q-{index}",
        "run:bench.run-1",
        STAGE,
        f"q-{index}",
        f"2026-01-02T03:04:05.{index % 1_000_000:06d}Z",
        batch_execution_ref=BATCH,
        retention_class="short",
    )


def times(work: Callable[[], object], count: int) -> list[float]:
    """The CPU time of one item in microseconds, in each round."""
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        found.append((time.process_time() - began) / count * 1e6)
    return found


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    models = [sample(index) for index in range(count)]
    maps = [model.to_dict() for model in models]
    texts = [to_json(model) for model in models]
    measured = {
        "construct": lambda: [sample(index) for index in range(count)],
        "to_dict": lambda: [model.to_dict() for model in models],
        "to_json": lambda: [to_json(model) for model in models],
        "deserialize": lambda: [deserialize_sample_observation(text) for text in texts],
        "deserialize_lenient": lambda: [deserialize_lenient(SampleObservation, text) for text in texts],
    }
    report = Report(f"SampleObservation, {count:,} of them, processor time of one, best of {ROUNDS}")
    reference = times(lambda: [json.dumps(item) for item in maps], count)
    for name, work in measured.items():
        report.figure(
            name, times(work, count), "µs", reference=reference, against="json.dumps of the same map", by=min
        )


if __name__ == "__main__":
    main()
