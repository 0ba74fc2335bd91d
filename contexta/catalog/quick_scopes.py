"""The scopes that live lines are about, remembered from slice to slice.

A running job speaks of the same scopes again and again: what their nodes hold is kept here, changed here by
what a slice says, and written once at its end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import duckdb

from contexta.catalog.catalog import Catalog
from contexta.catalog.changes import RowTotals, TreeChanges
from contexta.catalog.lines import key
from contexta.catalog.schema import CHILD_COLUMNS, KINDS
from contexta.catalog.seen import SeenKeys
from contexta.vocabulary import NodeKind, Origin

_MOST_SCOPES: Final = 20_000
_KIND: Final = {kind.value: index for index, kind in enumerate(KINDS)}
_PROJECT, _RUN = KINDS.index(NodeKind.PROJECT), KINDS.index(NodeKind.RUN)
_CHILD: Final = {KINDS.index(kind): place for place, kind in enumerate(CHILD_COLUMNS)}

_TOTALS: Final = ("records", "metrics", "first_at", "last_at", "heard_at", "max_gap")
_FAILURES: Final = ("failed", "failed_below", "faults", "note")
_STORED: Final = ("id", "kind", "name", "status", "origin", "fact_at", *_TOTALS, *_FAILURES)
_CHILDREN: Final = tuple(CHILD_COLUMNS.values())

_KNOWN: Final = f"""
select ref, {", ".join((*_STORED, *_CHILDREN))} from nodes where key in (select unnest($keys))
"""

_ENDS: Final = f"""
select (select coalesce(max(id), 0) from nodes), (select count(*) from nodes where kind = {_PROJECT})
"""

_NEW: Final = (
    *("id", "key", "kind", "ref", "name", "parent_id", "project_id", "run_id", "stage_id", "batch_id"),
    "position",
)

_ABOVE: Final = (NodeKind.PROJECT, NodeKind.RUN, NodeKind.STAGE, NodeKind.BATCH)

_INSERT: Final = f"""
insert into nodes
select id, key, $workspace, kind, ref, name, parent_id, project_id, run_id,
       stage_id, batch_id, position, 0, $origin, null, null, null, null, null, null, null, 0, 0, 0, false, 0,
       0, 0, 0, 0, 0, 0, null, null, null, null, null, null, 0, null, null
from (select {", ".join(f"unnest(${name}) as {name}" for name in _NEW)})
"""


@dataclass(slots=True, eq=False)
class Scope:
    """A node as far as lines under it need it or change it; fields are those of the table `nodes`.

    Attributes:
        line: The scope and all above it, the project first.
        children: Number of direct children by kind, in the order of `CHILD_COLUMNS`.
    """

    ref: str
    id: int
    kind: int
    name: str
    status: int | None = None
    origin: int = int(Origin.CAPTURED)
    fact_at: int | None = None
    records: int = 0
    metrics: int = 0
    first_at: int | None = None
    last_at: int | None = None
    heard_at: int | None = None
    max_gap: int | None = 0
    failed: bool = False
    failed_below: int = 0
    faults: int = 0
    note: str | None = None
    children: list[int] = field(default_factory=lambda: [0] * len(_CHILD))
    line: tuple[Scope, ...] = ()

    @property
    def run(self) -> Scope | None:
        """Its run, or itself where it is one."""
        return self.line[1] if len(self.line) > 1 and self.line[1].kind == _RUN else None

    @property
    def totals(self) -> RowTotals:
        """What a row of the tree shows of what is recorded at and under it."""
        return RowTotals(
            *(self.records, self.first_at, self.last_at, self.failed, self.failed_below, self.note),
            children=tuple(self.children),
        )

    def above(self, kind: NodeKind) -> int | None:
        """Id of the scope of a kind at or above it."""
        wanted = KINDS.index(kind)
        return next((scope.id for scope in self.line if scope.kind == wanted), None)


class Scopes:
    """The scopes of a catalog that were met.

    Args:
        catalog: The catalog.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._seen = SeenKeys("nodes")
        self._met: dict[tuple[int, str], Scope] = {}
        self._last = self._roots = 0
        self._touched: dict[int, Scope] = {}
        self._new: list[Scope] = []
        self._added: list[tuple[int | None, int, int]] = []
        self._failures = False

    def forget(self, *, rows_gone: bool = False) -> None:
        """Forgets what was met: somebody else wrote, or what was changed here was not committed.

        Args:
            rows_gone: Whether rows may have been deleted, too.
        """
        self._met.clear()
        if rows_gone:
            self._seen.forget()

    def begin(self, *, afresh: bool) -> None:
        """Begins a slice.

        Args:
            afresh: Whether the catalog may be another than at the end of the last one.
        """
        self._touched, self._new, self._added, self._failures = {}, [], [], False
        if afresh or len(self._met) > _MOST_SCOPES:
            self._met.clear()
            self._last, self._roots = self._catalog.connection.execute(_ENDS).fetchone() or (0, 0)
            self._seen.follow(self._catalog.connection, self._last)
        else:
            self._seen.committed(self._catalog.connection, self._last)

    def find(self, subjects: Iterable[str], workspace: int) -> dict[str, Scope]:
        """Some scopes with all above them, by ref; what is not in the catalog is new, and yet to be added.

        Args:
            subjects: Refs in the order in which they are spoken of.
            workspace: Number of the workspace.
        """
        wanted: dict[str, int] = {}
        lines = {subject: _lineage(subject) for subject in subjects}
        for number, line in enumerate(lines.values()):
            for ref in line:
                wanted.setdefault(ref, number)
        scopes = {ref: scope for ref in wanted if (scope := self._met.get((workspace, ref))) is not None}
        lacking = {key(workspace, ref): ref for ref in wanted if ref not in scopes}
        if found := self._seen.among(lacking):
            rows = self._catalog.connection.execute(_KNOWN, {"keys": found}).fetchall()
            for ref, *values in rows:
                stored = dict(zip(_STORED, values, strict=False))
                scopes[ref] = Scope(ref, children=values[len(_STORED) :], **stored)
        new = sorted((wanted[ref], _KIND[ref.partition(":")[0]], ref) for ref in wanted if ref not in scopes)
        for number, (_, kind, ref) in enumerate(new, self._last + 1):
            scopes[ref] = Scope(ref, number, kind, ref.rpartition(":")[2].rpartition(".")[2])
            self._new.append(scopes[ref])
        for ref, scope in scopes.items():
            if not scope.line:
                scope.line = tuple(scopes[each] for each in lines.get(ref) or _lineage(ref))
        return scopes

    def add(self, scopes: dict[str, Scope], workspace: int) -> None:
        """Adds those that are new to the catalog, and remembers all; `scopes` is the answer of `find`."""
        self._met.update({(workspace, ref): scope for ref, scope in scopes.items()})
        if not self._new:
            return
        rows: list[tuple[Any, ...]] = []
        for scope in self._new:
            if scope.kind == _PROJECT:
                position, parent_id = self._roots, None
                self._roots += 1
            else:
                parent, place = scope.line[-2], _CHILD[scope.kind]
                position, parent_id = parent.children[place], parent.id
                parent.children[place] += 1
                self.touch(parent)
            above = (scope.above(kind) for kind in _ABOVE)
            digest = key(workspace, scope.ref)
            self._added.append((parent_id, scope.kind, position))
            rows.append((scope.id, digest, scope.kind, scope.ref, scope.name, parent_id, *above, position))
        self._last += len(rows)
        columns = dict(zip(_NEW, map(list, zip(*rows, strict=True)), strict=True))
        self._catalog.connection.execute(
            _INSERT, {"workspace": workspace, "origin": int(Origin.CAPTURED), **columns}
        )
        self._seen.add(columns["key"])

    def touch(self, scope: Scope, *, failures: bool = False) -> None:
        """Notes that a scope was changed and is to be written; `failures` when more than its totals was."""
        self._touched[scope.id] = scope
        self._failures |= failures

    def changes(self, stated: Iterable[Scope]) -> TreeChanges:
        """What the slice changed.

        Args:
            stated: Scopes about which more was said than what is recorded under them.
        """
        new = {scope.id for scope in self._new}
        return TreeChanges(
            totals={scope.id: scope.totals for scope in self._touched.values() if scope.id not in new},
            added=frozenset(self._added),
            stated=frozenset(scope.id for scope in stated if scope.id not in new),
        )

    def write(self) -> None:
        """Writes the totals of the scopes that were touched."""
        touched = list(self._touched.values())
        if not touched:
            return
        names = ["id", *_TOTALS]
        if self._failures:
            names += _FAILURES
        columns: dict[str, list[Any]] = {name: [getattr(scope, name) for scope in touched] for name in names}
        if self._new:
            counts = zip(*(scope.children for scope in touched), strict=True)
            columns |= dict(zip(_CHILDREN, map(list, counts), strict=True))
        _update(self._catalog.connection, columns)


def _update(connection: duckdb.DuckDBPyConnection, columns: dict[str, list[Any]]) -> None:
    changed = ", ".join(f"{name} = d.{name}" for name in columns if name != "id")
    members = ", ".join(f"unnest(${name}) as {name}" for name in columns)
    connection.execute(f"update nodes set {changed} from (select {members}) d where nodes.id = d.id", columns)


def _lineage(ref: str) -> list[str]:
    """A ref with all its ancestors, the project first."""
    kind, _, path = ref.partition(":")
    names = path.split(".")
    lineage = [f"project:{names[0]}"]
    if len(names) > 1:
        lineage.append(f"run:{'.'.join(names[:2])}")
    if len(names) > 2:
        lineage.append(f"stage:{'.'.join(names[:3])}")
    if len(names) > 4 or kind == "batch":
        lineage.append(f"batch:{'.'.join(names[:4])}")
    if lineage[-1] != ref:
        lineage.append(ref)
    return lineage
