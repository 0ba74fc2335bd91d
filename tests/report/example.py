"""A run to report on, and a fake that answers what a report asks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from contexta.contract.frozen import FrozenMap
from contexta.diagnostics.runs import DiagnosticsPolicy
from contexta.errors import InterpretationError
from contexta.query.compare import ComparisonPolicy
from contexta.query.findings import (
    ArtifactChange,
    BatchComparison,
    CompletenessNote,
    DiagnosticsIssue,
    DiagnosticsResult,
    MetricDelta,
    ProjectDiagnostics,
    ProvenanceComparison,
    RunComparison,
    SampleComparison,
    StageComparison,
)
from contexta.query.run_filter import RunListQuery
from contexta.query.views import (
    ArtifactRecord,
    BatchRecord,
    DeploymentRecord,
    EvidenceLink,
    ObservationRecord,
    ProvenanceView,
    RunRecord,
    RunSnapshot,
    SampleRecord,
    StageRecord,
)
from contexta.report import ReportDocument, run_report, snapshot_report

RUN = "run:digits-cnn.tiny-cnn"
PROJECT = "digits-cnn"
TRACE = """Traceback (most recent call last):
  File "digits/evaluate.py", line 12, in evaluate
    score(batch)
  File "digits/model.py", line 31, in forward
    raise RuntimeError("CUDA out of memory")
RuntimeError: CUDA out of memory
"""


def at(second: int) -> str:
    return f"2026-01-02T03:{second // 60:02}:{second % 60:02}Z"


class Recorder:
    """Makes records of one run, one a second."""

    def __init__(self, run: str = RUN) -> None:
        self.run = run
        self.records: list[ObservationRecord] = []

    def metric(self, scope: str, key: str, value: float | None, unit: str | None = None) -> None:
        finite = value is not None and math.isfinite(value)
        kind = "float" if finite else str(value)
        self._add(scope, "metric", key, value=value if finite else None, value_type=kind, unit=unit)

    def event(
        self, scope: str, key: str, message: str, level: str, attributes: Mapping[str, str] | None = None
    ) -> None:
        payload: FrozenMap[object] = FrozenMap({"attributes": FrozenMap(dict(attributes or {}))})
        self._add(scope, "event", key, message=message, level=level, payload=payload)

    def exception(self, scope: str, kind: str, message: str, trace: str = TRACE) -> None:
        facts = {"exception.type": kind, "exception.message": message, "exception.stacktrace": trace}
        self.event(scope, "exception", f"{kind}: {message}", "error", facts)

    def _add(self, scope: str, record_type: str, key: str, **rest: object) -> None:
        count = len(self.records)
        parts = scope.split(".") if scope else []
        stage, batch, sample = (
            ".".join(parts[:depth]) if len(parts) >= depth else None for depth in (1, 2, 3)
        )
        deployment = scope if scope.startswith("deployment:") else None
        body = self.run.removeprefix("run:")
        record = ObservationRecord(
            record_id=f"record:{body}.{count:04}",
            run_id=self.run,
            stage_id=f"stage:{body}.{stage}" if stage and not deployment else None,
            record_type=record_type,
            key=key,
            observed_at=at(count),
            value=None,
            message=None,
            batch_id=f"batch:{body}.{batch}" if batch and not deployment else None,
            sample_id=f"sample:{body}.{sample}" if sample and not deployment else None,
            deployment_id=deployment,
        )
        self.records.append(replace(record, **rest))  # type: ignore[arg-type]


def run_record(run: str = RUN, status: str = "completed") -> RunRecord:
    return RunRecord(
        run_id=run,
        project_name=PROJECT,
        name=run.rpartition(".")[2],
        status=status,
        started_at=at(0),
        ended_at=at(200),
        tags=FrozenMap({"model": "cnn"}),
        metadata=FrozenMap({"dataset_ref": "digits-8x8@3", "config_snapshot": FrozenMap({"lr": 0.003})}),
    )


def stage(name: str, status: str = "completed", order: int = 0, run: str = RUN) -> StageRecord:
    ref = f"stage:{run.removeprefix('run:')}.{name}"
    return StageRecord(ref, run, name, status, order, at(0), at(90))


def batch(
    stage_name: str, name: str, status: str = "completed", order: int = 0, run: str = RUN
) -> BatchRecord:
    body = run.removeprefix("run:")
    ref = f"batch:{body}.{stage_name}.{name}"
    start, end = at(order * 10), at(order * 10 + 9)
    return BatchRecord(ref, run, f"stage:{body}.{stage_name}", name, status, order, start, end)


def sample(stage_name: str, batch_name: str, name: str, *, note: str = "", run: str = RUN) -> SampleRecord:
    body = run.removeprefix("run:")
    return SampleRecord(
        sample_id=f"sample:{body}.{stage_name}.{batch_name}.{name}",
        run_id=run,
        stage_id=f"stage:{body}.{stage_name}",
        batch_id=f"batch:{body}.{stage_name}.{batch_name}",
        name=name,
        observed_at=at(100),
        retention_class="review",
        failed=bool(note),
        note=note,
    )


def demo() -> RunSnapshot:
    """A training run with a loss that falls, one NaN, a failed batch, a wrong answer, a failed deployment."""
    recorder = Recorder()
    recorder.event("", "run.started", "hello", "info")
    for epoch in range(1, 4):
        for step in range(4):
            spike = epoch == 2 and step == 1
            recorder.metric(f"train.epoch-{epoch}", "loss", math.nan if spike else 2.0 / (epoch * 4 + step))
        recorder.metric(f"train.epoch-{epoch}", "throughput", 1800 + epoch, "img/s")
    recorder.metric("evaluate", "accuracy", 0.948, "ratio")
    recorder.metric("evaluate.holdout.q-1", "correct", 1, "ratio")
    recorder.metric("evaluate.holdout.q-4", "correct", 0, "ratio")
    recorder.event("evaluate.holdout.q-4", "answer.wrong", "expected B got C", "error")
    recorder.exception("evaluate.holdout", "RuntimeError", "CUDA out of memory")
    recorder.exception("deployment:digits-cnn.canary", "TimeoutError", "canary m1 is not ready", "")
    run = run_record(status="failed")
    return RunSnapshot(
        run=run,
        deployments=(
            DeploymentRecord(
                "deployment:digits-cnn.canary",
                PROJECT,
                "canary",
                "failed",
                RUN,
                "artifact:digits-cnn.tiny-cnn.model",
                at(180),
                at(190),
                0,
            ),
        ),
        stages=(stage("train"), stage("evaluate", "failed", 1)),
        batches=(
            *(batch("train", f"epoch-{epoch}", order=epoch) for epoch in range(1, 4)),
            batch("evaluate", "holdout", "failed"),
        ),
        samples=(
            sample("evaluate", "holdout", "q-1"),
            sample("evaluate", "holdout", "q-4", note="correct 0"),
        ),
        artifacts=(
            ArtifactRecord(
                "artifact:digits-cnn.tiny-cnn.model",
                RUN,
                None,
                "model",
                at(170),
                "path:/models/tiny-cnn/model.pt",
                "0" * 64,
                2_900,
            ),
        ),
        relations=(),
        records=tuple(recorder.records),
        evidence_links=(EvidenceLink("run", RUN, "tiny-cnn"),),
        completeness_notes=("relation_scope_empty", "provenance_missing"),
    )


def quiet(run: str = RUN) -> RunSnapshot:
    """A run about which nothing is known but that it is there."""
    return RunSnapshot(run_record(run, "open"), (), (), (), (), (), (), (), (), ("stage_list_empty",))


def diagnosis(snapshot: RunSnapshot) -> DiagnosticsResult:
    issues = tuple(
        DiagnosticsIssue(
            "error",
            "failed_batch",
            f"batch {each.name} failed",
            subject_ref=each.batch_id,
            evidence_links=(EvidenceLink("batch", each.batch_id, each.name),),
        )
        for each in snapshot.batches
        if each.status == "failed"
    )
    notes = tuple(CompletenessNote("warning", note) for note in snapshot.completeness_notes)
    return DiagnosticsResult(snapshot.run.run_id, issues, notes)


def provenance(run: str = RUN) -> ProvenanceView:
    return ProvenanceView(run, "provenance:digits-cnn.p1", "relation:digits-cnn.r1", "declared", at(0))


class FakeQueries:
    """Answers from snapshots in memory."""

    diagnostics = DiagnosticsPolicy()
    comparison = ComparisonPolicy()

    def __init__(self, *snapshots: RunSnapshot) -> None:
        self.snapshots = {each.run.run_id: each for each in snapshots}
        self.captured: list[bool | None] = []

    def get_run_snapshot(self, run_id: str, /, *, include_captured: bool | None = None) -> RunSnapshot:
        self.captured.append(include_captured)
        if run_id not in self.snapshots:
            raise InterpretationError("no such run", code="query_run_not_found")
        return self.snapshots[run_id]

    def list_runs(
        self, query: RunListQuery, /, *, include_captured: bool | None = None
    ) -> tuple[RunRecord, ...]:
        self.captured.append(include_captured)
        runs = (each.run for each in self.snapshots.values())
        return tuple(run for run in runs if run.project_name == query.project_name)

    def list_deployments(
        self, project_name: str, /, *, include_captured: bool | None = None
    ) -> tuple[DeploymentRecord, ...]:
        self.captured.append(include_captured)
        found = (each for snapshot in self.snapshots.values() for each in snapshot.deployments)
        return tuple(each for each in found if each.project_name == project_name)

    def diagnose_project(
        self, project_name: str, /, *, include_captured: bool | None = None
    ) -> ProjectDiagnostics:
        self.captured.append(include_captured)
        runs = [each for each in self.snapshots.values() if each.run.project_name == project_name]
        loose = DiagnosticsIssue("error", "failed_deployment", "deployment lost failed")
        return ProjectDiagnostics(project_name, tuple(map(diagnosis, runs)), (loose,) if runs else ())


def report(snapshot: RunSnapshot) -> ReportDocument:
    """The report on a run with a short diagnosis."""
    return snapshot_report(snapshot, diagnosis(snapshot))


def comparison_report(left: RunSnapshot, right: RunSnapshot) -> ReportDocument:
    """The report on two runs with a comparison and diagnoses that were made up."""
    made_up = comparison(left.run.run_id, right.run.run_id)
    return run_report(made_up, (left, right), map(diagnosis, (left, right)))


def comparison(left: str, right: str) -> RunComparison:
    """What `compare_runs` could answer about two runs that differ in everything."""
    delta = MetricDelta("loss", 0.5, 0.25, -0.25, 0.5, "train")
    lonely = MetricDelta(
        "auc",
        None,
        0.9,
        None,
        None,
        "train",
        completeness_notes=(CompletenessNote("warning", "sparse_metric_capture:train:auc"),),
    )
    stages = StageComparison(
        "train",
        f"stage:{left.removeprefix('run:')}.train",
        f"stage:{right.removeprefix('run:')}.train",
        "completed",
        "failed",
        (delta, lonely),
        batch_comparisons=(
            BatchComparison("train", "epoch-1", "batch:a", "batch:b", "completed", "failed", (delta,)),
        ),
        sample_comparisons=(
            SampleComparison("train", None, "s-0", "sample:a", "sample:b", False, False, ()),
            SampleComparison("train", "epoch-1", "s-1", "sample:c", "sample:d", True, False, (delta,)),
        ),
    )
    return RunComparison(
        left,
        right,
        f"Compared {left} and {right}: 1 stage rows, 2 metric deltas, 1 artifact changes.",
        (stages,),
        (ArtifactChange("model", "artifact:p.a.m", "artifact:p.b.m", "changed", (), "hash_changed"),),
        (CompletenessNote("warning", "left:batch_list_empty"),),
        provenance_comparison=ProvenanceComparison(provenance(left), None),
        run_metric_deltas=(MetricDelta("cost", 1.0, 3.0, 2.0, 3.0),),
    )
