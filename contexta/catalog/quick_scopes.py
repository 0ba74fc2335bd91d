"""The scopes that live lines are about, remembered from slice to slice.

A running job speaks of the same scopes again and again: what their nodes hold is kept here, changed here by
what a slice says, and written once for one slice or for several.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from contexta.catalog.catalog import Catalog
from contexta.catalog.changes import Counted, RowTotals, TreeChanges
from contexta.catalog.lines import key
from contexta.catalog.schema import CHILD_COLUMNS, KINDS
from contexta.catalog.seen import SeenKeys
from contexta.vocabulary import NodeKind, Origin

_MOST_SCOPES: Final = 2_000
_KIND: Final = {kind.value: index for index, kind in enumerate(KINDS)}
_PROJECT, _RUN = KINDS.index(NodeKind.PROJECT), KINDS.index(NodeKind.RUN)
_CHILD: Final = {KINDS.index(kind): place for place, kind in enumerate(CHILD_COLUMNS)}

_TOTALS: Final = ("records", "metrics", "first_at", "last_at", "heard_at", "max_gap")
_FAILURES: Final = ("failed", "failed_below", "faults", "note")
_STORED: Final = ("id", "kind", "name", "status", "origin", "fact_at", *_TOTALS, *_FAILURES)
_CHILDREN: Final = tuple(CHILD_COLUMNS.values())
_INSERTED: Final = (
    *("id", "key", "kind", "ref", "name", "parent_id", "position", "status", "fact_at"),
    *(*_TOTALS, *_FAILURES, *_CHILDREN),
)
_STATED: Final = (
    *("started_at", "ended_at", "order_index", "observed_at"),
    *("retention_class", "redaction_profile", "extensions"),
)
"""What a statement says beside name, status and time."""

_KNOWN: Final = f"""
select ref, {", ".join((*_STORED, *_CHILDREN))} from nodes where key in (select unnest($keys))
"""

_ENDS: Final = f"""
select (select coalesce(max(id), 0) from nodes), (select count(*) from nodes where kind = {_PROJECT})
"""

ABOVE: Final = {
    "project_id": NodeKind.PROJECT,
    "run_id": NodeKind.RUN,
    "stage_id": NodeKind.STAGE,
    "batch_id": NodeKind.BATCH,
}


class Scope(msgspec.Struct, eq=False):
    """A node as far as lines under it need it or change it; fields are those of the table `nodes`.

    Attributes:
        line: The scope and all above it, the project first.
        children: Number of direct children by kind, in the order of `CHILD_COLUMNS`.
    """

    ref: str
    id: int
    kind: int
    name: str
    status: int = 0
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
    children: list[int] = msgspec.field(default_factory=lambda: [0] * len(_CHILD))
    line: tuple[Scope, ...] = ()
    position: int = 0
    key: int = 0

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

    @property
    def parent_id(self) -> int | None:
        """Id of the scope above it."""
        return self.line[-2].id if len(self.line) > 1 else None

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
        # Of the slice that is read.
        self._touched: dict[int, Scope] = {}
        self._new: list[Scope] = []
        self._write_nothing()

    def _write_nothing(self) -> None:
        self._to_insert: dict[int, Scope] = {}
        self._to_update: dict[int, Scope] = {}
        self._failures = self._grown = False

    def forget(self, *, rows_gone: bool = False) -> None:
        """Forgets what was met: somebody else wrote, or what was changed here was not committed.

        Args:
            rows_gone: Whether rows may have been deleted, too.
        """
        self._met.clear()
        self._write_nothing()
        if rows_gone:
            self._seen.forget()

    def begin(self, *, afresh: bool) -> None:
        """Begins a slice.

        Args:
            afresh: Whether the catalog may be another than after the last slice, which was written then.
        """
        self._touched, self._new = {}, []
        if self._to_insert or self._to_update:
            return
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
        keys = {ref: digest for digest, ref in lacking.items()}
        for number, (_, kind, ref) in enumerate(new, self._last + 1):
            name = ref.rpartition(":")[2].rpartition(".")[2]
            scopes[ref] = Scope(ref, number, kind, name, key=keys[ref])
            self._new.append(scopes[ref])
        for ref, scope in scopes.items():
            if not scope.line:
                scope.line = tuple(scopes[each] for each in lines.get(ref) or _lineage(ref))
        return scopes

    def place(self, scopes: dict[str, Scope], workspace: int) -> None:
        """Gives those that are new their places, and remembers all; `scopes` is the answer of `find`."""
        self._met.update({(workspace, ref): scope for ref, scope in scopes.items()})
        self._last += len(self._new)
        self._seen.add(scope.key for scope in self._new)
        self._to_insert.update({scope.id: scope for scope in self._new})
        self._grown |= bool(self._new)
        for scope in self._new:
            if scope.kind == _PROJECT:
                scope.position = self._roots
                self._roots += 1
            else:
                parent, place = scope.line[-2], _CHILD[scope.kind]
                scope.position = parent.children[place]
                parent.children[place] += 1
                self.touch(parent)

    def touch(self, scope: Scope, *, failures: bool = False) -> None:
        """Notes that a scope was changed and is to be written; `failures` when more than its totals was."""
        self._touched[scope.id] = scope
        if scope.id not in self._to_insert:
            self._to_update[scope.id] = scope
            self._failures |= failures

    def write(self, statements: Mapping[Scope, Mapping[str, Any]], workspace: int) -> None:
        """Writes what was changed since the last time; to be called inside a transaction.

        Of a row that is updated the database keeps something in memory until it is opened again, and most
        samples are never heard of after the slice that speaks of them first: what is new is inserted with all
        that is known of it.

        Args:
            statements: By scope, what is stated about it, by column of `nodes`.
            workspace: Number of the workspace.
        """
        if self._to_insert:
            self._insert(tuple(self._to_insert.values()), statements, workspace)
        if self._to_update:
            self._update(tuple(self._to_update.values()))
        self._write_nothing()

    def _insert(
        self, scopes: Sequence[Scope], statements: Mapping[Scope, Mapping[str, Any]], workspace: int
    ) -> None:
        columns = _columns(scopes, _INSERTED)
        columns |= {name: [scope.above(kind) for scope in scopes] for name, kind in ABOVE.items()}
        if any(scope in statements for scope in scopes):
            values = [statements.get(scope, {}) for scope in scopes]
            columns |= {name: [each.get(name) for each in values] for name in _STATED}
        members = ", ".join(f"unnest(${name})" for name in columns)
        self._catalog.connection.execute(
            f"insert into nodes (workspace, origin, {', '.join(columns)})"
            f" select $workspace, $origin, {members}",
            {"workspace": workspace, "origin": int(Origin.CAPTURED), **columns},
        )

    def _update(self, scopes: Sequence[Scope]) -> None:
        names = [*_TOTALS, *(_FAILURES if self._failures else ()), *(_CHILDREN if self._grown else ())]
        changed = ", ".join(f"{name} = d.{name}" for name in names)
        members = ", ".join(f"unnest(${name}) as {name}" for name in ("id", *names))
        self._catalog.connection.execute(
            f"update nodes set {changed} from (select {members}) d where nodes.id = d.id",
            _columns(scopes, ("id", *names)),
        )

    def is_new(self, scope: Scope) -> bool:
        """Whether a scope is yet to be added to the catalog."""
        return scope.id in self._to_insert

    def changes(self, stated: Iterable[Scope], records: Counted) -> TreeChanges:
        """What the slice changed.

        Args:
            stated: Scopes about which more was said than what is recorded under them.
            records: The records that it added.
        """
        new = set(self._new)
        return TreeChanges(
            totals={key: scope.totals for key, scope in self._touched.items() if scope not in new},
            added=frozenset((scope.parent_id, scope.kind, scope.position) for scope in new),
            stated=frozenset(scope.id for scope in stated if scope not in new),
            nodes=Counted(self._last, Counter(scope.kind for scope in new)),
            records=records,
        )


def _columns(scopes: Sequence[Scope], names: Iterable[str]) -> dict[str, list[Any]]:
    """The values of some scopes by column."""
    places = {name: place for place, name in enumerate(_CHILDREN)}
    return {
        name: [scope.children[places[name]] if name in places else getattr(scope, name) for scope in scopes]
        for name in names
    }


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
