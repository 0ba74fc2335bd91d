"""Recorded text made safe to print: the pure part, for every program of this project.

Names, messages, paths and stack traces come from files that anybody may have written, and a terminal obeys
what it is sent. Each such text passes `safe` or `safe_lines` before it is printed: what cannot be printed is
shown, not sent. This knows no widget, no colour and no width; what a terminal's cells need is in
`contexta_tui.text`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import Final, Literal

ELLIPSIS: Final = "…"

#: Combining marks on one character: enough for every living script, too few to climb out of a line.
MAX_MARKS: Final = 3

#: Anything but printable ASCII, Latin letters and our ellipsis, which is all that most programs ever print.
_NOT_LATIN = re.compile(r"[^\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff…]")

#: Conjoining letters, as file systems of macOS write Korean.
_JAMO = re.compile(r"[\u1100-\u11ff]+")

#: Letters and symbols that draw nothing, though their category says that they would.
_INVISIBLE: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


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
    if _NOT_LATIN.search(text) is not None and _not_plain().search(text) is not None:
        text = _visible(_JAMO.sub(_compose, text))
    if cut or len(text) > limit:
        return text[: limit - 1] + ELLIPSIS
    return text


@cache
def _not_plain() -> re.Pattern[str]:
    """Anything but printable ASCII, Latin letters, and Chinese, Japanese and Korean script; none combines.

    Made for the first text that is not Latin, because making it takes four milliseconds of every start.
    """
    return re.compile(
        r"[^\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff\u3001-\u3029\u3041-\u3096\u309b-\u30ff\u4e00-\u9fff\uac00-\ud7a3…]"
    )


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
