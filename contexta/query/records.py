"""Records, and those among them that explain a failure."""

from __future__ import annotations

from collections.abc import Sequence
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


_PATH_NAMES: Final = """list_filter([stage.name, batch.name,
    if(n.id in (n.stage_id, n.batch_id) or n.kind in (0, 1), null, n.name)], lambda name: name is not null)"""
_PATH_JOINS: Final = """
    left join nodes stage on stage.id = n.stage_id
    left join nodes batch on batch.id = n.batch_id"""


def _signalled(
    cursor: duckdb.DuckDBPyConnection, scope: str, parameters: dict[str, Any], limit: int
) -> list[Reason]:
    rows = cursor.execute(
        f"""
        with s as (
            select s.record_id, min(s.kind) as kind, any_value(s.node_id) as node_id
            from signals s join nodes n on n.id = s.node_id where {scope}
            group by s.record_id order by s.record_id desc limit {int(limit)})
        select s.kind, s.record_id, s.node_id, {_PATH_NAMES}, r.name, r.message, r.value_type, r.unit,
               r.attributes, r.observed_at, r.degradation
        from s join records r on r.id = s.record_id join nodes n on n.id = s.node_id {_PATH_JOINS}""",
        parameters,
    ).fetchall()
    return [_reason(row) for row in rows]


def _reason(row: Sequence[Any]) -> Reason:
    signal, record_id, node_id, path, name, message, value_type, unit, attributes, at, degradation = row
    where = {"node_id": node_id, "node_path": tuple(path), "at": at, "record_id": record_id}
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
    failed = STATUSES.index(Status.FAILED)
    rows = cursor.execute(
        f"""
        with silent as (
            select n.* from nodes n
            where {scope} and n.status = {failed} and n.failed_below = 0
              and n.id not in (select node_id from signals)
            order by n.ended_at desc nulls last limit {int(limit)})
        select n.id, {_PATH_NAMES}, n.kind, n.name, coalesce(n.ended_at, n.last_at), n.extensions
        from silent n {_PATH_JOINS}
        where n.kind in ({KINDS.index(NodeKind.SAMPLE)}, {KINDS.index(NodeKind.OPERATION)},
                         {KINDS.index(NodeKind.DEPLOYMENT)})
           or not exists (select 1 from signals s join nodes m on m.id = s.node_id
                          where n.id in (m.run_id, m.stage_id, m.batch_id))""",
        parameters,
    ).fetchall()
    found = []
    for node_id, path, kind, name, at, extensions in rows:
        known = _extension_exception(extensions)
        if known.type or known.message:
            title = f"{known.type}: {known.message}".strip(": ")
            found.append(Reason("exception", title, "", known.stacktrace, node_id, tuple(path), at, None))
        else:
            title = f"{KINDS[kind]} {name} was closed as failed"
            found.append(
                Reason("status", title, "nothing recorded says why", "", node_id, tuple(path), at, None)
            )
    return found


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
