"""A ledger like the one of the source document, and shorter words for what tests put."""

from __future__ import annotations

import json

from contexta import Contexta
from contexta.contract import (
    ArtifactManifest,
    BatchExecution,
    CorrelationRefs,
    DegradedPayload,
    DegradedRecord,
    DeploymentExecution,
    LineageEdge,
    MetricPayload,
    MetricRecord,
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

DAY = "2025-01-01T00:"


def at(minute: str) -> str:
    """A time on the day of the source document, `02:00` after midnight."""
    return f"{DAY}{minute}Z"


def end(status: str, minute: str) -> str | None:
    return None if status == "open" else at(minute)


def put_project(ctx: Contexta, slug: str = "my-proj", name: str | None = None) -> None:
    ctx.metadata_store.projects.put_project(
        Project(project_ref=f"project:{slug}", name=name or slug, created_at=at("00:00"))
    )


def put_run(ctx: Contexta, run: str, *, status: str = "completed", start: str = "00:30") -> None:
    project = run.partition(".")[0]
    ctx.metadata_store.runs.put_run(
        Run(
            run_ref=f"run:{run}",
            project_ref=f"project:{project}",
            name=run.rpartition(".")[2],
            status=status,
            started_at=at(start),
            ended_at=end(status, "50:00"),
        )
    )


def put_stage(ctx: Contexta, stage: str, *, status: str = "completed", order: int | None = None) -> None:
    run, _, name = stage.rpartition(".")
    ctx.metadata_store.stages.put_stage_execution(
        StageExecution(
            stage_execution_ref=f"stage:{stage}",
            run_ref=f"run:{run}",
            stage_name=name,
            status=status,
            started_at=at("00:40"),
            ended_at=end(status, "08:00"),
            order_index=order,
        )
    )


def put_batch(
    ctx: Contexta,
    batch: str,
    *,
    status: str = "completed",
    start: str = "01:00",
    stop: str = "02:00",
    order: int | None = None,
) -> None:
    stage, _, name = batch.rpartition(".")
    ctx.metadata_store.batches.put_batch_execution(
        BatchExecution(
            batch_execution_ref=f"batch:{batch}",
            run_ref=f"run:{stage.rpartition('.')[0]}",
            stage_execution_ref=f"stage:{stage}",
            batch_name=name,
            status=status,
            started_at=at(start),
            ended_at=end(status, stop),
            order_index=order,
        )
    )


def put_sample(ctx: Contexta, sample: str, **more: str) -> None:
    names = sample.split(".")
    ctx.metadata_store.samples.put_sample_observation(
        SampleObservation(
            sample_observation_ref=f"sample:{sample}",
            run_ref=f"run:{'.'.join(names[:2])}",
            stage_execution_ref=f"stage:{'.'.join(names[:3])}",
            batch_execution_ref=f"batch:{'.'.join(names[:4])}" if len(names) == 5 else None,
            sample_name=names[-1],
            observed_at=at("03:30"),
            **more,
        )
    )


def put_deployment(
    ctx: Contexta,
    deployment: str,
    *,
    status: str = "completed",
    run: str | None = None,
    artifact: str | None = None,
    start: str = "09:00",
) -> None:
    project, _, name = deployment.partition(".")
    ctx.metadata_store.deployments.put_deployment_execution(
        DeploymentExecution(
            deployment_execution_ref=f"deployment:{deployment}",
            project_ref=f"project:{project}",
            deployment_name=name,
            status=status,
            started_at=at(start),
            ended_at=end(status, "10:00"),
            run_ref=f"run:{run}" if run else None,
            artifact_ref=f"artifact:{artifact}" if artifact else None,
        )
    )


def put_relation(ctx: Contexta, name: str, kind: str, source: str, target: str) -> None:
    ctx.metadata_store.relations.put_relation(
        LineageEdge(
            relation_ref=f"relation:{name}",
            relation_type=kind,
            source_ref=source,
            target_ref=target,
            recorded_at=at("20:00"),
            origin_marker="explicit",
            confidence_marker="high",
        )
    )


def put_provenance(ctx: Contexta, name: str, relation: str, minute: str = "21:00") -> None:
    ctx.metadata_store.provenance.put_provenance(
        ProvenanceRecord(
            provenance_ref=f"provenance:{name}",
            relation_ref=f"relation:{relation}",
            assertion_mode="explicit",
            asserted_at=at(minute),
        )
    )


def _envelope(record: str, record_type: str, scope: str, minute: str, **more: object) -> RecordEnvelope:
    """An envelope for the scope with a ref, as deep as it goes."""
    kind, _, value = scope.partition(":")
    names = value.split(".")
    refs: dict[str, object] = {"run_ref": f"run:{'.'.join(names[:2])}"}
    if kind == "deployment":
        refs = {"deployment_execution_ref": scope}
    elif len(names) >= 3:
        refs["stage_execution_ref"] = f"stage:{'.'.join(names[:3])}"
    if kind == "batch" or len(names) == 5:
        refs["batch_execution_ref"] = f"batch:{'.'.join(names[:4])}"
    if kind == "sample":
        refs["sample_observation_ref"] = scope
    refs.update(more)
    run = str(refs["run_ref"]).partition(":")[2]
    return RecordEnvelope(
        record_ref=f"record:{run}.{record}",
        record_type=record_type,
        recorded_at=at(minute),
        observed_at=at(minute),
        producer_ref="tests.queries",
        **refs,
    )


def append_metric(
    ctx: Contexta,
    record: str,
    scope: str,
    key: str,
    value: float | None,
    *,
    minute: str = "03:00",
    value_type: str = "float",
    **envelope: object,
) -> None:
    append(
        ctx,
        MetricRecord(
            envelope=_envelope(record, "metric", scope, minute, **envelope),
            payload=MetricPayload(metric_key=key, value=value, value_type=value_type, unit="ratio"),
        ),
    )


def append_event(
    ctx: Contexta,
    record: str,
    scope: str,
    key: str,
    *,
    level: str = "info",
    minute: str = "03:00",
    **envelope: object,
) -> None:
    append(
        ctx,
        StructuredEventRecord(
            envelope=_envelope(record, "event", scope, minute, **envelope),
            payload=StructuredEventPayload(event_key=key, level=level, message=f"message of {key}"),
        ),
    )


def append_span(ctx: Contexta, record: str, scope: str, name: str) -> None:
    append(
        ctx,
        TraceSpanRecord(
            envelope=_envelope(
                record, "span", scope, "03:00", correlation_refs=CorrelationRefs(trace_id="trace-9")
            ),
            payload=TraceSpanPayload(
                span_id="span-1",
                trace_id="trace-1",
                parent_span_id=None,
                span_name=name,
                started_at=at("03:00"),
                ended_at=at("03:01.500000"),
                status="ok",
                span_kind="io",
            ),
        ),
    )


def append_gap(ctx: Contexta, record: str, scope: str, key: str) -> None:
    append(
        ctx,
        DegradedRecord(
            envelope=_envelope(
                record,
                "degraded",
                scope,
                "03:00",
                degradation_marker="capture_gap",
                completeness_marker="partial",
            ),
            payload=DegradedPayload(
                issue_key=key, category="capture", severity="warning", summary="3 rows lost"
            ),
        ),
    )


def append(ctx: Contexta, record: object) -> None:
    result = ctx.record_store.append(record)
    assert not result.rejected


def manifest(artifact: str, *, kind: str = "model", **more: object) -> ArtifactManifest:
    return ArtifactManifest(
        artifact_ref=f"artifact:{artifact}",
        artifact_kind=kind,
        created_at=at("07:00"),
        producer_ref="tests.queries",
        run_ref=f"run:{artifact.rpartition('.')[0]}",
        location_ref=str(more.pop("location", "model.bin")),
        **more,
    )


def fill_like_the_source_document(ctx: Contexta) -> None:
    """Two batches of which one failed, one sample, one deployment; parents first, as the ledger wants."""
    put_project(ctx)
    put_run(ctx, "my-proj.run-01")
    put_stage(ctx, "my-proj.run-01.train", order=0)
    put_stage(ctx, "my-proj.run-01.evaluate", order=1)
    put_batch(ctx, "my-proj.run-01.train.epoch-0", order=0)
    put_batch(ctx, "my-proj.run-01.train.epoch-1", status="failed", start="02:00", stop="03:00", order=1)
    put_sample(
        ctx, "my-proj.run-01.evaluate.s-0001", retention_class="review", redaction_profile="pii-masked"
    )
    put_deployment(ctx, "my-proj.model-v1", run="my-proj.run-01", artifact="my-proj.run-01.model")


def binding(artifact: str, **more: object) -> str:
    """The text of a vault's binding file."""
    return json.dumps(
        {
            "artifact_ref": f"artifact:{artifact}",
            "created_at": at("07:30"),
            "manifest_snapshot": manifest(artifact, **more).to_dict(),
        },
        indent=2,
    )
