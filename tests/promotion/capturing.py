"""Captures to promote, and what a workspace holds in a form that can be compared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from contexta import Contexta
from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer
from contexta.catalog.mirror import CANONICAL
from contexta.journal.paths import artifacts_dir, records_dir
from contexta.query.results import NodeKind
from contexta.reader import CatalogReader
from contexta.store.artifacts import ArtifactStore
from contexta.store.ledger import MetadataStore, open_ledger
from contexta.store.ledger_tables import TABLES
from contexta.store.segments import RecordStore

ROOT: Final = Path(__file__).parents[2]
CAPTURED: Final = frozenset({"capture"})


class Clock:
    """A clock that moves a little at every look.

    Args:
        start: Nanoseconds since the epoch.
    """

    def __init__(self, start: int = 1_770_000_000_000_000_000) -> None:
        self.now = start

    def __call__(self) -> int:
        self.now += 1_000_000
        return self.now


def capture(workspace: Path, *, runs: int = 2, batches: int = 2, metrics: int = 10) -> Path:
    """Captures runs that have one of everything, and returns the workspace."""
    workspace.mkdir(parents=True, exist_ok=True)
    with Contexta(workspace=workspace, config={"project_name": "p"}, clock=Clock()) as ctx:
        for number in range(1, runs + 1):
            _run(ctx, workspace, number, batches, metrics)
    return workspace


def _run(ctx: Contexta, workspace: Path, number: int, batches: int, metrics: int) -> None:
    body = workspace / "models" / f"r{number}.bin"
    body.parent.mkdir(exist_ok=True)
    body.write_bytes(f"model {number}".encode() * 100)
    with ctx.run(f"r{number}", tags={"who": "me"}, dataset_ref="digits@3") as run:
        try:
            with run.stage("train", metadata={"lr": 0.1}) as stage:
                for batch_number in range(batches):
                    with stage.batch(f"Epoch {batch_number}") as batch:
                        for step in range(metrics):
                            batch.metric("loss", 1.5 / (step + 1), tags={"step": str(step)})
                        batch.metric("grad.norm", float("nan"))
                        with batch.sample("q-1", retention_class="short") as sample:
                            sample.metric("correct", 1)
                        batch.span("load data", attributes={"rows": 3})
                if number == 2:
                    _ = 1 / 0
        except ZeroDivisionError:
            pass
        run.event("checkpoint.selected", message="the ☃ one", attributes={"a": [1, {"b": 2.5}, None]})
        run.register_artifact("model", body, artifact_ref=f"artifact:p.r{number}.model")
        ref = run.ref
    with ctx.deployment("prod", run_ref=ref, artifact_ref=f"artifact:p.r{number}.model") as deployment:
        deployment.event("shipped", message="it is out")


def demo(workspace: Path, seed: int) -> Path:
    """Captures the demo's finished job, in a process of its own."""
    command = [sys.executable, "-m", "contexta_tui.demo_job", str(workspace), "--once", "--seed", str(seed)]
    subprocess.run(command, check=True, cwd=ROOT, timeout=50)
    return workspace


@contextmanager
def reading(workspace: Path, kinds: frozenset[str]) -> Iterator[CatalogReader]:
    """A reader of some kinds of source only."""
    catalog = Catalog.in_memory([workspace])
    try:
        Indexer(catalog, [workspace], kinds=kinds).catch_up()
        yield CatalogReader(catalog)
    finally:
        catalog.close()


def answers(workspace: Path, kinds: frozenset[str]) -> dict[str, Any]:
    """What the queries say: the tree with statuses and counts, all metrics, deployments and issues."""
    with reading(workspace, kinds) as reader:
        told: dict[str, Any] = {"counts": reader.counts()}
        nodes: list[Any] = []
        for project in reader.projects():
            _walk(reader, project, nodes)
        told["nodes"] = nodes
        told["issues"] = [(one.severity, one.code, one.ref, one.summary) for one in reader.issues()]
        lineage = reader.lineage(None)
        told["deployments"] = [
            (one.deployment.ref, one.deployment.status, one.run_ref, one.artifact_ref)
            for one in lineage.deployments
        ]
        told["artifacts"] = sorted((one.ref, one.kind, one.size_bytes) for one in lineage.artifacts)
        return told


def canonical(workspace: Path) -> dict[str, Any]:
    return answers(workspace, CANONICAL)


def captured(workspace: Path) -> dict[str, Any]:
    return answers(workspace, CAPTURED)


def _walk(reader: CatalogReader, node: Any, told: list[Any]) -> None:
    wanted = node.failed or node.kind is not NodeKind.SAMPLE
    metrics = [
        (
            *(one.key, one.unit, one.count, one.last, one.minimum, one.maximum, one.mean),
            *(one.non_finite, one.trend),
        )
        for one in (reader.metrics(node.id) if wanted else ())
    ]
    names = (
        *("ref", "kind", "name", "status", "started_at", "ended_at", "first_at", "last_at"),
        *("position", "records", "failed", "failed_below"),
    )
    reasons = [(one.title, one.detail) for one in (reader.reasons(node.id) if node.failed else ())]
    told.append({name: getattr(node, name) for name in names} | {"metrics": metrics, "reasons": reasons})
    for group in node.children:
        for child in reader.children(node.id, NodeKind(group.kind), 0, group.count):
            _walk(reader, child, told)


def stored(workspace: Path) -> dict[str, Any]:
    """All that the stores hold, but for numbers and times of storing."""
    with open_ledger(workspace) as ledger:
        rows = ledger_rows(ledger)
    records = [one.record.to_dict() for one in RecordStore(records_dir(workspace)).scan()]
    vault = ArtifactStore(artifacts_dir(workspace))
    artifacts = [
        (handle.manifest.to_dict(), handle.binding.hash_value, sha256(handle.path.read_bytes()).hexdigest())
        for handle in vault.list()
    ]
    return {"ledger": rows, "records": records, "artifacts": artifacts}


def ledger_rows(ledger: MetadataStore) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the ledger's tables."""
    return {table.name: ledger.duckdb.query_all(f"from {table.name} order by ref") for table in TABLES}


def segments(workspace: Path) -> dict[str, bytes]:
    folder = records_dir(workspace) / "segments"
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*"))}


def listing(workspace: Path) -> dict[str, tuple[int, int, str]]:
    """Every file and folder, with mode, time of change and content."""
    return {
        str(path.relative_to(workspace)): (
            path.stat().st_mode,
            path.stat().st_mtime_ns,
            sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in [workspace, *sorted(workspace.rglob("*"))]
    }


def append_line(workspace: Path, family: str, line: dict[str, Any] | bytes) -> None:
    """Adds a line to a journal file, as a foreign writer would."""
    data = line if isinstance(line, bytes) else json.dumps(line).encode()
    path = workspace / "cache" / "capture" / f"{family}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(data + b"\n")


def metric_line(run: str = "p.r9", name: str = "m-1", **payload: Any) -> dict[str, Any]:
    """A captured metric as public Contexta writes it."""
    time = "2026-01-02T03:04:05Z"
    envelope = {
        "record_ref": f"record:{run}.{name}",
        "record_type": "metric",
        "recorded_at": time,
        "observed_at": time,
        "producer_ref": "sdk.python.local",
        "run_ref": f"run:{run}",
    }
    envelope |= payload.pop("envelope", {})
    inner = {"metric_key": "loss", "value": 0.5, "value_type": "float", **payload}
    return {
        "captured_at": time,
        "family": "RECORD",
        "payload": {"envelope": envelope, "payload": inner},
        "payload_type": "MetricRecord",
    }


def context_line(payload_type: str, told_at: str = "2026-01-02T03:04:05Z", **payload: Any) -> dict[str, Any]:
    return {"captured_at": told_at, "family": "CONTEXT", "payload": payload, "payload_type": payload_type}


class Promoters:
    """A process that forks one promotion after another, so that each begins at once when it is asked for."""

    _CODE = """
import os, sys, time
import contexta.promotion.run
from contexta.promotion import promote_captured
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        promote_captured(line.rstrip("\\n"), batch_records=20)
        os._exit(0)
    print(child, flush=True)
    began = time.perf_counter()
    _, status = os.waitpid(child, 0)
    print(status, time.perf_counter() - began, flush=True)
"""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", self._CODE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )
        assert self._line() == "ready"

    def __enter__(self) -> Promoters:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=30)

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def start(self, workspace: Path) -> int:
        """Starts a promotion and returns its process id."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{workspace}\n")
        self._process.stdin.flush()
        return int(self._line())

    def end(self) -> tuple[int, float]:
        """Waits for the promotion; its status and how many seconds it took."""
        status, seconds = self._line().split()
        return int(status), float(seconds)
