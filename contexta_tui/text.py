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
import unicodedata
from functools import lru_cache
from typing import Final, Literal

from rich.cells import cell_len, get_character_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

ELLIPSIS: Final = "…"
REPLACEMENT: Final = "\ufffd"

#: Combining marks on one character: enough for every living script, too few to climb out of a line.
MAX_MARKS: Final = 3

#: Anything but printable ASCII, Latin letters, and Chinese, Japanese and Korean script; none combines.
_NOT_PLAIN = re.compile(
    r"[^\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff\u3001-\u3029\u3041-\u3096\u309b-\u30ff\u4e00-\u9fff\uac00-\ud7a3…]"
)

#: Conjoining letters, as file systems of macOS write Korean.
_JAMO = re.compile(r"[\u1100-\u11ff]+")

#: Letters and symbols that draw nothing, though their category says that they would.
_INVISIBLE: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")

#: What a terminal obeys or hides, wherever it came from: controls, formats (bidi, zero width), separators,
#: surrogates and tags. Assigned format characters only, so that the search stays one set.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u0600-\u0605\u061c\u06dd\u070f\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f]"
)


def safe(text: str, limit: int = 200) -> str:
    r"""Make recorded text one line that is safe to print and looks like what it is.

    Controls become their pictures (`␛`, `␊`), other characters that a terminal obeys, hides or
    draws at a width of its own become escapes (`\u202e`); tabs and exotic spaces become one space.
    The answer is markup-free only as data: draw it with `markup=False`, `Content` or `Text`.

    Args:
        text: Text as recorded.
        limit: Most characters of the answer, the ellipsis included; at least 1.

    Returns:
        One line of printable text. Applying `safe` again changes nothing.
    """
    if len(text) <= limit and text.isascii() and text.isprintable():  # as most texts are: 0.3 µs
        return text
    return _safe_slow(text, limit)


def _safe_slow(text: str, limit: int) -> str:
    cut = len(text) > 4 * limit
    if cut:
        text = text[: 4 * limit]
    if _NOT_PLAIN.search(text) is not None:
        text = _visible(_JAMO.sub(_compose, text))
    if cut or len(text) > limit:
        return text[: limit - 1] + ELLIPSIS
    return text


def _compose(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFC", match.group())


def _visible(text: str) -> str:
    shown: list[str] = []
    marks = MAX_MARKS  # a mark without a character before it would sit on its neighbour's
    for character in text:
        replacement = _shown(character)
        if replacement is None:
            if marks < MAX_MARKS:
                shown.append(character)
            elif not shown:
                shown.append(_escape(character))
            marks += 1
            continue
        if replacement:
            shown.append(replacement)
            marks = 0
    return "".join(shown)


@lru_cache(maxsize=4096)
def _shown(character: str) -> str | None:  # noqa: PLR0911 - a table of classes, in order
    """What to draw for a character; `None` for a mark that combines with the one before."""
    code = ord(character)
    if character == "\t":
        return " "
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if character in "\ufe0e\ufe0f":  # only choose between two drawings, at two widths
        return ""
    if character in _INVISIBLE or 0x1160 <= code <= 0x11FF or 0xD7B0 <= code <= 0xD7FF:
        return _escape(character)
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    if category[0] == "M":
        return _escape(character) if 0xE0100 <= code <= 0xE01EF or 0xFE00 <= code <= 0xFE0D else None
    if category[0] == "C" or category in {"Zl", "Zp"}:
        return _escape(character)
    return character


def _escape(character: str) -> str:
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def safe_lines(
    text: str, limit: int = 200, max_lines: int = 100, *, keep: Literal["first", "last"] = "first"
) -> tuple[str, ...]:
    """Make recorded text of several lines safe, line by line; indentation stays.

    Args:
        text: Text as recorded, e.g. a stack trace.
        limit: Most characters of one line.
        max_lines: Most lines of the answer, at least 1; a line that counts the rest is one of them.
        keep: Which end to keep when there are more.

    Returns:
        The lines, without line ends; trailing empty lines are left out.
    """
    lines = text.replace("\r\n", "\n").rstrip().split("\n")
    if len(lines) <= max_lines:
        return tuple(safe(line.expandtabs(4), limit) for line in lines) if text.strip() else ()
    left_out = len(lines) - max_lines + 1
    rest = f"{ELLIPSIS} {left_out} more lines"
    if keep == "first":
        return (*(safe(line.expandtabs(4), limit) for line in lines[: max_lines - 1]), rest)
    return (rest, *(safe(line.expandtabs(4), limit) for line in lines[left_out:]))


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

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - Textual's signature
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
