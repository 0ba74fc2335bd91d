"""The repositories of the ledger's tree: what is put, got, found and listed, one class a kind of thing.

Names, arguments and orders are those of public Contexta 1.0.0 (format specification, section 6.4), except
that times order as instants and not as texts. Nothing is ever deleted; putting the same reference again
replaces what was there. All of them raise

* `ValidationError` for a text that is no reference, and ``metadata_wrong_model`` for what is no model of
  theirs;
* `NotFoundError` ``metadata_row_not_found`` from `get_…`, and ``metadata_missing_…`` from `put_…` when a
  parent is not stored;
* `ValueError` when a list is asked for by a reference of another kind;
* `IntegrityError` ``metadata_row_unreadable`` from `get_…` and `find_…`; lists leave such rows out;
* `ReadOnlyStoreError` ``metadata_store_read_only`` and `StoreAccessError` ``metadata_store_open_failed``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Generic

from contexta.contract.context import (
    BatchExecution,
    DeploymentExecution,
    EnvironmentSnapshot,
    Project,
    Run,
    SampleObservation,
    StageExecution,
)
from contexta.contract.refs import StableRef
from contexta.store.ledger_rows import LedgerAccess, as_ref
from contexta.store.ledger_tables import (
    BATCHES,
    DEPLOYMENTS,
    ENVIRONMENTS,
    PROJECTS,
    RUNS,
    SAMPLES,
    STAGES,
    ModelT,
    Table,
)

Ref = str | StableRef

# Without the Z, a text with a fraction sorts behind the one without, as the instants do.
_STARTED: Final = "rtrim(started_at, 'Z')"
_IN_ORDER: Final = f"order_index nulls last, {_STARTED}, ref"


def of_kind(ref: Ref, kind: str) -> str:
    """Return the text of a reference that a list is asked for by."""
    parsed = as_ref(ref)
    if parsed.kind != kind:
        raise ValueError(f"the list is by {kind}, and {parsed} is none")
    return parsed.text


class Repository(Generic[ModelT]):
    """What all repositories do alike."""

    _table: Table[ModelT]

    def __init__(self, access: LedgerAccess) -> None:
        self._access = access

    def put_many(self, models: Iterable[ModelT]) -> tuple[ModelT, ...]:
        """Put models in one transaction: all or none; much faster than one by one.

        Returns:
            The models, in the order they were given.
        """
        given = tuple(models)
        self._access.put(given, self._table)
        return given

    def _put(self, model: ModelT) -> ModelT:
        self._access.put((model,), self._table)
        return model

    def _get(self, ref: Ref) -> ModelT:
        return self._access.get(self._table, ref)

    def _find(self, ref: Ref) -> ModelT | None:
        return self._access.find(self._table, ref)

    def _exists(self, ref: Ref) -> bool:
        return self._access.exists(self._table, ref)

    def _all(self, order: str) -> tuple[ModelT, ...]:
        return self._access.select(self._table, order)

    def _by(self, column: str, ref: Ref, kind: str, order: str) -> tuple[ModelT, ...]:
        return self._access.select(self._table, order, f"{column} = ?", [of_kind(ref, kind)])


class ProjectRepository(Repository[Project]):
    """Projects."""

    _table = PROJECTS

    def put_project(self, project: Project) -> Project:
        """Store a project and return it."""
        return self._put(project)

    def get_project(self, ref: Ref) -> Project:
        """Return a project."""
        return self._get(ref)

    def find_project(self, ref: Ref) -> Project | None:
        """Return a project, or None."""
        return self._find(ref)

    def exists_project(self, ref: Ref) -> bool:
        """Tell whether a project is stored."""
        return self._exists(ref)

    def list_projects(self) -> tuple[Project, ...]:
        """Return all projects by name."""
        return self._all("name, ref")


class RunRepository(Repository[Run]):
    """Runs."""

    _table = RUNS

    def put_run(self, run: Run) -> Run:
        """Store a run and return it; its project must be stored."""
        return self._put(run)

    def get_run(self, ref: Ref) -> Run:
        """Return a run."""
        return self._get(ref)

    def find_run(self, ref: Ref) -> Run | None:
        """Return a run, or None."""
        return self._find(ref)

    def exists_run(self, ref: Ref) -> bool:
        """Tell whether a run is stored."""
        return self._exists(ref)

    def list_runs(self, project_ref: Ref | None = None) -> tuple[Run, ...]:
        """Return runs by start; those of all projects by project first."""
        if project_ref is None:
            return self._all(f"project_ref, {_STARTED}, ref")
        return self._by("project_ref", project_ref, "project", f"{_STARTED}, ref")


class DeploymentRepository(Repository[DeploymentExecution]):
    """Deployments."""

    _table = DEPLOYMENTS

    def put_deployment_execution(self, deployment: DeploymentExecution) -> DeploymentExecution:
        """Store a deployment and return it; its project must be stored, what it links need not."""
        return self._put(deployment)

    def get_deployment_execution(self, ref: Ref) -> DeploymentExecution:
        """Return a deployment."""
        return self._get(ref)

    def find_deployment_execution(self, ref: Ref) -> DeploymentExecution | None:
        """Return a deployment, or None."""
        return self._find(ref)

    def exists_deployment_execution(self, ref: Ref) -> bool:
        """Tell whether a deployment is stored."""
        return self._exists(ref)

    def list_deployment_executions(
        self, *, project_ref: Ref | None = None, run_ref: Ref | None = None
    ) -> tuple[DeploymentExecution, ...]:
        """Return deployments: of a run in order, else of a project, or of all, by name.

        Args:
            project_ref: Counts only when no run is given.
            run_ref: The run that they link.
        """
        if run_ref is not None:
            return self._by("run_ref", run_ref, "run", _IN_ORDER)
        if project_ref is not None:
            return self._by("project_ref", project_ref, "project", f"deployment_name, {_IN_ORDER}")
        return self._all(f"project_ref, deployment_name, {_IN_ORDER}")


class StageRepository(Repository[StageExecution]):
    """Stages."""

    _table = STAGES

    def put_stage_execution(self, stage: StageExecution) -> StageExecution:
        """Store a stage and return it; its run must be stored."""
        return self._put(stage)

    def get_stage_execution(self, ref: Ref) -> StageExecution:
        """Return a stage."""
        return self._get(ref)

    def find_stage_execution(self, ref: Ref) -> StageExecution | None:
        """Return a stage, or None."""
        return self._find(ref)

    def exists_stage_execution(self, ref: Ref) -> bool:
        """Tell whether a stage is stored."""
        return self._exists(ref)

    def list_stage_executions(self, run_ref: Ref) -> tuple[StageExecution, ...]:
        """Return the stages of a run in order; those without an index come last."""
        return self._by("run_ref", run_ref, "run", _IN_ORDER)


class BatchRepository(Repository[BatchExecution]):
    """Batches."""

    _table = BATCHES

    def put_batch_execution(self, batch: BatchExecution) -> BatchExecution:
        """Store a batch and return it; its run and stage must be stored."""
        return self._put(batch)

    def get_batch_execution(self, ref: Ref) -> BatchExecution:
        """Return a batch."""
        return self._get(ref)

    def find_batch_execution(self, ref: Ref) -> BatchExecution | None:
        """Return a batch, or None."""
        return self._find(ref)

    def exists_batch_execution(self, ref: Ref) -> bool:
        """Tell whether a batch is stored."""
        return self._exists(ref)

    def list_batch_executions(
        self, *, run_ref: Ref | None = None, stage_ref: Ref | None = None
    ) -> tuple[BatchExecution, ...]:
        """Return batches in order; those of a run, or of all, by stage reference first.

        Args:
            run_ref: Counts only when no stage is given.
            stage_ref: The stage that they belong to.
        """
        if stage_ref is not None:
            return self._by("stage_ref", stage_ref, "stage", _IN_ORDER)
        if run_ref is not None:
            return self._by("run_ref", run_ref, "run", f"stage_ref, {_IN_ORDER}")
        return self._all(f"stage_ref, {_IN_ORDER}")


class SampleRepository(Repository[SampleObservation]):
    """Samples."""

    _table = SAMPLES

    def put_sample_observation(self, sample: SampleObservation) -> SampleObservation:
        """Store a sample and return it; its run, stage and batch, if it has one, must be stored."""
        return self._put(sample)

    def get_sample_observation(self, ref: Ref) -> SampleObservation:
        """Return a sample."""
        return self._get(ref)

    def find_sample_observation(self, ref: Ref) -> SampleObservation | None:
        """Return a sample, or None."""
        return self._find(ref)

    def exists_sample_observation(self, ref: Ref) -> bool:
        """Tell whether a sample is stored."""
        return self._exists(ref)

    def list_sample_observations(
        self, *, run_ref: Ref | None = None, stage_ref: Ref | None = None, batch_ref: Ref | None = None
    ) -> tuple[SampleObservation, ...]:
        """Return samples by stage, batch and time; those without a batch come last in their stage.

        Args:
            run_ref: Counts only when neither stage nor batch is given.
            stage_ref: Counts only when no batch is given.
            batch_ref: The batch that they belong to.
        """
        order = "stage_ref, batch_ref nulls last, rtrim(observed_at, 'Z'), ref"
        if batch_ref is not None:
            return self._by("batch_ref", batch_ref, "batch", order)
        if stage_ref is not None:
            return self._by("stage_ref", stage_ref, "stage", order)
        if run_ref is not None:
            return self._by("run_ref", run_ref, "run", order)
        return self._all(order)


class EnvironmentRepository(Repository[EnvironmentSnapshot]):
    """Environment snapshots."""

    _table = ENVIRONMENTS

    def put_environment_snapshot(self, environment: EnvironmentSnapshot) -> EnvironmentSnapshot:
        """Store an environment snapshot and return it; its run must be stored."""
        return self._put(environment)

    def get_environment_snapshot(self, ref: Ref) -> EnvironmentSnapshot:
        """Return an environment snapshot."""
        return self._get(ref)

    def find_environment_snapshot(self, ref: Ref) -> EnvironmentSnapshot | None:
        """Return an environment snapshot, or None."""
        return self._find(ref)

    def exists_environment_snapshot(self, ref: Ref) -> bool:
        """Tell whether an environment snapshot is stored."""
        return self._exists(ref)

    def list_environment_snapshots(self, run_ref: Ref) -> tuple[EnvironmentSnapshot, ...]:
        """Return the environment snapshots of a run by time."""
        return self._by("run_ref", run_ref, "run", "rtrim(captured_at, 'Z'), ref")
