"""Answers every question of an explorer from one catalog.

Binds the functions of `query` and `diagnostics` to a catalog and gives each call a connection of its own, so
that any thread may ask while another one ingests. A catalog that was closed meanwhile answers empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import duckdb

from contexta.catalog.catalog import Catalog
from contexta.diagnostics.run import diagnose
from contexta.query import health, lineage, metrics, records, snapshot, tree
from contexta.query.port import Matches
from contexta.query.results import (
    Counts,
    Issue,
    Lineage,
    MetricSeries,
    MetricSummary,
    NodeKind,
    NodeRow,
    Reason,
    RecordRow,
    SourceRow,
    Status,
)


class CatalogReader:
    """The `Queries` of a catalog.

    Args:
        catalog: The catalog.
        quiet_s: Tells how many seconds ago the newest line was appended to any capture, on this machine's
            clock; without it no run is ever called stalled.
    """

    def __init__(self, catalog: Catalog, quiet_s: Callable[[], float | None] = lambda: None) -> None:
        self._catalog = catalog
        self._quiet_s = quiet_s

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that sees one state of the catalog, however many statements are asked."""
        cursor = self._catalog.cursor()
        try:
            cursor.execute("begin transaction read only")
            yield cursor
        finally:
            cursor.close()

    def counts(self) -> Counts:
        """Totals over everything."""
        with self._cursor() as cursor:
            return tree.counts(cursor)

    def close(self) -> None:
        """Closes the catalog; for whoever loaded it without following."""
        self._catalog.close()

    def runs_with(self, status: Status) -> int:
        """Number of runs with a status."""
        with self._cursor() as cursor:
            return tree.runs_with(cursor, status)

    def sources(self) -> tuple[SourceRow, ...]:
        """The files and stores behind the catalog."""
        with self._cursor() as cursor:
            return health.sources(cursor)

    def projects(self) -> tuple[NodeRow, ...]:
        """The roots of the tree."""
        with self._cursor() as cursor:
            return tree.projects(cursor)

    def children(self, parent_id: int, kind: NodeKind, start: int, stop: int) -> tuple[NodeRow, ...]:
        """Children `start` up to, not including, `stop` of one kind, in the order of display."""
        with self._cursor() as cursor:
            return tree.children(cursor, parent_id, kind, start, stop)

    def node(self, node_id: int) -> NodeRow | None:
        """One node."""
        return self.nodes((node_id,)).get(node_id)

    def nodes(self, node_ids: tuple[int, ...]) -> dict[int, NodeRow]:
        """Several nodes at once, those that are known."""
        with self._cursor() as cursor:
            return tree.nodes(cursor, node_ids)

    def find(self, ref: str) -> NodeRow | None:
        """The node of a ref, given in full or as a unique suffix."""
        with self._cursor() as cursor:
            return tree.find(cursor, ref)

    def next_failure(self, node_id: int | None, *, backwards: bool = False) -> NodeRow | None:
        """The next failure after a node in the order of display, going round at the end."""
        with self._cursor() as cursor:
            return tree.next_failure(cursor, node_id, backwards=backwards)

    def newest_activity(self) -> NodeRow | None:
        """The innermost open scope of the run that was last heard of."""
        with self._cursor() as cursor:
            return tree.newest_activity(cursor)

    def matches(self, text: str, limit: int = 2000) -> Matches:
        """Nodes that contain every word of a text."""
        with self._cursor() as cursor:
            return tree.matches(cursor, text, limit)

    def metrics(self, node_id: int) -> tuple[MetricSummary, ...]:
        """One row per metric key at or under a node, by key."""
        with self._cursor() as cursor:
            node = tree.nodes(cursor, (node_id,)).get(node_id)
            return metrics.summaries(cursor, node) if node else ()

    def series(self, node_id: int, key: str, buckets: int) -> MetricSeries:
        """The values of a key at or under a node in at most `buckets` points."""
        with self._cursor() as cursor:
            node = tree.nodes(cursor, (node_id,)).get(node_id)
            return metrics.series(cursor, node, key, buckets) if node else MetricSeries(key, None, 0, ())

    def reasons(self, node_id: int, limit: int = 50) -> tuple[Reason, ...]:
        """Why a node failed, newest first."""
        with self._cursor() as cursor:
            node = tree.nodes(cursor, (node_id,)).get(node_id)
            return records.reasons(cursor, node, limit) if node else ()

    def records(self, node_id: int, *, before: int | None = None, limit: int = 200) -> tuple[RecordRow, ...]:
        """Records at or under a node, newest first."""
        with self._cursor() as cursor:
            node = tree.nodes(cursor, (node_id,)).get(node_id)
            return records.page(cursor, node, before=before, limit=limit) if node else ()

    def record(self, record_id: int) -> RecordRow | None:
        """One record."""
        with self._cursor() as cursor:
            return records.one(cursor, record_id)

    def lineage(self, node_id: int | None) -> Lineage:
        """Deployments and artifacts of a node's run; of everything for a project or `None`."""
        with self._cursor() as cursor:
            node = None if node_id is None else tree.nodes(cursor, (node_id,)).get(node_id)
            return lineage.lineage(cursor, node)

    def issues(self) -> tuple[Issue, ...]:
        """All diagnosed issues, errors first, the newest first among equals."""
        with self._cursor() as cursor:
            return diagnose(cursor, self._quiet_s())

    def snapshot(self, depth: NodeKind) -> snapshot.Snapshot:
        """Everything down to a depth, for printing."""
        issues = self.issues()
        with self._cursor() as cursor:
            return snapshot.take(cursor, depth, issues)
