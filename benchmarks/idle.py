"""What the explorer does while a job is alive and says nothing, against LEET on a finished run.

    python benchmarks/idle.py [SECONDS]

Processor time as a share of one core, and bytes that were written to disk, both as the kernel counts them.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._peers import MissingError, offline_run, settings, wandb
from benchmarks._places import cache
from benchmarks._pty import Screen
from benchmarks._results import Report
from benchmarks.start import STEPS

GOAL_PERCENT: Final = 1.0
SETTLE_S: Final = 5.0
_JOB: Final = """
import sys
from contexta import Contexta
ctx = Contexta(workspace=sys.argv[1], config={"project_name": "quiet"})
with ctx.run("waits") as run, run.stage("train") as stage, stage.batch("epoch-1") as batch:
    for step in range(10_000):
        batch.metric("loss", 1 / (1 + step))
    print("ready", flush=True)
    sys.stdin.readline()
"""


def idle(screen: Screen, seconds: float) -> tuple[float, float]:
    """Percent of a core, and bytes written to disk, while nothing happens."""
    screen.settle(SETTLE_S, timeout=SETTLE_S)
    busy, wrote, began = screen.cpu_s(), written(screen), time.perf_counter()
    screen.settle(seconds, timeout=seconds)
    while time.perf_counter() - began < seconds:
        screen.settle(0.2, timeout=0.2)
    share = (screen.cpu_s() - busy) / (time.perf_counter() - began)
    return share * 100, written(screen) - wrote


def written(screen: Screen) -> float:
    """Bytes that all its processes had written to disk so far, the terminal not counted."""
    return float(sum(process.io_counters().write_bytes for process in screen.processes()))


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 15.0
    report = Report(f"{seconds:g} seconds of a live but quiet job")
    with tempfile.TemporaryDirectory(prefix="ctui-bench-", dir=cache()) as folder:
        workspace = Path(folder) / ".contexta"
        job = subprocess.Popen(
            [sys.executable, "-c", _JOB, str(workspace)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with job:
            try:
                job.stdout.readline() if job.stdout else None
                command = ["contexta-tui", str(workspace), "--cache-dir", f"{folder}/index"]
                with Screen(command) as screen:
                    screen.when_matches(r"run · .*10,000 records")
                    ours, wrote = idle(screen, seconds)
                    status = screen.text().splitlines()[0].strip()
            finally:
                job.kill()
    theirs: list[float] = []
    try:
        with Screen([wandb(), "leet"], cwd=offline_run(STEPS), env=settings()) as screen:
            screen.when_matches(rf"_step +{STEPS - 1}", timeout=60)
            theirs.append(idle(screen, seconds)[0])
    except MissingError as missing:
        report.note(str(missing))
    report.note(f"the screen said: {status}")
    report.figure(
        "share of a core, quiet job",
        [ours],
        "%",
        item="8",
        goal=GOAL_PERCENT,
        reference=theirs,
        against="LEET, finished run",
    )
    report.figure("written to disk meanwhile", [wrote], "bytes", item="8", goal=0.0)


if __name__ == "__main__":
    main()
