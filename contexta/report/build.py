"""Builds reports: asks what it needs, and puts sections in their order.

The questions are an interface, so that a test can answer them from memory. A run is looked up once for all
sections, so that they tell of the same moment. Titles and order of the sections that public Contexta has are
its own (format specification, section 7.2); ours follow them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from contexta.diagnostics.runs import DiagnosticsPolicy, diagnose_run
from contexta.query.compare import ComparisonPolicy, compare
from contexta.query.findings import (
    CompletenessNote,
    DiagnosticsResult,
    ProjectDiagnostics,
    RunComparison,
)
from contexta.query.run_filter import RunListQuery
from contexta.query.views import DeploymentRecord, RunRecord, RunSnapshot
from contexta.report import metrics, sections, sides, why
from contexta.report.blocks import ReportSection
from contexta.report.document import ReportDocument
from contexta.report.wording import clean, fields, link
from contexta.vocabulary import Severity


class ReportQueries(Protocol):
    """What reports ask. Each question raises what the facade's method of that name raises."""

    @property
    def diagnostics(self) -> DiagnosticsPolicy:
        """What diagnoses look for."""
        ...

    @property
    def comparison(self) -> ComparisonPolicy:
        """How runs are compared."""
        ...

    def get_run_snapshot(self, run_id: str, /, *, include_captured: bool | None = None) -> RunSnapshot:
        """A run with everything that is known of it."""
        ...

    def list_runs(
        self, query: RunListQuery, /, *, include_captured: bool | None = None
    ) -> tuple[RunRecord, ...]:
        """Runs, the first one first."""
        ...

    def list_deployments(
        self, project_name: str, /, *, include_captured: bool | None = None
    ) -> tuple[DeploymentRecord, ...]:
        """The deployments of a project."""
        ...

    def diagnose_project(
        self, project_name: str, /, *, include_captured: bool | None = None
    ) -> ProjectDiagnostics:
        """The issues of a project."""
        ...


def build_snapshot_report(
    queries: ReportQueries, run_id: str, *, include_captured: bool | None = None
) -> ReportDocument:
    """Report on one run: what it is, what belongs to it, its metrics, and why it failed.

    Raises:
        InterpretationError: ``query_run_not_found``.
    """
    snapshot = queries.get_run_snapshot(run_id, include_captured=include_captured)
    return snapshot_report(snapshot, diagnose_run(snapshot, queries.diagnostics))


def snapshot_report(snapshot: RunSnapshot, diagnosis: DiagnosticsResult) -> ReportDocument:
    """The report on a run that was looked up and diagnosed."""
    return ReportDocument(
        f"Run Snapshot Report: {clean(snapshot.run.run_id)}",
        (*sections.upstream_sections(snapshot, diagnosis), metrics.section(snapshot), why.section(snapshot)),
    )


def build_run_report(
    queries: ReportQueries, left: str, right: str, *, include_captured: bool | None = None
) -> ReportDocument:
    """Report on how the right run differs from the left one.

    Raises:
        InterpretationError: ``query_run_not_found``.
    """
    before, after = (
        queries.get_run_snapshot(run_id, include_captured=include_captured) for run_id in (left, right)
    )
    diagnoses = tuple(diagnose_run(snapshot, queries.diagnostics) for snapshot in (before, after))
    return run_report(compare(before, after, queries.comparison), (before, after), diagnoses)


def run_report(
    comparison: RunComparison,
    snapshots: tuple[RunSnapshot, RunSnapshot],
    diagnoses: Iterable[DiagnosticsResult],
) -> ReportDocument:
    """The report on two runs that were looked up, diagnosed and compared, left and right."""
    left, right = snapshots
    provenance = comparison.provenance_comparison
    known = (("left", provenance.left), ("right", provenance.right)) if provenance else ()
    return ReportDocument(
        f"Run Report: {clean(comparison.left_run_id)} and {clean(comparison.right_run_id)}",
        (
            sides.summary(comparison, left.run, right.run),
            sides.metric_deltas(comparison, left, right),
            sides.artifact_changes(comparison),
            sections.diagnostics(zip(("left", "right"), diagnoses, strict=True)),
            sections.completeness(sides.notes(comparison)),
            *sections.provenance(known),
            *sides.batches(comparison),
            *sides.samples(comparison),
        ),
    )


def build_project_summary_report(
    queries: ReportQueries, project: str, *, include_captured: bool | None = None
) -> ReportDocument:
    """Report on a project: its runs, what was shipped, and what failed.

    Args:
        queries: Where to ask.
        project: The project's name or ref. One that is not known has no runs, and the report says so.
        include_captured: Whether captured facts count; as the workspace was opened when `None`.
    """
    runs = queries.list_runs(RunListQuery(project_name=project), include_captured=include_captured)
    deployments = queries.list_deployments(project, include_captured=include_captured)
    found = queries.diagnose_project(project, include_captured=include_captured)
    empty = (("run_list_empty", runs), ("deployment_list_empty", deployments))
    return ReportDocument(
        f"Project Summary Report: {clean(project)}",
        (
            _runs(runs),
            sections.completeness(CompletenessNote("warning", note) for note, there in empty if not there),
            sections.deployments(deployments),
            _failures(found),
        ),
    )


def _runs(runs: tuple[RunRecord, ...]) -> ReportSection:
    return sections.section(
        "Runs",
        "No runs.",
        ("name", "status", "started_at", "duration", "run_id"),
        (_run(run, sections.duration(run.started_at, run.ended_at)) for run in runs),
    )


def _run(run: RunRecord, duration: str | None) -> sections.Item:
    return sections.Item(
        f"{clean(run.name)}: {fields(status=run.status, run_id=run.run_id, started_at=run.started_at)}",
        (run.name, run.status, run.started_at, duration, run.run_id),
        (link(run.run_id, run.name),),
    )


def _failures(found: ProjectDiagnostics) -> ReportSection:
    groups = ((None, found.issues), *((each.run_id, each.issues) for each in found.runs))
    return sections.section(
        "Failures",
        "No failures.",
        ("severity", "code", "summary", "subject", "run_id"),
        (
            sections.Item(
                f"{issue.severity}:{clean(issue.code)}: {clean(issue.summary)}"
                + (f" ({fields(run_id=run_id)})" if run_id else ""),
                (issue.severity, issue.code, issue.summary, issue.subject_ref, run_id),
                issue.evidence_links,
            )
            for run_id, issues in groups
            for issue in issues
            if issue.severity == Severity.ERROR
        ),
    )


@dataclass(frozen=True, slots=True)
class SectionChange:
    """How a section differs.

    Attributes:
        change: `added`, `removed`, `changed` or `unchanged`.
        removed_lines: Lines that only the left body has.
        added_lines: Lines that only the right body has.
    """

    title: str
    change: str
    removed_lines: tuple[str, ...] = ()
    added_lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportComparison:
    """Two reports section by section, in the left one's order, then what only the right one has."""

    left_title: str
    right_title: str
    section_changes: tuple[SectionChange, ...]

    @property
    def identical(self) -> bool:
        """Whether no section differs; titles may."""
        return all(each.change == "unchanged" for each in self.section_changes)


def compare_report_documents(left: ReportDocument, right: ReportDocument) -> ReportComparison:
    """Compare two reports by the lines of their sections, whatever the order of the lines."""
    ours = {each.title: each.body for each in left.sections}
    theirs = {each.title: each.body for each in right.sections}
    return ReportComparison(
        left.title,
        right.title,
        tuple(_change(title, ours.get(title), theirs.get(title)) for title in {**ours, **theirs}),
    )


def _change(title: str, left: str | None, right: str | None) -> SectionChange:
    before, after = (() if body is None else tuple(body.split("\n")) for body in (left, right))
    removed, added = _without(before, after), _without(after, before)
    if left is None or right is None:
        change = "added" if left is None else "removed"
    else:
        change = "changed" if removed or added else "unchanged"
    return SectionChange(title, change, removed, added)


def _without(lines: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    left = Counter(others)
    kept = []
    for line in lines:
        if left[line]:
            left[line] -= 1
        else:
            kept.append(line)
    return tuple(kept)
