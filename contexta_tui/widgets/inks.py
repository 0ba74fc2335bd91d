"""The inks that the panes draw with, by meaning, as Rich styles of the current theme.

A widget that draws lines itself reads them once with `read_inks`, and again when Textual says that styles
changed. Inks are foregrounds only: the background is the row's. They come from the theme, not from a
stylesheet: fifteen rules for each widget would be matched again whenever one of them gets the focus.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.content import Content
from textual.strip import Strip
from textual.widget import Widget

from contexta.query.results import Severity, Status
from contexta_tui.text import ELLIPSIS
from contexta_tui.theme import with_meanings

Inks = Mapping[str, Style]

COLOURS: Final = {
    "failed": "status-failed",
    "completed": "status-completed",
    "open": "status-open",
    "unknown": "status-unknown",
    "cancelled": "status-cancelled",
    "error": "status-failed",
    "warning": "severity-warning",
    "info": "severity-info",
    "quiet": "quiet",
    "text": "foreground",
    "chosen": "primary",
    "line": "chart-line",
    "band": "chart-band",
    "axis": "chart-axis",
    "gap": "chart-gap",
}


def read_inks(widget: Widget) -> Inks:
    """The inks in the colours of the widget's current theme."""
    variables = with_meanings(widget.app.theme_variables)
    return {
        name: Style(color=Color.parse(variables[meaning]).rich_color) for name, meaning in COLOURS.items()
    }


def status_ink(status: Status) -> str:
    """Name of the ink of a status."""
    return status.value


def severity_ink(severity: Severity) -> str:
    """Name of the ink of a severity."""
    return severity.value


def line(*parts: tuple[str, Style | None]) -> Strip:
    """A strip of texts in styles; empty texts are left out."""
    return Strip([Segment(text, style) for text, style in parts if text])


def fit(strip: Strip, width: int) -> Strip:
    """A strip of at most `width` cells; one that was cut says so."""
    if strip.cell_length <= width:
        return strip
    kept = strip.crop(0, max(0, width - 1))
    styles = [segment.style for segment in kept]
    return Strip([*kept, Segment(ELLIPSIS, styles[-1] if styles else None)])


def title(*parts: tuple[str, str]) -> Content:
    """A border title of safe texts, each with a CSS variable of the theme as its colour, or an empty one."""
    return Content.assemble(*((text, colour) if colour else text for text, colour in parts if text))
