"""Metric values at or under a node: a row per key, and a series of one key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import duckdb

from contexta.query.results import MetricSeries, MetricSummary, NodeRow, SeriesPoint
from contexta.query.tree import SUBTREE

TREND_POINTS: Final = 32
_NON_FINITE: Final = "('nan', 'inf', '-inf')"
_SPANS: Final = "(select unnest($names) as name, unnest($lows) as low, unnest($widths::bigint[]) as width)"


def summaries(cursor: duckdb.DuckDBPyConnection, node: NodeRow) -> tuple[MetricSummary, ...]:
    """One row per metric key at or under a node, by key."""
    where = f"type = 0 and {SUBTREE[node.kind]} = $node"
    rows = cursor.execute(
        f"""
        select name, arg_max(unit, id), arg_max(value, id) filter (value is not null), min(value), max(value),
               avg(value), count(*), count(*) filter (value_type in {_NON_FINITE}),
               min(id), max(id) - min(id) + 1
        from records where {where} group by name order by name""",
        {"node": node.id},
    ).fetchall()
    trends: dict[str, dict[int, float | None]] = {}
    for key, bucket, value in cursor.execute(
        f"""
        select name, ((id - low) * {TREND_POINTS}) // width as bucket, avg(value)
        from records join {_SPANS} using (name) where {where} group by all order by all""",
        {"node": node.id, **_columns((row[0], row[8], row[9]) for row in rows)},
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
    numbers, so that its place is known without an order; it keeps its smallest and largest value.
    """
    where = f"type = 0 and {SUBTREE[node.kind]} = $node and name in (select unnest($names))"
    spans = cursor.execute(
        f"""
        select name, min(id), if(count(*) <= $buckets, null, max(id) - min(id) + 1), arg_max(unit, id)
        from records where {where} group by name""",
        {"node": node.id, "names": list(keys), "buckets": max(1, buckets)},
    ).fetchall()
    units = {row[0]: row[3] for row in spans}
    points: dict[str, list[SeriesPoint]] = {key: [] for key in keys}
    counts = dict.fromkeys(keys, 0)
    # Read a second time, not kept from the first: of a long job that would be all of it, in memory.
    for key, amount, mean, minimum, maximum, at in cursor.execute(
        f"""
        select name, count(*), avg(value), min(value), max(value), min(observed_at)
        from records join {_SPANS} using (name) where {where}
        group by name, coalesce(((id - low) * $buckets) // width, id)
        order by name, min(id)""",
        {"node": node.id, "buckets": max(1, buckets), **_columns(row[:3] for row in spans)},
    ).fetchall():
        points[key].append(SeriesPoint(counts[key], amount, mean, minimum, maximum, at))
        counts[key] += amount
    return tuple(MetricSeries(key, units.get(key), counts[key], tuple(points[key])) for key in keys)


def _columns(spans: Iterable[tuple[Any, ...]]) -> dict[str, list[Any]]:
    """Names, first ids and widths as the parameters of `_SPANS`."""
    names, lows, widths = tuple(zip(*spans, strict=True)) or ((), (), ())
    return {"names": list(names), "lows": list(lows), "widths": list(widths)}
