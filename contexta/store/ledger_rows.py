"""Models into rows of the ledger and back: the only SQL that the repositories need.

What is put is checked whole before the first row is written: parents first, relation endpoints too. What is
read is taken from `payload_json` alone. A row that cannot be read, because of a foreign schema version, an
extension nobody declared or damage, costs that row and is told about; it never costs the table.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from operator import attrgetter
from typing import Any, Final

from contexta.contract.decoding import read_strict
from contexta.contract.encoding import to_json
from contexta.contract.extensions import ContractModel
from contexta.contract.refs import StableRef
from contexta.contract.registry import ExtensionRegistry
from contexta.contract.times import timestamp_text
from contexta.errors import (
    ContextaError,
    IntegrityError,
    NotFoundError,
    ReadOnlyStoreError,
    ValidationError,
)
from contexta.store.ledger_engine import Connection, failures
from contexta.store.ledger_file import LedgerFile
from contexta.store.ledger_tables import (
    REGISTRY,
    REGISTRY_COLUMNS,
    RELATIONS,
    TABLES,
    UNSEEN_ENDPOINT_KINDS,
    ModelT,
    Table,
    table_of,
)

_log: Final = logging.getLogger(__name__)

Value = str | int | None
Row = tuple[Value, ...]
Rows = dict[str, Row]
"""Rows of one table by reference."""
Batch = list[tuple[Table[Any], ContractModel]]
"""Models with their tables."""

_FIRST_UNREADABLE: Final = 3
_FEW_ROWS: Final = 16


@dataclass(frozen=True, slots=True)
class DegradedRow:
    """A row that cannot be read.

    Attributes:
        table: Where it is.
        ref: Its reference, as it stands there.
        code: Why, as the stable code of the error.
        message: Why, in words.
    """

    table: str
    ref: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class LedgerAccess:
    """A ledger and how it may be used; what the repositories and the store work through.

    Attributes:
        file: The ledger.
        read_only: Whether writing is refused.
        auto_create: Whether the first write makes the ledger.
        wait_seconds: How long to wait for others.
        registry: The extension namespaces that may be read; those of this library when None.
    """

    file: LedgerFile
    read_only: bool = False
    auto_create: bool = True
    wait_seconds: float = 10.0
    registry: ExtensionRegistry | None = None

    def require_writable(self) -> None:
        """Refuse to write when the store is read-only.

        Raises:
            ReadOnlyStoreError: ``metadata_store_read_only``.
        """
        if self.read_only:
            raise ReadOnlyStoreError(
                f"The ledger {self.file.path or 'in memory'} was opened read-only.",
                code="metadata_store_read_only",
            )

    def put(self, models: Sequence[ContractModel], expected: Table[Any] | None = None) -> None:
        """Write models in one transaction; what is there under the same reference is replaced.

        Args:
            models: In any order; of two with the same reference the later counts.
            expected: The only table they may belong in; any when None.

        Raises:
            ValidationError: ``metadata_wrong_model``.
            NotFoundError: ``metadata_missing_…`` for a parent, ``metadata_ref_not_found`` for the endpoint of
                a relation, that is neither stored nor among the models.
            ReadOnlyStoreError: ``metadata_store_read_only``.
            StoreAccessError: ``metadata_store_open_failed``.
        """
        self.require_writable()
        sorted_out = _sorted_out(models, expected)
        batch = _encode(sorted_out)
        if not batch:
            return
        with self.file.writing(self.wait_seconds, may_create=self.auto_create) as connection, failures():
            _check_parents(connection, batch)
            _check_endpoints(connection, batch)
            for table in TABLES:
                if rows := batch.get(table):
                    _write(connection, table, rows)
            _register(connection, batch, sorted_out)

    def find(self, table: Table[ModelT], ref: str | StableRef) -> ModelT | None:
        """Return what is stored under a reference, or None.

        Raises:
            ValidationError: The text is no reference.
            IntegrityError: ``metadata_row_unreadable``.
            StoreAccessError: ``metadata_store_open_failed``.
        """
        text = as_ref(ref).text
        found = self.query(f"select payload_json from {table.name} where ref = ?", [text])
        if not found:
            return None
        try:
            return read_strict(table.model, found[0][0], self.registry)
        except ContextaError as error:
            raise IntegrityError(
                f"{text} is stored in {table.name}, but cannot be read: {error.message}",
                code="metadata_row_unreadable",
                details={"table": table.name, "ref": text, "reason": error.code},
                cause=error,
            ) from error

    def get(self, table: Table[ModelT], ref: str | StableRef) -> ModelT:
        """Return what is stored under a reference.

        Raises:
            NotFoundError: ``metadata_row_not_found``; else as `find`.
        """
        found = self.find(table, ref)
        if found is None:
            raise NotFoundError(
                f"{ref} is not in {table.name} of the ledger.",
                code="metadata_row_not_found",
                details={"table": table.name, "ref": str(ref)},
            )
        return found

    def exists(self, table: Table[Any], ref: str | StableRef) -> bool:
        """Tell whether something is stored under a reference; raises as `find`."""
        return bool(self.query(f"select 1 from {table.name} where ref = ?", [as_ref(ref).text]))

    def select(
        self, table: Table[ModelT], order: str, where: str = "true", parameters: Sequence[object] = ()
    ) -> tuple[ModelT, ...]:
        """Return the readable models of a table; the others are logged and left out.

        Args:
            table: The table.
            order: After ``order by``.
            where: After ``where``.
            parameters: For the placeholders in ``where``.
        """
        rows = self.query(
            f"select ref, payload_json from {table.name} where {where} order by {order}", parameters
        )
        models, degraded = self.readable(table, rows)
        if degraded:
            refs = ", ".join(row.ref for row in degraded[:_FIRST_UNREADABLE])
            _log.warning(
                "%d rows of %s cannot be read (%s%s); degraded_rows() of the store says why",
                len(degraded),
                table.name,
                refs,
                ", …" if len(degraded) > _FIRST_UNREADABLE else "",
            )
        return tuple(models)

    def readable(
        self, table: Table[ModelT], rows: Iterable[tuple[Any, ...]]
    ) -> tuple[list[ModelT], list[DegradedRow]]:
        """Part rows of reference and payload into models and what cannot be read."""
        models: list[ModelT] = []
        degraded: list[DegradedRow] = []
        for ref, payload in rows:
            try:
                models.append(read_strict(table.model, payload, self.registry))
            except ContextaError as error:
                degraded.append(DegradedRow(table.name, str(ref), error.code, error.message))
        return models, degraded

    @contextmanager
    def view(self) -> Iterator[None]:
        """Let everything that is read in a block be of one moment."""
        with self.file.reading(self.wait_seconds):
            yield

    def query(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a statement that changes nothing; none when there is no ledger."""
        with self.file.reading(self.wait_seconds) as connection, failures():
            return [] if connection is None else connection.execute(statement, list(parameters)).fetchall()


def as_ref(ref: str | StableRef) -> StableRef:
    """Return a reference from itself or its text.

    Raises:
        ValidationError: ``stable_ref_invalid_…``: the text is no reference.
    """
    return ref if isinstance(ref, StableRef) else StableRef.parse(ref)


def _sorted_out(models: Iterable[ContractModel], expected: Table[Any] | None) -> Batch:
    """Return each model with its table."""
    batch: Batch = []
    for model in models:
        table = table_of(model)
        if table is None or (expected is not None and table is not expected):
            wanted = expected.model.__name__ if expected else "a model that the ledger has a table for"
            raise ValidationError(
                f"Only {wanted} can be put here, not {type(model).__name__}.", code="metadata_wrong_model"
            )
        batch.append((table, model))
    return batch


def _encode(models: Batch) -> dict[Table[Any], Rows]:
    batch: dict[Table[Any], Rows] = {}
    for table, model in models:
        row = encode_row(table, model)
        batch.setdefault(table, {})[str(row[0])] = row
    return batch


def encode_row(table: Table[Any], model: ContractModel) -> Row:
    """Return the row of a model, in the order of the table's columns."""
    fields = _fetcher(table)(model)
    return (*(value.text if isinstance(value, StableRef) else value for value in fields), to_json(model))


@cache
def _fetcher(table: Table[Any]) -> attrgetter[tuple[Any, ...]]:
    return attrgetter(table.ref_field, *table.columns.values())


def _check_parents(connection: Connection, batch: Mapping[Table[Any], Rows]) -> None:
    here = {table.name: rows for table, rows in batch.items()}
    for table, rows in batch.items():
        for parent in table.parents:
            position = table.all_columns.index(parent.column)
            wanted = {str(row[position]): ref for ref, row in rows.items() if row[position] is not None}
            absent = wanted.keys() - here.get(parent.table, {}).keys()
            absent -= _present(connection, parent.table, absent)
            if absent:
                missing = min(absent)
                raise NotFoundError(
                    f"{missing} must be stored before {wanted[missing]}, or put together with it.",
                    code=parent.code,
                    details={"ref": wanted[missing], "missing": missing},
                )


def _check_endpoints(connection: Connection, batch: Mapping[Table[Any], Rows]) -> None:
    source, target = (RELATIONS.all_columns.index(column) for column in ("source_ref", "target_ref"))
    wanted = {
        str(end): ref
        for ref, row in batch.get(RELATIONS, {}).items()
        for end in (row[source], row[target])
        if str(end).partition(":")[0] not in UNSEEN_ENDPOINT_KINDS
    }
    absent = wanted.keys() - {ref for rows in batch.values() for ref in rows}
    absent -= _present(connection, REGISTRY, absent)
    if absent:
        missing = min(absent)
        raise NotFoundError(
            f"{wanted[missing]} relates {missing}, which is not stored.",
            code="metadata_ref_not_found",
            details={"ref": wanted[missing], "missing": missing},
        )


def _present(connection: Connection, table: str, refs: Iterable[str]) -> set[str]:
    """The references among these that a table has."""
    asked = list(refs)
    if not asked:
        return set()
    few = len(asked) <= _FEW_ROWS
    among = ", ".join(["?"] * len(asked)) if few else "select unnest(?::varchar[])"
    found = connection.execute(
        f"select ref from {table} where ref in ({among})", asked if few else [asked]
    ).fetchall()
    return {ref for (ref,) in found}


def _write(connection: Connection, table: Table[Any], rows: Rows) -> None:
    there = _present(connection, table.name, rows)
    types = {column: table.column_type(column) for column in table.all_columns}
    if changed := [row for ref, row in rows.items() if ref in there]:
        values, parameters = _values(types, changed)
        # Assigning the key, even to itself, would make DuckDB delete and insert.
        assignments = ", ".join(f"{column} = new.{column}" for column in table.all_columns[1:])
        connection.execute(
            f"update {table.name} set {assignments}"
            f" from ({values}) as new({', '.join(types)}) where {table.name}.ref = new.ref",
            parameters,
        )
    if added := [row for ref, row in rows.items() if ref not in there]:
        _insert(connection, table.name, types, added)


def _insert(connection: Connection, table: str, types: Mapping[str, str], rows: Sequence[Row]) -> None:
    values, parameters = _values(types, rows)
    connection.execute(f"insert into {table} {values}", parameters)


def _values(types: Mapping[str, str], rows: Sequence[Row]) -> tuple[str, list[object]]:
    """Rows as SQL and its parameters; DuckDB plans few values faster, and reads many faster as lists."""
    if len(rows) <= _FEW_ROWS:
        row = f"({', '.join(f'?::{kind}' for kind in types.values())})"
        return f"values {', '.join([row] * len(rows))}", [value for values in rows for value in values]
    lists = ", ".join(f"unnest(?::{kind}[])" for kind in types.values())
    return f"select {lists}", [list(column) for column in zip(*rows, strict=True)]


def _register(connection: Connection, batch: Mapping[Table[Any], Rows], models: Batch) -> None:
    owners = {ref: table.owner_kind for table, rows in batch.items() for ref in rows}
    for table, model in models:
        for field, owner in table.mentions.items():
            mentioned = getattr(model, field)
            for ref in mentioned if isinstance(mentioned, tuple) else (mentioned,):
                if ref is not None:
                    owners.setdefault(str(ref), owner)
    for known in _present(connection, REGISTRY, owners):
        del owners[known]
    if owners:
        now = timestamp_text(datetime.now(UTC), "registered_at")
        rows: list[Row] = [(ref, ref.partition(":")[0], owner, now) for ref, owner in owners.items()]
        _insert(connection, REGISTRY, dict.fromkeys(REGISTRY_COLUMNS, "varchar"), rows)
