"""The questions of the facade: what `Contexta` answers about a workspace.

Each method hands on to an `Investigation`, which is made at the first question: a job that only records never
loads a database. The names and parameters are those of public Contexta (format specification, section 6.5);
`include_captured` is ours everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from contexta.capture.config import Config
from contexta.journal.paths import ledger_path

if TYPE_CHECKING:
    from datetime import datetime

    from contexta.investigation import Investigation
    from contexta.query.findings import (
        DiagnosticsResult,
        LineageTraversal,
        MetricTrend,
        MultiRunComparison,
        ProjectDiagnostics,
        RunComparison,
        StepSeries,
    )
    from contexta.query.run_filter import MetricCondition, RunListQuery
    from contexta.query.views import (
        ArtifactRecord,
        BatchRecord,
        DeploymentRecord,
        ObservationRecord,
        ProvenanceView,
        RunRecord,
        RunSnapshot,
        SampleRecord,
        StageRecord,
    )


class Inquiry:
    """What can be asked of a workspace.

    By default only what was stored counts: the ledger, the record store and the artifact vault. With
    `include_captured=True`, or `source="all"` for all calls, what was captured counts too, and `origin` of
    each answer says where it is known from.

    A run is called by its ref, or by the end of exactly one run's ref (`run-01`). Where a list is asked for,
    a name that is not found raises `LookupError` and a ref that is not known answers empty; where one run is
    asked for, both raise `InterpretationError` with the code ``query_run_not_found``.
    """

    workspace: str
    config: Config
    source: Literal["canonical", "all"]

    @cached_property
    def repository(self) -> Investigation:
        """All questions, also the less frequent ones.

        Raises:
            ConfigurationError: ``invalid_config_value`` in the section ``interpretation`` or for `source`.
        """
        from contexta.investigation import Investigation  # noqa: PLC0415 - a job that records never asks
        from contexta.store.ledger_process import ledger_file  # noqa: PLC0415 - ditto

        workspace = Path(self.workspace)
        settings = self.config.patch.get("interpretation")
        ledger = ledger_file(ledger_path(workspace))
        return Investigation(
            workspace,
            source=self.source,
            settings=settings if isinstance(settings, Mapping) else None,
            quiet=lambda: ledger.lock,
        )

    def list_projects(self, *, include_captured: bool | None = None) -> tuple[str, ...]:
        """List the names of the projects."""
        return self.repository.list_projects(include_captured=include_captured)

    def list_runs(
        self,
        project_name: str | None = None,
        *,
        status: str | None = None,
        tags: Mapping[str, str] | None = None,
        metric_conditions: Sequence[MetricCondition] = (),
        time_range: tuple[str | datetime | None, str | datetime | None] | None = None,
        limit: int | None = None,
        offset: int = 0,
        sort_by: str = "started_at",
        sort_desc: bool = False,
        query: RunListQuery | None = None,
        include_captured: bool | None = None,
    ) -> tuple[RunRecord, ...]:
        """List runs, the first one first unless asked otherwise.

        Args:
            project_name: Name or ref of the project.
            status: Only runs with it.
            tags: Only runs that have all of these.
            metric_conditions: Only runs that fulfil all of these.
            time_range: Only runs that started from the first to the second; None is no bound.
            limit: At most so many.
            offset: So many are passed over first.
            sort_by: ``started_at``, ``ended_at`` or ``name``.
            sort_desc: Whether the last comes first.
            query: All of the above in one, in their place.
            include_captured: Whether captured facts count.

        Raises:
            InterpretationError: ``query_invalid_filter``.
        """
        from contexta.query.run_filter import RunListQuery  # noqa: PLC0415 - loads the database

        if query is None:
            query = RunListQuery(
                project_name=project_name,
                status=status,
                tags=tags or {},
                metric_conditions=tuple(metric_conditions),
                time_range=time_range,
                limit=limit,
                offset=offset,
                sort_by=sort_by,
                sort_desc=sort_desc,
            )
        return self.repository.list_runs(query, include_captured=include_captured)

    def list_stages(self, run_id: str, *, include_captured: bool | None = None) -> tuple[StageRecord, ...]:
        """List the stages of a run in order."""
        return self.repository.list_stages(run_id, include_captured=include_captured)

    def list_batches(
        self, run_id: str, stage_id: str | None = None, *, include_captured: bool | None = None
    ) -> tuple[BatchRecord, ...]:
        """List the batches of a run, or of a stage of it, in order."""
        return self.repository.list_batches(run_id, stage_id, include_captured=include_captured)

    def list_samples(
        self,
        run_id: str,
        stage_id: str | None = None,
        batch_id: str | None = None,
        *,
        include_captured: bool | None = None,
    ) -> tuple[SampleRecord, ...]:
        """List the samples of a run, or of a stage or batch of it, in order."""
        return self.repository.list_samples(run_id, stage_id, batch_id, include_captured=include_captured)

    def list_deployments(
        self,
        project_name: str | None = None,
        run_id: str | None = None,
        *,
        include_captured: bool | None = None,
    ) -> tuple[DeploymentRecord, ...]:
        """List deployments, of a project and linked to a run where these are given."""
        return self.repository.list_deployments(project_name, run_id, include_captured=include_captured)

    def list_artifacts(
        self,
        run_id: str | None = None,
        stage_id: str | None = None,
        *,
        include_captured: bool | None = None,
    ) -> tuple[ArtifactRecord, ...]:
        """List artifacts, of a run or a stage of it where given."""
        return self.repository.list_artifacts(run_id, stage_id, include_captured=include_captured)

    def list_records(
        self,
        run_id: str | None = None,
        stage_id: str | None = None,
        *,
        batch_id: str | None = None,
        record_type: str | None = None,
        key: str | None = None,
        include_captured: bool | None = None,
    ) -> tuple[ObservationRecord, ...]:
        """List records by time; whatever is given filters."""
        return self.repository.list_records(
            run_id,
            stage_id,
            batch_id=batch_id,
            record_type=record_type,
            key=key,
            include_captured=include_captured,
        )

    def get_run_snapshot(self, run_id: str, *, include_captured: bool | None = None) -> RunSnapshot:
        """Return a run with everything that is known of it, and notes on what is missing."""
        return self.repository.get_run_snapshot(run_id, include_captured=include_captured)

    def compare_runs(self, left: str, right: str, *, include_captured: bool | None = None) -> RunComparison:
        """Compare two runs: stages, batches and samples by name, artifacts by kind."""
        return self.repository.compare_runs(left, right, include_captured=include_captured)

    def compare_multiple_runs(
        self,
        run_ids: Sequence[str],
        *,
        higher_is_better: bool | Mapping[str, bool] = True,
        include_captured: bool | None = None,
    ) -> MultiRunComparison:
        """Compare several runs, metric by metric.

        Args:
            run_ids: The runs.
            higher_is_better: For all metrics, or by metric key; True for a key that is not named.
            include_captured: Whether captured facts count.

        Raises:
            ComparisonError: ``compare_requires_multiple_runs``.
        """
        return self.repository.compare_multiple_runs(
            run_ids, higher_is_better=higher_is_better, include_captured=include_captured
        )

    def select_best_run(
        self,
        run_ids: Sequence[str],
        metric_key: str,
        *,
        stage_name: str | None = None,
        higher_is_better: bool = True,
        include_captured: bool | None = None,
    ) -> str | None:
        """Return the ref of the run with the best value of a metric, or None when no run has it.

        Raises:
            ComparisonError: ``compare_requires_multiple_runs``.
        """
        return self.repository.select_best_run(
            run_ids,
            metric_key,
            stage_name=stage_name,
            higher_is_better=higher_is_better,
            include_captured=include_captured,
        )

    def diagnose_run(self, run_id: str, *, include_captured: bool | None = None) -> DiagnosticsResult:
        """Say what is wrong with a run."""
        return self.repository.diagnose_run(run_id, include_captured=include_captured)

    def diagnose_project(
        self, project_name: str, *, include_captured: bool | None = None
    ) -> ProjectDiagnostics:
        """Say what is wrong with a project: its runs, and its deployments that belong to none of them."""
        return self.repository.diagnose_project(project_name, include_captured=include_captured)

    def traverse_lineage(
        self,
        subject_ref: str,
        *,
        direction: str | None = None,
        max_depth: int | None = None,
        include_captured: bool | None = None,
    ) -> LineageTraversal:
        """Follow relations, and the links of deployments, from a subject.

        Args:
            subject_ref: Any ref.
            direction: ``inbound``, ``outbound`` or ``both``, which is the default.
            max_depth: How many steps away the last node may be that is looked at; 2 by default.
            include_captured: Whether captured facts count.

        Raises:
            LineageError: ``lineage_invalid_direction`` or ``lineage_invalid_max_depth``.
            ValidationError: The ref is malformed.
        """
        return self.repository.traverse_lineage(
            subject_ref, direction=direction, max_depth=max_depth, include_captured=include_captured
        )

    def get_step_series(
        self,
        run_id: str,
        metric_key: str,
        *,
        stage_id: str | None = None,
        stage_name: str | None = None,
        include_captured: bool | None = None,
    ) -> StepSeries:
        """Return the values of a metric of a run, or of a stage of it, by time."""
        return self.repository.get_step_series(
            run_id, metric_key, stage_id=stage_id, stage_name=stage_name, include_captured=include_captured
        )

    def get_metric_trend(
        self,
        metric_key: str,
        *,
        project_name: str | None = None,
        stage_name: str | None = None,
        query: RunListQuery | None = None,
        include_captured: bool | None = None,
    ) -> MetricTrend:
        """Return a metric from run to run, in the order of the query; by start without one."""
        from contexta.query.run_filter import RunListQuery  # noqa: PLC0415 - loads the database

        return self.repository.get_metric_trend(
            metric_key,
            stage_name=stage_name,
            query=query or RunListQuery(project_name=project_name),
            include_captured=include_captured,
        )

    def get_provenance(self, run_id: str, *, include_captured: bool | None = None) -> ProvenanceView | None:
        """Return the latest statement about how a relation of a run is known, or None."""
        return self.repository.get_provenance(run_id, include_captured=include_captured)

    def get_artifact_origin(
        self, artifact_ref: str, *, include_captured: bool | None = None
    ) -> RunSnapshot | None:
        """Return the run that made an artifact, or None when it is not known."""
        return self.repository.get_artifact_origin(artifact_ref, include_captured=include_captured)

    def _forget(self) -> None:
        """Let go of what was read."""
        made: Investigation | None = self.__dict__.get("repository")
        if made is not None:
            made.close()
