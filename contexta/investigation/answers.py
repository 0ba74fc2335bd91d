"""What came of it: snapshots, comparisons, diagnoses, lineage and series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from contexta.diagnostics.runs import diagnose_project, diagnose_run
from contexta.investigation.lists import Lists, scope_of
from contexta.investigation.workspace import Captured
from contexta.query import compare_many, listing, lookup, run_filter, run_snapshot, series, traversal
from contexta.query.compare import compare
from contexta.query.findings import (
    DiagnosticsResult,
    LineageTraversal,
    MetricTrend,
    MultiRunComparison,
    ProjectDiagnostics,
    RunComparison,
    StepSeries,
)
from contexta.query.observations import observations
from contexta.query.results import RecordType
from contexta.query.run_filter import RunListQuery
from contexta.query.views import ProvenanceView, RunSnapshot


class Investigation(Lists):
    """A workspace, for whoever asks.

    It creates nothing in the workspace, and may be used from several threads. Every method sees what any
    process has written until then, and takes `include_captured`: whether captured facts count in this call.
    """

    def get_run_snapshot(self, run_id: str, *, include_captured: Captured = None) -> RunSnapshot:
        """A run with everything that is known of it.

        Raises:
            InterpretationError: `query_run_not_found`.
        """
        with self.asking(include_captured) as cursor:
            return _snapshot(cursor, run_id)

    def get_provenance(self, run_id: str, *, include_captured: Captured = None) -> ProvenanceView | None:
        """The latest statement about how a relation of a run is known, or `None`.

        Raises:
            InterpretationError: `query_run_not_found`.
        """
        return self.get_run_snapshot(run_id, include_captured=include_captured).provenance

    def get_artifact_origin(
        self, artifact_ref: str, *, include_captured: Captured = None
    ) -> RunSnapshot | None:
        """The run that made an artifact; `None` when the artifact or its run is not known."""
        with self.asking(include_captured) as cursor:
            found = listing.artifacts(cursor, artifact_ref=str(artifact_ref))
            run_ref = found[0].run_id if found else None
            return None if run_ref is None else _snapshot(cursor, run_ref)

    def compare_runs(self, left: str, right: str, *, include_captured: Captured = None) -> RunComparison:
        """Two runs side by side.

        Raises:
            InterpretationError: `query_run_not_found`.
        """
        with self.asking(include_captured) as cursor:
            return compare(_snapshot(cursor, left), _snapshot(cursor, right), self.comparison)

    def compare_multiple_runs(
        self,
        run_ids: Sequence[str],
        *,
        higher_is_better: bool | Mapping[str, bool] = True,
        include_captured: Captured = None,
    ) -> MultiRunComparison:
        """Several runs side by side.

        Args:
            run_ids: The runs.
            higher_is_better: For all metrics, or by metric key; `True` for a key that is not named.
            include_captured: Whether captured facts count.

        Raises:
            ComparisonError: `compare_requires_multiple_runs`.
            InterpretationError: `query_run_not_found`.
        """
        with self.asking(include_captured) as cursor:
            return compare_many.compare_many(_snapshots(cursor, run_ids), self.comparison, higher_is_better)

    def select_best_run(
        self,
        run_ids: Sequence[str],
        metric_key: str,
        *,
        stage_name: str | None = None,
        higher_is_better: bool = True,
        include_captured: Captured = None,
    ) -> str | None:
        """The ref of the run with the best value of a metric, the first of several; `None` when none has it.

        Raises:
            ComparisonError: `compare_requires_multiple_runs`.
            InterpretationError: `query_run_not_found`.
        """
        with self.asking(include_captured) as cursor:
            return compare_many.best_run(
                _snapshots(cursor, run_ids),
                metric_key,
                self.comparison,
                stage_name=stage_name,
                higher_is_better=higher_is_better,
            )

    def diagnose_run(self, run_id: str, *, include_captured: Captured = None) -> DiagnosticsResult:
        """What is wrong with a run.

        Raises:
            InterpretationError: `query_run_not_found`.
        """
        with self.asking(include_captured) as cursor:
            return diagnose_run(_snapshot(cursor, run_id), self.diagnostics)

    def diagnose_project(self, project_name: str, *, include_captured: Captured = None) -> ProjectDiagnostics:
        """What is wrong with the runs of a project, and with its deployments that belong to none of them."""
        with self.asking(include_captured) as cursor:
            projects = lookup.projects(cursor, project_name)
            return diagnose_project(
                project_name,
                [
                    run_snapshot.take(cursor, run.run_id)
                    for run in listing.runs(cursor, project_refs=projects)
                ],
                listing.deployments(cursor, project_refs=projects),
                self.diagnostics,
            )

    def traverse_lineage(
        self,
        subject_ref: str,
        *,
        direction: str | None = None,
        max_depth: int | None = None,
        include_captured: Captured = None,
    ) -> LineageTraversal:
        """What a subject came from and what came from it; see `traversal.traverse`."""
        with self.asking(include_captured) as cursor:
            return traversal.traverse(cursor, subject_ref, direction, max_depth)

    def get_step_series(
        self,
        run_id: str,
        metric_key: str,
        *,
        stage_id: str | None = None,
        stage_name: str | None = None,
        include_captured: Captured = None,
    ) -> StepSeries:
        """The values of a metric of a run, or of a stage of it, by time.

        Raises:
            InterpretationError: `query_run_not_found`.
            LookupError: The stage is not found.
        """
        with self.asking(include_captured) as cursor:
            run_ref = lookup.run_of_answer(cursor, run_id)
            _, stage_ref, _ = scope_of(cursor, run_ref, stage_id or stage_name)
            records = observations(
                cursor, run_ref=run_ref, stage_ref=stage_ref, record_type=RecordType.METRIC, key=metric_key
            )
            return series.steps(run_ref, metric_key, records, stage_ref)

    def get_metric_trend(
        self,
        metric_key: str,
        *,
        stage_name: str | None = None,
        query: RunListQuery | None = None,
        include_captured: Captured = None,
    ) -> MetricTrend:
        """A metric from run to run, in the order of the query."""
        with self.asking(include_captured) as cursor:
            runs = run_filter.select(cursor, query or RunListQuery(), self.comparison.metric_selection)
            return series.trend(cursor, metric_key, runs, self.comparison, stage_name)


def _snapshot(cursor: duckdb.DuckDBPyConnection, run_id: str) -> RunSnapshot:
    return run_snapshot.take(cursor, lookup.run_of_answer(cursor, run_id))


def _snapshots(cursor: duckdb.DuckDBPyConnection, run_ids: Sequence[str]) -> list[RunSnapshot]:
    refs = compare_many.distinct(lookup.run_of_answer(cursor, run_id) for run_id in run_ids)
    return [run_snapshot.take(cursor, ref) for ref in refs]
