"""A workspace in memory that answers all of `Queries`, for tests of the screen.

    fake = FakeQueries()
    project = fake.add(NodeKind.PROJECT, "digits")
    run = fake.add(NodeKind.RUN, "tiny-cnn", project, status=Status.OPEN)
    fake.bulk(run, NodeKind.STAGE, 1_000_000)          # made up when asked for
    fake.reasons_by_node[run] = (reason(run, "RuntimeError: out of memory"),)
    app = ...(fake.change())

`demo()` is the workspace of the sketch in the design. Every call is counted in
`calls`; `gate.clear()` holds all answers back until `gate.set()`.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from contexta.live import Change, Phase
from contexta.query.port import Block, Matches, Rows
from contexta.query.results import (
    ArtifactRow,
    ChildGroup,
    Counts,
    DeploymentLink,
    Issue,
    Lineage,
    MetricSeries,
    MetricSummary,
    NodeKind,
    NodeRow,
    Origin,
    Reason,
    RecordRow,
    RecordType,
    SeriesPoint,
    Severity,
    SourceRow,
    Status,
)

#: 2026-03-01 02:27:17 UTC, the time of the sketch.
NOW = 1_772_332_037_000_000
SECOND = 1_000_000

_ORDER = (
    NodeKind.PROJECT,
    NodeKind.RUN,
    NodeKind.STAGE,
    NodeKind.BATCH,
    NodeKind.SAMPLE,
    NodeKind.OPERATION,
    NodeKind.DEPLOYMENT,
)
_NEWEST_FIRST = (NodeKind.RUN, NodeKind.DEPLOYMENT)


@dataclass
class FakeNode:
    row: NodeRow
    children: dict[NodeKind, list[int]] = field(default_factory=dict)
    bulk: dict[NodeKind, range] = field(default_factory=dict)


class FakeQueries:
    """An in-memory tree; see the module."""

    def __init__(self) -> None:
        self.tree: dict[int, FakeNode] = {}
        self.roots: list[int] = []
        self.metrics_by_node: dict[int, tuple[MetricSummary, ...]] = {}
        self.series_by_node: dict[tuple[int, str], MetricSeries] = {}
        self.reasons_by_node: dict[int, tuple[Reason, ...]] = {}
        self.lineage_by_node: dict[int | None, Lineage] = {}
        self.record_rows: list[RecordRow] = []
        self.issue_rows: tuple[Issue, ...] = ()
        self.source_rows: tuple[SourceRow, ...] = ()
        self.newest: int | None = None
        self.calls: Counter[str] = Counter()
        self.threads: set[int] = set()
        self.gate = threading.Event()
        self.gate.set()
        self.revision = 1
        self._next_id = 1

    # Building

    def add(self, kind: NodeKind, name: str, parent: int | None = None, **changes: Any) -> int:
        """Add a node as the newest of its siblings and return its id; `changes` are fields of `NodeRow`."""
        node_id = self._next_id
        self._next_id += 1
        above = self.tree[parent] if parent is not None else None
        siblings = self.roots if above is None else above.children.setdefault(kind, [])
        row = NodeRow(
            id=node_id,
            kind=kind,
            ref=_ref(kind, name, above.row.ref if above else None),
            name=name,
            status=Status.COMPLETED,
            origin=Origin.CAPTURED,
            parent_id=parent,
            position=len(siblings),
            path=(*above.row.path, above.row.id) if above else (),
            started_at=NOW - 60 * SECOND,
            ended_at=NOW,
            first_at=NOW - 60 * SECOND,
            last_at=NOW,
            records=1,
            failed=changes.get("status") == Status.FAILED,
            failed_below=0,
            children=(),
        )
        if changes.get("status") == Status.OPEN:
            row = replace(row, ended_at=None)
        siblings.append(node_id)
        self.tree[node_id] = FakeNode(replace(row, **changes))
        return node_id

    def bulk(self, parent: int, kind: NodeKind, count: int) -> range:
        """Give a node so many children of a kind, made up only when asked for, and return their ids."""
        ids = range(self._next_id, self._next_id + count)
        self._next_id += count
        self.tree[parent].bulk[kind] = ids
        return ids

    def update(self, node_id: int, **changes: Any) -> None:
        """Change fields of a node."""
        node = self.tree[node_id]
        node.row = replace(node.row, **changes)

    def remove(self, node_id: int) -> None:
        """Take a node and all below it away."""
        for ids in self.tree[node_id].children.values():
            for child in list(ids):
                self.remove(child)
        row = self.tree.pop(node_id).row
        if row.parent_id is None:
            self.roots.remove(node_id)
        else:
            self.tree[row.parent_id].children[row.kind].remove(node_id)

    def change(self, **changes: Any) -> Change:
        """What a follower would publish now, under a new revision."""
        self.revision += 1
        counts = Counter(severity for severity in (issue.severity for issue in self.issue_rows))
        open_runs = sum(
            node.row.kind == NodeKind.RUN and node.row.status == Status.OPEN for node in self.tree.values()
        )
        change = Change(
            revision=self.revision,
            queries=self,
            phase=Phase.LIVE,
            notice="",
            progress=None,
            rate=0.0,
            quiet_s=0.2,
            lag_s=0.05,
            counts=self._counts(),
            open_runs=open_runs,
            errors=counts[Severity.ERROR],
            warnings=counts[Severity.WARNING],
        )
        return replace(change, **changes)

    # Queries

    def counts(self) -> Counts:
        self._called("counts")
        return self._counts()

    def _counts(self) -> Counts:
        kinds = Counter(node.row.kind for node in self.tree.values())
        for node in self.tree.values():
            for kind, ids in node.bulk.items():
                kinds[kind] += len(ids)
        return Counts(
            projects=kinds[NodeKind.PROJECT],
            runs=kinds[NodeKind.RUN],
            stages=kinds[NodeKind.STAGE],
            batches=kinds[NodeKind.BATCH],
            samples=kinds[NodeKind.SAMPLE],
            deployments=kinds[NodeKind.DEPLOYMENT],
            records=len(self.record_rows),
        )

    def sources(self) -> tuple[SourceRow, ...]:
        self._called("sources")
        return self.source_rows

    def projects(self) -> tuple[NodeRow, ...]:
        self._called("projects")
        return tuple(self._row(node_id) for node_id in self.roots)

    def children(self, parent_id: int, kind: NodeKind, start: int, stop: int) -> tuple[NodeRow, ...]:
        self._called("children")
        node = self.tree.get(parent_id)
        if node is None:
            return ()
        return tuple(self._row(child) for child in self._ordered(node, kind)[start:stop])

    def rows(self, node_ids: tuple[int, ...], blocks: tuple[Block, ...]) -> Rows:
        self._called("rows")
        return Rows(
            projects=tuple(self._row(node_id) for node_id in self.roots),
            nodes={node_id: self._row(node_id) for node_id in node_ids if self._owner(node_id) is not None},
            blocks={block: self._block(block) for block in blocks},
        )

    def node(self, node_id: int) -> NodeRow | None:
        self._called("node")
        return self.nodes((node_id,)).get(node_id)

    def nodes(self, node_ids: tuple[int, ...]) -> dict[int, NodeRow]:
        self._called("nodes")
        return {node_id: self._row(node_id) for node_id in node_ids if self._owner(node_id) is not None}

    def find(self, ref: str) -> NodeRow | None:
        self._called("find")
        hits = [node for node in self.tree.values() if node.row.ref == ref or node.row.ref.endswith(ref)]
        return self._row(hits[0].row.id) if len(hits) == 1 else None

    def next_failure(self, node_id: int | None, *, backwards: bool = False) -> NodeRow | None:
        self._called("next_failure")
        order = [row.id for row in self._walk()]
        place = {each: index for index, each in enumerate(order)}
        failures = [row.id for row in self._walk() if _is_failure(row)]
        if not failures:
            return None
        here = place.get(node_id, -1) if node_id is not None else -1
        if backwards:
            before = [each for each in failures if place[each] < here]
            return self._row(before[-1] if before else failures[-1])
        after = [each for each in failures if place[each] > here]
        return self._row(after[0] if after else failures[0])

    def newest_activity(self) -> NodeRow | None:
        self._called("newest_activity")
        return None if self.newest is None else self._row(self.newest)

    def matches(self, text: str, limit: int = 2000) -> Matches:
        self._called("matches")
        words = text.casefold().split()
        found = [row for row in self._walk() if words and all(_matches(row, word) for word in words)]
        hits = found[:limit]
        ancestors = {above for row in hits for above in row.path}
        return Matches(len(found), tuple(hits), tuple(self._row(above) for above in ancestors))

    def metrics(self, node_id: int) -> tuple[MetricSummary, ...]:
        self._called("metrics")
        return self.metrics_by_node.get(node_id, ())

    def series(self, node_id: int, keys: tuple[str, ...], buckets: int) -> tuple[MetricSeries, ...]:
        self._called("series")
        found = [self.series_by_node.get((node_id, key)) or MetricSeries(key, None, 0, ()) for key in keys]
        return tuple(replace(each, points=each.points[:buckets]) for each in found)

    def reasons(self, node_id: int, limit: int = 50) -> tuple[Reason, ...]:
        self._called("reasons")
        return self.reasons_by_node.get(node_id, ())[:limit]

    def records(self, node_id: int, *, before: int | None = None, limit: int = 200) -> tuple[RecordRow, ...]:
        self._called("records")
        rows = [
            row
            for row in reversed(self.record_rows)
            if (before is None or row.id < before) and node_id in (*self._path(row.node_id), row.node_id)
        ]
        return tuple(rows[:limit])

    def record(self, record_id: int) -> RecordRow | None:
        self._called("record")
        return next((row for row in self.record_rows if row.id == record_id), None)

    def lineage(self, node_id: int | None) -> Lineage:
        self._called("lineage")
        for key in (node_id, *(reversed(self._path(node_id)) if node_id is not None else ()), None):
            if key in self.lineage_by_node:
                return self.lineage_by_node[key]
        return Lineage((), ())

    def issues(self) -> tuple[Issue, ...]:
        self._called("issues")
        return self.issue_rows

    # Inside

    def _called(self, name: str) -> None:
        self.calls[name] += 1
        self.threads.add(threading.get_ident())
        if not self.gate.wait(10):
            raise TimeoutError("the gate of the fake was never opened")

    def _owner(self, node_id: int) -> tuple[FakeNode, NodeKind | None] | None:
        if node_id in self.tree:
            return self.tree[node_id], None
        for node in self.tree.values():
            for kind, ids in node.bulk.items():
                if node_id in ids:
                    return node, kind
        return None

    def _path(self, node_id: int) -> tuple[int, ...]:
        return self._row(node_id).path if self._owner(node_id) is not None else ()

    def _ordered(self, node: FakeNode, kind: NodeKind) -> list[int] | range:
        ids: list[int] | range = node.children.get(kind) or node.bulk.get(kind) or []
        return ids[::-1] if kind in _NEWEST_FIRST else ids

    def _block(self, block: Block) -> tuple[NodeRow, ...]:
        node = self.tree.get(block.parent_id)
        ids = [] if node is None else node.children.get(block.kind) or node.bulk.get(block.kind) or []
        return tuple(self._row(child) for child in ids[block.start : block.stop])

    def _groups(self, node: FakeNode) -> tuple[ChildGroup, ...]:
        groups = ((kind, len(self._ordered(node, kind))) for kind in _ORDER)
        return tuple(ChildGroup(kind, count) for kind, count in groups if count)

    def _row(self, node_id: int) -> NodeRow:
        owner = self._owner(node_id)
        assert owner is not None
        node, kind = owner
        if kind is not None:
            return self._made_up(node, kind, node_id)
        below = sum(
            self._row(c).failed + self._row(c).failed_below for ids in node.children.values() for c in ids
        )
        return replace(node.row, children=self._groups(node), failed_below=below)

    def _made_up(self, parent: FakeNode, kind: NodeKind, node_id: int) -> NodeRow:
        position = node_id - parent.bulk[kind].start
        name = f"{kind.value}-{position}"
        return NodeRow(
            id=node_id,
            kind=kind,
            ref=_ref(kind, name, parent.row.ref),
            name=name,
            status=Status.COMPLETED,
            origin=Origin.CAPTURED,
            parent_id=parent.row.id,
            position=position,
            path=(*parent.row.path, parent.row.id),
            started_at=NOW,
            ended_at=NOW + SECOND,
            first_at=NOW,
            last_at=NOW + SECOND,
            records=1,
            failed=False,
            failed_below=0,
            children=(),
        )

    def _walk(self, ids: list[int] | None = None) -> Iterator[NodeRow]:
        """All nodes that were added one by one, in the order of display."""
        for node_id in self.roots if ids is None else ids:
            yield self._row(node_id)
            node = self.tree[node_id]
            for kind in _ORDER:
                if kind in node.children:
                    yield from self._walk(list(self._ordered(node, kind)))


def _ref(kind: NodeKind, name: str, parent_ref: str | None) -> str:
    above = parent_ref.split(":", 1)[1] + "." if parent_ref else ""
    return f"{kind.value}:{above}{name}"


def _matches(row: NodeRow, word: str) -> bool:
    if word.startswith("status:"):
        return row.status.value == word.removeprefix("status:")
    if word.startswith("kind:"):
        return row.kind.value == word.removeprefix("kind:")
    return word in row.ref.casefold() or word in row.name.casefold()


def _is_failure(row: NodeRow) -> bool:
    if not row.failed:
        return False
    return row.kind in (NodeKind.BATCH, NodeKind.SAMPLE, NodeKind.DEPLOYMENT) or row.failed_below == 0


def reason(node_id: int, title: str, **changes: Any) -> Reason:
    """A piece of evidence, by default an exception just now."""
    row = Reason(
        kind="exception",
        title=title,
        detail="",
        stacktrace="",
        node_id=node_id,
        node_path=(),
        at=NOW,
        record_id=None,
    )
    return replace(row, **changes)


def issue(code: str, ref: str, **changes: Any) -> Issue:
    """An issue, by default an error just now."""
    return replace(Issue(Severity.ERROR, code, ref, f"{code} at {ref}", at=NOW), **changes)


def record(record_id: int, node: NodeRow, **changes: Any) -> RecordRow:
    """A record, by default a loss of 0.5 at the time of the sketch."""
    row = RecordRow(
        id=record_id,
        ref=f"record:r-{record_id}",
        type=RecordType.METRIC,
        node_id=node.id,
        node_ref=node.ref,
        key="loss",
        observed_at=NOW + record_id * SECOND,
        value=0.5,
        value_type="float",
        unit=None,
        level=None,
        message="",
        duration_us=None,
        attributes=None,
        tags=None,
        origin=Origin.CAPTURED,
    )
    return replace(row, **changes)


def metric(key: str, values: tuple[float, ...]) -> tuple[MetricSummary, MetricSeries]:
    """Summary and series of some values."""
    summary = MetricSummary(
        key=key,
        unit=None,
        last=values[-1],
        minimum=min(values),
        maximum=max(values),
        mean=sum(values) / len(values),
        count=len(values),
        non_finite=0,
        trend=values[-32:],
    )
    points = tuple(
        SeriesPoint(index, 1, value, value, value, NOW + index * SECOND) for index, value in enumerate(values)
    )
    return summary, MetricSeries(key, None, len(values), points)


def demo() -> FakeQueries:
    """The workspace of the design's sketch: a live run with failures, an older one, two deployments."""
    fake = FakeQueries()
    project = fake.add(NodeKind.PROJECT, "digits-cnn", status=Status.UNKNOWN)
    base = fake.add(
        NodeKind.RUN, "base-mlp", project, started_at=NOW - 4000 * SECOND, ended_at=NOW - 3749 * SECOND
    )
    base_train = fake.add(NodeKind.STAGE, "train", base, ended_at=NOW + 100 * SECOND)
    fake.bulk(base_train, NodeKind.BATCH, 12)
    run = fake.add(NodeKind.RUN, "tiny-cnn", project, status=Status.OPEN, started_at=NOW - 723 * SECOND)
    train = fake.add(NodeKind.STAGE, "train", run, started_at=NOW - 700 * SECOND)
    fake.bulk(train, NodeKind.BATCH, 40)
    evaluate = fake.add(NodeKind.STAGE, "evaluate", run, status=Status.FAILED, started_at=NOW - 12_400_000)
    holdout = fake.add(NodeKind.BATCH, "holdout", evaluate, status=Status.FAILED, started_at=NOW - 12_400_000)
    question = None
    for index in range(10):
        failed = index == 4
        sample = fake.add(
            NodeKind.SAMPLE,
            f"q-{index}",
            holdout,
            status=Status.UNKNOWN,
            started_at=None,
            ended_at=None,
            first_at=NOW - 100_000,
            failed=failed,
            note="correct 0" if failed else "",
        )
        question = sample if failed else question
    fake.add(NodeKind.SAMPLE, "workspace-question", evaluate, status=Status.UNKNOWN, first_at=NOW - 400)
    prod = fake.add(NodeKind.DEPLOYMENT, "prod", project, started_at=NOW - 3600 * SECOND)
    canary = fake.add(NodeKind.DEPLOYMENT, "canary", project, status=Status.FAILED)
    assert question is not None
    rows = fake.nodes((project, base, run, holdout, question, prod, canary))
    fake.reasons_by_node = {
        each: (
            reason(
                holdout,
                "RuntimeError: CUDA out of memory",
                stacktrace='Traceback (most recent call last):\n  File "eval.py", line 3, in <module>\n'
                "    logits = model(batch)\nRuntimeError: CUDA out of memory",
                node_path=("evaluate", "holdout"),
            ),
            reason(
                question,
                "answer.wrong",
                kind="event",
                detail="expected B got C",
                node_path=("evaluate", "holdout", "q-4"),
            ),
        )
        for each in (run, evaluate, holdout)
    }
    fake.reasons_by_node[question] = fake.reasons_by_node[holdout][1:]
    fake.reasons_by_node[canary] = (reason(canary, "HealthCheckError: 3 of 5 probes failed"),)
    for node in (run, train, project):
        loss = metric("loss", tuple(0.6 + 0.9 / (1 + step / 8) for step in range(80)))
        accuracy = metric("accuracy", tuple(1 - 1 / (1 + step / 5) for step in range(80)))
        fake.metrics_by_node[node] = (accuracy[0], loss[0])
        fake.series_by_node.update({(node, "loss"): loss[1], (node, "accuracy"): accuracy[1]})
    for node in (evaluate, holdout, question):
        correct = metric("correct", (1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0))
        fake.metrics_by_node[node] = (correct[0],)
        fake.series_by_node[node, "correct"] = correct[1]
    model = ArtifactRow(
        ref="artifact:digits-cnn.tiny-cnn.model",
        kind="model",
        name="model.pt",
        location="path:/tmp/model.pt",
        size_bytes=2_900,
        hash_value="ab" * 32,
        created_at=NOW,
        run_id=run,
        origin=Origin.CAPTURED,
    )
    old_model = replace(model, ref="artifact:digits-cnn.base-mlp.model", size_bytes=3_100, run_id=base)
    fake.lineage_by_node = {
        None: Lineage(
            (
                DeploymentLink(
                    rows[canary],
                    rows[run].ref,
                    rows[run],
                    model.ref,
                    model,
                    None,
                    fake.reasons_by_node[canary],
                ),
                DeploymentLink(rows[prod], rows[base].ref, rows[base], old_model.ref, old_model, None),
            ),
            (model, old_model),
        )
    }
    for index in range(30):
        fake.record_rows.append(record(index + 1, rows[holdout], value=1 / (index + 1)))
    fake.issue_rows = (
        issue(
            "failed_batch", rows[holdout].ref, node_id=holdout, node_path=("tiny-cnn", "evaluate", "holdout")
        ),
        issue("failed_deployment", rows[canary].ref, node_id=canary, node_path=("canary",)),
        issue(
            "error_event",
            rows[question].ref,
            severity=Severity.WARNING,
            node_id=question,
            node_path=("tiny-cnn", "evaluate", "holdout", "q-4"),
            count=2,
        ),
    )
    fake.newest = holdout
    return fake
