"""One refresh of the screen: what is asked on a worker's thread, and the frozen answer.

The screen makes a `Job`, `work` asks all queries for it, and the screen applies the `Result` in one go.
What is wished for together is of one moment; panes that were not may be some tenths of a second behind the
tree.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from contexta.query.port import Queries
from contexta.query.results import NodeRow
from contexta_tui.viewmodels import detail, diagnostics, lineage
from contexta_tui.viewmodels.outline import Outline
from contexta_tui.viewmodels.tree_load import Anchor, Loaded, Request, Revealed, load, load_level, load_reveal


class Lane(StrEnum):
    """Who waits for an answer: a person for whatever it is, or the data, for rows or for panes."""

    PERSON = "person"
    ROWS = "rows"
    PANES = "panes"


class Target(msgspec.Struct, frozen=True):
    """A node to go to, by key, by ref, or by what it is.

    Attributes:
        node_id: Key of the node.
        ref: Ref of the node, or a unique end of one.
        failure: 1 for the next failure after `node_id`, -1 for the one before.
        newest: Whether to go where something was last recorded.
    """

    node_id: int | None = None
    ref: str = ""
    failure: int = 0
    newest: bool = False


class DetailSize(msgspec.Struct, frozen=True):
    """What the detail pane says about itself; see `viewmodels.detail.load`."""

    width: int
    buckets: int
    charts: int
    selected: str | None


class Job(msgspec.Struct, frozen=True):
    """What to compute.

    Attributes:
        queries: Where to ask.
        tree: What the tree needs, if anything.
        position: The tree as it is, for going to `target`.
        target: Node to go to.
        level: Node under which one more level is to be expanded.
        node: The selected node.
        detail: Compute the detail of the selected node, for this size.
        lineage: Compute its lineage.
        issues: Compute the issues.
        lane: Who waits for it.
        revision: Revision of the data that is asked.
    """

    queries: Queries
    tree: Request | None = None
    position: Request | None = None
    target: Target | None = None
    level: NodeRow | None = None
    node: NodeRow | None = None
    detail: DetailSize | None = None
    lineage: bool = False
    issues: bool = False
    lane: Lane = Lane.PANES
    revision: int = -1


class Result(msgspec.Struct, frozen=True):
    """What was computed; `None` is what was not asked for.

    Attributes:
        job: The job.
        loaded: Rows of the tree.
        revealed: The node that was gone to, `None` also when there is no such node.
        around: Rows around that node.
        level: Nodes to expand, and whether there were more.
        node: The node that `detail` and `lineage` are of.
        detail: The detail pane.
        lineage: The lineage pane.
        issues: The diagnostics pane.
    """

    job: Job
    loaded: Loaded | None = None
    revealed: Revealed | None = None
    around: Loaded | None = None
    level: tuple[tuple[NodeRow, ...], bool] | None = None
    node: NodeRow | None = None
    detail: detail.DetailView | None = None
    lineage: lineage.LineageRows | None = None
    issues: diagnostics.IssueRows | None = None


def work(job: Job) -> Result:
    """Ask everything that a job wants."""
    queries = job.queries
    loaded = load(queries, job.tree) if job.tree is not None else None
    revealed = _go(queries, job.target) if job.target is not None else None
    around = None
    if revealed is not None and job.position is not None:
        around = load(queries, _around(job.position, revealed))
    node = revealed.node if revealed is not None else _fresh(job.node, loaded)
    size = job.detail
    view = None
    if size is not None:
        view = detail.load(
            queries, node, width=size.width, buckets=size.buckets, selected=size.selected, charts=size.charts
        )
    return Result(
        job,
        loaded,
        revealed,
        around,
        load_level(queries, job.level, job.position.expanded) if job.level and job.position else None,
        node,
        view,
        lineage.load(queries, node) if job.lineage else None,
        diagnostics.load(queries) if job.issues else None,
    )


def _go(queries: Queries, target: Target) -> Revealed | None:
    found: NodeRow | None = None
    if target.failure:
        found = queries.next_failure(target.node_id, backwards=target.failure < 0)
    elif target.newest:
        found = queries.newest_activity()
    elif target.ref:
        found = queries.find(target.ref)
    elif target.node_id is not None:
        return load_reveal(queries, target.node_id)
    return None if found is None else load_reveal(queries, found.id)


def _around(position: Request, revealed: Revealed) -> Request:
    """The request for the rows that will be seen once a node is revealed."""
    rows = (*position.pinned, *revealed.ancestors, revealed.node)
    expanded = position.expanded | {row.id for row in revealed.ancestors}
    known = {row.id: row for row in rows}
    row = Outline(position.roots, known, expanded).row_of(revealed.node)
    return msgspec.structs.replace(
        position,
        structure=False,
        filter="",
        pinned=tuple(known.values()),
        expanded=expanded,
        anchor=Anchor(revealed.node, 0),
        top=max(0, (row or 0) - position.height // 2),
    )


def _fresh(node: NodeRow | None, loaded: Loaded | None) -> NodeRow | None:
    """The selected node as the tree has just read it; the newest run before anything is selected."""
    if loaded is None:
        return node
    if node is None:
        return loaded.newest
    return loaded.moved.get(node.id) or loaded.rows.get(node.id) or node
