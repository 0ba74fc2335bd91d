"""Moves through a batch of 100,000 samples in a real terminal, and through one of 20 for comparison.

    python benchmarks/big_batch.py [SAMPLES]

Prints, for each kind of key, the time from the key to the changed screen while nothing else is drawn, and the
ratio between the two workspaces in the same run. A ratio near one means that the size of a batch is not felt.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.terminal import Terminal

START = 1_767_225_600_000_000
KEYS = {"j": 40, "ctrl+d": 20, "pagedown": 20, "G": 1, "ctrl+u": 20, "g": 1}


def write_capture(workspace: Path, samples: int) -> None:
    """One run, stage and batch with so many samples, a metric each, as public Contexta writes them."""
    folder = workspace / "cache" / "capture"
    folder.mkdir(parents=True)
    run, stage, batch = "run:big.eval", "stage:big.eval.evaluate", "batch:big.eval.evaluate.holdout"
    with (folder / "record.jsonl").open("w") as file:
        for number in range(samples):
            second, micro = divmod(number * 1000, 1_000_000)
            at = f"2026-01-01T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.{micro:06}Z"
            sample = f"sample:big.eval.evaluate.holdout.item-{number}"
            ref = f"record:big.eval.metric-{number:012x}"
            line = {
                "captured_at": at,
                "family": "RECORD",
                "payload": {
                    "envelope": {
                        "batch_execution_ref": batch,
                        "completeness_marker": "complete",
                        "correlation_refs": {"session_id": None, "trace_id": None},
                        "degradation_marker": "none",
                        "deployment_execution_ref": None,
                        "extensions": [],
                        "observed_at": at,
                        "operation_context_ref": None,
                        "producer_ref": "sdk.python.local",
                        "record_ref": ref,
                        "record_type": "metric",
                        "recorded_at": at,
                        "run_ref": run,
                        "sample_observation_ref": sample,
                        "schema_version": "1.0.0",
                        "stage_execution_ref": stage,
                    },
                    "payload": {
                        "aggregation_scope": "step",
                        "metric_key": "correct",
                        "slice_ref": None,
                        "subject_ref": sample,
                        "summary_basis": "raw_observation",
                        "tags": {},
                        "unit": "ratio",
                        "value": float(number % 1000 != 999),
                        "value_type": "float",
                    },
                },
                "payload_ref": ref,
                "payload_type": "MetricRecord",
                "sink_name": "local-jsonl",
            }
            file.write(json.dumps(line, separators=(",", ":")) + "\n")


@contextmanager
def explorer(samples: int) -> Iterator[Terminal]:
    """The explorer on such a workspace, indexed, with the batch selected and collapsed."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / ".contexta"
        write_capture(workspace, samples)
        options = ["--cache-dir", f"{folder}/cache", "--select", "holdout"]
        with Terminal(["contexta-tui", str(workspace), *options]) as term:
            term.wait_for(rf"{samples:,} records", timeout=120)
            term.wait_for(r"▸ . holdout +\S+ samples")
            term.settle()
            yield term


def pressed(term: Terminal, key: str) -> float:
    """Milliseconds from a key to the changed screen, when nothing else is being drawn."""
    term.settle(0.4)
    before = screen(term)
    began = time.perf_counter()
    term.press(key)
    term.wait_until(lambda: screen(term) != before, timeout=3, what=f"the effect of {key}")
    return (time.perf_counter() - began) * 1e3


def screen(term: Terminal) -> tuple[str, int]:
    """What tells one screen from another: the text and the row of the cursor bar."""
    rows = term.text().splitlines()
    bar = next((row for row in range(2, 34) if term.background_at(row, 4) != term.background_at(1, 4)), -1)
    return "\n".join(rows[1:]), bar


def measure(samples: int) -> dict[str, list[float]]:
    with explorer(samples) as term:
        times = {"expand": [pressed(term, "l")]}
        for _ in range(9):
            pressed(term, "h")
            times["expand"].append(pressed(term, "l"))
        for key, count in KEYS.items():
            times[key] = []
            for _ in range(count):
                try:
                    times[key].append(pressed(term, key))
                except AssertionError:
                    break  # the end of a short list: nothing moves any more
        return times


def main() -> None:
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    small, big = measure(20), measure(samples)
    print(f"{'key':10} {f'{samples:,} samples':>32} {'20 samples':>14} {'ratio':>7}")
    for key, values in big.items():
        reference = small[key] or small["j"]
        middle, other = statistics.median(values), statistics.median(reference)
        late = sorted(values)[min(len(values) - 1, int(len(values) * 0.95))]
        print(f"{key:10} {middle:12.1f} ms, p95 {late:9.1f} ms {other:11.1f} ms {middle / other:7.2f}")


if __name__ == "__main__":
    main()
