"""Models into rows of the ledger, after everything that they need was found.

What is put is checked whole before the first row is written: in one question what is stored already, then
parents and the ends of relations, then the rows, parents first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from operator import attrgetter
from typing import Any, Final

from contexta.contract.encoding import to_json
from contexta.contract.extensions import ContractModel
from contexta.contract.refs import StableRef
from contexta.contract.times import timestamp_text
from contexta.errors import NotFoundError, ValidationError
from contexta.store.ledger_engine import Connection
from contexta.store.ledger_tables import (
    REGISTRY,
    REGISTRY_COLUMNS,
    RELATIONS,
    TABLES,
    UNSEEN_ENDPOINT_KINDS,
    Parent,
    Table,
    table_of,
)

Value = str | int | None
Row = tuple[Value, ...]
Rows = dict[str, Row]
"""Rows of one table by reference."""
Batch = list[tuple[Table[Any], ContractModel]]
"""Models with their tables."""
Needs = dict[str, str]
"""Who needs it, by the reference of what is needed."""

_FEW_ROWS: Final = 16


@dataclass(frozen=True, slots=True)
class Prepared:
    """Rows that are ready to be written.

    Attributes:
        batch: The rows by table.
        parents: What they need that is not among them, by kind of parent.
        ends: The ends of relations among them that must be registered.
        owners: What they make known to the registry: references, and as what.
    """

    batch: Mapping[Table[Any], Rows]
    parents: Sequence[tuple[Parent, Needs]]
    ends: Needs
    owners: Mapping[str, str]


def prepare(models: Sequence[ContractModel], expected: Table[Any] | None = None) -> Prepared:
    """Turn models into rows; of two with the same reference the later counts.

    Args:
        models: In any order.
        expected: The only table they may belong in; any when None.

    Raises:
        ValidationError: ``metadata_wrong_model``.
    """
    sorted_out = _sorted_out(models, expected)
    batch = _encode(sorted_out)
    return Prepared(batch, _parents(batch), _ends(batch), _owners(batch, sorted_out))


def write(connection: Connection, rows: Prepared) -> None:
    """Write rows, replacing what is there under the same references.

    Raises:
        NotFoundError: ``metadata_missing_…`` for a parent, ``metadata_ref_not_found`` for the end of a
            relation, that is neither stored nor among the rows. Nothing was written then.
    """
    asked = {
        **{table.name: {*found} for table, found in rows.batch.items()},
        REGISTRY: rows.owners.keys() | rows.ends.keys(),
    }
    for parent, missing in rows.parents:
        asked[parent.table] = asked.get(parent.table, set()) | missing.keys()
    there = _stored(connection, asked)
    for parent, missing in rows.parents:
        _require(missing, there[parent.table], parent.code)
    _require(rows.ends, there[REGISTRY], "metadata_ref_not_found")
    for table in TABLES:
        if table in rows.batch:
            _write(connection, table, rows.batch[table], there[table.name])
    _register(connection, rows.owners, there[REGISTRY])


def encode_row(table: Table[Any], model: ContractModel) -> Row:
    """Return the row of a model, in the order of the table's columns."""
    fields = _fetcher(table)(model)
    return (*(value.text if isinstance(value, StableRef) else value for value in fields), to_json(model))


@cache
def _fetcher(table: Table[Any]) -> attrgetter[tuple[Any, ...]]:
    return attrgetter(table.ref_field, *table.columns.values())


def _sorted_out(models: Sequence[ContractModel], expected: Table[Any] | None) -> Batch:
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


def _parents(batch: Mapping[Table[Any], Rows]) -> list[tuple[Parent, Needs]]:
    """What rows need that is not among them: for each kind of parent, who needs it by its reference."""
    here = {table.name: rows for table, rows in batch.items()}
    found = []
    for table, rows in batch.items():
        for parent in table.parents:
            position = table.all_columns.index(parent.column)
            needs = {str(row[position]): ref for ref, row in rows.items() if row[position] is not None}
            if absent := needs.keys() - here.get(parent.table, {}).keys():
                found.append((parent, {missing: needs[missing] for missing in absent}))
    return found


def _ends(batch: Mapping[Table[Any], Rows]) -> Needs:
    """The ends of relations that must be known to the registry."""
    source, target = (RELATIONS.all_columns.index(column) for column in ("source_ref", "target_ref"))
    here = {ref for rows in batch.values() for ref in rows} if RELATIONS in batch else set()
    return {
        str(end): ref
        for ref, row in batch.get(RELATIONS, {}).items()
        for end in (row[source], row[target])
        if end not in here and str(end).partition(":")[0] not in UNSEEN_ENDPOINT_KINDS
    }


def _require(needs: Needs, there: set[str], code: str) -> None:
    absent = needs.keys() - there
    if absent:
        missing = min(absent)
        raise NotFoundError(
            f"{missing} must be stored before {needs[missing]}, or put together with it.",
            code=code,
            details={"ref": needs[missing], "missing": missing},
        )


def _stored(connection: Connection, asked: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Which of the references that are asked for by table are there, in one question."""
    there: dict[str, set[str]] = {table: set() for table in asked}
    questions: list[str] = []
    parameters: list[object] = []
    for table, refs in asked.items():
        few = len(refs) <= _FEW_ROWS
        among = ", ".join(["?"] * len(refs)) if few else "select unnest(?::varchar[])"
        if refs:
            questions.append(f"select '{table}', ref from {table} where ref in ({among})")
            parameters += refs if few else [list(refs)]
    for table, ref in connection.execute(" union all ".join(questions), parameters).fetchall():
        there[table].add(ref)
    return there


def _write(connection: Connection, table: Table[Any], rows: Rows, there: set[str]) -> None:
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


def _owners(batch: Mapping[Table[Any], Rows], models: Batch) -> dict[str, str]:
    """What models make known to the registry: references, and as what."""
    owners = {ref: table.owner_kind for table, rows in batch.items() for ref in rows}
    for table, model in models:
        for field, owner in table.mentions.items():
            mentioned = getattr(model, field)
            for ref in mentioned if isinstance(mentioned, tuple) else (mentioned,):
                if ref is not None:
                    owners.setdefault(str(ref), owner)
    return owners


def _register(connection: Connection, owners: Mapping[str, str], there: set[str]) -> None:
    now = timestamp_text(datetime.now(UTC), "registered_at")
    rows: list[Row] = [
        (ref, ref.partition(":")[0], owner, now) for ref, owner in owners.items() if ref not in there
    ]
    if rows:
        _insert(connection, REGISTRY, dict.fromkeys(REGISTRY_COLUMNS, "varchar"), rows)
