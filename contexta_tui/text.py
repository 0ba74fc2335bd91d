"""The one door through which recorded text becomes screen text.

Names, messages, paths and stack traces come from files that anybody may have written. A terminal
obeys what it is sent, so every such text passes `safe` (or `safe_lines`) on its way into a widget:
what cannot be printed is shown, not sent. `filters` is the second layer, for text that reached a widget by
another way.

This module knows no widget and no colour, and never interprets markup. View models keep text as
recorded; widgets call `safe` where they draw.
"""

from __future__ import annotations

from typing import Literal

from rich.cells import cell_len, get_character_cell_size

from contexta.sanitize import ELLIPSIS, MAX_MARKS, safe, safe_lines

__all__ = [
    "ELLIPSIS",
    "MAX_MARKS",
    "cell_fit",
    "cell_pieces",
    "cell_wrap",
    "safe",
    "safe_lines",
]


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
