"""Lets a few plain lifecycle lines change their nodes: what `facts` and `tree` do in SQL for any slice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import duckdb

from contexta.catalog.plain import PlainFact
from contexta.catalog.quick_scopes import Scope

_LATEST: Final = (
    *("started_at", "ended_at", "order_index", "observed_at"),
    *("retention_class", "redaction_profile"),
)
"""What the last statement that stands says, also where it says nothing."""

_LAST_SAID: Final = ("name", "status", "extensions")
"""What the last statement says that says anything of it."""

_COLUMNS: Final = ("id", *_LATEST, *_LAST_SAID, "stated_at")

_APPLY: Final = f"""
update nodes set {", ".join(f"{name} = f.{name}" for name in _LATEST)},
    {", ".join(f"{name} = coalesce(f.{name}, nodes.{name})" for name in _LAST_SAID)}, fact_at = f.stated_at
from (select {", ".join(f"unnest(${name}) as {name}" for name in _COLUMNS)}) f where nodes.id = f.id
"""


@dataclass(slots=True)
class _Statement:
    """What is stated about one scope in a slice.

    Attributes:
        known_at: When the latest statement before the next one was made, in this slice or earlier.
        stated_at: When the latest of this slice was made.
        values: What those that stand come to; empty while none does.
    """

    known_at: int | None
    stated_at: int
    values: dict[str, Any]


def apply(
    connection: duckdb.DuckDBPyConnection, facts: Iterable[PlainFact], scopes: Mapping[str, Scope]
) -> tuple[Scope, ...]:
    """Writes what is stated into the nodes, and into what is remembered of them.

    A statement stands unless one that was made later came before it.

    Args:
        connection: Connection to the catalog, inside a transaction.
        facts: The statements, in the order of their lines.
        scopes: By ref, what they are about.

    Returns:
        The scopes of which a statement stands.
    """
    statements: dict[str, _Statement] = {}
    for fact in facts:
        told_at = fact.written_at or 0
        statement = statements.setdefault(fact.subject, _Statement(scopes[fact.subject].fact_at, told_at, {}))
        if statement.known_at is None or told_at >= statement.known_at:
            statement.values.update({name: getattr(fact, name) for name in _LATEST})
            said = {name: getattr(fact, name) for name in _LAST_SAID}
            statement.values.update({name: value for name, value in said.items() if value is not None})
        statement.known_at = told_at if statement.known_at is None else max(told_at, statement.known_at)
        statement.stated_at = max(told_at, statement.stated_at)
    standing = {scopes[ref]: statement for ref, statement in statements.items() if statement.values}
    for scope, statement in standing.items():
        scope.fact_at = statement.stated_at
        scope.name = statement.values.get("name", scope.name)
        scope.status = statement.values.get("status", scope.status)
    rows = [
        {"id": scope.id, **statement.values, "stated_at": statement.stated_at}
        for scope, statement in standing.items()
    ]
    if rows:
        connection.execute(_APPLY, {name: [row.get(name) for row in rows] for name in _COLUMNS})
    return tuple(standing)
