"""What a whole ledger, or all of one run in it, amounts to: a snapshot, its faults, and what would mend them.

Everything here reads. A plan of repairs says what to do and why, and does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

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
from contexta.contract.refs import StableRef
from contexta.store.ledger_rows import DegradedRow, LedgerAccess
from contexta.store.ledger_tables import REGISTRY, REGISTRY_COLUMNS, TABLES, Table
from contexta.store.ledger_write import Row, encode_row

ROW_UNREADABLE: Final = "row_unreadable"
ROW_MISMATCH: Final = "row_mismatch"
PARENT_MISSING: Final = "parent_missing"
NOT_REGISTERED: Final = "ref_not_registered"
OWNER_MISSING: Final = "registered_owner_missing"

_REPAIRS: Final = {
    ROW_UNREADABLE: "put the object again, or declare the extension that it uses",
    ROW_MISMATCH: "put the object again, which writes all its columns",
    PARENT_MISSING: "put the missing parent",
    NOT_REGISTERED: "put the object again, which registers it",
    OWNER_MISSING: "put the object that was registered",
}


@dataclass(frozen=True, slots=True)
class LedgerSnapshot:
    """All that the ledger holds about one run.

    Attributes:
        project: Its project; None when that cannot be read.
        run: The run.
        deployments: Those that link it.
        stages: In order.
        batches: By stage.
        samples: By stage and batch.
        environments: By time.
        relations: Those with an end among ``scoped_refs``.
        provenance: Of these relations.
        scoped_refs: The references of everything above from the run on, relations excepted.
    """

    project: Project | None
    run: Run
    deployments: tuple[DeploymentExecution, ...]
    stages: tuple[StageExecution, ...]
    batches: tuple[BatchExecution, ...]
    samples: tuple[SampleObservation, ...]
    environments: tuple[EnvironmentSnapshot, ...]
    relations: tuple[LineageEdge, ...]
    provenance: tuple[ProvenanceRecord, ...]
    scoped_refs: tuple[StableRef, ...]


@dataclass(frozen=True, slots=True)
class RegisteredRef:
    """A reference that the ledger has seen.

    Attributes:
        ref: Its text.
        ref_kind: Its kind.
        owner_kind: As what it was seen first, e.g. ``batch_execution`` or ``relation_endpoint``.
        registered_at: When.
    """

    ref: str
    ref_kind: str
    owner_kind: str
    registered_at: str


@dataclass(frozen=True, slots=True)
class IntegrityIssue:
    """Something that contradicts itself.

    Attributes:
        code: ``row_unreadable``, ``row_mismatch`` (a column differs from the payload), ``parent_missing``,
            ``ref_not_registered`` or ``registered_owner_missing``.
        table: Where.
        ref: Which row.
        message: What it is.
    """

    code: str
    table: str
    ref: str
    message: str


@dataclass(frozen=True, slots=True)
class IntegrityReport:
    """What a check of the whole ledger found.

    Attributes:
        rows: How many rows were looked at.
        issues: What is wrong, in the order of the tables.
    """

    rows: int
    issues: tuple[IntegrityIssue, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.issues


@dataclass(frozen=True, slots=True)
class Repair:
    """What would mend an issue.

    Attributes:
        issue: The issue.
        action: What to do.
    """

    issue: IntegrityIssue
    action: str


def degraded_rows(access: LedgerAccess) -> tuple[DegradedRow, ...]:
    """Return every row that cannot be read, in the order of the tables."""
    found: list[DegradedRow] = []
    for table in TABLES:
        rows = access.query(f"select ref, payload_json from {table.name} order by ref")
        found += access.readable(table, rows)[1]
    return tuple(found)


def registered_refs(access: LedgerAccess) -> tuple[RegisteredRef, ...]:
    """Return the registry, by reference."""
    rows = access.query(f"select {', '.join(REGISTRY_COLUMNS)} from {REGISTRY} order by ref")
    return tuple(RegisteredRef(*row) for row in rows)


def check_integrity(access: LedgerAccess) -> IntegrityReport:
    """Read the whole ledger and tell what is wrong with it."""
    content: dict[str, dict[str, Row]] = {}
    for table in TABLES:
        rows = access.query(f"select {', '.join(table.all_columns)} from {table.name} order by ref")
        content[table.name] = {str(row[0]): row for row in rows}
    registered = registered_refs(access)
    issues = [
        *(issue for table in TABLES for issue in _issues_of(access, table, content)),
        *_issues_of_registry(registered, content),
    ]
    return IntegrityReport(sum(map(len, content.values())) + len(registered), tuple(issues))


def plan_repairs(report: IntegrityReport) -> tuple[Repair, ...]:
    """Return what would mend each issue of a report."""
    return tuple(Repair(issue, _REPAIRS[issue.code]) for issue in report.issues)


def _issues_of(
    access: LedgerAccess, table: Table[Any], content: dict[str, dict[str, Row]]
) -> Iterator[IntegrityIssue]:
    rows = content[table.name]
    models, degraded = access.readable(table, [(ref, row[-1]) for ref, row in rows.items()])
    unreadable = {row.ref: row for row in degraded}
    readable = iter(models)
    for ref, row in rows.items():
        if ref in unreadable:
            yield IntegrityIssue(ROW_UNREADABLE, table.name, ref, unreadable[ref].message)
        else:
            yield from _mismatch(table, row, next(readable))
        for parent in table.parents:
            wanted = row[table.all_columns.index(parent.column)]
            if wanted is not None and wanted not in content[parent.table]:
                yield IntegrityIssue(PARENT_MISSING, table.name, ref, f"{wanted} is not stored")


def _mismatch(table: Table[Any], row: Row, model: ContractModel) -> Iterator[IntegrityIssue]:
    # The payload itself may be spelt in another way by another writer.
    wanted = encode_row(table, model)[:-1]
    wrong = [
        name for name, ours, theirs in zip(table.all_columns, wanted, row, strict=False) if ours != theirs
    ]
    if wrong:
        yield IntegrityIssue(
            ROW_MISMATCH, table.name, str(row[0]), f"{', '.join(wrong)} differ from the payload"
        )


def _issues_of_registry(
    registered: tuple[RegisteredRef, ...], content: dict[str, dict[str, Row]]
) -> Iterator[IntegrityIssue]:
    known = {entry.ref for entry in registered}
    tables = {table.owner_kind: table.name for table in TABLES}
    for name, rows in content.items():
        for ref in rows.keys() - known:
            yield IntegrityIssue(NOT_REGISTERED, name, ref, "the registry does not have it")
    for entry in registered:
        owner = tables.get(entry.owner_kind)
        if owner is not None and entry.ref not in content[owner]:
            yield IntegrityIssue(OWNER_MISSING, REGISTRY, entry.ref, f"it is not in {owner}")
