"""What the catalog knows of the files it was built from; kept in its table `sources`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from contexta.catalog.ingest import Damage
from contexta.watch.tail import Mark


@dataclass(frozen=True, slots=True)
class Source:
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
    """

    id: int
    workspace: int
    path: Path
    kind: str
    mark: Mark = field(default_factory=Mark)
    lines: int = 0
    damaged: int = 0
    state: str = "ok"
    detail: str = ""

    def with_mark(self, mark: Mark) -> Source:
        """The same source, read further."""
        return replace(self, mark=mark)

    def with_state(self, state: str, detail: str) -> Source:
        """The same source in another state."""
        return replace(self, state=state, detail=detail)

    def with_lines(self, lines: int, damaged: int) -> Source:
        """The same source with more lines."""
        return replace(self, lines=self.lines + lines, damaged=self.damaged + damaged)


def load(connection: duckdb.DuckDBPyConnection, workspaces: Sequence[Path]) -> list[Source]:
    """All sources of the catalog."""
    rows = connection.execute("""
        select id, workspace, path, kind, inode, size, mtime_ns, position, head, head_length, tail, skip_from,
               lines, damaged, state, detail
        from sources order by id""").fetchall()
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
        )
        for row in rows
    ]


def save(connection: duckdb.DuckDBPyConnection, changed: Sequence[Source]) -> None:
    """Writes sources; to be called in the transaction that took their lines."""
    connection.execute(
        "delete from sources where list_contains($ids, id)", {"ids": [source.id for source in changed]}
    )
    connection.executemany(
        "insert into sources values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            [
                source.id,
                source.workspace,
                os.fsencode(source.path),
                source.kind,
                source.mark.inode,
                source.mark.size,
                source.mark.mtime_ns,
                source.mark.position,
                source.mark.head,
                source.mark.head_length,
                source.mark.tail,
                source.lines,
                source.damaged,
                source.mark.skip_from,
                source.state,
                source.detail,
            ]
            for source in changed
        ],
    )


def add_damage(connection: duckdb.DuckDBPyConnection, damage: Sequence[Damage]) -> None:
    """Writes down what could not be read."""
    if damage:
        connection.executemany(
            "insert into damage values (?, ?, ?, ?, ?)",
            [[item.source_id, item.position, item.length, item.lines, item.error] for item in damage],
        )
