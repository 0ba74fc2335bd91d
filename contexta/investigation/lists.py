"""What there is: lists of runs and of all that belongs to them."""

from __future__ import annotations

import duckdb

from contexta.investigation.workspace import Captured, Workspace
from contexta.query import listing, lookup, relations, run_filter
from contexta.query.observations import observations
from contexta.query.run_filter import RunListQuery
from contexta.query.views import (
    ArtifactRecord,
    BatchRecord,
    DeploymentRecord,
    EnvironmentRecord,
    ObservationRecord,
    RelationRecord,
    RunRecord,
    SampleRecord,
    StageRecord,
)


class Lists(Workspace):
    """Lists of a workspace, in the order in which things ran.

    A run is called by its ref, or by the end of exactly one run's ref; a stage or batch by its ref or by the
    end of exactly one ref in the run. A ref that is not known answers empty.
    """

    def list_projects(self, *, include_captured: Captured = None) -> tuple[str, ...]:
        """The names of the projects, one each; two may be alike."""
        with self.asking(include_captured) as cursor:
            return listing.project_names(cursor)

    def list_runs(
        self, query: RunListQuery | None = None, *, include_captured: Captured = None
    ) -> tuple[RunRecord, ...]:
        """Runs, the first one first unless the query says otherwise."""
        with self.asking(include_captured) as cursor:
            return run_filter.select(cursor, query or RunListQuery(), self.comparison.metric_selection)

    def get_run(self, run_id: str, *, include_captured: Captured = None) -> RunRecord:
        """One run.

        Raises:
            InterpretationError: `query_run_not_found`.
        """
        with self.asking(include_captured) as cursor:
            return listing.runs(cursor, run_ref=lookup.run_of_answer(cursor, run_id))[0]

    def list_stages(self, run_id: str, *, include_captured: Captured = None) -> tuple[StageRecord, ...]:
        """Stages of a run in order.

        Raises:
            LookupError: The run is not found; a ref that is not known answers empty instead.
        """
        with self.asking(include_captured) as cursor:
            return listing.stages(cursor, run_ref=lookup.run_of_list(cursor, run_id))

    def list_batches(
        self, run_id: str, stage_id: str | None = None, *, include_captured: Captured = None
    ) -> tuple[BatchRecord, ...]:
        """Batches of a run, or of a stage of it, in order.

        Raises:
            LookupError: The run or stage is not found.
        """
        with self.asking(include_captured) as cursor:
            run_ref, stage_ref, _ = scope_of(cursor, run_id, stage_id)
            return listing.batches(cursor, run_ref=run_ref, stage_ref=stage_ref)

    def list_samples(
        self,
        run_id: str,
        stage_id: str | None = None,
        batch_id: str | None = None,
        *,
        include_captured: Captured = None,
    ) -> tuple[SampleRecord, ...]:
        """Samples of a run, or of a stage or batch of it, in order.

        Raises:
            LookupError: The run, stage or batch is not found.
        """
        with self.asking(include_captured) as cursor:
            run_ref, stage_ref, batch_ref = scope_of(cursor, run_id, stage_id, batch_id)
            return listing.samples(cursor, run_ref=run_ref, stage_ref=stage_ref, batch_ref=batch_ref)

    def list_deployments(
        self,
        project_name: str | None = None,
        run_id: str | None = None,
        *,
        include_captured: Captured = None,
    ) -> tuple[DeploymentRecord, ...]:
        """Deployments, of a project and linked to a run where these are given.

        Raises:
            LookupError: The run is not found.
        """
        with self.asking(include_captured) as cursor:
            return listing.deployments(
                cursor,
                project_refs=None if project_name is None else lookup.projects(cursor, project_name),
                run_ref=None if run_id is None else lookup.run_of_list(cursor, run_id),
            )

    def list_artifacts(
        self, run_id: str | None = None, stage_id: str | None = None, *, include_captured: Captured = None
    ) -> tuple[ArtifactRecord, ...]:
        """Artifacts, of a run or a stage of it where given.

        Raises:
            LookupError: The run or stage is not found.
        """
        with self.asking(include_captured) as cursor:
            run_ref, stage_ref, _ = scope_of(cursor, run_id, stage_id)
            return listing.artifacts(cursor, run_ref=run_ref, stage_ref=stage_ref)

    def get_artifact(self, artifact_ref: str, *, include_captured: Captured = None) -> ArtifactRecord | None:
        """One artifact, or `None` when it is not known."""
        with self.asking(include_captured) as cursor:
            return next(iter(listing.artifacts(cursor, artifact_ref=str(artifact_ref))), None)

    def list_records(
        self,
        run_id: str | None = None,
        stage_id: str | None = None,
        *,
        batch_id: str | None = None,
        record_type: str | None = None,
        key: str | None = None,
        include_captured: Captured = None,
    ) -> tuple[ObservationRecord, ...]:
        """Records by time; whatever is given filters.

        Raises:
            LookupError: The run, stage or batch is not found.
            ValueError: There is no such type of record.
        """
        with self.asking(include_captured) as cursor:
            run_ref, stage_ref, batch_ref = scope_of(cursor, run_id, stage_id, batch_id)
            return observations(
                cursor,
                run_ref=run_ref,
                stage_ref=stage_ref,
                batch_ref=batch_ref,
                record_type=record_type,
                key=key,
            )

    def list_relations(
        self, subject_ref: str | None = None, *, include_captured: Captured = None
    ) -> tuple[RelationRecord, ...]:
        """Stored relations by time, from or to a subject where one is given."""
        with self.asking(include_captured) as cursor:
            return relations.relations(cursor, None if subject_ref is None else [str(subject_ref)])

    def list_environments(
        self, run_id: str, *, include_captured: Captured = None
    ) -> tuple[EnvironmentRecord, ...]:
        """What a run ran on, the earliest first.

        Raises:
            LookupError: The run is not found.
        """
        with self.asking(include_captured) as cursor:
            return relations.environments(cursor, lookup.run_of_list(cursor, run_id))


def scope_of(
    cursor: duckdb.DuckDBPyConnection,
    run_id: str | None,
    stage_id: str | None = None,
    batch_id: str | None = None,
) -> tuple[str | None, str | None, str | None]:
    """Refs of a run, a stage of it and a batch of that, each where one is given."""
    run = None if run_id is None else lookup.run_of_list(cursor, run_id)
    stage = None if stage_id is None else lookup.stage(cursor, run, stage_id)
    batch = None if batch_id is None else lookup.batch(cursor, run, stage, batch_id)
    return run, stage, batch
