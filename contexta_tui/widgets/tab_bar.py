"""The names of the panes with their keys, for screens too small to show all of them.

A click goes to a pane like its key does. It knows no pane; the screen says which
ones there are and which is active.
"""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from contexta_tui.viewmodels.panes import TITLES, Pane
from contexta_tui.widgets.inks import read_inks


class TabBar(Widget):
    """One line of tabs."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "TabBar { height: 1; }"

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, pane: Pane) -> None:
            self.pane = pane
            super().__init__()

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._active = Pane.TREE

    def show(self, active: Pane) -> None:
        """Mark the active pane."""
        if active != self._active:
            self._active = active
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw the tabs."""
        width = self.size.width
        inks = read_inks(self)
        segments = [Segment(" ")]
        for number, pane in enumerate(Pane if y == 0 else (), 1):
            active = pane == self._active
            name = inks["text"] + Style(bold=True, underline=True) if active else inks["quiet"]
            segments += [
                Segment(f"{number} ", inks["chosen"]),
                Segment(self._title(pane), name),
                Segment("  "),
            ]
        return Strip(segments).adjust_cell_length(width).apply_style(self.rich_style)

    def on_click(self, event: events.Click) -> None:
        """Go to the pane under the mouse."""
        start = 1
        for pane in Pane:
            stop = start + 2 + len(self._title(pane)) + 2
            if start <= event.x < stop:
                self.post_message(self.Chosen(pane))
                return
            start = stop

    def _title(self, pane: Pane) -> str:
        """The name, short where the names of all would not fit."""
        full = sum(len(title) + 4 for title in TITLES.values()) + 1
        return TITLES[pane] if full <= self.size.width else TITLES[pane][:4]
