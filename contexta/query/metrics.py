"""Metric values at or under a node: a row per key, and a series of one key."""

from __future__ import annotations

from typing import Any, Final

import duckdb

from contexta.query.results import MetricSeries, MetricSummary, NodeRow, SeriesPoint
from contexta.query.tree import SUBTREE

TREND_POINTS: Final = 32
_NON_FINITE: Final = "('nan', 'inf', '-inf')"


def summaries(cursor: duckdb.DuckDBPyConnection, node: NodeRow) -> tuple[MetricSummary, ...]:
    """One row per metric key at or under a node, by key."""
    where = f"type = 0 and {SUBTREE[node.kind]} = $node"
    rows = cursor.execute(
        f"""
        select name, arg_max(unit, id), arg_max(value, id) filter (value is not null), min(value), max(value),
               avg(value), count(*), count(*) filter (value_type in {_NON_FINITE})
        from records where {where} group by name order by name""",
        {"node": node.id},
    ).fetchall()
    trends: dict[str, dict[int, float | None]] = {}
    for key, bucket, value in cursor.execute(
        f"""
        with r as (select id, name, value from records where {where}),
             span as (select name, min(id) as lo, max(id) - min(id) + 1 as width from r group by name)
        select r.name, ((r.id - span.lo) * {TREND_POINTS}) // span.width as bucket, avg(r.value)
        from r join span on span.name = r.name group by all order by all""",
        {"node": node.id},
    ).fetchall():
        trends.setdefault(key, {})[bucket] = value
    return tuple(
        MetricSummary(
            key=row[0],
            unit=row[1],
            last=row[2],
            minimum=row[3],
            maximum=row[4],
            mean=row[5],
            count=row[6],
            non_finite=row[7],
            trend=tuple(trends.get(row[0], {}).values()),
        )
        for row in rows
    )


def series(cursor: duckdb.DuckDBPyConnection, node: NodeRow, key: str, buckets: int) -> MetricSeries:
    """The values of a key at or under a node in order of recording, in at most `buckets` points.

    Where there are more values than points, a point covers an equal share of the catalog's record
    numbers, so that one pass is enough whatever their number; it keeps its smallest and largest value.
    """
    where = f"type = 0 and {SUBTREE[node.kind]} = $node and name = $key"
    parameters: dict[str, Any] = {"node": node.id, "key": key}
    count, low, high, unit = cursor.execute(
        f"select count(*), min(id), max(id), arg_max(unit, id) from records where {where}", parameters
    ).fetchone() or (0, 0, 0, None)
    if not count:
        return MetricSeries(key, None, 0, ())
    buckets = max(1, buckets)
    bucket = "id" if count <= buckets else f"((id - {int(low)}) * {int(buckets)}) // {int(high - low + 1)}"
    points = []
    first = 0
    for amount, mean, minimum, maximum, at in cursor.execute(
        f"""
        select count(*), avg(value), min(value), max(value), min(observed_at)
        from records where {where} group by {bucket} order by {bucket}""",
        parameters,
    ).fetchall():
        points.append(SeriesPoint(first, amount, mean, minimum, maximum, at))
        first += amount
    return MetricSeries(key, unit, count, tuple(points))
