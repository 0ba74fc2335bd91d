"""The questions an explorer asks, as one interface.

`reader.Reader` answers them from a catalog; tests answer them from a fake. Every
method may be called from any thread, returns at once-consistent frozen results,
and never raises for an id that is gone: it answers empty.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

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
)


class Matches(msgspec.Struct, frozen=True):
    """What a filter found.

    Attributes:
        total: Number of matching nodes.
        hits: The first of them in the order of the tree.
        ancestors: All their ancestors, each once, in no particular order.
    """

    total: int
    hits: tuple[NodeRow, ...]
    ancestors: tuple[NodeRow, ...]


class Block(msgspec.Struct, frozen=True):
    """Consecutive siblings of a kind, by position.

    Attributes:
        parent_id: Key of the parent.
        kind: Kind of the siblings.
        start: Position of the first.
        stop: Position after the last.
    """

    parent_id: int
    kind: NodeKind
    start: int
    stop: int


class Rows(msgspec.Struct, frozen=True):
    """Rows of the tree, of one moment.

    Attributes:
        projects: The roots, in the order of display.
        nodes: The nodes that were asked for by key, those that are known.
        blocks: The siblings that were asked for, each block by position.
    """

    projects: tuple[NodeRow, ...]
    nodes: dict[int, NodeRow]
    blocks: dict[Block, tuple[NodeRow, ...]]


class Queries(Protocol):
    """What can be asked of a workspace."""

    def counts(self) -> Counts:
        """Totals over everything."""
        ...

    def sources(self) -> tuple[SourceRow, ...]:
        """The files and stores behind the catalog."""
        ...

    def projects(self) -> tuple[NodeRow, ...]:
        """The roots of the tree."""
        ...

    def children(self, parent_id: int, kind: NodeKind, start: int, stop: int) -> tuple[NodeRow, ...]:
        """Children `start` up to, not including, `stop` of one kind, in the order of display.

        Runs and deployments come newest first, all others in order of first appearance.
        """
        ...

    def rows(self, node_ids: tuple[int, ...], blocks: tuple[Block, ...]) -> Rows:
        """The roots of the tree, several nodes and several blocks of siblings, of one moment."""
        ...

    def node(self, node_id: int) -> NodeRow | None:
        """One node."""
        ...

    def nodes(self, node_ids: tuple[int, ...]) -> dict[int, NodeRow]:
        """Several nodes at once, those that are known."""
        ...

    def find(self, ref: str) -> NodeRow | None:
        """The node of a ref, given in full or as a unique suffix such as `run-01` or `train.epoch-3`."""
        ...

    def next_failure(self, node_id: int | None, *, backwards: bool = False) -> NodeRow | None:
        """The next failure after a node in the order of display, going round at the end.

        Failures are failed batches, samples and deployments, and a failed stage or run when nothing
        below it failed. `None` starts at the top. `None` is answered when nothing failed.
        """
        ...

    def newest_activity(self) -> NodeRow | None:
        """The innermost open scope of the run that was last heard of: what follow mode goes to."""
        ...

    def matches(self, text: str, limit: int = 2000) -> Matches:
        """Nodes whose ref or name contains every word of the text, upper and lower case alike.

        The words `status:failed` and `kind:batch` (any status, any kind) select by that instead.
        """
        ...

    def metrics(self, node_id: int) -> tuple[MetricSummary, ...]:
        """One row per metric key at or under a node, by key."""
        ...

    def series(self, node_id: int, keys: tuple[str, ...], buckets: int) -> tuple[MetricSeries, ...]:
        """The values of each of some keys at or under a node, in at most `buckets` points."""
        ...

    def reasons(self, node_id: int, limit: int = 50) -> tuple[Reason, ...]:
        """Why a node failed: evidence at or under it, newest first; empty when there is none."""
        ...

    def records(self, node_id: int, *, before: int | None = None, limit: int = 200) -> tuple[RecordRow, ...]:
        """Records at or under a node, newest first, those older than record `before` when given."""
        ...

    def record(self, record_id: int) -> RecordRow | None:
        """One record."""
        ...

    def lineage(self, node_id: int | None) -> Lineage:
        """Deployments and artifacts of a node's run; of everything for a project or `None`."""
        ...

    def issues(self) -> tuple[Issue, ...]:
        """All diagnosed issues, errors first, the newest first among equals."""
        ...
