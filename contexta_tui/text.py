"""The one door through which recorded text becomes screen text.

Names, messages, paths and stack traces come from files that anybody may have written. A terminal
obeys what it is sent, so every such text passes `safe` (or `safe_lines`) on its way into a widget:
what cannot be printed is shown, not sent. `UnprintableFilter` is the second layer, for text that
reached a widget by another way.

This module knows no widget and no colour, and never interprets markup. View models keep text as
recorded; widgets call `safe` where they draw.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal

from rich.cells import cell_len, get_character_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from contexta.sanitize import ELLIPSIS, MAX_MARKS, safe, safe_lines

__all__ = [
    "ELLIPSIS",
    "MAX_MARKS",
    "REPLACEMENT",
    "AsciiFilter",
    "UnprintableFilter",
    "cell_fit",
    "cell_pieces",
    "cell_wrap",
    "safe",
    "safe_lines",
]

REPLACEMENT: Final = "\ufffd"

#: What a terminal obeys or hides, wherever it came from: controls, formats (bidi, zero width), separators,
#: surrogates and tags. Assigned format characters only, so that the search stays one set.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u0600-\u0605\u061c\u06dd\u070f\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f]"
)


def cell_fit(text: str, width: int, cut: Literal["end", "middle"] = "end") -> str:
    """Cut or pad safe text to exactly `width` terminal cells; wide characters count two.

    Args:
        text: Text that passed `safe`.
        width: Cells; nothing is left of a text at 0 or below.
        cut: Where to leave out: `middle` keeps both ends, for paths and refs.
    """
    if width <= 0:
        return ""
    cells = len(text) if text.isascii() else cell_len(text)
    if cells <= width:
        return text + " " * (width - cells)
    if cut == "end" or width < 5:
        fitted = _head(text, width - 1) + ELLIPSIS
    else:
        tail = (width - 1) // 2
        fitted = _head(text, width - 1 - tail) + ELLIPSIS + _head(text[::-1], tail)[::-1]
    return fitted + " " * (width - cell_len(fitted))


def _head(text: str, width: int) -> str:
    """The longest beginning of a text that fits into `width` cells."""
    if text.isascii():
        return text[:width]
    cells = 0
    for index, character in enumerate(text):
        cells += get_character_cell_size(character)
        if cells > width:
            return text[:index]
    return text


def cell_wrap(text: str, width: int, max_lines: int) -> tuple[str, ...]:
    """Break safe text into lines of at most `width` cells, at spaces where there are some.

    Args:
        text: Text that passed `safe`.
        width: Cells of a line, at least 2.
        max_lines: Most lines; the last one ends in an ellipsis when more is left.
    """
    lines: list[str] = []
    while text and len(lines) < max_lines - 1 and cell_len(text) > width:
        head = _head(text, width)
        space = head.rfind(" ") if text[len(head)] != " " else len(head)
        if space > width // 3:
            head = head[:space]
        lines.append(head.rstrip())
        text = text[len(head) :].lstrip()
    if text:
        lines.append(cell_fit(text, width).rstrip())
    return tuple(lines)


def cell_pieces(text: str, width: int) -> tuple[str, ...]:
    """Cut safe text into pieces of at most `width` cells, at any place; nothing is lost, indentation stays.

    Args:
        text: Text that passed `safe`.
        width: Cells of a piece, at least 2.
    """
    pieces: list[str] = []
    while True:
        head = _head(text, width)
        pieces.append(head)
        text = text[len(head) :]
        if not text:
            return tuple(pieces)


class UnprintableFilter(LineFilter):
    """Second layer for `App.get_line_filters`: nothing unprintable and no foreign link leaves the app.

    Make one and return the same object every time, it is part of Textual's cache key. Widths stay
    as they were. Actions in a style's metadata (`@click`) are dropped: no widget of this app uses them.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - theirs
        """The segments without unprintable characters, links and actions.

        Args:
            segments: One line.
            background: Background of the widget, not used.
        """
        for segment in segments:
            text, style, _ = segment
            if (style is not None and _is_foreign(style)) or (not text.isascii() or not text.isprintable()):
                return [_clean(segment) for segment in segments]
        return segments


def _clean(segment: Segment) -> Segment:
    text, style, control = segment
    if style is not None and _is_foreign(style):
        style = _without_links(style)
    if control or _UNPRINTABLE.search(text) is None:
        return Segment(text, style, control)
    return Segment(_UNPRINTABLE.sub(_blank, text), style, control)


def _blank(match: re.Match[str]) -> str:
    return REPLACEMENT * cell_len(match.group())


@lru_cache(maxsize=8192)
def _is_foreign(style: Style) -> bool:
    return style.link is not None or any(key.startswith("@") for key in style.meta)


@lru_cache(maxsize=1024)
def _without_links(style: Style) -> Style:
    kept = {key: value for key, value in style.meta.items() if not key.startswith("@")}
    plain = style.clear_meta_and_links()
    return plain + Style.from_meta(kept) if kept else plain


class AsciiFilter(LineFilter):
    """For terminals without more than ASCII: our frames, ellipses and arrows, each as one ASCII character.

    Other characters stay as they are: a recorded name in Korean is still the name. Make one and return the
    same object every time.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - theirs
        """The segments with our own drawing characters replaced.

        Args:
            segments: One line.
            background: Background of the widget, not used.
        """
        if all(text.isascii() for text, _, _ in segments):
            return segments
        return [Segment(text.translate(_AS_ASCII), style, control) for text, style, control in segments]


def _ascii_table() -> dict[int, str]:
    """Every box-drawing and block character, and the signs that this app and Textual write."""
    table = dict.fromkeys(range(0x2500, 0x2580), "+")
    table.update(dict.fromkeys(map(ord, "─━┄┅┈┉╌╍═╴╶╸╺"), "-"))
    table.update(dict.fromkeys(map(ord, "│┃┆┇┊┋╎╏║╵╷╹╻"), "|"))
    table.update(dict.fromkeys(range(0x2580, 0x25A0), "#"))
    table.update(dict.fromkeys(map(ord, "▉▊▋▌▍▎▏▐▕"), "|"))
    table.update({ord("▁"): "_", ord("▔"): "-", ord("▂"): "_"})
    signs = "…~ ×x –- —- ·- ›> •* ↑^ ↓v ←< →> ↵< ▸+ ▾- ▲W ✖F ✔C ●O ◌? ⊘X ▰# ▱."
    table.update({ord(sign[0]): sign[1] for sign in signs.split()})
    return table


_AS_ASCII: Final = _ascii_table()
