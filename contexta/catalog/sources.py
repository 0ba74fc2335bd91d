"""What the catalog knows of the files it was built from; kept in its table `sources`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import duckdb
import msgspec
from msgspec.structs import replace

from contexta.catalog.ingest import Damage
from contexta.watch.tail import Mark


class Source(msgspec.Struct, frozen=True):
    """One file, or one store that is read whole.

    Attributes:
        id: Key in the catalog.
        workspace: Number of its workspace.
        path: Where it is.
        kind: `capture`, `segments`, `ledger` or `artifacts`.
        mark: How far it was read.
        lines: Lines or rows taken in, damaged ones included.
        damaged: Lines that could not be read.
        state: `ok`, `locked`, `missing` or `unreadable`.
        detail: One clause when the state is not `ok`.
        in_damage: Whether the last line is a damaged one, so that another one right after it joins it.
    """

    id: int
    workspace: int
    path: Path
    kind: str
    mark: Mark = msgspec.field(default_factory=Mark)
    lines: int = 0
    damaged: int = 0
    state: str = "ok"
    detail: str = ""
    in_damage: bool = False

    def with_state(self, state: str, detail: str) -> Source:
        """The same source in another state."""
        return replace(self, state=state, detail=detail)

    def looks_like(self, other: Source) -> bool:
        """Whether all that anybody can see of both is the same."""
        return (self.state, self.detail, self.mark.size, self.mark.position) == (
            *(other.state, other.detail),
            *(other.mark.size, other.mark.position),
        )


GONE_AFTER_S: Final = 2.0


class Followed(msgspec.Struct):
    """A source, and what is known of it while following.

    Attributes:
        source: As it is.
        saved: As the catalog has it.
        pending: Whether there may be something to take.
        active_until: Until when it is looked at in every step.
        missing_since: When it was first seen to be missing, or `None`.
        grace: Seconds that a missing source may take to come back before it is believed to be gone.
        again_at: When it may be read again, for a store that is read whole.
        names: Of a folder, what was in it.
        holder: Of a ledger, the process that holds it.
        in_slices: Whether it turned out to be a file that cannot be taken in one piece.
    """

    source: Source
    saved: Source | None = None
    pending: bool = True
    active_until: float = 0.0
    missing_since: float | None = None
    grace: float = GONE_AFTER_S
    again_at: float = 0.0
    names: frozenset[Path] = frozenset()
    holder: int | None = None
    in_slices: bool = False


_FEW: Final = 4
"""Rows that are written one by one: planning the statement for many costs more."""

_COLUMNS: Final = {
    "id": "integer",
    "workspace": "integer",
    "path": "blob",
    "kind": "varchar",
    "inode": "ubigint",
    "size": "bigint",
    "mtime_ns": "bigint",
    "position": "bigint",
    "head": "varchar",
    "head_length": "integer",
    "tail": "varchar",
    "skip_from": "bigint",
    "lines": "bigint",
    "damaged": "bigint",
    "state": "varchar",
    "detail": "varchar",
    "in_damage": "boolean",
}
_LASTING: Final = frozenset(("id", "workspace", "path", "kind"))


def load(connection: duckdb.DuckDBPyConnection, workspaces: Sequence[Path]) -> list[Source]:
    """All sources of the catalog."""
    rows = connection.execute(f"select {', '.join(_COLUMNS)} from sources order by id").fetchall()
    return [
        Source(
            id=row[0],
            workspace=row[1],
            path=workspaces[row[1]] / os.fsdecode(row[2]),
            kind=row[3],
            mark=Mark(
                inode=row[4],
                size=row[5],
                mtime_ns=row[6],
                position=row[7],
                head=row[8],
                head_length=row[9],
                tail=row[10],
                skip_from=row[11],
            ),
            lines=row[12],
            damaged=row[13],
            state=row[14],
            detail=row[15],
            in_damage=row[16],
        )
        for row in rows
    ]


def save(connection: duckdb.DuckDBPyConnection, changed: Sequence[Source]) -> None:
    """Writes sources; to be called in the transaction that took their lines."""
    # A job that is followed changes one or two of them all the time.
    if len(changed) <= _FEW and all(_update(connection, source) for source in changed):
        return
    connection.execute(
        "delete from sources where list_contains($ids, id)", {"ids": [source.id for source in changed]}
    )
    _insert(
        connection,
        "sources",
        _COLUMNS,
        [tuple(_values(source).values()) for source in changed],
    )


def _values(source: Source) -> dict[str, object]:
    """The row of a source, by column."""
    mark = source.mark
    values = (
        *(source.id, source.workspace, os.fsencode(source.path), source.kind),
        *(mark.inode, mark.size, mark.mtime_ns, mark.position),
        *(mark.head, mark.head_length, mark.tail, mark.skip_from),
        *(source.lines, source.damaged, source.state, source.detail, source.in_damage),
    )
    return dict(zip(_COLUMNS, values, strict=True))


def _update(connection: duckdb.DuckDBPyConnection, source: Source) -> bool:
    """Writes a source over what there is of it; whether there was anything."""
    values = _values(source)
    changing = {name: values[name] for name in values if name not in _LASTING}
    names = ", ".join(f"{name} = ${name}" for name in changing)
    row = connection.execute(
        f"update sources set {names} where id = $id", {"id": source.id, **changing}
    ).fetchone()
    return row is not None and row[0] > 0


def add_damage(connection: duckdb.DuckDBPyConnection, damage: Sequence[Damage]) -> None:
    """Writes down what could not be read, after what was written down before."""
    _insert(
        connection,
        "damage",
        {
            "source_id": "integer",
            "position": "bigint",
            "length": "bigint",
            "lines": "integer",
            "error": "varchar",
        },
        [(item.source_id, item.position, item.length, item.lines, item.error) for item in damage],
    )


def extend_damage(connection: duckdb.DuckDBPyConnection, more: Damage) -> None:
    """Lets the last damage of a source reach to the end of another that follows upon it."""
    connection.execute(
        "update damage set length = $end - position, lines = lines + $lines where source_id = $id"
        " and position = (select max(position) from damage where source_id = $id)",
        {"end": more.position + more.length, "lines": more.lines, "id": more.source_id},
    )


def replace_damage(connection: duckdb.DuckDBPyConnection, source_id: int, damage: Sequence[Damage]) -> None:
    """Writes down what could not be read of a store that is read whole, instead of what was before."""
    connection.execute("delete from damage where source_id = $id", {"id": source_id})
    add_damage(connection, damage)


def _insert(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Mapping[str, str],
    rows: Sequence[Sequence[object]],
) -> None:
    """Inserts rows; many as one list a column: a statement a row would take seconds for thousands."""
    names = ", ".join(columns)
    if len(rows) <= _FEW:
        marks = ", ".join("?" for _ in columns)
        for row in rows:
            connection.execute(f"insert into {table} ({names}) values ({marks})", row)
    else:
        values = ", ".join(f"unnest(${name}::{kind}[])" for name, kind in columns.items())
        lists = dict(zip(columns, (list(column) for column in zip(*rows, strict=True)), strict=True))
        connection.execute(f"insert into {table} ({names}) select {values}", lists)
