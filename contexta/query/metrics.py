"""Metric values at or under a node: a row per key, and a series of one key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

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


def series(
    cursor: duckdb.DuckDBPyConnection, node: NodeRow, keys: Sequence[str], buckets: int
) -> tuple[MetricSeries, ...]:
    """The values of some keys at or under a node in order of recording, each in at most `buckets` points.

    Where there are more values than points, a point covers an equal share of the catalog's record
    numbers, so that one pass is enough whatever their number; it keeps its smallest and largest value.
    """
    units: dict[str, str | None] = {}
    points: dict[str, list[SeriesPoint]] = {key: [] for key in keys}
    counts = dict.fromkeys(keys, 0)
    # The records are read once for all keys: finding those of a node costs more than grouping them.
    for key, unit, amount, mean, minimum, maximum, at in cursor.execute(
        f"""
        with r as materialized (
                 select id, name, value, unit, observed_at from records
                 where type = 0 and {SUBTREE[node.kind]} = $node and name in (select unnest($keys))),
             span as (
                 select name, arg_max(unit, id) as unit, min(id) as low,
                        if(count(*) <= $buckets, null, max(id) - min(id) + 1) as width
                 from r group by name)
        select name, any_value(span.unit), count(*), avg(value), min(value), max(value), min(observed_at)
        from r join span using (name)
        group by name, coalesce(((id - low) * $buckets) // width, id)
        order by name, min(id)""",
        {"node": node.id, "keys": list(keys), "buckets": max(1, buckets)},
    ).fetchall():
        points[key].append(SeriesPoint(counts[key], amount, mean, minimum, maximum, at))
        units[key] = unit
        counts[key] += amount
    return tuple(MetricSeries(key, units.get(key), counts[key], tuple(points[key])) for key in keys)
