"""Totals over everything, counted once: the next count looks at what came since."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import duckdb

from contexta.catalog.schema import KINDS, RECORD_TYPES
from contexta.query.results import Counts
from contexta.vocabulary import NodeKind, RecordType

_FEW: Final = 5_000
"""New rows that are looked at one by one; where there are more, all are counted again."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """The rows of a table up to an id, by what they are.

    Attributes:
        last: Id of the last row that was counted, 0 for none.
        key: Its key. Rows come in the order of their ids and never change, so while this one is there, all
            before it are; a catalog that was emptied and filled again has another row in its place.
        numbers: How many rows there are of each type of record or kind of node.
    """

    last: int = 0
    key: int | None = None
    numbers: Counter[int] = field(default_factory=Counter)


class Tally:
    """Counts the records and nodes of one catalog."""

    def __init__(self) -> None:
        self._records = self._nodes = _Counted()

    def counts(self, cursor: duckdb.DuckDBPyConnection) -> Counts:
        """Totals over everything."""
        self._records = records = _count(cursor, "records", "type", self._records)
        self._nodes = nodes = _count(cursor, "nodes", "kind", self._nodes)
        (artifacts,) = cursor.execute("select count(*) from artifacts").fetchone() or (0,)
        types = {kind: records.numbers[index] for index, kind in enumerate(RECORD_TYPES)}
        kinds = {kind: nodes.numbers[index] for index, kind in enumerate(KINDS)}
        return Counts(
            projects=kinds[NodeKind.PROJECT],
            runs=kinds[NodeKind.RUN],
            stages=kinds[NodeKind.STAGE],
            batches=kinds[NodeKind.BATCH],
            samples=kinds[NodeKind.SAMPLE],
            deployments=kinds[NodeKind.DEPLOYMENT],
            artifacts=artifacts,
            records=records.numbers.total(),
            metrics=types[RecordType.METRIC],
            events=types[RecordType.EVENT],
            spans=types[RecordType.SPAN],
            degraded=types[RecordType.DEGRADED],
        )


def _count(cursor: duckdb.DuckDBPyConnection, table: str, column: str, known: _Counted) -> _Counted:
    (last,) = cursor.execute(f"select coalesce(max(id), 0) from {table}").fetchone() or (0,)
    if known.key is not None and 0 <= last - known.last <= _FEW:
        rows = cursor.execute(
            f"select id, key, {column} from {table} where id >= $last order by id", {"last": known.last}
        ).fetchall()
        if rows and rows[0][:2] == (known.last, known.key):
            fresh = Counter(kind for _, _, kind in rows[1:])
            return _Counted(rows[-1][0], rows[-1][1], known.numbers + fresh)
    numbers = cursor.execute(f"select {column}, count(*) from {table} group by {column}").fetchall()
    (key,) = cursor.execute(f"select key from {table} where id = $last", {"last": last}).fetchone() or (None,)
    return _Counted(last, key, Counter(dict(numbers)))
