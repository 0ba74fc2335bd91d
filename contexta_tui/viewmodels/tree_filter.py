"""The tree while a filter is on: hits and their ancestors, all expanded, as an explicit list.

The number of hits is bounded by the query, so here an object per row is fine. It
keeps nothing of the tree that it stands in for.
"""

from __future__ import annotations

from contexta.query.port import Matches
from contexta.query.results import NodeRow


class Filtered:
    """What a filter left of the tree.

    Args:
        text: The filter.
        revision: Revision of the data that it was applied to.
        matches: The answer.
        roots: All projects; a single one is not shown, as in the whole tree.
    """

    def __init__(self, text: str, revision: int, matches: Matches, roots: tuple[NodeRow, ...]) -> None:
        self.text = text
        self.revision = revision
        self.total = matches.total
        self.shown = len(matches.hits)
        self._rows: list[NodeRow] = []
        self._index: dict[int, int] = {}
        hidden = {roots[0].id} if len(roots) == 1 else set()
        ancestors = {row.id: row for row in matches.ancestors}
        self._parents = {row.parent_id for row in (*matches.hits, *matches.ancestors)}
        self._hidden = len(hidden)
        for hit in matches.hits:
            for row in (*(ancestors[key] for key in hit.path if key in ancestors), hit):
                if row.id not in self._index and row.id not in hidden:
                    self._index[row.id] = len(self._rows)
                    self._rows.append(row)

    @property
    def height(self) -> int:
        """Number of rows."""
        return len(self._rows)

    @property
    def summary(self) -> str:
        """How many were found: `12 found`, or `2,000 of 48,210 shown`."""
        if self.shown < self.total:
            return f"{self.shown:,} of {self.total:,} shown"
        return f"{self.total:,} found"

    def row_at(self, index: int) -> tuple[NodeRow | None, int, bool | None]:
        """Node, depth and whether its children are shown (`None` when it has none)."""
        if not 0 <= index < len(self._rows):
            return (None, 0, None)
        row = self._rows[index]
        depth = max(0, len(row.path) - self._hidden)
        return (row, depth, row.id in self._parents if row.children else None)

    def row_of(self, node: NodeRow) -> int | None:
        """The row of a node."""
        return self._index.get(node.id)

    def node(self, node_id: int) -> NodeRow | None:
        """A shown node by key."""
        index = self._index.get(node_id)
        return None if index is None else self._rows[index]
