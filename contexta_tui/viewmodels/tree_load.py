"""What the tree fetches: plain requests out, plain answers back, on a worker's thread.

`TreeModel` makes a request, `load` answers it with a handful of queries, and the
model takes the answer in. Nothing here touches the model, so it may run anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from contexta.query.port import Matches, Queries
from contexta.query.results import NodeKind, NodeRow
from contexta_tui.viewmodels.outline import PAGE_ROWS, Outline, PageKey

#: Nodes that one "expand level" opens; more is a screen that nobody reads and a query that nobody awaits.
LEVEL_LIMIT = 200


class Anchor(msgspec.Struct, frozen=True):
    """A row and the line of the screen that it is to stay on."""

    node: NodeRow
    line: int


class Request(msgspec.Struct, frozen=True):
    """What a tree needs to show a window.

    Attributes:
        revision: Revision of the data that is asked for.
        structure: Whether roots and expanded nodes are wanted anew, or pages only.
        filter: Filter text; when not empty, matches are all that is wanted.
        auto: Whether the newest run is to be expanded.
        newest: The newest run as known.
        roots: Roots as known.
        pinned: Rows that are wanted fresh: expanded ones and the selection.
        expanded: Keys of the expanded nodes.
        anchor: Row that stays on its line, when there is one.
        top: First row on screen, in the outline as known.
        height: Rows on screen.
        fresh: Pages that are there and current already.
    """

    revision: int
    structure: bool
    filter: str = ""
    auto: bool = False
    newest: NodeRow | None = None
    roots: tuple[NodeRow, ...] = ()
    pinned: tuple[NodeRow, ...] = ()
    expanded: frozenset[int] = frozenset()
    anchor: Anchor | None = None
    top: int = 0
    height: int = 0
    fresh: frozenset[PageKey] = frozenset()


class Loaded(msgspec.Struct, frozen=True):
    """The answer to a `Request`.

    Attributes:
        request: The request.
        roots: All projects.
        rows: Pinned rows by key; a key that is missing is gone.
        moved: Old key to row, where a rebuilt catalog gave a node another key.
        newest: The newest run, if the request said `auto`.
        pages: Fetched pages.
        matches: What the filter found.
    """

    request: Request
    roots: tuple[NodeRow, ...] = ()
    rows: dict[int, NodeRow] = msgspec.field(default_factory=dict)
    moved: dict[int, NodeRow] = msgspec.field(default_factory=dict)
    newest: NodeRow | None = None
    pages: dict[PageKey, tuple[NodeRow, ...]] = msgspec.field(default_factory=dict)
    matches: Matches | None = None


class Revealed(msgspec.Struct, frozen=True):
    """A node with the rows of its ancestors, the project first."""

    node: NodeRow
    ancestors: tuple[NodeRow, ...]


def load(queries: Queries, request: Request) -> Loaded:
    """Answer a request, with one question where the tree is much as it was."""
    if request.filter:
        return Loaded(request, roots=queries.projects(), matches=queries.matches(request.filter))
    outline = Outline(request.roots, {row.id: row for row in request.pinned}, request.expanded)
    wanted = page_keys(outline, window(request.top, request.height))
    if not request.structure:
        lacking = {key: key.block for key in wanted if key not in request.fresh}
        found = queries.rows((), tuple(lacking.values()))
        return Loaded(
            request, request.roots, pages={key: found.blocks[block] for key, block in lacking.items()}
        )
    answer = queries.rows(tuple(row.id for row in request.pinned), tuple(key.block for key in wanted))
    roots, rows, blocks = answer.projects, dict(answer.nodes), dict(answer.blocks)
    moved = _moved(queries, request.pinned, rows)
    newest = _newest_run(queries, roots, request.newest, rows) if request.auto else None
    expanded = {moved[key].id if key in moved else key for key in request.expanded}
    known = {**rows, **{row.id: row for row in moved.values()}, **{root.id: root for root in roots}}
    if newest is not None:
        known[newest.id] = newest
        expanded |= {newest.id, *newest.path}
    outline = Outline(roots, known, expanded)
    wanted = page_keys(outline, window(_top(outline, request, known), request.height))
    lacking_blocks = tuple(key.block for key in wanted if key.block not in blocks)
    if lacking_blocks:
        blocks |= queries.rows((), lacking_blocks).blocks
    return Loaded(request, roots, rows, moved, newest, {key: blocks[key.block] for key in wanted})


def window(top: int, height: int) -> range:
    """The rows to have at hand for a screen: what it shows and half as much on either side."""
    return range(max(0, top - height // 2), top + height + height // 2)


def load_reveal(queries: Queries, node_id: int) -> Revealed | None:
    """A node and its ancestors, or `None` when it is gone."""
    node = queries.node(node_id)
    if node is None:
        return None
    above = queries.nodes(node.path)
    return Revealed(node, tuple(above[key] for key in node.path if key in above))


def load_level(queries: Queries, top: NodeRow, expanded: frozenset[int]) -> tuple[tuple[NodeRow, ...], bool]:
    """The nodes to expand to see one more level under a node, and whether there were too many.

    Args:
        queries: Where to ask.
        top: The node; when it is collapsed itself, it is the answer.
        expanded: Keys of the nodes that are expanded now.
    """
    level = [top]
    while level:
        closed = tuple(row for row in level if row.id not in expanded)
        if closed:
            return closed[:LEVEL_LIMIT], len(closed) > LEVEL_LIMIT
        below: list[NodeRow] = []
        for row in level:
            for group in row.children:
                if len(below) > LEVEL_LIMIT:
                    break
                rows = queries.children(row.id, group.kind, 0, min(group.count, LEVEL_LIMIT + 1))
                below.extend(child for child in rows if child.children)
        level = below
    return (), False


def page_keys(outline: Outline, window: range) -> tuple[PageKey, ...]:
    """The pages that a window needs, each once; projects need none."""
    keys: dict[PageKey, None] = {}
    for span, rows in outline.spans_in(window):
        if span.parent_id is None:
            continue
        ends = [outline.place_at(row) for row in (rows[0], rows[-1])]
        numbers = sorted(place.position // PAGE_ROWS for place in ends if place is not None)
        for number in range(numbers[0], numbers[-1] + 1):
            keys[PageKey(span.parent_id, span.kind, number)] = None
    return tuple(keys)


def _top(outline: Outline, request: Request, known: dict[int, NodeRow]) -> int:
    """The first row on screen once rows above the anchor have come or gone."""
    if request.anchor is None:
        return request.top
    row = outline.row_of(known.get(request.anchor.node.id, request.anchor.node))
    return request.top if row is None else max(0, row - request.anchor.line)


def _newest_run(
    queries: Queries, roots: tuple[NodeRow, ...], known: NodeRow | None, rows: Mapping[int, NodeRow]
) -> NodeRow | None:
    """The newest run of the project that was heard of last."""
    for project in sorted(roots, key=lambda root: root.last_at or 0, reverse=True):
        runs = next((group.count for group in project.children if group.kind is NodeKind.RUN), 0)
        if known is not None and (known.parent_id, known.position) == (project.id, runs - 1):
            found = rows.get(known.id)
            if found is not None and found.ref == known.ref:
                return found
        if runs:
            return next(iter(queries.children(project.id, NodeKind.RUN, 0, 1)), None)
    return None


def _moved(queries: Queries, pinned: tuple[NodeRow, ...], rows: dict[int, NodeRow]) -> dict[int, NodeRow]:
    """Find the nodes again whose key now means another node, or nothing, by their refs."""
    moved = {}
    for old in pinned:
        row = rows.get(old.id)
        if row is None or row.ref != old.ref:
            rows.pop(old.id, None)
            found = queries.find(old.ref)
            if found is not None and found.ref == old.ref:
                moved[old.id] = found
    return moved
