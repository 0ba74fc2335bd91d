"""The shape of the tree as a list of rows, without an object per row.

An `Outline` is computed from the expanded nodes only: each of them knows how many
children of each kind it has, so a million batches under one stage are one number.
It answers which sibling stands on row 734,211 and on which row a node stands. It
holds no content of rows and fetches nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from contexta.query.port import Block
from contexta.query.results import NodeKind, NodeRow

#: Rows that one query fetches.
PAGE_ROWS = 200

_NEWEST_FIRST = frozenset({NodeKind.RUN, NodeKind.DEPLOYMENT})


class Place(NamedTuple):
    """Where a row stands among its siblings.

    Attributes:
        parent_id: Key of the parent; `None` for a project.
        kind: Kind of the siblings.
        position: `NodeRow.position`: stable while siblings are added, unlike the order of display.
    """

    parent_id: int | None
    kind: NodeKind
    position: int


class PageKey(NamedTuple):
    """A block of siblings by position, so that a new run leaves all older blocks as they are."""

    parent_id: int
    kind: NodeKind
    number: int

    @property
    def block(self) -> Block:
        """The siblings on it."""
        start = self.number * PAGE_ROWS
        return Block(self.parent_id, self.kind, start, start + PAGE_ROWS)


class Span(msgspec.Struct, frozen=True):
    """Consecutive rows that are consecutive siblings.

    Attributes:
        row: First row.
        parent_id: Their parent.
        kind: Their kind.
        first: Index of the first in the order of display.
        count: Number of rows.
        total: Number of all siblings of that kind.
        depth: Indentation, from 0.
    """

    row: int
    parent_id: int | None
    kind: NodeKind
    first: int
    count: int
    total: int
    depth: int


class Outline:
    """Rows of the tree for some roots and some expanded nodes.

    Args:
        roots: All projects. A single one is not shown, its children are the top level.
        rows: Known rows by key; those that are expanded must be among them to be shown so.
        expanded: Keys of the expanded nodes.
    """

    def __init__(
        self,
        roots: tuple[NodeRow, ...] = (),
        rows: Mapping[int, NodeRow] | None = None,
        expanded: AbstractSet[int] = frozenset(),
    ) -> None:
        self._spans: list[Span] = []
        self._groups: dict[tuple[int | None, NodeKind], list[Span]] = {}
        self._root_index = {root.id: index for index, root in enumerate(roots)}
        self._open: dict[tuple[int | None, NodeKind], list[NodeRow]] = {}
        for node_id in expanded:
            row = (rows or {}).get(node_id)
            if row is not None and row.children:
                self._open.setdefault((row.parent_id, row.kind), []).append(row)
        self.height = 0
        if len(roots) == 1:
            self._add_children(roots[0], 0)
        elif roots:
            self._add_group(None, NodeKind.PROJECT, len(roots), 0)
        self._starts = [span.row for span in self._spans]

    def span_at(self, row: int) -> Span | None:
        """The span that covers a row."""
        if not 0 <= row < self.height:
            return None
        return self._spans[bisect_right(self._starts, row) - 1]

    def place_at(self, row: int) -> Place | None:
        """Which sibling stands on a row."""
        span = self.span_at(row)
        if span is None:
            return None
        index = span.first + row - span.row
        return Place(span.parent_id, span.kind, _flip(span.kind, index, span.total))

    def row_of(self, node: NodeRow) -> int | None:
        """The row of a node, or `None` while an ancestor of it is collapsed."""
        position = self._root_index.get(node.id, -1) if node.kind == NodeKind.PROJECT else node.position
        return self.row_of_place(Place(node.parent_id, node.kind, position))

    def row_of_place(self, place: Place) -> int | None:
        """The row on which a sibling stands, or `None` while it is hidden or gone."""
        spans = self._groups.get((place.parent_id, place.kind))
        if not spans or place.position < 0:
            return None
        index = _flip(place.kind, place.position, spans[0].total)
        span = spans[max(0, bisect_right(spans, index, key=lambda span: span.first) - 1)]
        return span.row + index - span.first if 0 <= index - span.first < span.count else None

    def spans_in(self, rows: range) -> Iterable[tuple[Span, range]]:
        """The spans that meet a window, each with its rows inside the window."""
        first = max(0, bisect_right(self._starts, rows.start) - 1)
        for span in self._spans[first:]:
            if span.row >= rows.stop:
                break
            inside = range(max(rows.start, span.row), min(rows.stop, span.row + span.count))
            if inside:
                yield span, inside

    def _add_children(self, node: NodeRow, depth: int) -> None:
        for group in node.children:
            self._add_group(node.id, group.kind, group.count, depth)

    def _add_group(self, parent_id: int | None, kind: NodeKind, total: int, depth: int) -> None:
        """Lay out one group, broken where an expanded sibling shows its children."""
        whole = Span(self.height, parent_id, kind, 0, total, total, depth)
        spans = self._groups[parent_id, kind] = []
        opened = ((self._display_index(row, total), row) for row in self._open.get((parent_id, kind), ()))
        first = 0
        for index, row in sorted(opened, key=lambda pair: pair[0]):
            if first <= index < total:
                spans.append(self._add_span(whole, first, index + 1))
                self._add_children(row, depth + 1)
                first = index + 1
        if first < total:
            spans.append(self._add_span(whole, first, total))

    def _add_span(self, whole: Span, first: int, stop: int) -> Span:
        span = replace(whole, row=self.height, first=first, count=stop - first)
        self._spans.append(span)
        self.height += span.count
        return span

    def _display_index(self, node: NodeRow, total: int) -> int:
        if node.kind == NodeKind.PROJECT:
            return self._root_index.get(node.id, -1)
        return _flip(node.kind, node.position, total)


def _flip(kind: NodeKind, index: int, total: int) -> int:
    """Position to order of display, and back."""
    return total - 1 - index if kind in _NEWEST_FIRST else index
