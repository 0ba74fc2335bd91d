"""What the tree shows: expansion, selection, the filter, and the rows that are known.

`TreeModel` lives on the thread of the screen and never asks a query. It says what a
window needs (`request`), takes the answer (`install`), and draws what it does not
know yet as a gap. The selection is a node, not a row: it stays where it is while
runs come in above it. Expansion is what the user did; until then the newest run is
kept open.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from contexta.query.results import NodeRow
from contexta_tui.viewmodels.outline import PAGE_ROWS, Outline, PageKey, Place
from contexta_tui.viewmodels.tree_filter import Filtered
from contexta_tui.viewmodels.tree_load import Anchor, Loaded, Request, Revealed, page_keys, window

#: Pages kept, about 25,000 rows.
CACHED_PAGES = 128
#: So many projects are opened at the start; of more only the one with the newest run.
FEW_PROJECTS = 5


class TreeRow(msgspec.Struct, frozen=True):
    """One row as drawn.

    Attributes:
        node: The node, or `None` while it is being fetched.
        depth: Indentation, from 0.
        expanded: Whether its children are shown below it; `None` when it has none.
    """

    node: NodeRow | None
    depth: int
    expanded: bool | None


class _Page(msgspec.Struct):
    revision: int
    rows: dict[int, NodeRow] = msgspec.field(default_factory=dict)


class TreeModel:
    """The state of the tree; see the module."""

    def __init__(self) -> None:
        self.revision = -1
        self.filter = ""
        self.selected: NodeRow | None = None
        #: Whether the user has moved; until then the screen stays at the top.
        self.moved = False
        self._roots: tuple[NodeRow, ...] = ()
        self._known: dict[int, NodeRow] = {}
        self._expanded: set[int] = set()
        self._arranged = False
        self._auto: NodeRow | None = None
        self._structure_revision = -1
        self._outline = Outline()
        self._filtered: Filtered | None = None
        self._awaited: Place | None = None
        self._before_filter: NodeRow | None = None
        self._moved_in_filter = False
        self._pages: OrderedDict[PageKey, _Page] = OrderedDict()
        self._by_place: dict[Place, NodeRow] = {}

    # What is shown

    @property
    def height(self) -> int:
        """Number of rows."""
        return self._outline.height if self._filtered is None else self._filtered.height

    @property
    def roots(self) -> tuple[NodeRow, ...]:
        """All projects."""
        return self._roots

    @property
    def filtered(self) -> Filtered | None:
        """What the filter left, or `None` while there is no filter or no answer yet."""
        return self._filtered

    @property
    def expanded(self) -> frozenset[int]:
        """Keys of all expanded nodes, also of those that a collapsed ancestor hides."""
        return frozenset(self._expanded)

    def row_at(self, index: int) -> TreeRow:
        """The row at an index."""
        if self._filtered is not None:
            return TreeRow(*self._filtered.row_at(index))
        span = self._outline.span_at(index)
        place = self._outline.place_at(index)
        if span is None or place is None:
            return TreeRow(None, 0, None)
        node = self._node_at(place)
        expandable = node is not None and bool(node.children)
        return TreeRow(
            node, span.depth, node.id in self._expanded if node is not None and expandable else None
        )

    def row_of(self, node: NodeRow) -> int | None:
        """The row of a node, or `None` while it is hidden."""
        if self._filtered is not None:
            return self._filtered.row_of(node)
        return self._outline.row_of(self._known.get(node.id, node))

    def hides(self, node: NodeRow) -> bool:
        """Whether the filter leaves a node out, or has no answer yet."""
        return bool(self.filter) and (self._filtered is None or self._filtered.row_of(node) is None)

    @property
    def cursor(self) -> int | None:
        """The row of the selection, or `None` when it is hidden or there is none."""
        if self._awaited is not None and self._filtered is None:
            return self._outline.row_of_place(self._awaited)
        return None if self.selected is None else self.row_of(self.selected)

    def names(self, node: NodeRow) -> tuple[str, ...]:
        """Names of the known ancestors below the project, and of the node itself."""
        above = (self._ancestor(key) for key in node.path[1:])
        return (*(row.name for row in above if row is not None), node.name)

    # What the user does

    def select(self, index: int) -> NodeRow | None:
        """Select the node at a row; one that is not known yet is selected when it is."""
        node = self.row_at(index).node
        self.moved = self._moved_in_filter = True
        if node is not None:
            self._set_selected(node)
        else:
            self._awaited = self._outline.place_at(index)
        return node

    def toggle(self, node: NodeRow) -> None:
        """Expand a collapsed node, collapse an expanded one."""
        if node.id in self._expanded:
            self.collapse(node)
        else:
            self.expand((node,))

    def expand(self, nodes: tuple[NodeRow, ...]) -> None:
        """Expand some nodes."""
        self._arranged = True
        for node in nodes:
            self._known[node.id] = node
            self._expanded.add(node.id)
        self._lay_out()

    def collapse(self, node: NodeRow) -> None:
        """Collapse a node; a selection inside it moves to it."""
        self._arranged = True
        self._expanded.discard(node.id)
        if self.selected is not None and node.id in self.selected.path:
            self._set_selected(self._known.get(node.id, node))
        self._lay_out()

    def collapse_all(self) -> None:
        """Collapse everything; the selection moves up to what is left of its path."""
        self._arranged = True
        self._expanded.clear()
        self._lay_out()
        self._rescue_selection()

    def parent_of(self, node: NodeRow) -> NodeRow | None:
        """The row above a node in the hierarchy, if it is shown."""
        parent = None if node.parent_id is None else self._ancestor(node.parent_id)
        return parent if parent is not None and self.row_of(parent) is not None else None

    def reveal(self, revealed: Revealed) -> None:
        """Expand whatever hides a node, leave the filter if that hides it, and select the node."""
        self.moved = True
        if self._filtered is not None and self.hides(revealed.node):
            self.set_filter("")
        for row in revealed.ancestors:
            self._known[row.id] = row
            if self._filtered is None:
                self._expanded.add(row.id)
        self._set_selected(revealed.node)
        self._lay_out()

    def set_filter(self, text: str) -> None:
        """Show only what matches; what is shown changes when the answer to the next request is installed."""
        text = text.strip()
        if text and not self.filter:
            self._before_filter, self._moved_in_filter = self.selected, False
        if not text and self.filter:
            self._leave_filter()
        self.filter = text

    # What is fetched

    def anchor(self, top: int, height: int) -> Anchor | None:
        """What is to stay on its line of the screen: the selection if it is visible, else the first row."""
        if not self.moved and top == 0:
            return None
        row = self.cursor
        if (
            row is not None
            and self.selected is not None
            and self._awaited is None
            and top <= row < top + height
        ):
            return Anchor(self.selected, row - top)
        node = self.row_at(top).node
        return None if node is None else Anchor(node, 0)

    def top_for(self, anchor: Anchor | None, top: int) -> int:
        """The first row on screen that puts an anchor on its line again."""
        row = None if anchor is None else self.row_of(anchor.node)
        return top if row is None or anchor is None else max(0, row - anchor.line)

    def request(self, top: int, height: int) -> Request | None:
        """What is missing or outdated for a screen of `height` rows from row `top` on, if anything."""
        structure = self._structure_revision != self.revision
        if self.filter:
            known = self._filtered
            if known is not None and known.text == self.filter and known.revision == self.revision:
                return None
            return Request(self.revision, structure=True, filter=self.filter)
        request = self.position(top, height, structure=structure)
        wanted = page_keys(self._outline, window(top, height))
        return request if structure or not all(key in request.fresh for key in wanted) else None

    def lacks(self, rows: Iterable[int]) -> bool:
        """Whether some rows are not known at all, or what a filter leaves is not."""
        if self.filter and (self._filtered is None or self._filtered.text != self.filter):
            return True
        return any(self.row_at(row).node is None for row in rows)

    def position(self, top: int, height: int, *, structure: bool = False) -> Request:
        """A request for the rows of the tree as it is, filter aside, to be changed by who wants others."""
        pinned = {key: self._known[key] for key in self._expanded if key in self._known}
        if self.selected is not None:
            pinned[self.selected.id] = self.selected
        return Request(
            self.revision,
            structure,
            auto=not self._arranged,
            newest=self._auto,
            roots=self._roots,
            pinned=tuple(pinned.values()),
            expanded=frozenset(self._expanded),
            anchor=self.anchor(top, height),
            top=top,
            height=height,
            fresh=frozenset(key for key, page in self._pages.items() if page.revision == self.revision),
        )

    def install(self, loaded: Loaded) -> None:
        """Take the answer to a request in; an answer to an outdated filter is dropped."""
        request = loaded.request
        if request.filter:
            if request.filter == self.filter and loaded.matches is not None:
                self._roots = loaded.roots
                self._filtered = Filtered(request.filter, request.revision, loaded.matches, loaded.roots)
                if self.selected is not None:
                    self.selected = self._filtered.node(self.selected.id) or self.selected
                self._rescue_selection()
            return
        if request.structure:
            self._install_structure(loaded)
        for key, rows in loaded.pages.items():
            self._pages[key] = _Page(request.revision, {row.position: row for row in rows})
            self._pages.move_to_end(key)
        while len(self._pages) > CACHED_PAGES:
            self._pages.popitem(last=False)
        self._lay_out()
        awaited = None if self._awaited is None else self._node_at(self._awaited)
        if awaited is not None:
            self._set_selected(awaited)
        self._rescue_selection()

    # Inside

    def _leave_filter(self) -> None:
        """Show the whole tree again: at what was selected in the filter, or else at what was before."""
        filtered, self._filtered = self._filtered, None
        self._structure_revision = -1
        if not self._moved_in_filter or filtered is None or self.selected is None:
            self.selected = self._before_filter or self.selected
        else:
            above = [row for key in self.selected.path if (row := filtered.node(key)) is not None]
            self._known.update({row.id: row for row in above})
            self._expanded.update(row.id for row in above)
        self._lay_out()

    def _ancestor(self, node_id: int) -> NodeRow | None:
        shown = None if self._filtered is None else self._filtered.node(node_id)
        return shown or self._known.get(node_id)

    def _install_structure(self, loaded: Loaded) -> None:
        """Replace what is known of roots and pinned nodes; what is gone is forgotten."""
        self._structure_revision = loaded.request.revision
        if {(root.id, root.ref) for root in self._roots} - {(root.id, root.ref) for root in loaded.roots}:
            self._pages.clear()
        self._roots = loaded.roots
        self._known.update({root.id: root for root in loaded.roots})
        for old in loaded.request.pinned:
            row = loaded.moved.get(old.id) or loaded.rows.get(old.id)
            if row is None or row.id != old.id:
                self._known.pop(old.id, None)
                if old.id in self._expanded:
                    self._expanded.discard(old.id)
                    self._expanded.update(() if row is None else (row.id,))
            if row is not None:
                self._known[row.id] = row
            if self.selected is not None and self.selected.id == old.id and row is not None:
                self._set_selected(row)
        if loaded.newest is not None and not self._arranged:
            self._open_newest(loaded.newest)

    def _open_newest(self, run: NodeRow) -> None:
        """Keep the newest run open instead of the one before, until the user arranges the tree."""
        old, self._auto = self._auto, run
        self._known[run.id] = run
        if old is None or old.id != run.id:
            inside = self.selected is not None and old is not None and old.id in self.selected.path
            if old is not None and not inside:
                self._expanded.discard(old.id)
            self._expanded.update((run.id, *run.path))
            if old is None and len(self._roots) <= FEW_PROJECTS:
                self._expanded.update(root.id for root in self._roots)
        if self.selected is None:
            self._set_selected(run)

    def _set_selected(self, node: NodeRow) -> None:
        self.selected = node
        self._awaited = None
        self._index_places()

    def _lay_out(self) -> None:
        self._outline = Outline(self._roots, self._known, self._expanded)
        self._index_places()

    def _index_places(self) -> None:
        """Make rows that are known by key known by place, to draw them before their page is there."""
        kept = [self._known[key] for key in self._expanded if key in self._known]
        if self.selected is not None:
            kept.append(self.selected)
        self._by_place = {Place(row.parent_id, row.kind, row.position): row for row in kept}

    def _node_at(self, place: Place) -> NodeRow | None:
        if place.parent_id is None:
            return self._roots[place.position]
        known = self._by_place.get(place)
        if known is not None:
            return known
        page = self._pages.get(PageKey(place.parent_id, place.kind, place.position // PAGE_ROWS))
        return None if page is None else page.rows.get(place.position)

    def _rescue_selection(self) -> None:
        """Select the nearest shown ancestor when the selection is not shown, else the first row."""
        if self.selected is not None and self.row_of(self.selected) is not None:
            return
        for key in reversed(self.selected.path if self.selected is not None else ()):
            row = self._known.get(key)
            if row is not None and self.row_of(row) is not None:
                self._set_selected(row)
                return
        first = self.row_at(0).node if self.height else None
        if first is not None:
            self._set_selected(first)
        elif not self.height and self._structure_revision >= 0:
            self.selected = None
