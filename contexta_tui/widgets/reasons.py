"""Draws why a node failed: one line per piece of evidence, newest first, its time at the right.

Functions from values and inks to strips. The newest reason may take several lines, because it is what
a person came for; the others are cut.
"""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from contexta.query.results import Reason
from contexta_tui.text import ELLIPSIS, cell_fit, cell_wrap, safe, safe_lines
from contexta_tui.theme import Glyphs
from contexta_tui.viewmodels.detail import ReasonLine
from contexta_tui.viewmodels.format import clock
from contexta_tui.widgets.inks import Inks

#: Characters of a recorded message that are looked at; more do not fit on any screen.
_MESSAGE_LIMIT = 1000

#: Characters of a stack trace that are looked at: its end, where the exception is.
_TRACE_LIMIT = 50_000

#: Fewest cells of a line that leave room for a time.
_TIME_FROM = 32

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
    reason = line.reason
    time = clock(reason.at, today=today, milliseconds=width >= 64) if width >= _TIME_FROM else ""
    room = max(4, width - 1 - len(time) - 2)
    parts = _parts(line, inks, glyphs)
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


def _parts(line: ReasonLine, inks: Inks, glyphs: Glyphs) -> list[tuple[str, Style]]:
    """The texts of a reason, in order, each in its ink."""
    reason = line.reason
    place = f" {glyphs.separator} ".join(safe(name, 60) for name in line.place)
    parts = [
        (safe(reason.title, _MESSAGE_LIMIT), _title_style(reason, inks)),
        (place, inks["quiet"]),
        (safe(reason.detail, _MESSAGE_LIMIT), inks["text"]),
    ]
    return [part for part in parts if part[0]] or [("", inks["text"])]


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
