"""What storing samples in the ledger costs: many at once, in one transaction, and one by one.

The reference is one put by one, each with a transaction of its own, in the same run; reading is shown too.
The processor's own time tells more than the clock when others use the machine.

    python benchmarks/ledger.py [SAMPLES]
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._results import Report
from contexta.contract import Project, Run, SampleObservation, StageExecution
from contexta.store import MetadataStore, MetadataStoreConfig

SAMPLES = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000
ONE_BY_ONE = 200
START = "2025-01-01T00:00:00Z"


def samples(prefix: str, count: int) -> list[SampleObservation]:
    return [
        SampleObservation(
            f"sample:p.r.s.{prefix}{number}", "run:p.r", "stage:p.r.s", f"{prefix}{number}", START
        )
        for number in range(count)
    ]


def cost(count: int, work: Callable[[], object]) -> float:
    """Of something done ``count`` times, the processor's microseconds for one."""
    begin = time.process_time()
    work()
    return (time.process_time() - begin) / count * 1e6


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        store = MetadataStore(MetadataStoreConfig(database_path=path))
        store.put_many(
            [
                Project("project:p", "p", START),
                Run("run:p.r", "project:p", "r", "open", START),
                StageExecution("stage:p.r.s", "run:p.r", "s", "open", START),
            ]
        )

        def each(models: list[SampleObservation]) -> None:
            for model in models:
                store.samples.put_sample_observation(model)

        def in_transaction(models: list[SampleObservation]) -> None:
            with store.transaction():
                each(models)

        few, together, many = samples("a", ONE_BY_ONE), samples("b", ONE_BY_ONE), samples("c", SAMPLES)
        reference = cost(ONE_BY_ONE, lambda: each(few))
        rows = {
            "put one by one": reference,
            "put one by one in a transaction": cost(ONE_BY_ONE, lambda: in_transaction(together)),
            f"put_many of {SAMPLES:,}": cost(SAMPLES, lambda: store.samples.put_many(many)),
            f"put_many of {SAMPLES:,} again": cost(SAMPLES, lambda: store.samples.put_many(many)),
            "get one by one": cost(
                ONE_BY_ONE,
                lambda: [store.samples.get_sample_observation(each.sample_observation_ref) for each in few],
            ),
            "list all": cost(
                SAMPLES + 2 * ONE_BY_ONE, lambda: store.samples.list_sample_observations(run_ref="run:p.r")
            ),
        }
        store.close()
        size = path.stat().st_size / (SAMPLES + 2 * ONE_BY_ONE)
    report = Report("The ledger, processor time of a sample")
    for name, micros in rows.items():
        other = [] if name == "put one by one" else [reference]
        report.figure(name, [micros], "µs", reference=other, against="put one by one")
    report.note(f"on disk a sample has {size:,.0f} bytes")


if __name__ == "__main__":
    main()
