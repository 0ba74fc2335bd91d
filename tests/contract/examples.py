"""One model of every class, as tests of the contract need them."""

from __future__ import annotations

import re

from contexta.contract import (
    ArtifactManifest,
    BatchExecution,
    CorrelationRefs,
    DegradedPayload,
    DegradedRecord,
    DeploymentExecution,
    EnvironmentSnapshot,
    ExtensionFieldSet,
    LineageEdge,
    MetricPayload,
    MetricRecord,
    OperationContext,
    Project,
    ProvenanceRecord,
    RecordEnvelope,
    Run,
    SampleObservation,
    StageExecution,
    StructuredEventPayload,
    StructuredEventRecord,
    TraceSpanPayload,
    TraceSpanRecord,
)
from contexta.contract.model import FrozenModel

START, END = "2025-01-01T00:00:00Z", "2025-01-01T00:01:00Z"
ENVELOPE = RecordEnvelope("record:p.r.x-1", "metric", START, START, "sdk.python.local", "run:p.r")
METRIC = MetricPayload("loss", 0.5, "float", tags={"b": "2", "a": "1"})
EVENT = StructuredEventPayload("checkpoint.saved", "info", "한글", attributes={"z": [1, None], "a": {"n": 1}})
SPAN = TraceSpanPayload(
    "span-1", "trace-1", None, "load data", START, END, "ok", "io", linked_refs=("run:p.r",)
)
GAP = DegradedPayload("gap.lost_rows", "capture", "warning", "3 rows lost")
RUN = Run("run:p.r", "project:p", "R", "completed", START, END)

EXAMPLES: tuple[FrozenModel, ...] = (
    Project("project:p", "P", START, "what it is about", {"team": "a"}),
    RUN,
    DeploymentExecution(
        "deployment:p.d", "project:p", "d", "failed", START, END, 0, "run:p.r", "artifact:p.q.m"
    ),
    StageExecution("stage:p.r.s", "run:p.r", "s", "open", START),
    BatchExecution("batch:p.r.s.b", "run:p.r", "stage:p.r.s", "b", "failed", START, END, 1),
    SampleObservation(
        "sample:p.r.s.b.x", "run:p.r", "stage:p.r.s", "x", START, "batch:p.r.s.b", "short", "pii"
    ),
    OperationContext("op:p.r.s.o", "run:p.r", "stage:p.r.s", "o", START),
    EnvironmentSnapshot("environment:p.r.e", "run:p.r", START, "3.13.1", "linux", {"numpy": "2.1"}),
    CorrelationRefs("trace-1"),
    ENVELOPE.replace(extensions=(ExtensionFieldSet("contexta.run", {"dataset_ref": "iris"}),)),
    METRIC,
    EVENT,
    SPAN,
    GAP,
    MetricRecord(ENVELOPE, METRIC),
    StructuredEventRecord(ENVELOPE.replace(record_type="event"), EVENT),
    TraceSpanRecord(ENVELOPE.replace(record_type="span"), SPAN),
    DegradedRecord(ENVELOPE.replace(record_type="degraded", degradation_marker="capture_gap"), GAP),
    ArtifactManifest(
        "artifact:p.r.m", "model", START, "sdk.python.local", "run:p.r", "path:/x", size_bytes=3
    ),
    LineageEdge("relation:a", "used", "run:p.r", "artifact:p.r.m", START, "explicit", "low"),
    ProvenanceRecord("provenance:a", "relation:a", "inferred", START),
    ExtensionFieldSet("contexta.run", {"dataset_ref": "iris"}, ("dataset_ref",)),
)


def snake(model: object) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(model).__name__).lower()
