"""Totals over everything, counted once: the next count looks at what came since.

Rows come in the order of their ids and stay until the catalog is emptied; then it names its filling anew.
"""

from __future__ import annotations

from collections import Counter

import duckdb
import msgspec

from contexta.catalog.schema import KINDS, RECORD_TYPES
from contexta.query.results import Counts
from contexta.vocabulary import NodeKind, RecordType


class _Counted(msgspec.Struct, frozen=True):
    """The rows of a table up to an id, by what they are.

    Attributes:
        last: Id of the last row that was counted, 0 for none.
        numbers: How many rows there are of each type of record or kind of node.
    """

    last: int = 0
    numbers: Counter[int] = msgspec.field(default_factory=Counter)


class Tally:
    """Counts the records and nodes of one catalog."""

    def __init__(self) -> None:
        self._filling: str | None = None
        self._records = self._nodes = _Counted()

    def counts(self, cursor: duckdb.DuckDBPyConnection) -> Counts:
        """Totals over everything."""
        artifacts, filling = cursor.execute(
            "select count(*), (select value from meta where key = 'filling') from artifacts"
        ).fetchone() or (0, None)
        if filling != self._filling:
            self._filling = filling
            self._records = self._nodes = _Counted()
        self._records = records = _count(cursor, "records", "type", self._records)
        self._nodes = nodes = _count(cursor, "nodes", "kind", self._nodes)
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
    rows = cursor.execute(
        f"select {column}, count(*), max(id) from {table} where id > $last group by {column}",
        {"last": known.last},
    ).fetchall()
    fresh = Counter({kind: number for kind, number, _ in rows})
    return _Counted(max([known.last, *(last for _, _, last in rows)]), known.numbers + fresh)
