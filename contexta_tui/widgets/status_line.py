"""The first line of the screen: what is open, whether it is alive, and how bad it is.

It draws what `viewmodels.liveness` says. Once a second its owner calls `tick`, so
that ages grow while nothing comes in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from contexta.live import Change
from contexta_tui.glyphs import UNICODE, Glyphs
from contexta_tui.text import cell_fit, safe
from contexta_tui.viewmodels.liveness import Part, liveness, totals
from contexta_tui.widgets.inks import Inks, read_inks

_PRODUCT = "contexta"
_GAP = "  "
_BOLD = Style(bold=True)


class StatusLine(Widget):
    """Product, project, liveness, totals.

    Args:
        glyphs: Characters to draw with.
        clock: Seconds that only ever grow.
        id: Textual's id.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = "StatusLine { height: 1; }"

    def __init__(
        self,
        *,
        glyphs: Glyphs = UNICODE,
        clock: Callable[[], float] = time.monotonic,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self._clock = clock
        self._change: Change | None = None
        self._received = clock()
        self._project = ""
        self._following = False
        self._stalled = 0
        self._waits = False

    def show(self, change: Change, *, with_rows: bool = False) -> None:
        """Show a change that has just come.

        Args:
            change: The change.
            with_rows: Draw it when `catch_up` is called, together with what it brings; a frame costs much the
                same whatever is in it.
        """
        self._change = change
        self._received = self._clock()
        self._waits = with_rows
        if not with_rows:
            self.refresh()

    def catch_up(self) -> None:
        """Draw a change that waits for its rows."""
        if self._waits:
            self._waits = False
            self.refresh()

    def show_project(self, name: str) -> None:
        """Show what is open."""
        if name != self._project:
            self._project = name
            self.refresh()

    def show_following(self, following: bool) -> None:
        """Show whether the selection follows the newest activity."""
        if following != self._following:
            self._following = following
            self.refresh()

    def show_stalled(self, stalled: int) -> None:
        """Show whether open runs have become silent."""
        if stalled != self._stalled:
            self._stalled = stalled
            self.refresh()

    def tick(self) -> None:
        """Let ages grow."""
        self.refresh()

    def opening(self) -> Strip:
        """The line as it is, but for what it says of the present."""
        return self._line(liveness(None, 0, self._glyphs))

    def render_line(self, y: int) -> Strip:
        """Draw the line."""
        if y:
            return Strip.blank(self.size.width, self.rich_style)
        waited = self._clock() - self._received
        return self._line(
            liveness(self._change, waited, self._glyphs, following=self._following, stalled=self._stalled)
        )

    def _line(self, state: Sequence[Part]) -> Strip:
        width = self.size.width
        strip = self._lay_out(width, list(state), totals(self._change, self._glyphs))
        return strip.adjust_cell_length(width).apply_style(self.rich_style)

    def _lay_out(self, width: int, state: list[Part], counts: tuple[Part, ...]) -> Strip:
        """Name and project left, liveness in the middle, totals right; the least important goes first."""
        inks = read_inks(self)
        project = safe(self._project)
        room = width - 2 - _width_of(counts)
        product = len(_PRODUCT) + len(_GAP)
        name = min(cell_len(project), 12) + len(_GAP) if project else 0
        while len(state) > 1 and product + name + _width_of(state) + len(_GAP) > room:
            state.remove(max(state, key=lambda part: part.rank))
        if product + _width_of(state) + len(_GAP) > room:
            product = 0
        if _width_of(state) + len(_GAP) > room:
            state = []
        middle = _width_of(state) + (len(_GAP) if state else 0)
        space = room - product - middle - len(_GAP)
        shown = cell_fit(project, min(space, cell_len(project))) if space > 3 else ""
        left = product + cell_len(shown)
        # The middle stands where the right half begins, so that it does not jump with the length of a name.
        start = max(left + (len(_GAP) if shown else 0), min(width * 2 // 5, room - middle))
        return Strip(
            [
                Segment(" "),
                Segment(_PRODUCT + _GAP if product else "", inks["chosen"] + _BOLD),
                Segment(shown, inks["text"] + _BOLD),
                Segment(" " * max(0, start - left)),
                *_segments(state, inks),
                Segment(" " * max(0, room - start - _width_of(state))),
                *_segments(counts, inks),
            ]
        )


def _segments(parts: Sequence[Part], inks: Inks) -> list[Segment]:
    segments: list[Segment] = []
    for index, part in enumerate(parts):
        segments += [Segment(_gap(part) if index else ""), Segment(part.text, inks[part.tone])]
    return segments


def _width_of(parts: Sequence[Part]) -> int:
    return sum(cell_len(part.text) for part in parts) + sum(len(_gap(part)) for part in parts[1:])


def _gap(part: Part) -> str:
    return " " if part.close else _GAP
