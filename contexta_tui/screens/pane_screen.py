"""A screen of panes, one of which has the focus."""

from __future__ import annotations

from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget


class PaneScreen(Screen[None]):
    """A screen of which, when the focus moves, only the panes are drawn that it leaves and goes to.

    Textual's own draws all of itself then, which takes as long as any frame can.
    """

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
