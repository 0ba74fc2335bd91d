"""One bad thing never hides a run; and what public Contexta gets wrong with good things is right."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import shutil
from pathlib import Path

import duckdb
import pytest

from contexta import Contexta
from tests.query import ledgers

TRAIN = "stage:my-proj.run-01.train"


@pytest.fixture(autouse=True)
def _filled(ctx: Contexta) -> None:
    ledgers.fill_like_the_source_document(ctx)


def ledger_of(ctx: Contexta) -> duckdb.DuckDBPyConnection:
    ctx.metadata_store.close()
    return duckdb.connect(Path(ctx.workspace) / "metadata" / "ledger.db")


def test_an_artifact_whose_body_is_missing_is_shown_with_its_run(ctx: Contexta, tmp_path: Path) -> None:
    body = tmp_path / "model.bin"
    body.write_bytes(b"weights")
    ctx.artifact_store.put_artifact(ledgers.manifest("my-proj.run-01.model", size_bytes=7), body)
    shutil.rmtree(Path(ctx.workspace) / "artifacts" / "objects")
    (artifact,) = ctx.get_run_snapshot("run-01").artifacts
    assert (artifact.kind, artifact.location, artifact.size_bytes) == ("model", "model.bin", 7)
    assert ctx.repository.get_artifact("artifact:my-proj.run-01.model") == artifact
    origin = ctx.get_artifact_origin(artifact.artifact_ref)
    assert origin is not None
    assert origin.run.run_id == "run:my-proj.run-01"


@pytest.mark.parametrize(
    "payload",
    ["no JSON", "[]", '{"batch_execution_ref": 7}', '{"extensions": "odd", "status": "failed"}', "null"],
)
def test_a_poisoned_row_hides_neither_its_run_nor_itself(ctx: Contexta, payload: str) -> None:
    with ledger_of(ctx) as ledger:
        ledger.execute("update batch_executions set payload_json = ? where ref like '%epoch-1'", [payload])
    snapshot = ctx.get_run_snapshot("run-01")
    assert [(batch.name, batch.status) for batch in snapshot.batches] == [
        ("epoch-0", "completed"),
        ("epoch-1", "failed"),
    ]
    assert len(snapshot.samples) == 1


def test_a_row_with_a_foreign_extension_and_version_is_read(ctx: Contexta) -> None:
    with ledger_of(ctx) as ledger:
        ((text,),) = ledger.execute("select payload_json from runs").fetchall()
        payload = json.loads(text)
        payload["schema_version"] = "9.0.0"
        payload["extensions"] = [{"namespace": "acme.private", "fields": {"a": 1}, "readonly_fields": []}]
        ledger.execute("update runs set payload_json = ?", [json.dumps(payload)])
    assert [run.status for run in ctx.list_runs()] == ["completed"]


def test_a_damaged_line_hides_no_other_and_is_noted(ctx: Contexta) -> None:
    ledgers.append_metric(ctx, "m-1", TRAIN, "loss", 0.5)
    (segment,) = (Path(ctx.workspace) / "records" / "segments").iterdir()
    with segment.open("ab") as file:
        file.write(b'{"appended_at": "2025-01-01T00:00:00Z", "record": {"envel\n')
    snapshot = ctx.get_run_snapshot("run-01")
    assert [record.key for record in snapshot.records] == ["loss"]
    assert snapshot.completeness_notes[-1] == "damaged_lines:segment-000001.jsonl:1"


def test_a_ledger_of_another_version_is_noted(ctx: Contexta) -> None:
    ledgers.append_metric(ctx, "m-1", TRAIN, "loss", 0.5)
    with ledger_of(ctx) as ledger:
        ledger.execute("update schema_metadata set store_schema_version = '2'")
    snapshot = ctx.get_run_snapshot("run-01")
    assert snapshot.completeness_notes[-1] == "source_unreadable:ledger"
    assert len(snapshot.records) == 1


def test_a_span_is_readable_and_has_a_duration(ctx: Contexta) -> None:
    ledgers.append_span(ctx, "span-1", TRAIN, "load data")
    (span,) = ctx.get_run_snapshot("run-01").records
    assert (span.record_type, span.key, span.level) == ("span", "load data", "ok")
    assert span.duration_ms == 1500.0
    assert span.payload["duration_ms"] == 1500.0
    assert span.payload["trace_id"] == "trace-1"
    assert span.correlation_id == "trace-9"
    assert "parent_span_id" not in span.payload


def test_times_order_as_instants(ctx: Contexta) -> None:
    for number, minute in enumerate(["04:00.500000", "04:00", "04:00.250000"]):
        ledgers.append_metric(ctx, f"m-{number}", TRAIN, "loss", number, minute=minute)
    assert [record.value for record in ctx.list_records("run-01")] == [1.0, 2.0, 0.0]
    for number, minute in enumerate(["05:00.500000", "05:00", "05:00.250000"]):
        ledgers.put_run(ctx, f"my-proj.timed-{number}", start=minute)
    assert [run.name for run in ctx.list_runs()] == ["run-01", "timed-1", "timed-2", "timed-0"]


def test_stages_and_batches_come_as_they_ran(ctx: Contexta) -> None:
    ledgers.put_stage(ctx, "my-proj.run-01.archive", order=2)
    ledgers.put_batch(ctx, "my-proj.run-01.archive.a", order=0)
    ledgers.put_batch(ctx, "my-proj.run-01.evaluate.z", order=0)
    assert [stage.name for stage in ctx.list_stages("run-01")] == ["train", "evaluate", "archive"]
    assert [batch.name for batch in ctx.list_batches("run-01")] == ["epoch-0", "epoch-1", "z", "a"]


def test_records_of_a_deployment_count_and_are_not_the_run_s_own(ctx: Contexta) -> None:
    run = "run:my-proj.run-01"
    ledgers.append_event(ctx, "e-1", "deployment:my-proj.model-v1", "checkpoint.selected", run_ref=run)
    ledgers.append_metric(ctx, "m-1", "deployment:my-proj.model-v1", "latency.ms", 3.0, run_ref=run)
    snapshot = ctx.get_run_snapshot(run)
    assert {record.deployment_id for record in snapshot.records} == {"deployment:my-proj.model-v1"}
    assert [record.run_id for record in snapshot.records] == [run, run]
    ledgers.put_run(ctx, "my-proj.run-02")
    assert ctx.compare_runs(run, "run-02").run_metric_deltas == ()


def test_a_record_says_all_the_scopes_it_was_made_in(ctx: Contexta) -> None:
    ledgers.append_metric(
        ctx,
        "m-1",
        "sample:my-proj.run-01.train.epoch-0.one",
        "correct",
        1.0,
        operation_context_ref="op:my-proj.run-01.train.epoch-0.predict",
        deployment_execution_ref="deployment:my-proj.model-v1",
        completeness_marker="sampled",
        schema_version="1.2.0",
    )
    (record,) = ctx.list_records("run-01")
    assert record.stage_id == "stage:my-proj.run-01.train"
    assert record.batch_id == "batch:my-proj.run-01.train.epoch-0"
    assert record.sample_id == "sample:my-proj.run-01.train.epoch-0.one"
    assert record.operation_id == "op:my-proj.run-01.train.epoch-0.predict"
    assert record.deployment_id == "deployment:my-proj.model-v1"
    assert (record.completeness_marker, record.schema_version) == ("sampled", "1.2.0")
    assert (record.producer_ref, record.unit, record.value_type) == ("tests.queries", "ratio", "float")


def test_the_same_record_appended_twice_is_one(ctx: Contexta) -> None:
    for _ in range(2):
        ledgers.append_metric(ctx, "m-1", TRAIN, "loss", 0.5)
    assert len(ctx.list_records("run-01")) == 1


def test_views_are_plain_data(ctx: Contexta) -> None:
    ledgers.append_gap(ctx, "gap", TRAIN, "gap.lost_rows")
    ledgers.put_run(ctx, "my-proj.run-02")
    for answer in (
        ctx.get_run_snapshot("run-01"),
        ctx.diagnose_run("run-01"),
        ctx.compare_runs("run-01", "run-02"),
        ctx.compare_multiple_runs(["run-01", "run-02"]),
        ctx.traverse_lineage("run:my-proj.run-01"),
    ):
        assert json.dumps(dataclasses.asdict(answer))
        assert copy.deepcopy(answer) == answer
        assert pickle.loads(pickle.dumps(answer)) == answer  # noqa: S301 - made here
