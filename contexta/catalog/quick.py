"""Takes a few plain lines into the catalog, while a job is followed.

What `tree` and `records` do in SQL for slices of any kind and size, for the slices of every day: some plain
lines about scopes that are known or new. It remembers the scopes it has met, so that it asks for the others
only, and writes each table once. Everything is checked before anything is written; what it does not take
goes the general way, and so does everything about failures, deployments and artifacts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from contexta.catalog import plain, quick_facts
from contexta.catalog.catalog import Catalog
from contexta.catalog.ingest import Part, Taken
from contexta.catalog.lines import key_of
from contexta.catalog.plain import PlainFact, PlainRecord
from contexta.catalog.schema import CHILD_COLUMNS, KINDS, RECORD_TYPES
from contexta.vocabulary import NodeKind, Origin, RecordType

QUICK_BYTES: Final = 512 * 1024
"""Up to so many bytes; more are read faster by DuckDB."""

_MOST_SCOPES: Final = 20_000
_KIND: Final = {kind.value: index for index, kind in enumerate(KINDS)}
_PROJECT: Final = KINDS.index(NodeKind.PROJECT)
_METRIC: Final = RECORD_TYPES.index(RecordType.METRIC)
_CHILD: Final = {KINDS.index(kind): place for place, kind in enumerate(CHILD_COLUMNS)}
_CHILD_COUNTS: Final = ", ".join(CHILD_COLUMNS.values())
_KEYS: Final = f"select {key_of('unnest($refs)')}"

_KNOWN: Final = f"""
select ref, id, kind, project_id, run_id, stage_id, batch_id, origin, heard_at, fact_at, failed,
       {_CHILD_COUNTS}
from nodes where key in ({_KEYS})
"""

_ENDS: Final = f"""
select (select coalesce(max(id) + 1, 1) from nodes),
       (select count(*) from nodes where kind = {_PROJECT}),
       (select coalesce(max(id) + 1, 1) from records)
"""

_ADD_NODES: Final = f"""
insert into nodes
select id, {key_of("ref")}, $workspace, kind, ref, name, parent_id, project_id, run_id,
       stage_id, batch_id, position, 0, $origin, null, null, null, null, null, null, null, 0, 0, 0, false, 0,
       0, 0, 0, 0, 0, 0, null, null, null, null, null, null, 0, null, null
from (select unnest($id) as id, unnest($kind) as kind, unnest($ref) as ref, unnest($name) as name,
             unnest($parent_id) as parent_id, unnest($project_id) as project_id, unnest($run_id) as run_id,
             unnest($stage_id) as stage_id, unnest($batch_id) as batch_id, unnest($position) as position)
"""

_ADD_RECORDS: Final = """
insert into records
select id, {key}, ref, type, node_id, project_id, run_id, stage_id, batch_id,
       $origin, observed_at, recorded_at, name, value, value_type, unit, scope, level, message, ended_at,
       attributes, tags, span, null, null
from (select {members})
"""

_ADD_TOTALS: Final = """
update nodes set
    records = nodes.records + d.records, metrics = nodes.metrics + d.metrics,
    first_at = least(nodes.first_at, d.first_at), last_at = greatest(nodes.last_at, d.last_at),
    max_gap = greatest(nodes.max_gap, d.gap), heard_at = greatest(nodes.heard_at, d.heard_at){children}
from (select {members}) d where nodes.id = d.id
"""


@dataclass(slots=True)
class _Scope:
    """A node as far as records under it need it."""

    ref: str
    id: int
    kind: int
    project_id: int | None
    run_id: int | None
    stage_id: int | None
    batch_id: int | None
    origin: int
    heard_at: int | None
    fact_at: int | None
    failed: bool
    children: list[int]

    @property
    def at_or_above(self) -> set[int]:
        ids = (self.id, self.project_id, self.run_id, self.stage_id, self.batch_id)
        return {key for key in ids if key is not None}


@dataclass(slots=True)
class _Totals:
    """What a slice adds to a node."""

    records: int = 0
    metrics: int = 0
    first_at: int | None = None
    last_at: int | None = None
    gap: int | None = None
    heard_at: int | None = None
    children: list[int] = field(default_factory=lambda: [0] * len(_CHILD))

    def add(self, record: PlainRecord) -> None:
        self.records += 1
        self.metrics += record.type == _METRIC
        if record.observed_at is not None:
            at = record.observed_at
            self.first_at = at if self.first_at is None else min(at, self.first_at)
            self.last_at = at if self.last_at is None else max(at, self.last_at)


class Quick:
    """Takes the small slices of a catalog.

    Args:
        catalog: The catalog; whoever else commits to it makes this forget what it remembers.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._revision = -1
        self._scopes: dict[tuple[int, str], _Scope] = {}
        self._next_node = self._roots = self._next_record = 0

    def take(self, parts: Sequence[Part], workspace: int) -> Taken | None:
        """Takes complete lines of captures of one workspace; to be called inside a transaction.

        Args:
            parts: The lines, one part a source.
            workspace: Number of the workspace in the catalog.

        Returns:
            What was taken, or `None` when nothing was, because something is not plain.

        Raises:
            duckdb.Error: The catalog cannot be written.
        """
        if sum(len(part.data) for part in parts) > QUICK_BYTES:
            return None
        lines = plain.read(b"".join(part.data for part in parts))
        if not lines:
            return None
        records = [line for line in lines if isinstance(line, PlainRecord)]
        facts = [line for line in lines if isinstance(line, PlainFact)]
        self._remember()
        found = self._find(lines, workspace)
        if found is None or self._has_any(records, workspace):
            return None
        scopes, new = found
        # A statement about what has failed may end the failure, and that changes what is above it, too.
        if any(fact.subject in scopes and scopes[fact.subject].failed for fact in facts):
            return None
        totals: dict[int, _Totals] = {}
        self._add_nodes(new, scopes, workspace, totals)
        self._add_records(records, scopes, workspace, totals)
        self._hear(lines, scopes, totals)
        self._add_totals(totals)
        nodes = {fact.subject: (scopes[fact.subject].id, scopes[fact.subject].fact_at) for fact in facts}
        for ref, stated_at in quick_facts.apply(self._catalog.connection, facts, nodes).items():
            scopes[ref].fact_at = stated_at
        self._scopes.update({(workspace, ref): scope for ref, scope in scopes.items()})
        self._revision = self._catalog.revision + 1
        return Taken(len(records), {part.source_id: part.data.count(b"\n") for part in parts})

    def forget(self) -> None:
        """Forgets everything; to be called when what was taken was not committed, or somebody else writes."""
        self._revision = -1

    def _remember(self) -> None:
        if self._revision != self._catalog.revision or len(self._scopes) > _MOST_SCOPES:
            self._scopes.clear()
            ends = self._catalog.connection.execute(_ENDS).fetchone() or (1, 0, 1)
            self._next_node, self._roots, self._next_record = ends
        self._revision = -1

    def _find(
        self, lines: Iterable[PlainRecord | PlainFact], workspace: int
    ) -> tuple[dict[str, _Scope], list[tuple[int, str]]] | None:
        """The scopes that are known, and the refs of the others in order of appearance.

        `None` when one of the known ones was never captured: that is to be noted on it.
        """
        wanted: dict[str, int] = {}
        for n, subject in enumerate(dict.fromkeys(line.subject for line in lines)):
            for ref in _lineage(subject):
                wanted.setdefault(ref, n)
        scopes = {ref: scope for ref in wanted if (scope := self._scopes.get((workspace, ref))) is not None}
        lacking = [ref for ref in wanted if ref not in scopes]
        if lacking:
            rows = self._catalog.connection.execute(
                _KNOWN, {"workspace": workspace, "refs": lacking}
            ).fetchall()
            for ref, key, kind, project_id, run_id, stage_id, batch_id, origin, *rest in rows:
                heard_at, fact_at, failed, *children = rest
                above = (project_id, run_id, stage_id, batch_id)
                scopes[ref] = _Scope(ref, key, kind, *above, origin, heard_at, fact_at, failed, children)
        if not all(scope.origin & Origin.CAPTURED for scope in scopes.values()):
            return None
        new = sorted((wanted[ref], _KIND[ref.partition(":")[0]], ref) for ref in wanted if ref not in scopes)
        return scopes, [(kind, ref) for _, kind, ref in new]

    def _has_any(self, records: Sequence[PlainRecord], workspace: int) -> bool:
        """Whether a record is there already, or comes twice."""
        refs = list({record.ref for record in records})
        if not refs:
            return False
        if len(refs) != len(records):
            return True
        found = self._catalog.connection.execute(
            f"select 1 from records where key in ({_KEYS}) limit 1", {"workspace": workspace, "refs": refs}
        ).fetchone()
        return found is not None

    def _add_nodes(
        self,
        new: Sequence[tuple[int, str]],
        scopes: dict[str, _Scope],
        workspace: int,
        totals: dict[int, _Totals],
    ) -> None:
        if not new:
            return
        rows: dict[str, list[Any]] = {
            name: []
            for name in (
                *("id", "kind", "ref", "name", "parent_id", "project_id", "run_id", "stage_id", "batch_id"),
                "position",
            )
        }
        for number, (kind, ref) in enumerate(new, self._next_node):
            scopes[ref] = _Scope(
                ref,
                number,
                kind,
                project_id=None,
                run_id=None,
                stage_id=None,
                batch_id=None,
                origin=int(Origin.CAPTURED),
                heard_at=None,
                fact_at=None,
                failed=False,
                children=[0] * len(_CHILD),
            )
        for kind, ref in new:
            scope = scopes[ref]
            above = [scopes[each] for each in _lineage(ref)]
            ids = {each.ref.partition(":")[0]: each.id for each in above}
            scope.project_id, scope.run_id = ids["project"], ids.get("run")
            scope.stage_id, scope.batch_id = ids.get("stage"), ids.get("batch")
            parent = above[-2] if len(above) > 1 else None
            if parent is None:
                position = self._roots
                self._roots += 1
            else:
                position = parent.children[_CHILD[kind]]
                parent.children[_CHILD[kind]] += 1
                totals.setdefault(parent.id, _Totals()).children[_CHILD[kind]] += 1
            values = (scope.id, kind, ref, ref.rpartition(":")[2].rpartition(".")[2])
            parents = (parent and parent.id, scope.project_id, scope.run_id, scope.stage_id, scope.batch_id)
            for column, value in zip(rows.values(), (*values, *parents, position), strict=True):
                column.append(value)
        self._next_node += len(new)
        self._catalog.connection.execute(
            _ADD_NODES, {"workspace": workspace, "origin": int(Origin.CAPTURED), **rows}
        )

    def _add_records(
        self,
        records: Sequence[PlainRecord],
        scopes: dict[str, _Scope],
        workspace: int,
        totals: dict[int, _Totals],
    ) -> None:
        if not records:
            return
        of = [scopes[record.subject] for record in records]
        for record, scope in zip(records, of, strict=True):
            for key in scope.at_or_above:
                totals.setdefault(key, _Totals()).add(record)
        rows: dict[str, list[Any]] = {
            "id": list(range(self._next_record, self._next_record + len(records))),
            "node_id": [scope.id for scope in of],
            **{
                name: [getattr(scope, name) for scope in of]
                for name in ("project_id", "run_id", "stage_id", "batch_id")
            },
            **{
                name: [getattr(record, name) for record in records]
                for name in PlainRecord.__slots__
                if name not in ("subject", "written_at")
            },
        }
        self._next_record += len(records)
        self._catalog.connection.execute(
            _ADD_RECORDS.format(key=key_of("ref"), members=_unnested(rows)),
            {"workspace": workspace, "origin": int(Origin.CAPTURED), **rows},
        )

    def _hear(
        self,
        lines: Iterable[PlainRecord | PlainFact],
        scopes: dict[str, _Scope],
        totals: dict[int, _Totals],
    ) -> None:
        """Notes when each run was heard of, and its longest silence; see `tree.hear`."""
        runs = {scope.id: scope for scope in scopes.values()}
        for line in lines:
            written, run_id = line.written_at, scopes[line.subject].run_id
            if written is None or run_id is None:
                continue
            run, total = runs[run_id], totals.setdefault(run_id, _Totals())
            opens = isinstance(line, PlainFact) and line.opens_run
            if opens or run.heard_at is not None:
                gap = 0 if opens else written - (run.heard_at or 0)
                total.gap = gap if total.gap is None else max(gap, total.gap)
            run.heard_at = written if run.heard_at is None else max(written, run.heard_at)
            total.heard_at = run.heard_at

    def _add_totals(self, totals: dict[int, _Totals]) -> None:
        if not totals:
            return
        names = ("records", "metrics", "first_at", "last_at", "gap", "heard_at")
        rows: dict[str, list[Any]] = {
            "id": list(totals),
            **{name: [getattr(total, name) for total in totals.values()] for name in names},
        }
        children = ""
        if any(any(total.children) for total in totals.values()):
            for place, column in enumerate(CHILD_COLUMNS.values()):
                rows[column] = [total.children[place] for total in totals.values()]
                children += f", {column} = nodes.{column} + d.{column}"
        self._catalog.connection.execute(_ADD_TOTALS.format(members=_unnested(rows), children=children), rows)


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


def _unnested(rows: dict[str, list[Any]]) -> str:
    """SQL for lists that are parameters as the columns of rows."""
    return ", ".join(f"unnest(${name}) as {name}" for name in rows)
