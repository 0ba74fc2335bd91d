"""Lets a few plain lifecycle lines change their nodes: what `facts` and `tree` do in SQL for any slice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import duckdb
import msgspec

from contexta.catalog.plain import PlainFact
from contexta.catalog.quick_scopes import Scope

LATEST: Final = (
    *("started_at", "ended_at", "order_index", "observed_at"),
    *("retention_class", "redaction_profile"),
)
"""What the last statement that stands says, also where it says nothing."""

_LAST_SAID: Final = ("name", "status", "extensions")
"""What the last statement says that says anything of it."""

_STATED: Final = (*LATEST, *_LAST_SAID, "fact_at")

_WRITE: Final = f"""
update nodes set {", ".join(f"{name} = f.{name}" for name in (*LATEST, "fact_at"))},
    {", ".join(f"{name} = coalesce(f.{name}, nodes.{name})" for name in _LAST_SAID)}
from (select {", ".join(f"unnest(${name}) as {name}" for name in ("id", *_STATED))}) f where nodes.id = f.id
"""

Statements = Mapping[Scope, Mapping[str, Any]]
"""By scope, what is stated of it: values by column of `nodes`."""


class _Statement(msgspec.Struct):
    """What is stated about one scope in a slice.

    Attributes:
        known_at: When the latest statement before the next one was made, in this slice or earlier.
        stated_at: When the latest of this slice was made.
        values: What those that stand come to; empty while none does.
    """

    known_at: int | None
    stated_at: int
    values: dict[str, Any]


def apply(facts: Iterable[PlainFact], scopes: Mapping[str, Scope]) -> Statements:
    """Lets statements change what is remembered of scopes.

    A statement stands unless one that was made later came before it.

    Args:
        facts: The statements, in the order of their lines.
        scopes: By ref, what they are about.

    Returns:
        What those that stand come to, to be written.
    """
    statements: dict[str, _Statement] = {}
    for fact in facts:
        told_at = fact.written_at or 0
        statement = statements.setdefault(fact.subject, _Statement(scopes[fact.subject].fact_at, told_at, {}))
        if statement.known_at is None or told_at >= statement.known_at:
            statement.values.update({name: getattr(fact, name) for name in LATEST})
            said = {name: getattr(fact, name) for name in _LAST_SAID}
            statement.values.update({name: value for name, value in said.items() if value is not None})
        statement.known_at = told_at if statement.known_at is None else max(told_at, statement.known_at)
        statement.stated_at = max(told_at, statement.stated_at)
    standing = {scopes[ref]: statement for ref, statement in statements.items() if statement.values}
    for scope, statement in standing.items():
        scope.fact_at = statement.stated_at
        scope.name = statement.values.get("name", scope.name)
        scope.status = statement.values.get("status", scope.status)
    return {scope: {**each.values, "fact_at": each.stated_at} for scope, each in standing.items()}


def write(connection: duckdb.DuckDBPyConnection, statements: Statements) -> None:
    """Writes statements into nodes that are there already.

    Args:
        connection: Connection to the catalog, inside a transaction.
        statements: The statements.
    """
    if statements:
        columns = {name: [values.get(name) for values in statements.values()] for name in _STATED}
        connection.execute(_WRITE, {"id": [scope.id for scope in statements], **columns})
