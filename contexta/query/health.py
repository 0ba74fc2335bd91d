"""The facts that diagnostics judge: scopes that did not end well, signals, damage, silence."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final

import duckdb
import msgspec

from contexta.catalog.schema import KINDS, SIGNALS, STATUSES
from contexta.query import tree
from contexta.query.results import NodeKind, NodeRow, SourceRow, Status
from contexta.watch.workspace import path_text

_LIMIT: Final = 10_000
_KIND: Final = {kind: index for index, kind in enumerate(KINDS)}
_STATUS: Final = {status: index for index, status in enumerate(STATUSES)}
_ENDED: Final = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


class Subject(msgspec.Struct, frozen=True):
    """A scope to judge.

    Attributes:
        node: The scope.
        path: Names from the run down to it, itself included.
        run_status: Status of its run, or `None` for a deployment without one.
        metrics: Metric records at or under it.
    """

    node: NodeRow
    path: tuple[str, ...]
    run_status: Status | None
    metrics: int


class Signals(msgspec.Struct, frozen=True):
    """Like signals on one scope, together.

    Attributes:
        kind: `error_event`, `zero_score`, `non_finite_metric` or `degraded_record`.
        name: The key of the records.
        count: How many there are.
        record_ids: The newest of them, newest first.
        record_ref: Ref of the newest.
        value_type: Of a metric, the newest one's.
        at: Time of the newest.
        subject: The scope.
    """

    kind: str
    name: str
    count: int
    record_ids: tuple[int, ...]
    record_ref: str
    value_type: str | None
    at: int | None
    subject: Subject


class Damaged(msgspec.Struct, frozen=True):
    """The damage in one source; `kind` is the source's, and lines are rows or files where it has no lines."""

    path: str
    kind: str
    lines: int
    position: int
    error: str


class OpenRun(msgspec.Struct, frozen=True):
    """An open run, and when something was heard of it, on the clock of the writers.

    Attributes:
        subject: The run.
        heard_at: When its last line was written, or `None`.
        newest_at: When the newest line of all was written, or `None`.
        longest_us: Its longest silence so far.
        extensions: JSON of its extension sets, with the identity of its process, or `None`.
    """

    subject: Subject
    heard_at: int | None
    newest_at: int | None
    longest_us: int
    extensions: str | None

    def behind_us(self, now_us: int) -> int:
        """Microseconds between its last line and the newest of all; one from the future counts as of now."""
        if self.heard_at is None or self.newest_at is None:
            return 0
        return max(0, min(now_us, self.newest_at) - self.heard_at)


class Facts(msgspec.Struct, frozen=True):
    """All that diagnostics judge, of one moment.

    Attributes:
        subjects: Scopes that may be worth an issue, the newest first: failed, cancelled, or stages without a
            metric or an end.
        missing: By name of a stage, the ended runs that have none of that name.
        signals: Signals grouped by scope, kind and key, the newest first.
        damaged: Sources with lines that could not be read.
    """

    subjects: tuple[Subject, ...]
    missing: dict[str, tuple[Subject, ...]]
    signals: tuple[Signals, ...]
    damaged: tuple[Damaged, ...]


def facts(cursor: duckdb.DuckDBPyConnection, stages: Sequence[str]) -> Facts:
    """Everything to be judged that only a commit changes.

    Each kind of fact is found by keys, and all the scopes are described together in the end: describing
    is what costs, and hardly more for many scopes than for one.

    Args:
        cursor: The reader's own connection.
        stages: Names of stages that an ended run is expected to have.
    """
    subjects = _suspects(cursor)
    missing = {name: _without_stage(cursor, name) for name in stages}
    signals = _signals(cursor)
    ids = {*subjects, *chain(*missing.values()), *(row[0] for row in signals)}
    known = _described(cursor, ids)
    return Facts(
        subjects=tuple(known[key] for key in subjects if key in known),
        missing={name: tuple(known[key] for key in keys if key in known) for name, keys in missing.items()},
        signals=tuple(
            Signals(SIGNALS[row[1]], row[2], row[3], tuple(row[4]), row[5], row[6], row[7], known[row[0]])
            for row in signals
            if row[0] in known
        ),
        damaged=damaged(cursor),
    )


def open_runs(cursor: duckdb.DuckDBPyConnection) -> tuple[OpenRun, ...]:
    """The captured runs that are open."""
    rows = cursor.execute(
        f"""
        select n.id, n.heard_at, (select max(heard_at) from nodes), n.max_gap, n.extensions
        from nodes n
        where n.kind = {_KIND[NodeKind.RUN]} and n.status = {_STATUS[Status.OPEN]} and n.origin & 1 = 1"""
    ).fetchall()
    known = _described(cursor, {row[0] for row in rows}) if rows else {}
    return tuple(
        OpenRun(known[row[0]], row[1], row[2], row[3] or 0, row[4]) for row in rows if row[0] in known
    )


def _suspects(cursor: duckdb.DuckDBPyConnection) -> list[int]:
    stage = _KIND[NodeKind.STAGE]
    return _keys(
        cursor,
        f"""n.failed or n.status in ({_STATUS[Status.FAILED]}, {_STATUS[Status.CANCELLED]})
            or (n.kind = {stage} and (n.status = {_STATUS[Status.OPEN]}
                or (n.status = {_STATUS[Status.COMPLETED]} and n.metrics = 0)))""",
    )


def _without_stage(cursor: duckdb.DuckDBPyConnection, name: str) -> list[int]:
    """Ended runs that have no stage of a name."""
    return _keys(
        cursor,
        f"""n.kind = {_KIND[NodeKind.RUN]}
            and n.status in ({", ".join(str(_STATUS[status]) for status in _ENDED)})
            and n.id not in (select s.run_id from nodes s
                             where s.kind = {_KIND[NodeKind.STAGE]} and ends_with(s.ref, '.' || $name))""",
        {"name": name},
    )


def _keys(
    cursor: duckdb.DuckDBPyConnection, where: str, parameters: dict[str, str] | None = None
) -> list[int]:
    """Keys of the nodes that fulfil a condition of ours, the newest first."""
    rows = cursor.execute(
        f"select n.id from nodes n where {where} order by n.id desc limit {_LIMIT}", parameters or {}
    ).fetchall()
    return [row[0] for row in rows]


def _described(cursor: duckdb.DuckDBPyConnection, ids: Collection[int]) -> dict[int, Subject]:
    """What is to be known of some nodes.

    One narrow lookup for their ancestors: to join each node with its own costs ten times as much.
    """
    rows = tree.nodes(cursor, list(ids))
    wanted = {key for row in rows.values() for key in (row.id, *row.path)}
    found = cursor.execute(
        f"select n.id, n.name, n.status, n.metrics from nodes n where {tree.AMONG}", {"ids": list(wanted)}
    ).fetchall()
    known = {key: (name, STATUSES[status], metrics) for key, name, status, metrics in found}
    subjects = {}
    for row in rows.values():
        # The project is what all have in common; its name would say nothing.
        line = [key for key in (*row.path, row.id)[min(1, len(row.path)) :] if key in known]
        in_run = row.kind is NodeKind.RUN or len(row.path) > 1
        subjects[row.id] = Subject(
            row,
            path=tuple(known[key][0] for key in line),
            run_status=known[line[0]][1] if in_run else None,
            metrics=known[row.id][2],
        )
    return subjects


def _signals(cursor: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return cursor.execute(
        f"""
        select s.node_id, s.kind, r.name, count(*), list(s.record_id order by s.record_id desc)[1:10],
               arg_max(r.ref, s.record_id), arg_max(r.value_type, s.record_id), max(s.seen_at)
        from signals s join records r on r.id = s.record_id
        group by s.node_id, s.kind, r.name order by max(s.record_id) desc limit {_LIMIT}"""
    ).fetchall()


def damaged(cursor: duckdb.DuckDBPyConnection) -> tuple[Damaged, ...]:
    """Sources with lines that could not be read; position and error are those of the first."""
    rows = cursor.execute(
        """
        select s.path, s.kind, sum(d.lines), min(d.position), arg_min(d.error, d.position)
        from damage d join sources s on s.id = d.source_id group by s.path, s.kind order by s.path"""
    ).fetchall()
    return tuple(
        Damaged(path_text(Path(os.fsdecode(row[0]))), row[1], int(row[2]), row[3], row[4]) for row in rows
    )


def sources(cursor: duckdb.DuckDBPyConnection) -> tuple[SourceRow, ...]:
    """The files and stores behind the catalog."""
    rows = cursor.execute(
        "select path, kind, size, lines, damaged, coalesce(skip_from, position), state, detail"
        " from sources order by kind, path"
    ).fetchall()
    return tuple(
        SourceRow(
            path=path_text(Path(os.fsdecode(row[0]))),
            kind=row[1],
            bytes=max(0, row[2]),
            lines=row[3],
            damaged_lines=row[4],
            pending_bytes=max(0, row[2] - row[5]) if row[1] in ("capture", "segments") else 0,
            state=row[6],
            detail=row[7],
        )
        for row in rows
    )
