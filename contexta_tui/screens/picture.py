"""A screen as rows of text and colours, to be drawn where there is no Textual."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen
from textual.strip import Strip


def picture_of(screen: Screen[Any], first: Strip) -> list[Strip]:
    """The rows of a screen as they are, with another first one."""
    for each in screen.app.get_line_filters():
        first = first.apply_filter(each, screen.background_colors[1])
    return [first, *screen._compositor.render_strips()[1:]]  # noqa: SLF001 - a screenshot of Textual's takes them there, too
