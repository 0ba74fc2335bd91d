"""What a contract model costs: to make, to write as text, to read back.

The reference is `json.dumps` of the same plain data in the same run, because that is what a store would pay
without a contract.

    python benchmarks/contract.py [--samples 20000]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence

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


def best_of(work: Callable[[], object], count: int) -> float:
    """The CPU time of one item in microseconds, of the fastest round."""
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        times.append((time.process_time() - began) / count)
    return min(times) * 1e6


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--samples", type=int, default=20_000)
    count: int = parser.parse_args(argv).samples
    models = [sample(index) for index in range(count)]
    maps = [model.to_dict() for model in models]
    texts = [to_json(model) for model in models]
    measured = {
        "json.dumps of the same map": lambda: [json.dumps(item) for item in maps],
        "construct": lambda: [sample(index) for index in range(count)],
        "to_dict": lambda: [model.to_dict() for model in models],
        "to_json": lambda: [to_json(model) for model in models],
        "deserialize": lambda: [deserialize_sample_observation(text) for text in texts],
        "deserialize_lenient": lambda: [deserialize_lenient(SampleObservation, text) for text in texts],
    }
    reference = 0.0
    print(f"SampleObservation, {count:,} of them, CPU time of one, best of {ROUNDS}")
    for name, work in measured.items():
        micros = best_of(work, count)
        reference = reference or micros
        print(f"  {name:<28} {micros:7.2f} µs   {micros / reference:5.2f} × json.dumps")


if __name__ == "__main__":
    main()
