"""Takes a few plain lines into the catalog, while a job is followed.

What `tree` and `records` do in SQL for slices of any kind and size, for the slices of every day: some plain
lines about scopes that are known or new. What it has met it remembers, so that it asks for what may be known
only, knows what a slice changes before it is written, and writes each table once, for one slice or for
several. Everything is checked before anything is changed; what it does not take goes the general way, and
so does everything about deployments and artifacts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from contexta.catalog import plain, quick_facts, quick_failures
from contexta.catalog.catalog import Catalog
from contexta.catalog.changes import Counted
from contexta.catalog.ingest import Part, Taken
from contexta.catalog.lines import key
from contexta.catalog.plain import PlainFact, PlainRecord
from contexta.catalog.quick_failures import Found
from contexta.catalog.quick_scopes import ABOVE, Scope, Scopes
from contexta.catalog.schema import KINDS, RECORD_TYPES, STATUSES
from contexta.catalog.seen import SeenKeys
from contexta.vocabulary import NodeKind, Origin, RecordType, Status

QUICK_BYTES: Final = 512 * 1024
"""Up to so many bytes; more are read faster by DuckDB."""

_METRIC: Final = RECORD_TYPES.index(RecordType.METRIC)
_SMALL: Final = frozenset(KINDS.index(kind) for kind in (NodeKind.BATCH, NodeKind.SAMPLE, NodeKind.OPERATION))
_GOES_WELL: Final = frozenset(
    STATUSES.index(status) for status in (Status.UNKNOWN, Status.OPEN, Status.COMPLETED)
)
_UNDER_WAY: Final = frozenset(STATUSES.index(status) for status in (Status.UNKNOWN, Status.OPEN))

_ADD: Final = """
insert into records
select id, key, ref, type, node_id, project_id, run_id, stage_id, batch_id,
       $origin, observed_at, recorded_at, name, value, value_type, unit, scope, level, message, ended_at,
       attributes, tags, span, null, null
from (select {members})
"""


class Quick:
    """Takes the small slices of a catalog.

    Args:
        catalog: The catalog; whoever else commits to it makes this forget what it remembers. While something
            was read that is not written, nobody else may.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._committed = -1
        self._scopes = Scopes(catalog)
        self._seen = SeenKeys("records")
        self._last_record = 0
        self._read_nothing()

    def _read_nothing(self) -> None:
        self._workspace: int | None = None
        self._found: dict[int, Found] = {}
        self._signals: list[quick_failures.Signal] = []
        self._stated: dict[Scope, dict[str, Any]] = {}

    @property
    def workspace(self) -> int | None:
        """The workspace of what was read and is yet to be written; `None` when nothing is."""
        return self._workspace

    @property
    def waiting(self) -> int:
        """Records that were read and are yet to be written."""
        return len(self._found)

    def read(self, parts: Sequence[Part], workspace: int) -> Taken | None:
        """Reads complete lines of captures of one workspace, the same as that of others that wait.

        Args:
            parts: The lines, one part a source.
            workspace: Number of the workspace in the catalog.

        Returns:
            What `write` will have taken, or `None` when nothing was read, because something is not plain.

        Raises:
            duckdb.Error: The catalog cannot be read.
        """
        if sum(len(part.data) for part in parts) > QUICK_BYTES:
            return None
        lines = plain.read(b"".join(part.data for part in parts))
        if not lines:
            return None
        records = {key(workspace, line.ref): line for line in lines if isinstance(line, PlainRecord)}
        facts = [line for line in lines if isinstance(line, PlainFact)]
        self._begin()
        if len(records) + len(facts) < len(lines) or self._has_any(records):
            return None
        scopes = self._scopes.find(dict.fromkeys(line.subject for line in lines), workspace)
        if not all(scope.origin & Origin.CAPTURED for scope in scopes.values()):
            return None  # That they are captured, too, is to be noted on them.
        self._workspace = workspace
        is_plain = _are_of_no_consequence(facts, scopes)
        self._scopes.place(scopes, workspace)
        found = self._count(records, scopes)
        self._hear(lines, scopes)
        stated = quick_facts.apply(facts, scopes)
        signals = quick_failures.signals(found)
        is_plain &= not quick_failures.settle(signals, stated, self._scopes.touch)
        self._signals += signals
        for scope, values in stated.items():
            self._stated.setdefault(scope, {}).update(values)
        lines_of = {part.source_id: part.data.count(b"\n") for part in parts}
        added = Counted(self._last_record, Counter(record.type for record in records.values()))
        changes = self._scopes.changes(stated, added)
        return Taken(len(records), lines_of, is_plain=is_plain, changes=changes)

    def write(self) -> None:
        """Writes what was read since the last time; to be called inside a transaction.

        Raises:
            duckdb.Error: The catalog cannot be written.
        """
        if self._workspace is None:
            return
        connection = self._catalog.connection
        known = {scope: each for scope, each in self._stated.items() if not self._scopes.is_new(scope)}
        quick_facts.write(connection, known)
        self._scopes.write(self._stated, self._workspace)
        quick_failures.write(connection, self._signals)
        if self._found:
            self._add(self._found.values())
        self._read_nothing()
        self._committed = self._catalog.revision + 1

    def forget(self, *, rows_gone: bool = False) -> None:
        """Forgets what it remembers: what was read is not written, or somebody else writes.

        Args:
            rows_gone: Whether rows may have been deleted, too.
        """
        self._committed = -1
        self._read_nothing()
        self._scopes.forget(rows_gone=rows_gone)
        if rows_gone:
            self._seen.forget()

    def _begin(self) -> None:
        if self._workspace is not None:
            self._scopes.begin(afresh=False)
            return
        afresh = self._committed != self._catalog.committed
        if afresh:
            (self._last_record,) = self._catalog.connection.execute(
                "select coalesce(max(id), 0) from records"
            ).fetchone() or (0,)
            self._seen.follow(self._catalog.connection, self._last_record)
        else:
            self._seen.committed(self._catalog.connection, self._last_record)
        self._scopes.begin(afresh=afresh)
        self._committed = self._catalog.committed

    def _has_any(self, records: Mapping[int, PlainRecord]) -> bool:
        """Whether a record is there already."""
        suspects = self._seen.among(records)
        if not suspects:
            return False
        if any(suspect in self._found for suspect in suspects):
            return True
        found = self._catalog.connection.execute(
            "select 1 from records where key in (select unnest($keys)) limit 1", {"keys": suspects}
        ).fetchone()
        return found is not None

    def _count(self, records: Mapping[int, PlainRecord], scopes: Mapping[str, Scope]) -> list[Found]:
        """Adds records to the totals of all above them."""
        found = {
            digest: Found(number, digest, record, scopes[record.subject])
            for number, (digest, record) in enumerate(records.items(), self._last_record + 1)
        }
        for each in found.values():
            for scope in each.scope.line:
                _count(scope, each.record)
                self._scopes.touch(scope)
        self._found |= found
        self._last_record += len(found)
        self._seen.add(found)
        return list(found.values())

    def _add(self, found: Collection[Found]) -> None:
        columns: dict[str, list[Any]] = {
            "id": [each.id for each in found],
            "key": [each.key for each in found],
            "node_id": [each.scope.id for each in found],
            **{name: [each.scope.above(kind) for each in found] for name, kind in ABOVE.items()},
            **{
                name: [getattr(each.record, name) for each in found]
                for name in PlainRecord.__struct_fields__
                if name not in ("subject", "written_at")
            },
        }
        members = ", ".join(f"unnest(${name}) as {name}" for name in columns)
        self._catalog.connection.execute(
            _ADD.format(members=members), {"origin": int(Origin.CAPTURED), **columns}
        )

    def _hear(self, lines: Iterable[PlainRecord | PlainFact], scopes: Mapping[str, Scope]) -> None:
        """Notes when each run was heard of, and its longest silence; see `tree.hear`."""
        for line in lines:
            written, run = line.written_at, scopes[line.subject].run
            if written is None or run is None:
                continue
            opens = isinstance(line, PlainFact) and line.opens_run
            if opens or run.heard_at is not None:
                gap = 0 if opens else written - (run.heard_at or 0)
                run.max_gap = gap if run.max_gap is None else max(gap, run.max_gap)
            run.heard_at = written if run.heard_at is None else max(written, run.heard_at)
            self._scopes.touch(run)


def _count(scope: Scope, record: PlainRecord) -> None:
    """Adds a record to the totals of a scope at or above its own."""
    scope.records += 1
    scope.metrics += record.type == _METRIC
    at = record.observed_at
    if at is not None:
        scope.first_at = at if scope.first_at is None else min(at, scope.first_at)
        scope.last_at = at if scope.last_at is None else max(at, scope.last_at)


def _are_of_no_consequence(facts: Iterable[PlainFact], scopes: Mapping[str, Scope]) -> bool:
    """Whether lines are, failures aside: see `Catalog.of_no_consequence`.

    What is said of a run or a stage may always be, and what is recorded under one that has ended; a name of
    something known stands in the diagnoses of what is under it.
    """
    return all(
        scopes[fact.subject].kind in _SMALL
        and (fact.status is None or fact.status in _GOES_WELL)
        and (fact.name in (None, scopes[fact.subject].name) or not scopes[fact.subject].records)
        for fact in facts
    ) and all(
        not scope.failed and (scope.kind in _SMALL or scope.status in _UNDER_WAY) for scope in scopes.values()
    )
