"""Diagnoses one run from its snapshot, and a project from those of its runs.

Pure. The first issues are those of public Contexta, word for word and in its order (format specification,
section 7.1); ours follow, the errors first. A scope whose end nobody stated is never judged by it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from contexta.contract.frozen import FrozenJson, FrozenMap
from contexta.diagnostics.rules import EXPECTED_STAGES
from contexta.query.findings import CompletenessNote, DiagnosticsIssue, DiagnosticsResult, ProjectDiagnostics
from contexta.query.results import RecordType, Severity, Status
from contexta.query.run_snapshot import link_of, links_of
from contexta.query.views import (
    DeploymentRecord,
    EvidenceLink,
    ObservationRecord,
    RunSnapshot,
    StageRecord,
)
from contexta.vocabulary import ERROR_LEVELS, SCORES

_NON_FINITE: Final = ("nan", "inf", "-inf")
_SEVERITIES: Final = {
    "degraded_record": Severity.WARNING,
    "incomplete_stage": Severity.WARNING,
    "missing_stage_metrics": Severity.INFO,
    "failed_batch": Severity.ERROR,
    "incomplete_batch": Severity.WARNING,
    "failed_deployment": Severity.ERROR,
    "missing_expected_stage": Severity.INFO,
    "failed_run": Severity.ERROR,
    "failed_stage": Severity.ERROR,
    "failed_sample": Severity.WARNING,
    "error_event": Severity.WARNING,
    "non_finite_metric": Severity.WARNING,
}


@dataclass(frozen=True, slots=True)
class DiagnosticsPolicy:
    """What a diagnosis looks for.

    Attributes:
        require_metrics_for_completed_stages: Whether a completed stage without a metric is an issue.
        detect_degraded_records: Whether degraded records are issues.
        expected_terminal_stage_names: Stages that every run is expected to have.
    """

    require_metrics_for_completed_stages: bool = True
    detect_degraded_records: bool = True
    expected_terminal_stage_names: tuple[str, ...] = EXPECTED_STAGES


def diagnose_run(snapshot: RunSnapshot, policy: DiagnosticsPolicy) -> DiagnosticsResult:
    """The issues of a run."""
    evidence = _Evidence(snapshot.records)
    return DiagnosticsResult(
        run_id=snapshot.run.run_id,
        issues=(
            *(_degraded(snapshot) if policy.detect_degraded_records else ()),
            *_stages(snapshot, policy, evidence),
            *_batches(snapshot, evidence),
            *(
                failed_deployment(deployment, snapshot.run.run_id, evidence.of(deployment.deployment_id))
                for deployment in snapshot.deployments
                if deployment.status == Status.FAILED
            ),
            *_missing_stages(snapshot, policy),
            *_failures(snapshot, evidence),
            *_signals(snapshot, evidence),
        ),
        completeness_notes=tuple(CompletenessNote("warning", note) for note in snapshot.completeness_notes),
        evidence_links=snapshot.evidence_links,
    )


def diagnose_project(
    project_name: str,
    snapshots: Iterable[RunSnapshot],
    deployments: Iterable[DeploymentRecord],
    policy: DiagnosticsPolicy,
) -> ProjectDiagnostics:
    """The issues of a project.

    Args:
        project_name: As it was asked for.
        snapshots: Its runs.
        deployments: All its deployments; those that failed and belong to none of the runs are issues of
            the project.
        policy: What to look for.
    """
    runs = tuple(diagnose_run(snapshot, policy) for snapshot in snapshots)
    known = {run.run_id for run in runs}
    return ProjectDiagnostics(
        project_name=project_name,
        runs=runs,
        issues=tuple(
            failed_deployment(deployment, deployment.run_id, ())
            for deployment in deployments
            if deployment.status == Status.FAILED and deployment.run_id not in known
        ),
    )


def failed_deployment(
    deployment: DeploymentRecord, run_id: str | None, evidence: Sequence[ObservationRecord]
) -> DiagnosticsIssue:
    """The issue of a deployment that failed."""
    return _issue(
        "failed_deployment",
        f"deployment {deployment.name} failed",
        {"deployment_id": deployment.deployment_id, "run_id": run_id},
        link_of(deployment),
        evidence,
    )


class _Evidence:
    """The records of a run that explain failures, by the scopes they were made in."""

    def __init__(self, records: Iterable[ObservationRecord]) -> None:
        self._found: dict[str, list[ObservationRecord]] = defaultdict(list)
        for record in records:
            if _explains(record):
                for scope in (
                    record.run_id,
                    record.stage_id,
                    record.batch_id,
                    record.sample_id,
                    record.deployment_id,
                ):
                    if scope is not None:
                        self._found[scope].append(record)

    def of(self, ref: str) -> Sequence[ObservationRecord]:
        """Records at or under a scope, by time."""
        return self._found.get(ref, ())


def _explains(record: ObservationRecord) -> bool:
    if record.record_type == RecordType.EVENT:
        return record.level in ERROR_LEVELS
    if record.record_type != RecordType.METRIC:
        return record.degradation_marker != "none"
    scored = record.sample_id is not None and record.key in SCORES and record.value == 0
    return scored or record.value_type in _NON_FINITE


def _degraded(snapshot: RunSnapshot) -> Iterator[DiagnosticsIssue]:
    for record in snapshot.records:
        if record.degradation_marker != "none":
            yield _issue(
                "degraded_record",
                f"degraded record detected for {record.key}",
                {
                    "record_type": record.record_type,
                    "degradation_marker": record.degradation_marker,
                    "stage_id": record.stage_id,
                },
                link_of(record),
            )


def _stages(
    snapshot: RunSnapshot, policy: DiagnosticsPolicy, evidence: _Evidence
) -> Iterator[DiagnosticsIssue]:
    measured = {record.stage_id for record in snapshot.records if record.record_type == RecordType.METRIC}
    run_id = snapshot.run.run_id
    for stage in snapshot.stages:
        if stage.status == Status.COMPLETED:
            if policy.require_metrics_for_completed_stages and stage.stage_id not in measured:
                yield _issue(
                    "missing_stage_metrics",
                    f"completed stage {stage.name} has no metric records",
                    {"stage_name": stage.name, "run_id": run_id},
                    link_of(stage),
                )
        elif stage.status != Status.UNKNOWN and not _in_progress(snapshot, stage):
            yield _issue(
                "incomplete_stage",
                f"stage {stage.name} is not completed",
                {"status": stage.status, "run_id": run_id},
                link_of(stage),
                evidence.of(stage.stage_id),
            )


def _in_progress(snapshot: RunSnapshot, stage: StageRecord) -> bool:
    """An open stage of an open run that is being captured is work, and no issue; a stored one is."""
    return stage.status == snapshot.run.status == Status.OPEN and "captured" in stage.origin


def _batches(snapshot: RunSnapshot, evidence: _Evidence) -> Iterator[DiagnosticsIssue]:
    run_id = snapshot.run.run_id
    for batch in snapshot.batches:
        if batch.status == Status.FAILED:
            yield _issue(
                "failed_batch",
                f"batch {batch.name} failed",
                {"batch_id": batch.batch_id, "stage_id": batch.stage_id, "run_id": run_id},
                link_of(batch),
                evidence.of(batch.batch_id),
            )
        elif batch.status not in (Status.COMPLETED, Status.OPEN, Status.UNKNOWN):
            yield _issue(
                "incomplete_batch",
                f"batch {batch.name} ended with status {batch.status}",
                {"batch_id": batch.batch_id, "status": batch.status, "run_id": run_id},
                link_of(batch),
                evidence.of(batch.batch_id),
            )


def _missing_stages(snapshot: RunSnapshot, policy: DiagnosticsPolicy) -> Iterator[DiagnosticsIssue]:
    known = {stage.name for stage in snapshot.stages}
    for name in policy.expected_terminal_stage_names:
        if name not in known:
            yield _issue(
                "missing_expected_stage",
                f"expected terminal stage {name} is missing",
                {"expected_stage_name": name, "run_id": snapshot.run.run_id},
                link_of(snapshot.run),
            )


def _failures(snapshot: RunSnapshot, evidence: _Evidence) -> Iterator[DiagnosticsIssue]:
    """Runs, stages and samples that failed."""
    run = snapshot.run
    if run.status == Status.FAILED:
        why = evidence.of(run.run_id)
        name = run.run_id.rpartition(".")[2]
        yield _issue("failed_run", f"run {name} failed", {"run_id": run.run_id}, link_of(run), why)
    for stage in snapshot.stages:
        if stage.status == Status.FAILED:
            yield _issue(
                "failed_stage",
                f"stage {stage.name} failed",
                {"stage_id": stage.stage_id, "run_id": run.run_id},
                link_of(stage),
                evidence.of(stage.stage_id),
            )
    for sample in snapshot.samples:
        if sample.failed:
            why = evidence.of(sample.sample_id)
            summary = f"sample {sample.name} failed" + (f": {sample.note}" if sample.note else "")
            details = {"sample_id": sample.sample_id, "batch_id": sample.batch_id, "run_id": run.run_id}
            yield _issue("failed_sample", summary, details, link_of(sample), why)


def _signals(snapshot: RunSnapshot, evidence: _Evidence) -> Iterator[DiagnosticsIssue]:
    """Error events and values that are not finite, alike ones on one scope together."""
    alike: dict[tuple[str, str, str], list[ObservationRecord]] = defaultdict(list)
    for record in evidence.of(snapshot.run.run_id):
        if record.record_type == RecordType.EVENT:
            alike["error_event", f"error event {record.key}", _scope(record)].append(record)
        elif record.record_type == RecordType.METRIC and record.value_type in _NON_FINITE:
            summary = f"metric {record.key} is {record.value_type}"
            alike["non_finite_metric", summary, _scope(record)].append(record)
    for (code, summary, scope), records in sorted(alike.items(), key=lambda item: item[0][0]):
        count = len(records)
        yield _issue(
            code,
            summary if count == 1 else f"{summary} ×{count}",
            {"key": records[0].key, "count": count, "run_id": snapshot.run.run_id},
            EvidenceLink(scope.partition(":")[0], scope, scope.rpartition(".")[2]),
            records,
        )


def _scope(record: ObservationRecord) -> str:
    """The innermost scope of a record."""
    scopes = (
        record.operation_id,
        record.sample_id,
        record.batch_id,
        record.deployment_id,
        record.stage_id,
        record.run_id,
    )
    return next(scope for scope in scopes if scope is not None)


def _issue(
    code: str,
    summary: str,
    details: Mapping[str, FrozenJson],
    subject: EvidenceLink,
    evidence: Sequence[ObservationRecord] = (),
) -> DiagnosticsIssue:
    return DiagnosticsIssue(
        severity=str(_SEVERITIES[code]),
        code=code,
        summary=summary,
        details=FrozenMap(details),
        subject_ref=subject.ref,
        evidence_links=(subject, *links_of(evidence)),
    )
