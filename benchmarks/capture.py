"""What a capture call costs a job, against public Contexta, `wandb.log`, and the naive way to write a line.

    python benchmarks/capture.py [CALLS]

Each side is a process of its own that times every call; the naive one builds the same dictionary, encodes it
with `json.dumps` and opens, appends and closes the file for each record. Then eight processes, which begin at
the same moment, append to one file, and one alone.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._peers import BEFORE_PUBLIC, MissingError, public_contexta, settings, wandb
from benchmarks._places import cache
from benchmarks._results import Report

CALLS: Final = 5_000
ROUNDS: Final = 3
WRITERS: Final = 8
GOAL_US: Final = 12.0
GOAL_SHARED: Final = 2.0
MORE_CALLS: Final = 5  # so that the processes are at it together

_TIMED: Final = """
import json, statistics, sys, time
def timed(call, calls):
    for number in range(50):
        call(number)
    times = []
    for number in range(calls):
        begin = time.perf_counter_ns()
        call(number)
        times.append(time.perf_counter_ns() - begin)
    return statistics.median(times) / 1000
calls, rows = int(sys.argv[1]), {}
"""
_CONTEXTA: Final = """
from contexta import Contexta
ctx = Contexta(workspace=sys.argv[2], config={"project_name": "bench"})
with ctx.run(sys.argv[3]) as run, run.stage("s") as stage, stage.batch("b") as batch:
    print("ready", flush=True)
    sys.stdin.readline()
    rows["batch.metric"] = timed(lambda number: batch.metric("loss", float(number)), calls)
"""
_FURTHER: Final = """
    rows["batch.metric with tags"] = timed(lambda n: batch.metric("loss", n, tags={"fold": "1"}), calls)
    def event(number):
        batch.event("step.done", message="done", attributes={"n": number})
    rows["batch.event"] = timed(event, calls)
    def sample(number):
        with batch.sample(f"x{number}") as scope:
            scope.metric("correct", 1.0)
    rows["a sample with one metric"] = timed(sample, calls // 5)
"""
_ANSWER: Final = "print(json.dumps(rows))\n"
_WANDB: Final = """
import wandb
quiet = wandb.Settings(console="off", x_disable_stats=True)
run = wandb.init(project="bench", mode="offline", dir=sys.argv[2], settings=quiet)
rows["wandb.log"] = timed(lambda number: run.log({"loss": float(number)}), calls)
print(json.dumps(rows))
run.finish()
"""
_NAIVE: Final = """
import uuid
from datetime import datetime, timezone
from pathlib import Path
from contexta.capture.encode import Subject, envelope, metric_payload
path = Path(sys.argv[2], "naive.jsonl")
subject = Subject("sdk.python.local", "batch:b.r.s.b", "run:b.r", None, "stage:b.r.s", "batch:b.r.s.b")
rest = {"subject_ref": subject.subject_ref, "unit": None, "aggregation_scope": "step"}
rest |= {"summary_basis": "raw_observation", "tags": {}}
def now():
    return datetime.now(timezone.utc).replace(tzinfo=None).isoformat() + "Z"
def metric(number):
    name = uuid.uuid4().hex[:12]
    head = envelope(subject, "metric", observed_at=now(), recorded_at=now(), record_hex=name)
    body = {"envelope": head, "payload": metric_payload("loss", float(number), "float", **rest)}
    line = {"captured_at": now(), "family": "RECORD", "payload": body, "payload_ref": head["record_ref"]}
    line |= {"payload_type": "MetricRecord", "sink_name": "local-jsonl"}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\\n")
rows["naive"] = timed(metric, calls)
"""


def started(python: str | Path, program: str, calls: int, folder: str, name: str) -> subprocess.Popen[str]:
    """Start a program that times its calls."""
    command = [str(python), "-c", _TIMED + program, str(calls), folder, name]
    # Not from here, where every side would import what lies beside this folder.
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=settings() | {"PATH": "/usr/bin:/bin"},
    )


def answer(process: subprocess.Popen[str]) -> dict[str, float]:
    """Microseconds a call, by what was called.

    Raises:
        MissingError: The program failed.
    """
    out, err = process.communicate("\n")
    if process.returncode:
        said = err.strip().splitlines()
        raise MissingError(f"a side of the comparison failed: {said[-1] if said else process.returncode}")
    rows: dict[str, float] = json.loads(next(line for line in out.splitlines() if line.startswith("{")))
    return rows


def repeated(python: str | Path, program: str, calls: int, key: str) -> list[float]:
    """Microseconds a call in each of some processes, one after the other."""
    values = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(prefix="ctui-bench-", dir=cache()) as folder:
            values.append(answer(started(python, program, calls, folder, "r"))[key])
    return values


def together(calls: int, writers: int) -> list[float]:
    """Microseconds a call in each of some processes that append to one file at once."""
    with tempfile.TemporaryDirectory(prefix="ctui-bench-", dir=cache()) as folder:
        running = [
            started(sys.executable, _CONTEXTA + _ANSWER, calls, folder, f"r{number}")
            for number in range(writers)
        ]
        for process in running:
            if process.stdout is not None:
                process.stdout.readline()
        for process in running:
            if process.stdin is not None:
                process.stdin.write("\n")
                process.stdin.flush()
        return [answer(process)["batch.metric"] for process in running]


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else CALLS
    report = Report(f"What a capture call costs, median of {calls:,} calls in each process")
    mine = repeated(sys.executable, _CONTEXTA + _ANSWER, calls, "batch.metric")
    naive = repeated(sys.executable, _NAIVE + _ANSWER, calls, "naive")
    sides: list[tuple[str, Sequence[float]]] = []
    try:
        python, version = public_contexta()
        public = repeated(python, BEFORE_PUBLIC + _CONTEXTA + _ANSWER, calls, "batch.metric")
        sides.append((f"public Contexta 1.0.0 on Python {version}", public))
    except MissingError as missing:
        report.note(str(missing))
    try:
        logged = repeated(wandb().parent / "python", _WANDB, calls, "wandb.log")
        sides.append(("wandb.log of one metric, offline", logged))
    except MissingError as missing:
        report.note(str(missing))
    sides.append(("json.dumps, open, append, close", naive))
    for number, (against, values) in enumerate(sides):
        item = "9" if not number else ""
        report.figure("batch.metric", mine, "µs", item=item, goal=GOAL_US, reference=values, against=against)
    alone = [value for _ in range(ROUNDS) for value in together(MORE_CALLS * calls, 1)]
    shared = together(MORE_CALLS * calls, WRITERS)
    report.figure(
        f"batch.metric, {WRITERS} processes into one file",
        shared,
        "µs",
        item="9",
        goal=GOAL_SHARED * statistics.median(alone),
        reference=alone,
        against="one process",
    )
    with tempfile.TemporaryDirectory(prefix="ctui-bench-", dir=cache()) as folder:
        further = answer(started(sys.executable, _CONTEXTA + _FURTHER + _ANSWER, calls, folder, "r"))
    for what, value in further.items():
        report.figure(what, [value], "µs", reference=naive, against="json.dumps, open, append, close")


if __name__ == "__main__":
    main()
