"""The canonical ledger of a workspace: the structure of what ran, kept in DuckDB.

`MetadataStore` is what ``ctx.metadata_store`` is. It creates nothing before something is put, holds the file
only while it writes, and waits for others who do. Records and artifacts have stores of their own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from contexta.contract.context import Run
from contexta.contract.extensions import ContractModel
from contexta.contract.registry import ExtensionRegistry
from contexta.store.ledger_config import MetadataStoreConfig
from contexta.store.ledger_engine import failures
from contexta.store.ledger_process import ledger_file
from contexta.store.ledger_report import (
    IntegrityReport,
    LedgerSnapshot,
    RegisteredRef,
    Repair,
    check_integrity,
    degraded_rows,
    plan_repairs,
    registered_refs,
)
from contexta.store.ledger_rows import DegradedRow, LedgerAccess
from contexta.store.ledger_tables import STORE_SCHEMA_VERSION
from contexta.store.lineage_repositories import ProvenanceRepository, RelationRepository
from contexta.store.repositories import (
    BatchRepository,
    DeploymentRepository,
    EnvironmentRepository,
    ProjectRepository,
    Ref,
    RunRepository,
    SampleRepository,
    StageRepository,
)


class DuckDBAdapter:
    """The ledger by SQL, for questions and changes that the repositories have no word for.

    Args:
        access: The ledger.
    """

    def __init__(self, access: LedgerAccess) -> None:
        self._access = access

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> None:
        """Run a statement that changes the ledger.

        Raises:
            ReadOnlyStoreError: ``metadata_store_read_only``.
            StoreAccessError: ``metadata_store_open_failed``.
            MetadataError: ``metadata_statement_failed``.
        """
        access = self._access
        access.require_writable()
        with (
            access.file.writing(access.wait_seconds, may_create=access.auto_create) as connection,
            failures(),
        ):
            connection.execute(statement, list(parameters))

    def query_one(self, statement: str, parameters: Sequence[object] = ()) -> tuple[Any, ...] | None:
        """Return the first row of a statement that changes nothing, or None; raises as `query_all`."""
        return next(iter(self.query_all(statement, parameters)), None)

    def query_all(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a statement that changes nothing; none when there is no ledger.

        Raises:
            StoreAccessError: ``metadata_store_open_failed``.
            MetadataError: ``metadata_statement_failed``; also for a statement that would change something
                outside a transaction.
        """
        return self._access.query(statement, parameters)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write all of a block or nothing; inside another transaction of the thread, be part of that.

        Other threads and processes wait meanwhile. When an inner block fails, the outer one writes nothing
        either, even if it goes on.

        Raises:
            ReadOnlyStoreError: ``metadata_store_read_only``.
            StoreAccessError: ``metadata_store_open_failed``.
            MetadataError: ``metadata_transaction_failed``: nothing was written.
        """
        access = self._access
        access.require_writable()
        with access.file.writing(access.wait_seconds, may_create=access.auto_create):
            try:
                yield
            except BaseException:
                access.file.doom()
                raise

    def get_schema_version(self) -> str:
        """Return the ledger's schema version; the one it would get when there is none yet."""
        row = self.query_one("select store_schema_version from schema_metadata")
        return STORE_SCHEMA_VERSION if row is None else str(row[0])


class MetadataStore:
    """A ledger and its repositories; may be used from several threads, and as a context manager.

    ::

        store = MetadataStore(MetadataStoreConfig(database_path="ledger.db"))
        with store.transaction():
            store.projects.put_project(project)
            store.runs.put_run(run)

    Args:
        config: How it is used.
        registry: The extension namespaces that may be read; those of this library when None.

    Attributes:
        config: The same.
        duckdb: The ledger by SQL.
        projects: `ProjectRepository`.
        runs: `RunRepository`.
        deployments: `DeploymentRepository`.
        stages: `StageRepository`.
        batches: `BatchRepository`.
        samples: `SampleRepository`.
        environments: `EnvironmentRepository`.
        relations: `RelationRepository`.
        provenance: `ProvenanceRepository`.
    """

    def __init__(
        self, config: MetadataStoreConfig | None = None, *, registry: ExtensionRegistry | None = None
    ) -> None:
        self.config = config if config is not None else MetadataStoreConfig()
        self._access = LedgerAccess(
            ledger_file(self.config.database_path),
            read_only=self.config.read_only,
            auto_create=self.config.auto_create,
            wait_seconds=self.config.lock_timeout_seconds,
            registry=registry,
        )
        self.duckdb = DuckDBAdapter(self._access)
        self.projects = ProjectRepository(self._access)
        self.runs = RunRepository(self._access)
        self.deployments = DeploymentRepository(self._access)
        self.stages = StageRepository(self._access)
        self.batches = BatchRepository(self._access)
        self.samples = SampleRepository(self._access)
        self.environments = EnvironmentRepository(self._access)
        self.relations = RelationRepository(self._access)
        self.provenance = ProvenanceRepository(self._access)

    def put_many(self, models: Iterable[ContractModel]) -> tuple[ContractModel, ...]:
        """Put models of any kinds in one transaction, in any order: all or none.

        Returns:
            The models, in the order they were given.

        Raises:
            ValidationError: ``metadata_wrong_model``.
            NotFoundError: ``metadata_missing_…`` or ``metadata_ref_not_found``: what a model needs is neither
                stored nor among the models.
            ReadOnlyStoreError: ``metadata_store_read_only``.
            StoreAccessError: ``metadata_store_open_failed``.
        """
        given = tuple(models)
        self._access.put(given)
        return given

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write all of a block or nothing; see `DuckDBAdapter.transaction`."""
        with self.duckdb.transaction():
            yield

    def build_run_snapshot(self, run_ref: Ref) -> LedgerSnapshot:
        """Return all that the ledger holds about a run.

        Raises:
            NotFoundError: ``metadata_row_not_found``.
        """
        with self._access.view():
            return self._snapshot(self.runs.get_run(run_ref))

    def _snapshot(self, run: Run) -> LedgerSnapshot:
        ref = run.run_ref
        deployments = self.deployments.list_deployment_executions(run_ref=ref)
        stages = self.stages.list_stage_executions(ref)
        batches = self.batches.list_batch_executions(run_ref=ref)
        samples = self.samples.list_sample_observations(run_ref=ref)
        environments = self.environments.list_environment_snapshots(ref)
        scoped = (
            ref,
            *(deployment.deployment_execution_ref for deployment in deployments),
            *(stage.stage_execution_ref for stage in stages),
            *(batch.batch_execution_ref for batch in batches),
            *(sample.sample_observation_ref for sample in samples),
            *(environment.environment_snapshot_ref for environment in environments),
        )
        relations = self.relations.list_relations_among(scoped)
        return LedgerSnapshot(
            project=self.projects.find_project(run.project_ref),
            run=run,
            deployments=deployments,
            stages=stages,
            batches=batches,
            samples=samples,
            environments=environments,
            relations=relations,
            provenance=tuple(
                record
                for relation in relations
                for record in self.provenance.list_provenance_for_relation(relation.relation_ref)
            ),
            scoped_refs=scoped,
        )

    def check_integrity(self) -> IntegrityReport:
        """Read the whole ledger and tell what is wrong with it."""
        with self._access.view():
            return check_integrity(self._access)

    def plan_repairs(self) -> tuple[Repair, ...]:
        """Tell what would mend what `check_integrity` finds; nothing is changed."""
        return plan_repairs(self.check_integrity())

    def degraded_rows(self) -> tuple[DegradedRow, ...]:
        """Return the rows that lists leave out, because they cannot be read."""
        with self._access.view():
            return degraded_rows(self._access)

    def list_registered_refs(self) -> tuple[RegisteredRef, ...]:
        """Return every reference that the ledger has seen, relation ends included."""
        return registered_refs(self._access)

    def get_store_schema_version(self) -> str:
        """Return the ledger's schema version; the one it would get when there is none yet."""
        return self.duckdb.get_schema_version()

    def close(self) -> None:
        """Let go of what is kept to be fast; using the store later starts again. In memory, all is gone."""
        self._access.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_ledger(workspace: str | os.PathLike[str], settings: object = None) -> MetadataStore:
    """Return the ledger of a workspace, as its settings want it; see `MetadataStoreConfig.from_settings`."""
    return MetadataStore(MetadataStoreConfig.from_settings(Path(workspace), settings))
