"""Answers every question of an explorer from one catalog.

Binds the functions of `query` and `diagnostics` to a catalog and gives each call a connection of its own, so
that any thread may ask while another one ingests. A catalog that was closed meanwhile answers empty; one that
turns out to be damaged answers with an error, and whoever fills it hears of that.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

import duckdb
import msgspec
from msgspec.structs import replace

from contexta.catalog.catalog import Catalog
from contexta.catalog.changes import TreeChanges
from contexta.diagnostics.run import lasting, with_silences
from contexta.effort import Effort
from contexta.query import health, lineage, live_rows, records, tree
from contexta.query.metrics import Metrics
from contexta.query.port import Block, Matches, Rows
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
from contexta.query.tally import Tally

if TYPE_CHECKING:
    from contexta.query.snapshot import Snapshot

Answer = TypeVar("Answer")

_MOST_KNOWN: Final = 64
"""Answers that are kept until a commit changes them."""

_MOST_ROWS: Final = 4
"""Askings for rows that are brought up to date; a screen asks the same again and again."""

_AT_ONCE_S: Final = 0.01
"""Seconds that nobody minds to wait for a diagnosis."""

_MANY_RECORDS: Final = 100_000
"""Of so many, the first diagnosis takes longer than that."""


class _Diagnosis(msgspec.Struct, frozen=True):
    """What was diagnosed after some `consequences` of the catalog, and until when it is good enough."""

    consequences: int
    issues: tuple[Issue, ...]
    took_s: float
    stands_until: float


class _Totals(msgspec.Struct, frozen=True):
    """Totals of a revision, and the revision up to which they are not to be counted again."""

    revision: int
    counted: int
    counts: Counts


class CatalogReader:
    """The `Queries` of a catalog.

    Args:
        catalog: The catalog.
        quiet_s: Tells how many seconds ago the newest line was appended to any capture, on this machine's
            clock; without it no run is ever called stalled.
        patience: How many times as long as it took a diagnosis stands, whatever is committed meanwhile, so
            that diagnosing a large catalog again and again leaves time for showing it. Zero: it never stands.
    """

    def __init__(
        self,
        catalog: Catalog,
        quiet_s: Callable[[], float | None] = lambda: None,
        *,
        patience: float = 0.0,
    ) -> None:
        self._catalog = catalog
        self._quiet_s = quiet_s
        self._patience = patience
        self._tally = Tally()
        self._metrics = Metrics()
        self._counts: _Totals | None = None
        self._counting = threading.Lock()
        self._known: OrderedDict[Hashable, tuple[int, Any]] = OrderedDict()
        self._rows: dict[Hashable, tuple[int, Rows]] = {}
        self._diagnosing = threading.Lock()
        self._lasting: _Diagnosis | None = None
        self._diagnosed: tuple[tuple[int, object], tuple[Issue, ...]] | None = None

    def _ask(self, question: Callable[[duckdb.DuckDBPyConnection], Answer]) -> Answer:
        try:
            try:
                with _cursor(self._catalog) as cursor:
                    return question(cursor)
            except duckdb.OutOfMemoryException:
                # It may have come when the catalog was told to have no memory, for an instant.
                with _cursor(self._catalog) as cursor:
                    return question(cursor)
        except duckdb.Error as error:
            if not self._catalog.is_closed:
                self._catalog.doubt(error)
            if self._catalog.damage or not self._catalog.is_closed:
                raise
            # Another one is in its place, or soon; until the next change it knows nothing.
            with _cursor(_nothing()) as cursor:
                return question(cursor)

    def _unless_known(
        self,
        what: Hashable,
        question: Callable[[duckdb.DuckDBPyConnection], Answer],
        *,
        consequential: bool = False,
    ) -> Answer:
        """Asks what only a commit changes, once after each.

        Args:
            what: A name for the question.
            question: Asks it.
            consequential: Whether a commit changes it only when it is of consequence.
        """
        # Read before asking: a commit meanwhile makes the answer old, never the other way round.
        revision = self._catalog.consequences if consequential else self._catalog.committed
        known = self._known.get(what)
        if known is None or known[0] != revision:
            self._known[what] = known = (revision, self._ask(question))
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        answer: Answer = known[1]
        return answer

    def _told(self, committed: int) -> tuple[TreeChanges, ...]:
        """What is known to have changed since a commit; nothing when not all of it is."""
        return live_rows.since(self._catalog.changes, committed) or ()

    def _ask_nodes(
        self, question: Callable[[duckdb.DuckDBPyConnection], Iterable[NodeRow]]
    ) -> tuple[NodeRow, ...]:
        """Asks for nodes; what was told of their totals and is not written yet is added."""
        # Read before asking: what is told of again is the same.
        committed = self._catalog.committed
        return live_rows.with_totals(self._ask(question), self._told(committed))

    def _ask_node(self, question: Callable[[duckdb.DuckDBPyConnection], NodeRow | None]) -> NodeRow | None:
        """Asks for one node, likewise."""
        rows = self._ask_nodes(lambda cursor: () if (row := question(cursor)) is None else (row,))
        return rows[0] if rows else None

    def close(self) -> None:
        """Closes the catalog; for whoever loaded it without following."""
        self._catalog.close()

    def counts(self) -> Counts:
        """Totals over everything."""
        with self._counting:
            known = self._counts
            if known is None or known.revision != self._catalog.revision:
                changes = live_rows.since(self._catalog.changes, known.counted) if known else None
                # Read before asking: what is counted already may be among later changes.
                committed = self._catalog.committed
                if known is None or changes is None:
                    known = _Totals(committed, committed, self._ask(self._tally.counts))
                    changes = self._told(committed)
                if changes:
                    counts = self._tally.and_then(changes, committed)
                    known = _Totals(changes[-1].revision, min(committed, changes[-1].revision), counts)
                self._counts = known
            return known.counts

    def runs_with(self, status: Status) -> int:
        """Number of runs with a status."""
        return self._unless_known(status, lambda cursor: tree.runs_with(cursor, status), consequential=True)

    def sources(self) -> tuple[SourceRow, ...]:
        """The files and stores behind the catalog."""
        return self._ask(health.sources)

    def projects(self) -> tuple[NodeRow, ...]:
        """The roots of the tree."""
        return self._ask_nodes(tree.projects)

    def children(self, parent_id: int, kind: NodeKind, start: int, stop: int) -> tuple[NodeRow, ...]:
        """Children `start` up to, not including, `stop` of one kind, in the order of display."""
        return self._ask_nodes(lambda cursor: tree.children(cursor, parent_id, kind, start, stop))

    def rows(self, node_ids: tuple[int, ...], blocks: tuple[Block, ...]) -> Rows:
        """The roots of the tree, several nodes and several blocks of siblings, of one moment."""
        asked = (node_ids, blocks)
        before = self._rows.get(asked)
        known = None if before is None else self._up_to_date(*before)
        if known is None:
            # Read before asking: what is known already may be changed once more, to the same.
            committed = self._catalog.committed
            written = self._ask(lambda cursor: tree.rows(cursor, node_ids, blocks))
            known = self._up_to_date(committed, written)
            if known is None:
                if committed == self._catalog.committed:
                    # A row that is told and not written is among them; until it is, they are those of before.
                    self._catalog.commit_at_once()
                known = (committed, written)
        if asked not in self._rows and len(self._rows) >= _MOST_ROWS:
            self._rows.clear()
        if known[1].nodes.keys() >= set(node_ids):  # What is not there yet may come, and would be missed.
            self._rows[asked] = known
        return known[1]

    def _up_to_date(self, revision: int, rows: Rows) -> tuple[int, Rows] | None:
        """Rows of a revision as they are by now, and by which; `None` when the catalog has to be asked."""
        if revision == self._catalog.revision:
            return revision, rows
        # The job that is followed changes a few rows a time, and the follower says which.
        changes = live_rows.since(self._catalog.changes, revision)
        later = None if changes is None else live_rows.changed(rows, changes)
        return None if changes is None or later is None else (changes[-1].revision, later)

    def node(self, node_id: int) -> NodeRow | None:
        """One node."""
        return self.nodes((node_id,)).get(node_id)

    def nodes(self, node_ids: tuple[int, ...]) -> dict[int, NodeRow]:
        """Several nodes at once, those that are known."""
        return {row.id: row for row in self._ask_nodes(lambda cursor: tree.nodes(cursor, node_ids).values())}

    def find(self, ref: str) -> NodeRow | None:
        """The node of a ref, given in full or as a unique suffix."""
        return self._ask_node(lambda cursor: tree.find(cursor, ref))

    def next_failure(self, node_id: int | None, *, backwards: bool = False) -> NodeRow | None:
        """The next failure after a node in the order of display, going round at the end."""
        return self._ask_node(lambda cursor: tree.next_failure(cursor, node_id, backwards=backwards))

    def newest_activity(self) -> NodeRow | None:
        """The innermost open scope of the run that was last heard of."""
        return self._ask_node(tree.newest_activity)

    def matches(self, text: str, limit: int = 2000) -> Matches:
        """Nodes that contain every word of a text."""
        committed = self._catalog.committed
        found = self._ask(lambda cursor: tree.matches(cursor, text, limit))
        told = self._told(committed)
        return replace(
            found,
            hits=live_rows.with_totals(found.hits, told),
            ancestors=live_rows.with_totals(found.ancestors, told),
        )

    def metrics(self, node_id: int) -> tuple[MetricSummary, ...]:
        """One row per metric key at or under a node, by key."""
        return self._ask(lambda cursor: self._metrics.summaries(cursor, node_id))

    def series(self, node_id: int, keys: tuple[str, ...], buckets: int) -> tuple[MetricSeries, ...]:
        """The values of some keys at or under a node, each in at most `buckets` points."""
        return self._ask(lambda cursor: self._metrics.series(cursor, node_id, keys, buckets))

    def reasons(self, node_id: int, limit: int = 50) -> tuple[Reason, ...]:
        """Why a node failed, newest first."""
        return self._unless_known(
            ("reasons", node_id, limit),
            lambda cursor: _of_node(
                cursor, node_id, lambda cursor, node: records.reasons(cursor, node, limit), ()
            ),
            consequential=True,
        )

    def records(self, node_id: int, *, before: int | None = None, limit: int = 200) -> tuple[RecordRow, ...]:
        """Records at or under a node, newest first."""
        return self._of_node(
            node_id, lambda cursor, node: records.page(cursor, node, before=before, limit=limit), ()
        )

    def record(self, record_id: int) -> RecordRow | None:
        """One record."""
        return self._ask(lambda cursor: records.one(cursor, record_id))

    def lineage(self, node_id: int | None) -> Lineage:
        """Deployments and artifacts of a node's run; of everything for a project or `None`."""
        return self._unless_known(
            ("lineage", node_id),
            lambda cursor: (
                lineage.lineage(cursor, None)
                if node_id is None
                else _of_node(cursor, node_id, lineage.lineage, Lineage((), ()))
            ),
            consequential=True,
        )

    def issues(self) -> tuple[Issue, ...]:
        """All diagnosed issues, errors first, the newest first among equals.

        Asked again within the same second, without a change of consequence in between, the answer is the
        same. With patience, it may be one of a moment ago.
        """
        return self._with_silences(self._lasting_issues())

    def issues_at_once(self) -> tuple[Issue, ...] | None:
        """Like `issues`, for whoever must not wait: where that takes its time, the answer is the one before.

        The next one is found out meanwhile, on a thread of its own. `None` while that is the first.
        """
        known = self._lasting
        many = known is None and self.counts().records > _MANY_RECORDS
        takes_time = many if known is None else known.took_s > _AT_ONCE_S
        if not takes_time:
            return self.issues()
        if (known is None or not self._stands(known)) and self._diagnosing.acquire(blocking=False):
            self._diagnosing.release()
            threading.Thread(target=self._diagnose, name="contexta-diagnosis", daemon=True).start()
        return None if known is None else self._with_silences(known)

    def _diagnose(self) -> None:
        # Whoever asks for it is told of the error; that the catalog is damaged is noted in any case.
        with suppress(duckdb.Error):
            self._lasting_issues()

    def _with_silences(self, found: _Diagnosis) -> tuple[Issue, ...]:
        quiet_s = self._quiet_s()
        known = (found.consequences, None if quiet_s is None else (int(quiet_s), int(time.monotonic())))
        if self._diagnosed is None or self._diagnosed[0] != known:
            open_runs = () if quiet_s is None else self._unless_known("open runs", health.open_runs)
            self._diagnosed = (known, with_silences(found.issues, open_runs, quiet_s))
        return self._diagnosed[1]

    def settle(self) -> None:
        """Diagnoses anew whatever patience says; for when nothing will come after it."""
        self._lasting = None
        self._lasting_issues()

    def _lasting_issues(self) -> _Diagnosis:
        with self._diagnosing:
            known = self._lasting
            if known is None or not self._stands(known):
                # Read before asking: a commit meanwhile makes the answer old, never the other way round.
                consequences = self._catalog.consequences
                effort = Effort()
                issues = self._ask(lasting)
                took_s = effort.seconds
                until = time.monotonic() + self._patience * took_s
                known = self._lasting = _Diagnosis(consequences, issues, took_s, until)
            return known

    def _stands(self, known: _Diagnosis) -> bool:
        return known.consequences == self._catalog.consequences or time.monotonic() < known.stands_until

    def snapshot(self, depth: NodeKind) -> Snapshot:
        """Everything down to a depth, for printing."""
        from contexta.query import snapshot  # noqa: PLC0415 - whoever shows a screen never prints one

        issues = self.issues()
        return self._ask(lambda cursor: snapshot.take(cursor, depth, issues))

    def _of_node(
        self, node_id: int, question: Callable[[duckdb.DuckDBPyConnection, NodeRow], Answer], nothing: Answer
    ) -> Answer:
        return self._ask(lambda cursor: _of_node(cursor, node_id, question, nothing))


def _of_node(
    cursor: duckdb.DuckDBPyConnection,
    node_id: int,
    question: Callable[[duckdb.DuckDBPyConnection, NodeRow], Answer],
    nothing: Answer,
) -> Answer:
    node = tree.nodes(cursor, (node_id,)).get(node_id)
    return nothing if node is None else question(cursor, node)


@contextmanager
def _cursor(catalog: Catalog) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that sees one state of a catalog, however many statements are asked."""
    cursor = catalog.cursor()
    try:
        cursor.execute("begin transaction read only")
        yield cursor
    finally:
        cursor.close()


@cache
def _nothing() -> Catalog:
    return Catalog.in_memory(())
