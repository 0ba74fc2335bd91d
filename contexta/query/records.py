"""Records, and those among them that explain a failure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import duckdb
import msgspec

from contexta.catalog.schema import KINDS, RECORD_TYPES, SIGNALS, STATUSES
from contexta.query import tree
from contexta.query.results import NodeKind, NodeRow, Origin, Reason, RecordRow, Status

_COLUMNS: Final = (
    "r.id, r.ref, r.type, r.node_id, n.ref, r.name, r.observed_at, r.value, r.value_type, r.unit, r.level, "
    "r.message, r.ended_at - r.observed_at, coalesce(r.attributes, r.span), r.tags, r.origin"
)
_SIGNAL: Final = {name: index for index, name in enumerate(SIGNALS)}
_UNDER: Final = {kind: column.replace("node_id", "id") for kind, column in tree.SUBTREE.items()}


def page(
    cursor: duckdb.DuckDBPyConnection, node: NodeRow, *, before: int | None, limit: int
) -> tuple[RecordRow, ...]:
    """Records at or under a node, newest first."""
    return _select(
        cursor,
        f"r.{tree.SUBTREE[node.kind]} = $node and ($before is null or r.id < $before)",
        {"node": node.id, "before": before},
        limit,
    )


def one(cursor: duckdb.DuckDBPyConnection, record_id: int) -> RecordRow | None:
    """One record."""
    found = _select(cursor, "r.id = $id", {"id": record_id}, 1)
    return found[0] if found else None


def _select(
    cursor: duckdb.DuckDBPyConnection, where: str, parameters: dict[str, Any], limit: int
) -> tuple[RecordRow, ...]:
    rows = cursor.execute(
        f"""
        select {_COLUMNS} from (select * from records r where {where} order by r.id desc limit {int(limit)}) r
        join nodes n on n.id = r.node_id order by r.id desc""",
        parameters,
    ).fetchall()
    return tuple(
        RecordRow(
            id=row[0],
            ref=row[1],
            type=RECORD_TYPES[row[2]],
            node_id=row[3],
            node_ref=row[4],
            key=row[5],
            observed_at=row[6],
            value=row[7],
            value_type=row[8],
            unit=row[9],
            level=row[10],
            message=row[11],
            duration_us=row[12],
            attributes=row[13],
            tags=row[14],
            origin=Origin(row[15]),
        )
        for row in rows
    )


def reasons(cursor: duckdb.DuckDBPyConnection, node: NodeRow, limit: int) -> tuple[Reason, ...]:
    """Why a node failed: evidence at or under it, newest first.

    Exceptions, error events, failing metrics and degraded records; a scope that was closed as failed
    without any of these says so itself.
    """
    if not node.failed and not node.failed_below:
        return ()
    scope = f"n.{_UNDER[node.kind]} = $node"
    found = [
        *_signalled(cursor, scope, {"node": node.id}, limit),
        *_unexplained(cursor, scope, {"node": node.id}, limit),
    ]
    found.sort(key=lambda reason: (reason.at or 0, reason.record_id or 0), reverse=True)
    return tuple(found[:limit])


_OUTER: Final = (NodeKind.PROJECT, NodeKind.RUN)
_INNER: Final = (*_OUTER, NodeKind.STAGE, NodeKind.BATCH)


def _signalled(
    cursor: duckdb.DuckDBPyConnection, scope: str, parameters: dict[str, Any], limit: int
) -> list[Reason]:
    found = cursor.execute(
        f"""
        select s.record_id, min(s.kind), any_value(s.node_id)
        from signals s join nodes n on n.id = s.node_id where {scope}
        group by s.record_id order by s.record_id desc limit {int(limit)}""",
        parameters,
    ).fetchall()
    # Mostly nothing; a join with the records would read them all to find that out.
    if not found:
        return []
    signals = {record_id: (kind, node_id) for record_id, kind, node_id in found}
    places = _places(cursor, {node_id for _, node_id in signals.values()})
    rows = cursor.execute(
        """
        select id, name, message, value_type, unit, attributes, observed_at, degradation
        from records where id in (select unnest($ids))""",
        {"ids": list(signals)},
    ).fetchall()
    return [_reason(row, *signals[row[0]], places) for row in rows]


def _places(cursor: duckdb.DuckDBPyConnection, node_ids: Collection[int]) -> dict[int, tuple[str, ...]]:
    """Names from the stage down to each node; of a run, or a project, none.

    Two lookups by key: a join of the nodes with themselves would read the names of all.
    """
    rows = cursor.execute(
        f"select n.id, n.kind, n.name, n.stage_id, n.batch_id from nodes n where {tree.AMONG}",
        {"ids": list(node_ids)},
    ).fetchall()
    above = {key for row in rows for key in row[3:] if key not in (None, row[0])}
    names = dict(
        cursor.execute(
            f"select n.id, n.name from nodes n where {tree.AMONG}", {"ids": list(above)}
        ).fetchall()
        if above
        else ()
    )
    places = {}
    for key, kind, name, *scopes in rows:
        line = (*(names[scope] for scope in scopes if scope != key and scope in names), name)
        places[key] = () if KINDS[kind] in _OUTER else line
    return places


def _reason(row: Sequence[Any], signal: int, node_id: int, places: Mapping[int, tuple[str, ...]]) -> Reason:
    record_id, name, message, value_type, unit, attributes, at, degradation = row
    where = {"node_id": node_id, "node_path": places.get(node_id, ()), "at": at, "record_id": record_id}
    if signal == _SIGNAL["zero_score"]:
        return Reason("metric", f"{name} = 0", unit or "", "", **where)
    if signal == _SIGNAL["non_finite_metric"]:
        return Reason("metric", f"{name} = {value_type}", unit or "", "", **where)
    if signal == _SIGNAL["degraded_record"]:
        return Reason("degraded", name, message or f"marked {degradation}", "", **where)
    known = _exception(attributes)
    if name != "exception" and not known.stacktrace:
        return Reason("event", name, message, "", **where)
    title = f"{known.type}: {known.message}" if known.type else message
    return Reason("exception", title or name, "", known.stacktrace, **where)


class _Exception(msgspec.Struct):
    type: str = msgspec.field(name="exception.type", default="")
    message: str = msgspec.field(name="exception.message", default="")
    stacktrace: str = msgspec.field(name="exception.stacktrace", default="")


def _exception(attributes: str | None) -> _Exception:
    if not attributes:
        return _Exception()
    try:
        return msgspec.json.decode(attributes, type=_Exception)
    except (msgspec.MsgspecError, RecursionError):
        return _Exception()


class _ExtensionFields(msgspec.Struct):
    type: str = ""
    message: str = ""
    stacktrace: str = ""


class _Extension(msgspec.Struct):
    namespace: str
    fields: msgspec.Raw


def _unexplained(
    cursor: duckdb.DuckDBPyConnection, scope: str, parameters: dict[str, Any], limit: int
) -> list[Reason]:
    """Scopes that were closed as failed and have no signal at or under them."""
    silent = cursor.execute(
        f"""
        select n.id, n.kind from nodes n
        where {scope} and n.status = {STATUSES.index(Status.FAILED)} and n.failed_below = 0
          and n.id not in (select node_id from signals)
        order by n.ended_at desc nulls last limit {int(limit)}""",
        parameters,
    ).fetchall()
    # Nearly always nothing, or a leaf, is left here, and then what follows need not be asked.
    above = _above_signals(cursor) if any(KINDS[kind] in _INNER for _, kind in silent) else set()
    ids = [key for key, _ in silent if key not in above]
    if not ids:
        return []
    rows = cursor.execute(
        f"""
        select n.id, n.kind, n.name, coalesce(n.ended_at, n.last_at), n.extensions
        from nodes n where {tree.AMONG}""",
        {"ids": ids},
    ).fetchall()
    places = _places(cursor, ids)
    found = []
    for node_id, kind, name, at, extensions in rows:
        path = places.get(node_id, ())
        known = _extension_exception(extensions)
        if known.type or known.message:
            title = f"{known.type}: {known.message}".strip(": ")
            found.append(Reason("exception", title, "", known.stacktrace, node_id, path, at, None))
        else:
            title = f"{KINDS[kind]} {name} was closed as failed"
            found.append(Reason("status", title, "nothing recorded says why", "", node_id, path, at, None))
    return found


def _above_signals(cursor: duckdb.DuckDBPyConnection) -> set[int]:
    """Runs, stages and batches with a signal at or under them."""
    rows = cursor.execute(
        """
        select distinct unnest([n.run_id, n.stage_id, n.batch_id])
        from (select distinct node_id from signals) s join nodes n on n.id = s.node_id"""
    ).fetchall()
    return {key for (key,) in rows if key is not None}


def _extension_exception(extensions: str | None) -> _ExtensionFields:
    """The exception that a deployment without a run carries in its closing line, having no record for it."""
    if not extensions:
        return _ExtensionFields()
    try:
        for extension in msgspec.json.decode(extensions, type=list[_Extension]):
            if extension.namespace == "contexta.exception":
                return msgspec.json.decode(extension.fields, type=_ExtensionFields)
    except (msgspec.MsgspecError, RecursionError):
        pass
    return _ExtensionFields()
