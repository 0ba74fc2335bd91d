"""Totals over everything, counted once: the next count looks at what came since.

Rows come in the order of their ids and stay until the catalog is emptied; then it names its filling anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import duckdb

from contexta.catalog.changes import Counted, TreeChanges
from contexta.catalog.schema import KINDS, RECORD_TYPES
from contexta.query.results import Counts
from contexta.vocabulary import NodeKind, RecordType


class Tally:
    """Counts the records and nodes of one catalog."""

    def __init__(self) -> None:
        self._filling: str | None = None
        self._records = self._nodes = Counted()
        self._artifacts = 0

    def counts(self, cursor: duckdb.DuckDBPyConnection) -> Counts:
        """Totals over everything."""
        self._artifacts, filling = cursor.execute(
            "select count(*), (select value from meta where key = 'filling') from artifacts"
        ).fetchone() or (0, None)
        if filling != self._filling:
            self._filling = filling
            self._records = self._nodes = Counted()
        self._records = _count(cursor, "records", "type", self._records)
        self._nodes = _count(cursor, "nodes", "kind", self._nodes)
        return self._totals(self._records, self._nodes)

    def and_then(self, changes: Iterable[TreeChanges], committed: int) -> Counts:
        """Totals with what came since they were asked for, in order, without asking.

        Args:
            changes: All that came; what is counted already may be among it.
            committed: The latest revision that is committed. What was only told so far is counted for this
                answer, and told again for the next.
        """
        records, nodes = self._records, self._nodes
        for each in changes:
            records, nodes = records.and_then(each.records), nodes.and_then(each.nodes)
            if each.revision <= committed:
                self._records, self._nodes = records, nodes
        return self._totals(records, nodes)

    def _totals(self, records: Counted, nodes: Counted) -> Counts:
        types = {kind: records.numbers[index] for index, kind in enumerate(RECORD_TYPES)}
        kinds = {kind: nodes.numbers[index] for index, kind in enumerate(KINDS)}
        return Counts(
            projects=kinds[NodeKind.PROJECT],
            runs=kinds[NodeKind.RUN],
            stages=kinds[NodeKind.STAGE],
            batches=kinds[NodeKind.BATCH],
            samples=kinds[NodeKind.SAMPLE],
            deployments=kinds[NodeKind.DEPLOYMENT],
            artifacts=self._artifacts,
            records=records.numbers.total(),
            metrics=types[RecordType.METRIC],
            events=types[RecordType.EVENT],
            spans=types[RecordType.SPAN],
            degraded=types[RecordType.DEGRADED],
        )


def _count(cursor: duckdb.DuckDBPyConnection, table: str, column: str, known: Counted) -> Counted:
    rows = cursor.execute(
        f"select {column}, count(*), max(id) from {table} where id > $last group by {column}",
        {"last": known.last},
    ).fetchall()
    last = max((last for _, _, last in rows), default=known.last)
    return known.and_then(Counted(last, Counter({kind: number for kind, number, _ in rows})))
