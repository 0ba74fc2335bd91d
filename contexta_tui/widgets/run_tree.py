"""The tree of runs, stages, batches, samples and deployments.

It draws a `TreeModel` and turns keys and clicks into changes of it. It never asks
for rows itself: it posts `Wanted`, and the screen answers with `install`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from textual.message import Message
from textual.strip import Strip

from contexta.query.results import NodeRow, Status
from contexta_tui.clock import SYSTEM
from contexta_tui.glyphs import UNICODE, Glyphs
from contexta_tui.keymap import Scope, bindings
from contexta_tui.viewmodels.filter_advice import NOTHING, unknown_choice
from contexta_tui.viewmodels.tree import TreeModel
from contexta_tui.viewmodels.tree_load import Anchor, Loaded, Request, Revealed
from contexta_tui.widgets.inks import Inks, read_inks
from contexta_tui.widgets.line_view import LineView
from contexta_tui.widgets.tree_rows import INDENT, Columns, arrow_at, draw_row

#: Rows fetched at least; the first request is made before the tree has a size.
LEAST_ROWS = 40


class RunTree(LineView):
    """The tree.

    Args:
        glyphs: Characters to draw with.
        now: The clock, in microseconds since the Unix epoch.
        id: Textual's id.
    """

    BINDINGS = bindings(Scope.TREE)

    class Selected(Message):
        """Another node is selected; `node` is `None` when there is none left."""

        def __init__(self, node: NodeRow | None, *, by_user: bool) -> None:
            self.node = node
            self.by_user = by_user
            super().__init__()

    class Wanted(Message):
        """Rows are missing or outdated: answer `request()` with `install()`.

        `urgent` when some that should be on the screen are not known at all: a person has gone there.
        """

        def __init__(self, *, urgent: bool) -> None:
            self.urgent = urgent
            super().__init__()

    class LevelWanted(Message):
        """One more level is to be expanded under a node."""

        def __init__(self, node: NodeRow) -> None:
            self.node = node
            super().__init__()

    class LeafOpened(Message):
        """Enter on a node that has nothing below it."""

    class FilterLeft(Message):
        """A filtered row was opened: the filter is over."""

    def __init__(
        self,
        *,
        glyphs: Glyphs = UNICODE,
        now: Callable[[], int] = SYSTEM.now,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(id=id)
        self.model = TreeModel()
        self._glyphs = glyphs
        self._clock = now
        self._now = now()
        self._told: int | None = None
        self._inks: Inks | None = None
        self._columns = Columns()

    # What the screen does

    def set_revision(self, revision: int) -> None:
        """Take notice that answers may differ from now on."""
        if revision != self.model.revision:
            self.model.revision = revision
            self._want()

    def request(self) -> Request | None:
        """What is missing for the screen, if anything."""
        return self.model.request(round(self.scroll_target_y), max(self.page, LEAST_ROWS))

    def position(self) -> Request:
        """The tree as it is, as a request for its rows."""
        return self.model.position(round(self.scroll_target_y), max(self.page, LEAST_ROWS))

    def install(self, loaded: Loaded) -> None:
        """Show the answer to a request; the selection stays on its line."""
        anchor = self._anchor()
        self.model.install(loaded)
        filtered = self.model.filtered
        self.empty_text = "" if filtered is None else unknown_choice(filtered.text) or NOTHING
        self._arrange(anchor)
        self._tell(by_user=False)
        self._want()

    def reveal(self, revealed: Revealed, around: Loaded | None = None) -> None:
        """Select a node, expand what hides it, and bring it to the screen with some rows around it."""
        self.model.reveal(revealed)
        if around is not None:
            self.model.install(around)
        self._arrange(None)
        if self.cursor >= 0:
            self.show_row(self.cursor, margin=self.page // 4)
        self._measure(afresh=True)
        self._tell(by_user=False)
        self._want()

    def expand_nodes(self, nodes: tuple[NodeRow, ...]) -> None:
        """Expand some nodes."""
        anchor = self._anchor()
        self.model.expand(nodes)
        self._arrange(anchor)
        self._want()

    def set_filter(self, text: str) -> None:
        """Show only what matches a text, everything when it is empty."""
        had = self.model.filtered is not None
        self.model.set_filter(text)
        if had and self.model.filtered is None:
            self._arrange(None)
            self.show_row(self.cursor, margin=self.page // 4)
            self._measure(afresh=True)
            self._tell(by_user=False)
        self._want()

    def tick(self) -> None:
        """Let the ages of what is open grow."""
        self._now = self._clock()
        self._measure()
        for index in self.visible_rows:
            node = self.model.row_at(index).node
            if node is not None and node.status == Status.OPEN:
                self.refresh_row(index)

    # Rows

    def row_key(self, index: int) -> Hashable | None:
        """The row as the model answers it, and the second for one whose age grows."""
        row = self.model.row_at(index)
        is_open = row.node is not None and row.node.status == Status.OPEN
        return (row, self._columns, self._now // 1_000_000 if is_open else 0)

    def render_row(self, index: int, width: int, selected: bool) -> Strip:  # noqa: ARG002 - the base lays the cursor
        """Draw a row."""
        if self._inks is None:
            self._inks = read_inks(self)
        return draw_row(
            self.model.row_at(index), width, self._columns, self._inks, self._glyphs, now=self._now
        )

    def notify_style_update(self) -> None:
        """Read the colours again."""
        super().notify_style_update()
        self._inks = None

    # Keys and mouse

    def move_cursor(self, index: int, *, scroll: bool = True) -> None:
        """Select the row at an index."""
        before = self.cursor
        super().move_cursor(index, scroll=scroll)
        if self.cursor != before:
            self.model.select(self.cursor)
        self._tell(by_user=True)
        self._want()

    def clicked(self, index: int, x: int, chain: int) -> None:
        """Toggle by a click on the arrow or a double click anywhere; select otherwise."""
        self.move_cursor(index)
        start = arrow_at(self.model.row_at(index), self.scrollable_content_region.width)
        on_arrow = start <= x < start + INDENT
        if on_arrow or chain == 2:
            self.action_toggle_node()

    def action_toggle_node(self) -> None:
        """Expand or collapse; on a leaf say so; in a filtered tree go to the node in the whole tree."""
        node = self._node()
        if node is None:
            return
        if self.model.filtered is not None:
            self.post_message(self.FilterLeft())
        elif node.children:
            anchor = self._anchor()
            self.model.toggle(node)
            self._arrange(anchor)
            self._show_children(node)
            self._measure(afresh=True)
            self._want()
        else:
            self.post_message(self.LeafOpened())

    def action_expand(self) -> None:
        """Expand, or go to the first child."""
        row = self.model.row_at(self.cursor)
        if row.expanded:
            self.move_cursor(self.cursor + 1)
        elif row.expanded is not None:
            self.action_toggle_node()

    def action_collapse(self) -> None:
        """Collapse, or go to the parent."""
        row = self.model.row_at(self.cursor)
        if row.node is None:
            return
        if row.expanded and self.model.filtered is None:
            self.action_toggle_node()
            return
        parent = self.model.parent_of(row.node)
        target = None if parent is None else self.model.row_of(parent)
        if target is not None:
            self.move_cursor(target)

    def action_expand_level(self) -> None:
        """Ask for one more level under the selection."""
        node = self._node()
        if node is not None and self.model.filtered is None:
            self.post_message(self.LevelWanted(node))

    def action_collapse_all(self) -> None:
        """Collapse everything."""
        if self.model.filtered is None:
            self.model.collapse_all()
            self._arrange(None)
            self.show_row(self.cursor)
            self._measure(afresh=True)
            self._tell(by_user=True)
            self._want()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Ask for the rows that come into view."""
        super().watch_scroll_y(old_value, new_value)
        self._measure()
        self._want()

    def on_resize(self) -> None:
        """Ask for the rows that a larger screen shows."""
        super().on_resize()
        self._measure(afresh=True)
        self._want()

    # Inside

    def _node(self) -> NodeRow | None:
        return self.model.row_at(self.cursor).node

    def _anchor(self) -> Anchor | None:
        return self.model.anchor(round(self.scroll_target_y), self.page)

    def _arrange(self, anchor: Anchor | None) -> None:
        """Take the rows of the model over, the anchor on its line."""
        row = self.model.cursor
        top = None if anchor is None else self.model.top_for(anchor, round(self.scroll_target_y))
        self.set_rows(self.model.height, cursor=row, top=top)
        self._measure()

    def _measure(self, *, afresh: bool = False) -> None:
        """Give the columns what the rows on the screen need.

        Args:
            afresh: Take back what they need no more. Only when the person has changed what is on the screen,
                because columns that move by themselves draw the eye.
        """
        columns = Columns.needed((self.model.row_at(index) for index in self.visible_rows), self._now)
        if not afresh:
            columns = columns.grown(self._columns)
        if columns != self._columns:
            self._columns = columns
            self.refresh()

    def _show_children(self, node: NodeRow) -> None:
        """Scroll so that expanding at the bottom of the screen shows something."""
        if node.id in self.model.expanded:
            count = sum(group.count for group in node.children)
            self.show_row(self.cursor + min(count, self.page // 2))
            self.show_row(self.cursor)

    def _want(self) -> None:
        if self.is_mounted and self.request() is not None:
            self.post_message(self.Wanted(urgent=self.model.lacks(self.visible_rows)))

    def _tell(self, *, by_user: bool) -> None:
        node = self.model.selected
        now = None if node is None else node.id
        if now != self._told:
            self._told = now
            self.post_message(self.Selected(node, by_user=by_user))
