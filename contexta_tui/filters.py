"""What every line of the screen passes last.

Nothing unprintable leaves the app, and nothing but ASCII where the terminal has no more.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

REPLACEMENT: Final = "\ufffd"

#: What a terminal obeys or hides, wherever it came from: controls, formats (bidi, zero width), separators,
#: surrogates and tags. Assigned format characters only, so that the search stays one set.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u0600-\u0605\u061c\u06dd\u070f\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f]"
)


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
    """For terminals without more than ASCII: our frames, ellipses and arrows, each as wide as it was.

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
    table[ord("🔎")] = "> "  # two cells wide
    return table


_AS_ASCII: Final = _ascii_table()
