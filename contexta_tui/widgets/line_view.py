"""A list of single-line rows of which only those on screen are ever computed.

Base of the tree, the issue list, lineage and records. It owns the cursor, keys,
mouse, scrolling and the cache of drawn rows; what a row looks like is the
subclass's. It must not fetch: whoever owns the rows fetches, then calls
`set_rows`. It exists because Textual's own lists keep an object per row, and a
capture has a million.
"""

from __future__ import annotations

from collections.abc import Hashable
from textwrap import wrap
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.cache import LRUCache
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from contexta_tui.keymap import Scope, bindings

CACHED_STRIPS = 1024


class LineView(ScrollView, can_focus=True, inherit_bindings=False):
    """Virtualised rows with a cursor.

    To subclass:

    1. Keep your rows, immutable, in your own attribute. Whenever they change, call
       `set_rows(count)`; that repaints the lines that look different now, and keeps the cursor in
       range. To move the cursor together with it (e.g. to stay on the same item), pass `cursor=`.
    2. Implement `render_row(index, width, selected)`: a `Strip` of at most `width` cells.
       Give foreground styles only, from `self.style_of("your-class--part")`; the base pads the
       row and lays the background of the cursor under it. All recorded text must have gone
       through `contexta_tui.text.safe`, and segments hold plain text, never markup.
    3. Override `row_key(index)` when a row is cheaper to identify than to draw: return a value
       that changes with *everything* the row shows. Width, selection, focus and theme are added
       here. `None` means: do not cache. The default is a counter that `set_rows` raises.
    4. Handle `RowHighlighted` (the cursor moved) and `RowActivated` (enter or double click), or
       override `clicked` where a part of a row is sensitive to the mouse.

    For one changed row call `refresh_row(index)`. `empty_text` is what stands in the middle when
    there is no row; it is ours, or has been made safe.

    A header line above the rows is a widget of its own; so is anything that does not scroll.
    """

    ALLOW_SELECT = False
    BINDINGS = bindings(Scope.LIST)
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "line-view--cursor",
        "line-view--cursor-blurred",
        "line-view--dim",
    }
    DEFAULT_CSS = """
    LineView {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        & > .line-view--cursor { background: $primary 35%; text-style: bold; }
        & > .line-view--cursor-blurred { background: $primary 15%; }
        & > .line-view--dim { color: $text-muted; }
    }
    """

    class RowHighlighted(Message):
        """The cursor moved to another row; `index` is -1 when there is none."""

        def __init__(self, line_view: LineView, index: int) -> None:
            self.line_view = line_view
            self.index = index
            super().__init__()

        @property
        def control(self) -> LineView:
            """The view, for `@on` selectors."""
            return self.line_view

    class RowActivated(RowHighlighted):
        """Enter was pressed on a row, or it was double-clicked."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self.empty_text = ""
        self._count = 0
        self._cursor = -1
        self._revision = 0
        self._strips: LRUCache[Hashable, Strip] = LRUCache(CACHED_STRIPS)
        #: By line of the screen, what was drawn there last.
        self._drawn: dict[int, Hashable] = {}

    # What a subclass provides

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        """Draw one row.

        Args:
            index: Row, from 0.
            width: Cells available; longer strips are cut.
            selected: Whether the cursor is on it.
        """
        raise NotImplementedError

    def row_key(self, index: int) -> Hashable | None:
        """All inputs of a row's drawing other than width, selection, focus and theme."""
        return (self._revision, index)

    def clicked(self, index: int, x: int, chain: int) -> None:  # noqa: ARG002 - `x` is for subclasses
        """A row was clicked at cell `x`, for the `chain`-th time in a row."""
        self.move_cursor(index)
        if chain == 2:
            self.action_activate()

    # What the owner of the rows uses

    @property
    def row_count(self) -> int:
        """Number of rows."""
        return self._count

    @property
    def cursor(self) -> int:
        """Row that the cursor is on, -1 when there are none."""
        return self._cursor

    @property
    def page(self) -> int:
        """Number of rows that fit on the screen, at least 1."""
        return max(1, self.scrollable_content_region.height)

    @property
    def visible_rows(self) -> range:
        """The rows on screen."""
        top = self.scroll_offset.y
        return range(min(top, self._count), min(top + self.page, self._count))

    def set_rows(self, count: int, *, cursor: int | None = None, top: int | None = None) -> None:
        """Take notice that the rows changed.

        Args:
            count: Number of rows from now on.
            cursor: Where the cursor goes without a `RowHighlighted`; by default it keeps its index.
            top: Row to have at the top of the screen; by default the scroll position stays.
        """
        self._revision += 1
        self._count = count
        wanted = self._cursor if cursor is None else cursor
        self._cursor = min(max(wanted, 0), count - 1)
        size = Size(0, count)
        if size != self.virtual_size:
            self.virtual_size = size
            self.refresh()
        if top is not None:
            self.scroll_to(y=top, animate=False, force=True)
        for y in range(self.page):
            key = self._line_key(y)
            if key[0] is None or key != self._drawn.get(y):
                self.refresh_line(y + self.scroll_offset.y)

    def move_cursor(self, index: int, *, scroll: bool = True) -> None:
        """Put the cursor on a row, the nearest one there is, and say so if that is another row."""
        index = min(max(index, 0), self._count - 1)
        if index != self._cursor:
            old, self._cursor = self._cursor, index
            self.refresh_row(old)
            self.refresh_row(index)
            self.post_message(self.RowHighlighted(self, index))
        if scroll:
            self.show_row(index)

    def show_row(self, index: int, *, margin: int = 0) -> None:
        """Scroll no further than needed for a row, and `margin` rows around it, to be on screen."""
        page = self.page
        margin = min(margin, (page - 1) // 2)
        top = round(self.scroll_target_y)
        if index - margin < top:
            self.scroll_to(y=max(0, index - margin), animate=False, force=True)
        elif index + margin > top + page - 1:
            self.scroll_to(y=index + margin - page + 1, animate=False, force=True)

    def refresh_row(self, index: int) -> None:
        """Repaint one row."""
        if 0 <= index < self._count:
            self.refresh_lines(index)

    def style_of(self, name: str) -> Style:
        """The foreground style of a component class, to lay on any background."""
        style = self.get_component_rich_style(name)
        return Style(
            color=style.color, bold=style.bold, italic=style.italic, dim=style.dim, underline=style.underline
        )

    # Drawing

    def render_line(self, y: int) -> Strip:
        """Draw the line at `y` on the screen."""
        width = self.scrollable_content_region.width
        base = self.rich_style
        index = y + self.scroll_offset.y
        key = self._drawn[y] = self._line_key(y)
        if not 0 <= index < self._count:
            return self._empty_line(y, width, base)
        row_key, _, selected, _ = key
        strip = None if row_key is None else self._strips.get(key)
        if strip is None:
            strip = self.render_row(index, width, selected).adjust_cell_length(width)
            strip = strip.apply_style(self._row_style(selected, base))
            if row_key is not None:
                self._strips[key] = strip
        return strip

    def _line_key(self, y: int) -> tuple[Hashable | None, int, bool, bool]:
        """The row on a line, or what stands there instead, and all else that its drawing depends on."""
        index = y + self.scroll_offset.y
        width = self.scrollable_content_region.width
        if not 0 <= index < self._count:
            return ((self.empty_text, self._count == 0), width, False, False)
        selected = index == self._cursor
        return (self.row_key(index), width, selected, selected and self.has_focus)

    def _row_style(self, selected: bool, base: Style) -> Style:
        if not selected:
            return base
        name = "line-view--cursor" if self.has_focus else "line-view--cursor-blurred"
        return base + self.get_component_rich_style(name)

    def _empty_line(self, y: int, width: int, base: Style) -> Strip:
        lines = [] if self._count else wrap(self.empty_text, max(1, width))
        line = y - max(0, (self.page - len(lines)) // 2)
        if not 0 <= line < len(lines):
            return Strip.blank(width, base)
        indent = max(0, (width - cell_len(lines[line])) // 2)
        style = base + self.style_of("line-view--dim")
        return Strip([Segment(" " * indent + lines[line], style)]).adjust_cell_length(width, base)

    def notify_style_update(self) -> None:
        """Forget drawn rows: colours changed."""
        super().notify_style_update()
        self._strips.clear()
        self._drawn.clear()

    def on_focus(self) -> None:
        """Repaint the cursor in its strong colour."""
        self.refresh_row(self._cursor)

    def on_blur(self) -> None:
        """Repaint the cursor in its calm colour."""
        self.refresh_row(self._cursor)

    def on_resize(self) -> None:
        """Keep the cursor on screen with some rows around it; there may have been room for one row only."""
        if self._cursor >= 0:
            self.show_row(self._cursor, margin=self.page // 4)

    # Mouse and keys

    def on_click(self, event: events.Click) -> None:
        """Select the row under the mouse."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        index = offset.y + self.scroll_offset.y
        if 0 <= index < self._count:
            event.stop()
            self.clicked(index, offset.x, event.chain)

    def action_cursor_down(self) -> None:
        """One row down."""
        self.move_cursor(self._cursor + 1)

    def action_cursor_up(self) -> None:
        """One row up."""
        self.move_cursor(self._cursor - 1)

    def action_page_down(self) -> None:
        """A page down."""
        self._move_page(self.page)

    def action_page_up(self) -> None:
        """A page up."""
        self._move_page(-self.page)

    def action_half_page_down(self) -> None:
        """Half a page down."""
        self._move_page(max(1, self.page // 2))

    def action_half_page_up(self) -> None:
        """Half a page up."""
        self._move_page(-max(1, self.page // 2))

    def action_cursor_first(self) -> None:
        """To the first row."""
        self.move_cursor(0)

    def action_cursor_last(self) -> None:
        """To the last row."""
        self.move_cursor(self._count - 1)

    def action_activate(self) -> None:
        """Open the row under the cursor."""
        if self._cursor >= 0:
            self.post_message(self.RowActivated(self, self._cursor))

    def _move_page(self, rows: int) -> None:
        """Move cursor and screen together, so that the cursor stays where the eye is."""
        top = round(self.scroll_target_y)
        self.scroll_to(y=max(0, top + rows), animate=False, force=True)
        self.move_cursor(self._cursor + rows)
