"""The tables of the ledger, and which fields of which model stand in their columns.

One `Table` a model; everything else about the ledger follows from these: the statements that make a table,
what must be stored before a row, and what a row registers. `payload_json` is the truth; the other columns
exist to find and order rows. The layout is that of public Contexta 1.0.0 (format specification, section 6.1),
so that each opens what the other wrote. Nothing here touches a database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from contexta.contract.artifacts import LineageEdge, ProvenanceRecord
from contexta.contract.context import (
    BatchExecution,
    DeploymentExecution,
    EnvironmentSnapshot,
    Project,
    Run,
    SampleObservation,
    StageExecution,
)
from contexta.contract.extensions import ContractModel

ModelT = TypeVar("ModelT", bound=ContractModel)

STORE_SCHEMA_VERSION: Final = "1"
REGISTRY: Final = "structural_ref_registry"
REGISTRY_COLUMNS: Final = ("ref", "ref_kind", "owner_kind", "registered_at")


@dataclass(frozen=True, slots=True)
class Parent:
    """A row that must be there first.

    Attributes:
        column: The column that refers to it.
        table: Where it must be.
        code: The error's code when it is not.
    """

    column: str
    table: str
    code: str


@dataclass(frozen=True, slots=True, eq=False)
class Table(Generic[ModelT]):
    """A table and its model.

    Attributes:
        name: The table.
        model: What its rows hold.
        owner_kind: What the registry calls its rows.
        columns: The field of the model by column, but for ``ref`` and ``payload_json``.
        parents: What must be stored before a row.
        mentions: Fields with other references that a row registers, and as what.
    """

    name: str
    model: type[ModelT]
    owner_kind: str
    columns: Mapping[str, str]
    parents: tuple[Parent, ...] = ()
    mentions: Mapping[str, str] = field(default_factory=dict)

    @property
    def ref_field(self) -> str:
        """The field of the model that is its own reference: always the first."""
        return next(iter(self.model.model_fields))

    @property
    def all_columns(self) -> tuple[str, ...]:
        """All columns in their order."""
        return ("ref", *self.columns, "payload_json")

    def column_type(self, column: str) -> str:
        """The SQL type of a column."""
        return "integer" if column == "order_index" else "varchar"

    def create(self) -> str:
        """The statement that makes the table."""
        fields = self.model.model_fields
        middle = (
            f"{column} {self.column_type(column)}{' not null' if fields[field].is_required() else ''}"
            for column, field in self.columns.items()
        )
        lines = ("ref varchar primary key", *middle, "payload_json varchar not null")
        return f"create table {self.name}({', '.join(lines)})"


PROJECTS: Final = Table("projects", Project, "project", {name: name for name in ("name", "created_at")})
RUNS: Final = Table(
    "runs",
    Run,
    "run",
    {name: name for name in ("project_ref", "name", "started_at", "status")},
    (Parent("project_ref", "projects", "metadata_missing_run_project"),),
)
DEPLOYMENTS: Final = Table(
    "deployment_executions",
    DeploymentExecution,
    "deployment_execution",
    {
        name: name
        for name in ("project_ref", "deployment_name", "run_ref", "order_index", "started_at", "status")
    },
    (Parent("project_ref", "projects", "metadata_missing_deployment_project"),),
)
STAGES: Final = Table(
    "stage_executions",
    StageExecution,
    "stage_execution",
    {name: name for name in ("run_ref", "stage_name", "order_index", "started_at", "status")},
    (Parent("run_ref", "runs", "metadata_missing_stage_run"),),
)
BATCHES: Final = Table(
    "batch_executions",
    BatchExecution,
    "batch_execution",
    {
        "run_ref": "run_ref",
        "stage_ref": "stage_execution_ref",
        **{name: name for name in ("batch_name", "order_index", "started_at", "status")},
    },
    (
        Parent("run_ref", "runs", "metadata_missing_batch_run"),
        Parent("stage_ref", "stage_executions", "metadata_missing_batch_stage"),
    ),
)
SAMPLES: Final = Table(
    "sample_observations",
    SampleObservation,
    "sample_observation",
    {
        "run_ref": "run_ref",
        "stage_ref": "stage_execution_ref",
        "batch_ref": "batch_execution_ref",
        **{name: name for name in ("sample_name", "observed_at", "retention_class", "redaction_profile")},
    },
    (
        Parent("run_ref", "runs", "metadata_missing_sample_run"),
        Parent("stage_ref", "stage_executions", "metadata_missing_sample_stage"),
        Parent("batch_ref", "batch_executions", "metadata_missing_sample_batch"),
    ),
)
ENVIRONMENTS: Final = Table(
    "environment_snapshots",
    EnvironmentSnapshot,
    "environment_snapshot",
    {name: name for name in ("run_ref", "captured_at")},
    (Parent("run_ref", "runs", "metadata_missing_environment_run"),),
)
RELATIONS: Final = Table(
    "relations",
    LineageEdge,
    "relation",
    {name: name for name in ("source_ref", "target_ref", "relation_type", "recorded_at")},
    mentions={
        "source_ref": "relation_endpoint",
        "target_ref": "relation_endpoint",
        "operation_context_ref": "operation_context",
        "evidence_refs": "relation_evidence",
    },
)
PROVENANCE: Final = Table(
    "provenance_records",
    ProvenanceRecord,
    "provenance",
    {name: name for name in ("relation_ref", "asserted_at", "assertion_mode")},
    (Parent("relation_ref", "relations", "metadata_missing_provenance_relation"),),
    mentions={"formation_context_ref": "formation_context"},
)

TABLES: Final[tuple[Table[Any], ...]] = (
    PROJECTS,
    RUNS,
    DEPLOYMENTS,
    STAGES,
    BATCHES,
    SAMPLES,
    ENVIRONMENTS,
    RELATIONS,
    PROVENANCE,
)
"""Parents before children, the order in which a batch of rows is written."""

_BY_MODEL: Final[Mapping[type, Table[Any]]] = {table.model: table for table in TABLES}

UNSEEN_ENDPOINT_KINDS: Final = frozenset({"artifact", "op"})
"""Kinds that a relation may name although no table of the ledger holds them."""


def table_of(model: object) -> Table[Any] | None:
    """Return the table that a model belongs in, or None."""
    return next((_BY_MODEL[kind] for kind in type(model).__mro__ if kind in _BY_MODEL), None)


def schema() -> Iterator[str]:
    """The statements that make an empty ledger, but for the row that states its version."""
    for table in TABLES:
        yield table.create()
    yield (
        f"create table {REGISTRY}(ref varchar primary key, ref_kind varchar not null,"
        " owner_kind varchar not null, registered_at varchar not null)"
    )
    yield "create table schema_metadata(store_schema_version varchar not null, applied_at varchar not null)"
    yield (
        "create table migration_history(step_id varchar primary key, from_version varchar not null,"
        " to_version varchar not null, description varchar not null, status varchar not null,"
        " applied_at varchar not null, notes_json varchar not null)"
    )
