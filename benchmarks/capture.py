"""What a capture call costs, against the naive way to write the same line.

The reference builds the same dictionary, encodes it with `json.dumps` and opens, appends and closes the file
for each record. Run it on a quiet machine: ``python benchmarks/capture.py [CALLS]``.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from contexta import Contexta
from contexta.capture.encode import Subject, envelope, metric_payload

CALLS = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000


def median_ns(call: Callable[[int], object], calls: int = CALLS) -> int:
    times = []
    for number in range(calls):
        begin = time.perf_counter_ns()
        call(number)
        times.append(time.perf_counter_ns() - begin)
    return round(statistics.median(times))


def naive(path: Path) -> Callable[[int], object]:
    subject = Subject(
        "sdk.python.local",
        "batch:bench.r.s.b",
        "run:bench.r",
        stage_execution_ref="stage:bench.r.s",
        batch_execution_ref="batch:bench.r.s.b",
    )

    def now() -> str:
        return datetime.now(UTC).replace(tzinfo=None).isoformat() + "Z"

    def metric(number: int) -> None:
        head = envelope(
            subject, "metric", observed_at=now(), recorded_at=now(), record_hex=uuid.uuid4().hex[:12]
        )
        payload = metric_payload(
            "loss",
            float(number),
            "float",
            subject_ref=subject.subject_ref,
            unit=None,
            aggregation_scope="step",
            summary_basis="raw_observation",
            tags={},
        )
        line = {
            "captured_at": now(),
            "family": "RECORD",
            "payload": {"envelope": head, "payload": payload},
            "payload_ref": head["record_ref"],
            "payload_type": "MetricRecord",
            "sink_name": "local-jsonl",
        }
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n")

    return metric


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        reference = median_ns(naive(Path(folder) / "naive.jsonl"))
        ctx = Contexta(workspace=folder, config={"project_name": "bench"})
        with ctx.run("r") as run, run.stage("s") as stage, stage.batch("b") as batch:

            def sample(number: int) -> None:
                with batch.sample(f"x{number}") as scope:
                    scope.metric("correct", 1.0)

            rows = {
                "batch.metric": median_ns(lambda number: batch.metric("loss", float(number))),
                "batch.metric with tags": median_ns(
                    lambda number: batch.metric("loss", number, tags={"fold": "1"})
                ),
                "batch.event": median_ns(
                    lambda number: batch.event("step.done", message="done", attributes={"n": number})
                ),
                "a sample with one metric": median_ns(sample, CALLS // 5),
            }
    print(f"{'naive json.dumps, open, append, close':40} {reference:>8,} ns")
    for name, cost in rows.items():
        print(f"{name:40} {cost:>8,} ns   {reference / cost:5.1f} x the speed of naive")


if __name__ == "__main__":
    main()
