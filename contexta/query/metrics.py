"""Metric values at or under a node: a row per key, and a series of some keys.

What was read of a node is kept in chunks, and the next question reads what came since: the values of a job
that has run for hours are read once, not with each change of the screen.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final

import duckdb

from contexta.catalog.schema import KINDS
from contexta.query.results import MetricSeries, MetricSummary
from contexta.query.rollups import NON_FINITE, Chunk, Rollup, Value, points, shift_for
from contexta.query.tree import SUBTREE

TREND_POINTS: Final = 32
"""Values of the trend of a key at most."""

_TREND_CHUNKS: Final = 2 * TREND_POINTS
_CHART_CHUNKS: Final = 512
"""Of a key whose series is asked for: more than there are dots side by side in most terminals."""

_MOST_NODES: Final = 8
_ONE_BY_ONE: Final = 5_000
"""Records of which each value is read; the chunks of more are made by the database."""

_NODE: Final = """
select kind, records, (select value from meta where key = 'filling') from nodes where id = $node
"""

_TOTALS: Final = f"""
select name, arg_max(unit, id), arg_max(value, id) filter (value is not null), count(*),
       count(*) filter (value_type in {NON_FINITE}),
       count(value), coalesce(sum(value), 0), min(value), max(value), min(id), max(id)
from records where type = 0 and {{column}} = $node group by name
"""

_CHUNKS: Final = """
select name, id >> shift as number,
       count(*), count(value), coalesce(sum(value), 0), min(value), max(value), min(observed_at)
from records join (select unnest($names) as name, unnest($shifts::integer[]) as shift) using (name)
where type = 0 and {column} = $node group by all order by all
"""

_SINCE: Final = """
select name, id, value, value_type, unit, observed_at
from records where id > $last and type = 0 and {column} = $node
"""


class _Key:
    """What was read of one key."""

    def __init__(self) -> None:
        self.unit: str | None = None
        self.last: float | None = None
        self.non_finite = 0
        self.first_id = self.last_id = 0
        self.total = Chunk()
        self.trend = Rollup(_TREND_CHUNKS)
        #: Once its series was asked for.
        self.chart: Rollup | None = None

    def add(self, value: Value) -> None:
        """Adds a value that was recorded after all others."""
        self.first_id, self.last_id = self.first_id or value.id, value.id
        self.unit = self.unit if value.unit is None else value.unit
        self.last = self.last if value.value is None else value.value
        self.non_finite += value.value_type in NON_FINITE
        self.total.take(Chunk.of(value))
        self.trend.add(value)
        if self.chart is not None:
            self.chart.add(value)

    def series(self, key: str, chart: Rollup, most: int) -> MetricSeries:
        """Its series, in at most so many points."""
        return MetricSeries(key, self.unit, self.total.count, points(chart, most))

    def summary(self, key: str) -> MetricSummary:
        """Its row."""
        total = self.total
        return MetricSummary(
            *(key, self.unit, self.last, total.minimum, total.maximum, total.mean),
            *(total.count, self.non_finite),
            trend=tuple(part.mean for part in self.trend.parts(TREND_POINTS)),
        )


class _Node:
    """What was read of one node."""

    def __init__(self, node_id: int, column: str, filling: str) -> None:
        self.filling = filling
        self._where = {"node": node_id}
        self._column = column
        self.records = 0
        self._last = 0
        self.keys: dict[str, _Key] = {}

    def bring_up(self, cursor: duckdb.DuckDBPyConnection, records: int) -> None:
        """Reads what came since; `records` is how many there are at or under the node."""
        came = records - self.records
        if came > _ONE_BY_ONE:
            self._read_all(cursor)
        elif came:
            rows = cursor.execute(_SINCE.format(column=self._column), {**self._where, "last": self._last})
            for name, *values in sorted(rows.fetchall(), key=lambda row: row[1]):
                value = Value(*values)
                self.keys.setdefault(name, _Key()).add(value)
                self._last = value.id
        self.records = records

    def charts(self, cursor: duckdb.DuckDBPyConnection, names: Sequence[str]) -> dict[str, Rollup]:
        """The values of some keys in many chunks; what was not asked for yet is read from the first."""
        charts = {name: self.keys[name].chart for name in names if name in self.keys}
        lacking = {
            name: Rollup(_CHART_CHUNKS, _shift(self.keys[name], _CHART_CHUNKS))
            for name, chart in charts.items()
            if chart is None
        }
        self._fill(cursor, lacking)
        for name, chart in lacking.items():
            self.keys[name].chart = chart
        return {name: chart for name, chart in {**charts, **lacking}.items() if chart is not None}

    def _read_all(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self.keys = {}
        for row in cursor.execute(_TOTALS.format(column=self._column), self._where).fetchall():
            key = self.keys[row[0]] = _Key()
            key.unit, key.last, count, key.non_finite, *of_finite, key.first_id, key.last_id = row[1:]
            key.total = Chunk(count, *of_finite)
            key.trend.shift = _shift(key, _TREND_CHUNKS)
            self._last = max(self._last, key.last_id)
        self._fill(cursor, {name: key.trend for name, key in self.keys.items()})

    def _fill(self, cursor: duckdb.DuckDBPyConnection, rollups: Mapping[str, Rollup]) -> None:
        if not rollups:
            return
        shifts = {"names": list(rollups), "shifts": [rollup.shift for rollup in rollups.values()]}
        rows = cursor.execute(_CHUNKS.format(column=self._column), {**self._where, **shifts})
        for name, number, *values in rows.fetchall():
            rollups[name].chunks[number] = Chunk(*values)


class Metrics:
    """The metrics of the nodes of one catalog; any thread may ask."""

    def __init__(self) -> None:
        self._nodes: OrderedDict[int, _Node] = OrderedDict()
        self._at_work = threading.Lock()

    def summaries(self, cursor: duckdb.DuckDBPyConnection, node_id: int) -> tuple[MetricSummary, ...]:
        """One row per metric key at or under a node, by key; none for a node that is not there."""
        with self._at_work:
            known = self._read(cursor, node_id)
            return tuple(key.summary(name) for name, key in sorted(known.keys.items())) if known else ()

    def series(
        self, cursor: duckdb.DuckDBPyConnection, node_id: int, keys: Sequence[str], buckets: int
    ) -> tuple[MetricSeries, ...]:
        """The values of some keys at or under a node in order of recording, each in at most `buckets` points.

        Where there are more values than points, a point covers a share of the catalog's record numbers, about
        as large as any other's; it keeps its smallest and largest value.
        """
        with self._at_work:
            known = self._read(cursor, node_id)
            charts = known.charts(cursor, keys) if known else {}
            return tuple(
                MetricSeries(key, None, 0, ())
                if known is None or key not in charts
                else known.keys[key].series(key, charts[key], max(1, buckets))
                for key in keys
            )

    def _read(self, cursor: duckdb.DuckDBPyConnection, node_id: int) -> _Node | None:
        found = cursor.execute(_NODE, {"node": node_id}).fetchone()
        # Kept again only once it was read: an error may leave it with a part of what came.
        known = self._nodes.pop(node_id, None)
        if found is None:
            return None
        kind, records, filling = found
        # A question that began before another one, and is answered after it, sees less than is known.
        if known is None or known.filling != filling or known.records > records:
            known = _Node(node_id, SUBTREE[KINDS[kind]], filling)
        known.bring_up(cursor, records)
        self._nodes[node_id] = known
        while len(self._nodes) > _MOST_NODES:
            self._nodes.popitem(last=False)
        return known


def _shift(key: _Key, most: int) -> int:
    return shift_for(key.first_id, key.last_id, key.total.count, most)
