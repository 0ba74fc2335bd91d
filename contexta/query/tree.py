"""The tree of nodes: pages of children, failures in the order of display, filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import duckdb

from contexta.catalog.schema import CHILD_COLUMNS, KINDS, STATUSES
from contexta.query.port import Block, Matches, Rows
from contexta.query.results import ChildGroup, NodeKind, NodeRow, Origin, Status

_KIND: Final = {kind: index for index, kind in enumerate(KINDS)}
_GROUPS: Final = tuple(CHILD_COLUMNS.items())
_COLUMNS: Final = (
    "n.id, n.kind, n.ref, n.name, n.status, n.origin, n.parent_id, n.position, "
    "n.project_id, n.run_id, n.stage_id, n.batch_id, n.started_at, n.ended_at, n.first_at, n.last_at, "
    "n.records, n.failed, n.failed_below, n.note, " + ", ".join(f"n.{column}" for _, column in _GROUPS)
)
_NEWEST_FIRST: Final = (NodeKind.RUN, NodeKind.DEPLOYMENT)

SUBTREE: Final = {
    NodeKind.PROJECT: "project_id",
    NodeKind.RUN: "run_id",
    NodeKind.STAGE: "stage_id",
    NodeKind.BATCH: "batch_id",
    NodeKind.SAMPLE: "node_id",
    NodeKind.OPERATION: "node_id",
    NodeKind.DEPLOYMENT: "node_id",
}
"""The column of `records` that says "at or under a node of this kind"."""

AMONG: Final = "n.id in (select unnest($ids))"
"""The nodes whose keys are in the list `ids`; a semi-join, where `list_contains` compares each with each."""


def row_of(values: Sequence[Any]) -> NodeRow:
    """A result row of the node columns as a value."""
    node_id = values[0]
    counts = values[20:26]
    return NodeRow(
        id=node_id,
        kind=KINDS[values[1]],
        ref=values[2],
        name=values[3],
        status=STATUSES[values[4]],
        origin=Origin(values[5]),
        parent_id=values[6],
        position=values[7],
        path=tuple(key for key in values[8:12] if key is not None and key != node_id),
        started_at=values[12],
        ended_at=values[13],
        first_at=values[14],
        last_at=values[15],
        records=values[16],
        failed=values[17],
        failed_below=values[18],
        note=values[19] or "",
        children=tuple(
            ChildGroup(kind, count) for (kind, _), count in zip(_GROUPS, counts, strict=True) if count
        ),
    )


def select(
    cursor: duckdb.DuckDBPyConnection,
    where: str,
    parameters: dict[str, Any] | None = None,
    order: str = "n.id",
) -> tuple[NodeRow, ...]:
    """Nodes by a condition of ours; values only as bound parameters."""
    found = cursor.execute(
        f"select {_COLUMNS} from nodes n where {where} order by {order}", parameters or {}
    ).fetchall()
    return tuple(row_of(values) for values in found)


def runs_with(cursor: duckdb.DuckDBPyConnection, status: Status) -> int:
    """Number of runs with a status."""
    (count,) = cursor.execute(
        f"select count(*) from nodes where kind = {_KIND[NodeKind.RUN]} and status = {STATUSES.index(status)}"
    ).fetchone() or (0,)
    return int(count)


def projects(cursor: duckdb.DuckDBPyConnection) -> tuple[NodeRow, ...]:
    """The roots."""
    return select(cursor, f"n.kind = {_KIND[NodeKind.PROJECT]}", order="n.position")


def children(
    cursor: duckdb.DuckDBPyConnection, parent_id: int, kind: NodeKind, start: int, stop: int
) -> tuple[NodeRow, ...]:
    """Children `start` up to, not including, `stop` of one kind, in the order of display."""
    parameters: dict[str, Any] = {"parent": parent_id, "kind": _KIND[kind], "start": start, "stop": stop}
    if kind in _NEWEST_FIRST:
        total = f"(select {CHILD_COLUMNS[kind]} from nodes where id = $parent)"
        where, order = f"n.position >= {total} - $stop and n.position < {total} - $start", "n.position desc"
    else:
        where, order = "n.position >= $start and n.position < $stop", "n.position"
    return select(cursor, f"n.parent_id = $parent and n.kind = $kind and {where}", parameters, order)


def rows(cursor: duckdb.DuckDBPyConnection, node_ids: Sequence[int], blocks: Sequence[Block]) -> Rows:
    """The roots, some nodes and some blocks of siblings, in one statement: each costs much the same.

    The keys are found in narrow branches, each of which skips what cannot be its rows; the columns are read
    once.
    """
    project = _KIND[NodeKind.PROJECT]
    branches = [f"select id from nodes where kind = {project}", "select unnest($ids)"]
    parameters: dict[str, Any] = {"ids": list(node_ids)}
    for index, block in enumerate(blocks):
        branches.append(
            f"select id from nodes where parent_id = $parent{index} and kind = {_KIND[block.kind]}"
            f" and position >= $start{index} and position < $stop{index}"
        )
        parameters |= {
            f"parent{index}": block.parent_id,
            f"start{index}": block.start,
            f"stop{index}": block.stop,
        }
    found = select(cursor, f"n.id in ({' union all '.join(branches)})", parameters, "n.position, n.id")
    wanted = frozenset(node_ids)
    return Rows(
        projects=tuple(row for row in found if row.kind is NodeKind.PROJECT),
        nodes={row.id: row for row in found if row.id in wanted},
        blocks={block: tuple(row for row in found if _is_in(row, block)) for block in blocks},
    )


def _is_in(row: NodeRow, block: Block) -> bool:
    return (
        row.parent_id == block.parent_id
        and row.kind is block.kind
        and block.start <= row.position < block.stop
    )


def nodes(cursor: duckdb.DuckDBPyConnection, node_ids: Sequence[int]) -> dict[int, NodeRow]:
    """Nodes by key, those that exist."""
    if not node_ids:
        return {}
    return {row.id: row for row in select(cursor, AMONG, {"ids": list(node_ids)})}


def find(cursor: duckdb.DuckDBPyConnection, ref: str) -> NodeRow | None:
    """The node of a ref, in full or as a suffix that only one node has."""
    found = select(cursor, "n.ref = $ref", {"ref": ref})
    if not found:
        found = select(cursor, "ends_with(n.ref, '.' || $ref) or ends_with(n.ref, ':' || $ref)", {"ref": ref})
    return found[0] if len(found) == 1 or (found and found[0].ref == ref) else None


def _group(kinds: Sequence[NodeKind]) -> str:
    cases = " ".join(f"when {_KIND[kind]} then {place}" for place, kind in enumerate(kinds))
    return f"case n.kind {cases} else 0 end"


_ORDER_OF_DISPLAY: Final = f"""[
    project.position,
    case n.kind when {_KIND[NodeKind.PROJECT]} then -1 when {_KIND[NodeKind.DEPLOYMENT]} then 1 else 0 end,
    -coalesce(run.position, n.position),
    coalesce(stage.position, -1),
    if(n.stage_id is null or n.id = n.stage_id, -1, if(n.batch_id is not null, 0,
        1 + {_group((NodeKind.SAMPLE, NodeKind.OPERATION))})),
    if(n.stage_id is null or n.id = n.stage_id, -1, coalesce(batch.position, n.position)),
    if(n.batch_id is null or n.id = n.batch_id, -1, {_group((NodeKind.SAMPLE, NodeKind.OPERATION))}),
    if(n.batch_id is null or n.id = n.batch_id, -1, n.position)]"""
# A list sorts like the rows of the tree from top to bottom: parents first, runs and deployments newest first.

_ANCESTORS: Final = """
    join nodes project on project.id = n.project_id
    left join nodes run on run.id = n.run_id
    left join nodes stage on stage.id = n.stage_id
    left join nodes batch on batch.id = n.batch_id"""

_LEAVES: Final = ", ".join(
    str(_KIND[kind]) for kind in (NodeKind.BATCH, NodeKind.SAMPLE, NodeKind.OPERATION, NodeKind.DEPLOYMENT)
)


def next_failure(
    cursor: duckdb.DuckDBPyConnection, node_id: int | None, *, backwards: bool
) -> NodeRow | None:
    """The next failure after a node in the order of display, going round at the end."""
    stops = cursor.execute(
        f"""
        select n.id, {_ORDER_OF_DISPLAY} as place,
               n.failed and (n.kind in ({_LEAVES}) or n.failed_below = 0) as stop
        from nodes n {_ANCESTORS}
        where n.failed or n.id = $id order by place""",
        {"id": node_id if node_id is not None else -1},
    ).fetchall()
    keys = [key for key, _, stop in stops if stop]
    if not keys:
        return None
    if backwards:
        stops.reverse()
        keys.reverse()
    here = next((index for index, stop in enumerate(stops) if stop[0] == node_id), -1)
    target = next((key for key, _, stop in stops[here + 1 :] if stop), keys[0])
    return nodes(cursor, [target]).get(target)


def newest_activity(cursor: duckdb.DuckDBPyConnection) -> NodeRow | None:
    """The innermost open scope of the open run heard of last; the newest leaf when nothing is open."""
    is_open = STATUSES.index(Status.OPEN)
    found = cursor.execute(
        f"""
        with active as (
            select id from nodes where kind = {_KIND[NodeKind.RUN]}
            order by (status = {is_open}) desc, last_at desc nulls last, id desc limit 1)
        select n.id from nodes n
        where n.run_id = (select id from active) and n.kind <> {_KIND[NodeKind.OPERATION]}
        order by (n.status = {is_open}) desc, if(n.status = {is_open}, n.kind, 0) desc,
                 n.last_at desc nulls last, n.id desc
        limit 1"""
    ).fetchone()
    return nodes(cursor, [found[0]]).get(found[0]) if found else None


def matches(cursor: duckdb.DuckDBPyConnection, text: str, limit: int) -> Matches:
    """Nodes that contain every word of a text; `status:…` and `kind:…` select by that."""
    conditions = []
    parameters: dict[str, Any] = {}
    for index, word in enumerate(text.lower().split()):
        name, separator, value = word.partition(":")
        if separator and name == "status" and value in list(Status):
            conditions.append(
                "n.failed" if value == Status.FAILED else f"n.status = {STATUSES.index(Status(value))}"
            )
        elif separator and name == "kind" and value in list(NodeKind):
            conditions.append(f"n.kind = {_KIND[NodeKind(value)]}")
        else:
            parameters[f"word{index}"] = word
            conditions.append(f"(contains(n.ref, $word{index}) or contains(lower(n.name), $word{index}))")
    if not conditions:
        return Matches(0, (), ())
    where = " and ".join(conditions)
    (total,) = cursor.execute(f"select count(*) from nodes n where {where}", parameters).fetchone() or (0,)
    found = cursor.execute(
        f"""
        select {_COLUMNS}, {_ORDER_OF_DISPLAY} as place
        from (select * from nodes n where {where} order by n.id limit {int(limit)}) n {_ANCESTORS}
        order by place""",
        parameters,
    ).fetchall()
    hits = tuple(row_of(values) for values in found)
    above = {key for hit in hits for key in hit.path}
    return Matches(total, hits, tuple(nodes(cursor, sorted(above)).values()))
