"""Contract models: what they keep, what they refuse, and under which code."""

from __future__ import annotations

import copy
import json
import math
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from contexta import ConflictError, ContextaError
from contexta.contract import (
    ArtifactManifest,
    BatchExecution,
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
)

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "capture"
PREFIX = "record_ref_prefix_mismatch"
START, END = "2025-01-01T00:00:00Z", "2025-01-01T00:01:00Z"


def run(**changes: Any) -> Run:
    fields = {
        "run_ref": "run:p.r",
        "project_ref": "project:p",
        "name": "R",
        "status": "open",
        "started_at": START,
    }
    return Run(**{**fields, **changes})


def sample(**changes: Any) -> SampleObservation:
    fields = {
        "sample_observation_ref": "sample:p.r.s.x",
        "run_ref": "run:p.r",
        "stage_execution_ref": "stage:p.r.s",
        "sample_name": "x",
        "observed_at": START,
    }
    return SampleObservation(**{**fields, **changes})


def deployment(**changes: Any) -> DeploymentExecution:
    fields = {
        "deployment_execution_ref": "deployment:p.d",
        "project_ref": "project:p",
        "deployment_name": "d",
        "status": "completed",
        "started_at": START,
        "ended_at": END,
    }
    return DeploymentExecution(**{**fields, **changes})


def envelope(**changes: Any) -> RecordEnvelope:
    fields = {
        "record_ref": "record:p.r.metric-1",
        "record_type": "metric",
        "recorded_at": START,
        "observed_at": START,
        "producer_ref": "sdk.python.local",
        "run_ref": "run:p.r",
    }
    return RecordEnvelope(**{**fields, **changes})


def manifest(**changes: Any) -> ArtifactManifest:
    fields = {
        "artifact_ref": "artifact:p.r.m",
        "artifact_kind": "model",
        "created_at": START,
        "producer_ref": "sdk.python.local",
        "run_ref": "run:p.r",
        "location_ref": "path:/x",
    }
    return ArtifactManifest(**{**fields, **changes})


def edge(**changes: Any) -> LineageEdge:
    fields = {
        "relation_ref": "relation:a",
        "relation_type": "used",
        "source_ref": "run:p.r",
        "target_ref": "artifact:p.r.m",
        "recorded_at": START,
        "origin_marker": "explicit",
        "confidence_marker": "high",
    }
    return LineageEdge(**{**fields, **changes})


def provenance(**changes: Any) -> ProvenanceRecord:
    fields = {
        "provenance_ref": "provenance:a",
        "relation_ref": "relation:a",
        "assertion_mode": "explicit",
        "asserted_at": START,
    }
    return ProvenanceRecord(**{**fields, **changes})


def test_a_model_takes_its_fields_by_position_or_name_and_gives_them_back_in_order() -> None:
    batch = BatchExecution(
        "batch:my-proj.run-01.train.epoch-0",
        "run:my-proj.run-01",
        "stage:my-proj.run-01.train",
        batch_name="epoch-0",
        status="completed",
        started_at="2025-01-01T00:01:00Z",
        ended_at="2025-01-01T00:02:00Z",
        order_index=0,
    )
    assert list(batch.to_dict().items()) == [
        ("batch_execution_ref", "batch:my-proj.run-01.train.epoch-0"),
        ("run_ref", "run:my-proj.run-01"),
        ("stage_execution_ref", "stage:my-proj.run-01.train"),
        ("batch_name", "epoch-0"),
        ("status", "completed"),
        ("started_at", "2025-01-01T00:01:00Z"),
        ("ended_at", "2025-01-01T00:02:00Z"),
        ("order_index", 0),
        ("schema_version", "1.0.0"),
        ("extensions", []),
    ]
    assert BatchExecution(**batch.to_dict()) == batch
    assert hash(batch.replace(order_index=0)) == hash(batch)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: run(project_ref="project:q"), "context_ref_prefix_mismatch"),
        (lambda: run(run_ref="stage:p.r.s"), "stable_ref_kind_mismatch"),
        (lambda: run(run_ref="run:p"), "stable_ref_invalid_shape"),
        (lambda: run(run_ref=5), "context_invalid_ref"),
        (lambda: run(name=" "), "context_invalid_string"),
        (lambda: run(description=""), "context_invalid_string"),
        (lambda: run(status="done"), "context_invalid_status"),
        (lambda: run(status="Open"), "context_invalid_status"),
        (lambda: run(status="completed"), "context_invalid_status_transition"),
        (lambda: run(ended_at=END), "context_invalid_status_transition"),
        (lambda: run(status="failed", started_at=END, ended_at=START), "context_invalid_time_order"),
        (lambda: run(started_at="2025-01-01T00:00:00+00:00"), "context_invalid_timestamp"),
        (lambda: run(started_at="2025-01-01T00:00:00z"), "context_invalid_timestamp"),
        (lambda: run(started_at="2025-01-01"), "context_invalid_timestamp"),
        (lambda: run(started_at=0), "context_invalid_timestamp"),
        (lambda: run(started_at="2025-01-01T00:00:00+01:00Z"), "context_invalid_timestamp"),
        (lambda: sample(batch_execution_ref="batch:p.r.s.b"), "context_ref_prefix_mismatch"),
        (lambda: sample(sample_observation_ref="sample:p.r.s.b.x"), "context_ref_prefix_mismatch"),
        (lambda: sample(sample_name="a.b"), "context_invalid_component"),
        (lambda: sample(sample_name="y"), "context_ref_prefix_mismatch"),
        (lambda: sample(retention_class=""), "context_invalid_string"),
        (lambda: deployment(order_index=-1), "context_invalid_order_index"),
        (lambda: deployment(order_index=True), "context_invalid_order_index"),
        (lambda: deployment(run_ref="run:q.r"), "context_ref_prefix_mismatch"),
        (lambda: deployment(artifact_ref="artifact:q.r.m"), "context_ref_prefix_mismatch"),
        (lambda: deployment(environment_snapshot_ref="run:p.r"), "stable_ref_kind_mismatch"),
        (
            lambda: deployment(run_ref="run:p.r", environment_snapshot_ref="environment:p.q.e"),
            "context_ref_prefix_mismatch",
        ),
        (lambda: Project("project:p", "P", START, None, {"a": 1}), "context_invalid_mapping"),
        (lambda: Project("project:p", "P", START, None, {"a": " "}), "context_invalid_mapping"),
        (lambda: envelope(recorded_at=START, observed_at=END), "record_invalid_time_order"),
        (lambda: envelope(record_ref="record:p.q.metric-1"), "record_ref_prefix_mismatch"),
        (lambda: envelope(producer_ref="SDK"), "record_invalid_producer_ref"),
        (lambda: envelope(batch_execution_ref="batch:p.r.s.b"), "record_missing_stage_context"),
        (lambda: envelope(stage_execution_ref="stage:p.q.s"), "record_ref_prefix_mismatch"),
        (lambda: envelope(completeness_marker="whole"), "record_invalid_marker"),
        (lambda: MetricPayload("acc_1", 1, "int"), "record_invalid_metric_key"),
        (lambda: MetricPayload("acc", math.nan, "float"), "record_invalid_metric_value"),
        (lambda: MetricPayload("acc", True, "int"), "record_invalid_metric_value"),
        (lambda: MetricPayload("acc", None, "float"), "record_invalid_metric_value"),
        (lambda: MetricPayload("acc", 1.0, "nan"), "record_invalid_metric_value"),
        (lambda: MetricPayload("acc", 1, "int", aggregation_scope="batch"), "record_invalid_marker"),
        (lambda: StructuredEventPayload("a_b", "info", "m"), "record_invalid_event_key"),
        (lambda: StructuredEventPayload("a", "info", "m", attributes={1: 2}), "record_invalid_mapping"),
        (lambda: StructuredEventPayload("a", "info", "m", attributes=[]), "record_invalid_mapping"),
        (lambda: StructuredEventPayload("a", "info", "m", attributes={"a": {1}}), "extension_invalid_value"),
        (
            lambda: StructuredEventPayload("a", "info", "m", attributes={"a": math.inf}),
            "extension_invalid_value",
        ),
        (
            lambda: TraceSpanPayload("s", "t", None, "n", END, START, "ok", "io"),
            "record_invalid_time_order",
        ),
        (
            lambda: StructuredEventRecord(envelope(), StructuredEventPayload("a", "info", "m")),
            "record_type_mismatch",
        ),
        (
            lambda: MetricRecord(envelope(completeness_marker="absent"), MetricPayload("a", 1, "int")),
            "record_absent_not_allowed",
        ),
        (
            lambda: DegradedRecord(
                envelope(record_type="degraded"), DegradedPayload("gap.lost_rows", "capture", "warning", "s")
            ),
            "record_degraded_requires_gap",
        ),
        (lambda: manifest(artifact_ref="artifact:p.q.m"), "artifact_ref_prefix_mismatch"),
        (lambda: manifest(size_bytes=-1), "artifact_invalid_size_bytes"),
        (lambda: manifest(sample_observation_ref="sample:p.r.s.x"), "artifact_missing_stage_context"),
        (lambda: manifest(artifact_kind="my-model"), "artifact_invalid_kind"),
        (lambda: manifest(producer_ref="a_b"), "record_invalid_producer_ref"),
        (
            lambda: manifest(stage_execution_ref="stage:p.q.s"),
            "artifact_ref_prefix_mismatch",
        ),
        (lambda: envelope(correlation_refs=5), "record_invalid_mapping"),
        (lambda: envelope(stage_execution_ref="stage:p.r.s", batch_execution_ref="batch:p.r.t.b"), PREFIX),
        (lambda: MetricPayload("a", 1, "Float 64"), "record_invalid_value_type"),
        (lambda: MetricPayload("a", 1, "int", slice_ref="class-3"), "record_invalid_slice_ref"),
        (lambda: MetricPayload("a", "1", "int"), "record_invalid_metric_value"),
        (lambda: DegradedPayload("gap.lost-rows", "capture", "warning", "s"), "record_invalid_issue_key"),
        (lambda: DegradedPayload("gap", "rumour", "warning", "s"), "record_invalid_marker"),
        (lambda: DegradedPayload("gap", "capture", "info", "s"), "record_invalid_marker"),
        (lambda: StructuredEventPayload("a", "fatal", "m"), "record_invalid_marker"),
        (lambda: StructuredEventPayload("a", "info", " "), "context_invalid_string"),
        (
            lambda: TraceSpanPayload("s", "t", None, "n", START, END, "fine", "io"),
            "record_invalid_marker",
        ),
        (
            lambda: TraceSpanPayload("s", "t", None, "n", START, END, "ok", "io", linked_refs="run:p.r"),
            "context_invalid_ref",
        ),
        (lambda: edge(target_ref="run:p.r"), "lineage_self_relation"),
        (lambda: edge(relation_type="likes"), "lineage_invalid_relation_type"),
        (lambda: edge(origin_marker="heard"), "lineage_invalid_marker"),
        (lambda: edge(confidence_marker="some"), "lineage_invalid_marker"),
        (lambda: edge(relation_ref="run:p.r"), "stable_ref_kind_mismatch"),
        (lambda: provenance(assertion_mode="heard"), "provenance_invalid_assertion_mode"),
        (lambda: provenance(policy_ref="a_b"), "provenance_invalid_policy_ref"),
        (lambda: provenance(evidence_bundle_ref="run:p.r"), "stable_ref_kind_mismatch"),
        (lambda: ExtensionFieldSet("a.b", {}), "extension_empty_fields"),
        (lambda: ExtensionFieldSet("a.b", {"X": 1}), "extension_invalid_field"),
        (lambda: ExtensionFieldSet("a.b", {"x": 1}, "x"), "extension_invalid_field"),
        (lambda: ExtensionFieldSet("a." + "b" * 127, {"x": 1}), "extension_invalid_namespace"),
        (lambda: run(extensions=5), "extension_invalid_value"),
        (lambda: run(extensions=[5]), "extension_invalid_value"),
        (
            lambda: run(started_at=datetime.min.replace(tzinfo=timezone(timedelta(hours=9)))),
            "context_invalid_timestamp",
        ),
        (lambda: ExtensionFieldSet("single", {"a": 1}), "extension_invalid_namespace"),
        (lambda: run(extensions=[ExtensionFieldSet("a.b", {"x": 1})] * 2), "extension_duplicate_namespace"),
    ],
)
def test_what_breaks_a_rule_is_refused_under_its_code(call: Callable[[], object], code: str) -> None:
    with pytest.raises(ContextaError) as caught:
        call()
    assert caught.value.code == code


def test_two_extensions_of_one_namespace_are_a_conflict() -> None:
    with pytest.raises(ConflictError):
        run(extensions=[{"namespace": "a.b", "fields": {"x": 1}}] * 2)


@pytest.mark.parametrize("call", [Run, lambda: run(unknown=1), lambda: Run("run:p.r", run_ref="run:p.r")])
def test_missing_unknown_and_doubled_fields_are_type_errors(call: Callable[[], object]) -> None:
    with pytest.raises(TypeError):
        call()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (datetime(2025, 1, 1), "2025-01-01T00:00:00Z"),  # noqa: DTZ001 - naive means UTC
        (datetime(2025, 1, 1, 9, tzinfo=timezone(timedelta(hours=9))), "2025-01-01T00:00:00Z"),
        (datetime(2025, 1, 1, 0, 0, 0, 5, tzinfo=UTC), "2025-01-01T00:00:00.000005Z"),
        ("2025-01-01Z", "2025-01-01T00:00:00Z"),
        ("2025-01-01T00:00Z", "2025-01-01T00:00:00Z"),
        ("20250101T000000Z", "2025-01-01T00:00:00Z"),
        ("2025-01-01 00:00:00Z", "2025-01-01T00:00:00Z"),
        ("2025-W01-3Z", "2025-01-01T00:00:00Z"),
        ("2025-01-01T00:00:00.123456789Z", "2025-01-01T00:00:00.123456Z"),
        ("2025-01-01T00:00:00.000000Z", "2025-01-01T00:00:00Z"),
    ],
    ids=str,
)
def test_timestamps_are_kept_in_one_form(given: object, kept: str) -> None:
    assert run(started_at=given).started_at == kept


def test_times_are_ordered_as_instants_not_as_texts() -> None:
    ended = run(status="completed", started_at="2025-01-01T00:00:00Z", ended_at="2025-01-01T00:00:00.5Z")
    assert ended.ended_at == "2025-01-01T00:00:00.500000Z"
    assert envelope(observed_at="2025-01-01T00:00:00Z", recorded_at="2025-01-01T00:00:00.5Z")


def test_models_cannot_be_changed_at_any_depth() -> None:
    event = StructuredEventPayload("a", "info", "m", attributes={"b": [1, {"c": 2}], "a": 1})
    with pytest.raises(FrozenInstanceError):
        event.level = "error"
    with pytest.raises(TypeError):
        event.attributes["a"] = 2
    with pytest.raises(TypeError):
        event.attributes.update(a=2)
    assert event.to_dict()["attributes"] == {"a": 1, "b": [1, {"c": 2}]}
    with pytest.raises(TypeError):
        hash(event)


def test_models_copy_and_pickle() -> None:
    project = Project("project:p", "P", START, None, {"b": "1", "a": "2"})
    assert copy.deepcopy(project) == project
    assert pickle.loads(pickle.dumps(project)) == project  # noqa: S301 - its own bytes
    assert list(project.tags) == ["a", "b"]


def test_a_diverged_metric_is_a_fact() -> None:
    assert MetricPayload("loss", None, "nan").to_dict()["value"] is None
    assert MetricPayload("loss", None, "-inf").value_type == "-inf"


FIRST_USE = """
import sys, threading
from contexta.contract import MetricPayload, MetricRecord, RecordEnvelope
sys.setswitchinterval(1e-6)
start, ready, made = "2025-01-01T00:00:00Z", threading.Barrier(8), []
def make():
    ready.wait()
    head = RecordEnvelope("record:p.r.x", "metric", start, start, "sdk", "run:p.r")
    made.append(MetricRecord(head, MetricPayload("loss", 0.5, "float")))
threads = [threading.Thread(target=make) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(made), len({str(record) for record in made}))
"""


def test_threads_may_make_the_first_models_at_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FIRST_USE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["8", "1"]


def test_a_sample_of_a_batch_may_appear_with_its_stage_alone_and_beside_an_operation() -> None:
    assert envelope(
        stage_execution_ref="stage:p.r.s",
        sample_observation_ref="sample:p.r.s.b.x",
        operation_context_ref="op:p.r.s.o",
    )


def test_lines_of_public_contexta_are_valid_models() -> None:
    for line in (DATA / "public_record.jsonl").read_bytes().splitlines():
        payload = json.loads(line)["payload"]
        record = MetricRecord(RecordEnvelope(**payload["envelope"]), MetricPayload(**payload["payload"]))
        assert record.to_dict() == payload
    stored = json.loads((DATA / "public_artifact.jsonl").read_bytes())["payload"]["manifest"]
    assert ArtifactManifest(**stored).to_dict() == stored


MODELS = (Project, Run, StageExecution, BatchExecution, SampleObservation, OperationContext)
MORE = (DeploymentExecution, EnvironmentSnapshot, RecordEnvelope, MetricRecord, ArtifactManifest, LineageEdge)


@pytest.mark.parametrize("model", [*MODELS, *MORE, ProvenanceRecord])
def test_every_model_has_a_json_schema(model: Any) -> None:
    schema = model.model_json_schema()
    assert schema["additionalProperties"] is False
    json.dumps(schema)
