"""The line in which a filter is typed.

It hands the focus back at once: a key that is typed right after enter is the tree's. What the text means
is the tree's too.
"""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input


class FilterInput(Input):
    """A line of text over a list.

    Args:
        home: The list; it gets the focus when the text is done.
        id: Textual's id.
    """

    # Before any other widget hears of the key, like all keys of the keymap; see `keymap.bindings`.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,down", "keep", "Keep", key_display="enter", priority=True),
        Binding("escape", "screen.clear_filter", "Clear", key_display="esc", priority=True),
    ]

    def __init__(self, home: Widget, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(placeholder="words, status:failed, kind:batch", id=id)
        self._home = home

    def action_keep(self) -> None:
        """Go to what the filter left."""
        self.screen.set_focus(self._home)

    def leave(self) -> None:
        """Empty it and take it off the screen; the list gets the focus if this had it."""
        if self.has_focus:
            self.screen.set_focus(self._home)
        self.value = ""
        self.display = False
