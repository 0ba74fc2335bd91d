"""Records, manifests and programs for the tests of the record store and the vault."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from contexta.contract import (
    ArtifactManifest,
    DegradedPayload,
    DegradedRecord,
    MetricPayload,
    MetricRecord,
    RecordEnvelope,
    StructuredEventPayload,
    StructuredEventRecord,
    TraceSpanPayload,
    TraceSpanRecord,
)

ROOT = Path(__file__).parents[2]
TIME = "2026-01-02T03:04:05Z"


def envelope(name: str, record_type: str, **fields: Any) -> RecordEnvelope:
    run = fields.pop("run", "p.r")
    times = {"recorded_at": TIME, "observed_at": TIME}
    return RecordEnvelope(
        record_ref=f"record:{run}.{name}",
        record_type=record_type,
        producer_ref="sdk.test",
        run_ref=f"run:{run}",
        **{**times, **fields},
    )


def metric(name: str = "m-1", value: float | None = 0.5, **fields: Any) -> MetricRecord:
    kind = "float" if value is not None else "nan"
    return MetricRecord(envelope(name, "metric", **fields), MetricPayload("loss", value, kind))


def event(name: str = "e-1", message: str = "hi", **fields: Any) -> StructuredEventRecord:
    return StructuredEventRecord(
        envelope(name, "event", **fields), StructuredEventPayload("ev.one", "info", message)
    )


def span(name: str = "s-1", parent: str | None = None, **fields: Any) -> TraceSpanRecord:
    payload = TraceSpanPayload("span-1", "trace-1", parent, "load data", TIME, TIME, "ok", "operation")
    return TraceSpanRecord(envelope(name, "span", **fields), payload)


def degraded(name: str = "d-1", **fields: Any) -> DegradedRecord:
    marks = {"completeness_marker": "absent", "degradation_marker": "capture_gap"}
    payload = DegradedPayload("gap.x", "capture", "warning", "lost something")
    return DegradedRecord(envelope(name, "degraded", **marks, **fields), payload)


def manifest(name: str = "model", location: str = "body.bin", **fields: Any) -> ArtifactManifest:
    return ArtifactManifest(
        **{
            "artifact_ref": f"artifact:p.r.{name}",
            "artifact_kind": "model_bundle",
            "created_at": TIME,
            "producer_ref": "sdk.test",
            "run_ref": "run:p.r",
            "location_ref": location,
            **fields,
        }
    )


def segment(root: Path, number: int = 1) -> Path:
    return root / "segments" / f"segment-{number:06d}.jsonl"


def lines(root: Path, number: int = 1) -> list[dict[str, Any]]:
    return [json.loads(line) for line in segment(root, number).read_bytes().splitlines()]


def add(root: Path, data: bytes, number: int = 1) -> None:
    with segment(root, number).open("ab") as file:
        file.write(data)


def start_python(code: str, *args: object) -> subprocess.Popen[str]:
    """Starts a program that has `metric` and the stores at hand."""
    prelude = """
import os, sys
from pathlib import Path
from contexta.store.artifacts import ArtifactStore, VaultConfig
from contexta.store.segments import RecordStore, StoreConfig
from tests.store.building import manifest, metric
"""
    return subprocess.Popen(
        [sys.executable, "-c", prelude + textwrap.dedent(code), *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def run_python(code: str, *args: object) -> str:
    with start_python(code, *args) as process:
        out, problem = process.communicate(timeout=40)
    assert process.returncode == 0, problem
    return out
