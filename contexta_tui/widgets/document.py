"""A document of drawn lines that is scrolled as a whole; base of the detail pane and of a record's details.

A document is a list of sections; of each only the rows on screen are drawn. It has no cursor: the keys
of the lists scroll it. It must not fetch; a subclass builds the sections from values that it was given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import msgspec
from textual.content import Content
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from contexta_tui.keymap import Scope, bindings
from contexta_tui.widgets.inks import Inks, read_inks


class Section(msgspec.Struct, frozen=True):
    """Rows of a document: how many there are, and how to draw one of them."""

    height: int
    draw: Callable[[int], Strip]


def drawn(strips: list[Strip]) -> Section:
    """A section of strips that are drawn already."""
    return Section(len(strips), lambda row: strips[row])


class Document(ScrollView, can_focus=True, inherit_bindings=False):
    """Sections, one under the other.

    A subclass implements `build` and calls `rebuild` whenever what it shows has changed. Sizes and
    colours that change are seen to here. Inks are foregrounds: the background is the widget's.
    """

    ALLOW_SELECT = False
    BINDINGS = bindings(Scope.LIST)
    DEFAULT_CSS = """
    Document {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
    }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._sections: tuple[Section, ...] | None = None
        self._inks: Inks | None = None
        self._framed: tuple[Content | None, Content | None] = (None, None)
        self._only_frame = False

    def build(self) -> list[Section]:
        """The sections for the present size."""
        raise NotImplementedError

    @property
    def area(self) -> Size:
        """Cells and rows to draw in."""
        return self.scrollable_content_region.size

    @property
    def inks(self) -> Inks:
        """The inks of the current theme."""
        if self._inks is None:
            self._inks = read_inks(self)
        return self._inks

    def rebuild(self) -> None:
        """Take notice that what is shown has changed; the scroll position stays."""
        self._sections = None
        size = Size(0, sum(section.height for section in self._built()))
        if size != self.virtual_size:
            self.virtual_size = size
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw the line at `y` on the screen."""
        width = self.area.width
        row = y + self.scroll_offset.y
        for section in self._built():
            if row < section.height:
                return section.draw(row).adjust_cell_length(width).apply_style(self.rich_style)
            row -= section.height
        return Strip.blank(width, self.rich_style)

    def frame(self, title: Content | None, subtitle: Content | None) -> None:
        """Put something on the upper and the lower border, and draw no more than these anew."""
        if (title, subtitle) == self._framed:
            return
        self._framed = (title, subtitle)
        self._only_frame = True
        self.border_title, self.border_subtitle = title, subtitle
        self._only_frame = False

    def refresh(
        self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False
    ) -> Self:
        """Draw anew. Textual asks for everything when something is put on a border; the borders will do."""
        if self._only_frame:
            (left, top), (width, height) = self.content_offset, self.outer_size
            regions = tuple(Region(-left, y - top, width, 1) for y in (0, height - 1))
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def notify_style_update(self) -> None:
        """Draw anew: colours changed."""
        super().notify_style_update()
        self._inks = None
        self._sections = None

    def on_resize(self) -> None:
        """Lay out anew."""
        self.rebuild()

    def _built(self) -> tuple[Section, ...]:
        if self._sections is None:
            self._sections = tuple(self.build()) if self.is_attached and self.area.width > 0 else ()
        return self._sections

    # Scrolling, under the names of the lists

    def _scroll_by(self, rows: int) -> None:
        self.scroll_to(y=max(0, round(self.scroll_target_y) + rows), animate=False, force=True)

    def action_cursor_down(self) -> None:
        """One row down."""
        self._scroll_by(1)

    def action_cursor_up(self) -> None:
        """One row up."""
        self._scroll_by(-1)

    def action_page_down(self) -> None:
        """A page down."""
        self._scroll_by(self.area.height)

    def action_page_up(self) -> None:
        """A page up."""
        self._scroll_by(-self.area.height)

    def action_half_page_down(self) -> None:
        """Half a page down."""
        self._scroll_by(max(1, self.area.height // 2))

    def action_half_page_up(self) -> None:
        """Half a page up."""
        self._scroll_by(-max(1, self.area.height // 2))

    def action_cursor_first(self) -> None:
        """To the top."""
        self.scroll_to(y=0, animate=False, force=True)

    def action_cursor_last(self) -> None:
        """To the end."""
        self.scroll_to(y=self.virtual_size.height, animate=False, force=True)
