"""Draws why a node failed: one line per piece of evidence, newest first, its time at the right.

Functions from values and inks to strips. The newest reason may take several lines, because it is what
a person came for; the others are cut.
"""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from contexta.query.results import Reason
from contexta_tui.glyphs import Glyphs
from contexta_tui.text import ELLIPSIS, cell_fit, cell_wrap, safe, safe_lines
from contexta_tui.viewmodels.detail import ReasonLine
from contexta_tui.viewmodels.format import clock
from contexta_tui.widgets.inks import Inks

#: Characters of a recorded message that are looked at; more do not fit on any screen.
_MESSAGE_LIMIT = 1000

#: Characters of a stack trace that are looked at: its end, where the exception is.
_TRACE_LIMIT = 50_000

#: Fewest cells of a line that leave room for a time.
_TIME_FROM = 32

#: Fewest cells of a line that has room for a date.
_DATES_FROM = 48

#: Fewest cells of a line that has room for milliseconds.
_MILLISECONDS_FROM = 64

#: Cells that a place keeps when there is no room for it.
_PLACE_CELLS = 12

#: Cells between title, place and detail.
_BETWEEN = 2


def draw_reason(
    line: ReasonLine, width: int, inks: Inks, glyphs: Glyphs, *, today: int | None, max_lines: int = 1
) -> list[Strip]:
    """Draw one piece of evidence in at most `max_lines` strips.

    Args:
        line: The evidence and its place.
        width: Cells.
        inks: The inks.
        glyphs: The glyphs.
        today: Any time of the reader's day in microseconds, for dates; `None` for times only.
        max_lines: Most lines; with more than one the text is wrapped.
    """
    time = _time(line.reason, width, today)
    room = max(4, width - 1 - len(time) - 2)
    parts = _parts(line, room, inks, glyphs)
    text = (" " * _BETWEEN).join(part for part, _ in parts)
    wrapped = (cell_fit(text, room).rstrip(),) if max_lines == 1 else cell_wrap(text, room, max_lines)
    bar = Segment(glyphs.bar, inks["failed"])
    strips: list[Strip] = []
    start = 0
    for index, shown in enumerate(wrapped or ("",)):
        start = max(start, text.find(shown.rstrip(ELLIPSIS), start))
        body = Strip(_coloured(shown, start, parts))
        strip = Strip.join([Strip([bar]), body.adjust_cell_length(room + 2)])
        if index == 0:
            strip = Strip.join([strip, Strip([Segment(time, inks["quiet"])])])
        strips.append(strip)
    return strips


def draw_trace(trace: str, width: int, height: int, inks: Inks, *, title: str = "") -> list[Strip]:
    """Draw the last lines of a stack trace, the deepest frame last.

    Args:
        trace: Stack trace as recorded.
        width: Cells.
        height: Most lines.
        inks: The inks.
        title: The exception as shown above; a last line that only repeats it is left out.
    """
    lines = list(safe_lines(trace[-_TRACE_LIMIT:], limit=max(8, 2 * width), max_lines=10_000))
    if lines and title and lines[-1].strip().startswith(safe(title, 2 * width)[:60].rstrip("…")):
        lines.pop()
    if len(lines) > height:
        lines = lines[len(lines) - height :]
    return [
        Strip([Segment(cell_fit("  " + text, width), inks["quiet"] if _is_place(text) else inks["text"])])
        for text in lines
    ]


def _is_place(text: str) -> bool:
    return text.lstrip().startswith(('File "', "Traceback", "During", "The above"))


def _time(reason: Reason, width: int, today: int | None) -> str:
    if width < _TIME_FROM:
        return ""
    dated = clock(reason.at, today=today if width >= _DATES_FROM else None)
    precise = clock(reason.at, milliseconds=True)
    return precise if width >= _MILLISECONDS_FROM and len(dated) <= len(precise) - 4 else dated


def _parts(line: ReasonLine, room: int, inks: Inks, glyphs: Glyphs) -> list[tuple[str, Style]]:
    """The texts of a reason, in order, each in its ink; the place gives way to the others."""
    reason = line.reason
    title = safe(reason.title, _MESSAGE_LIMIT)
    detail = safe(reason.detail, _MESSAGE_LIMIT)
    place = _join(line.place, glyphs)
    left = room - cell_len(title) - _BETWEEN - (cell_len(detail) + _BETWEEN if detail else 0)
    if 0 < left < cell_len(place) or left <= 0 < len(place):
        place = _shortened(line.place, max(_PLACE_CELLS, left), glyphs)
    parts = [(title, _title_style(reason, inks)), (place, inks["quiet"]), (detail, inks["text"])]
    return [part for part in parts if part[0]] or [("", inks["text"])]


def _join(names: tuple[str, ...], glyphs: Glyphs) -> str:
    return f" {glyphs.separator} ".join(safe(name, 60) for name in names)


def _shortened(names: tuple[str, ...], width: int, glyphs: Glyphs) -> str:
    """A place without as many of its outer names as needed: `… › q-4`."""
    for start in range(1, len(names)):
        text = _join((ELLIPSIS, *names[start:]), glyphs)
        if cell_len(text) <= width:
            return text
    return cell_fit(safe(names[-1], 60), width, "middle").rstrip() if names else ""


def _title_style(reason: Reason, inks: Inks) -> Style:
    if reason.kind == "exception":
        return inks["failed"] + Style(bold=True)
    return inks["warning"] if reason.kind == "degraded" else inks["failed"]


def _coloured(shown: str, start: int, parts: list[tuple[str, Style]]) -> list[Segment]:
    """A piece of the joined parts, from offset `start` on, again in their inks."""
    segments: list[Segment] = []
    for text, style in parts:
        begin = max(0, -start)
        end = min(len(shown), len(text) + _BETWEEN - start)
        if begin < end:
            segments.append(Segment(shown[begin:end], style))
        start -= len(text) + _BETWEEN
    return segments
