"""Draws the table of metrics: one row per key, numbers right-aligned, a trend where there is room.

Functions from values and inks to strips. Columns that do not fit are left out from the least telling
one on, so that the key and its last value are always there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from contexta.query.results import MetricSummary
from contexta_tui.text import cell_fit, safe
from contexta_tui.theme import Glyphs
from contexta_tui.viewmodels.chart import sparkline
from contexta_tui.viewmodels.format import count, number
from contexta_tui.widgets.inks import Inks

_NAME_CELLS: Final = (8, 28)
_TREND_CELLS: Final = (6, 32)
_BOLD: Final = Style(bold=True)

#: Number columns in the order in which they appear, and in which they are given room.
_ORDER: Final = ("last", "min", "max", "mean", "n")
_IMPORTANCE: Final = ("last", "n", "min", "max", "mean")


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of a table: cells of the key, of each number, and of the trend (0 for none)."""

    name: int
    numbers: tuple[tuple[str, int], ...]
    trend: int


def lay_out(metrics: tuple[MetricSummary, ...], width: int) -> Table:
    """Choose the columns that fit.

    Args:
        metrics: The rows of the table; they decide how wide numbers are.
        width: Cells.
    """
    longest = max((len(safe(metric.key, 80)) for metric in metrics), default=3)
    name = min(max(_NAME_CELLS[0], longest), _NAME_CELLS[1], max(4, width - 9))
    room = width - name
    chosen: dict[str, int] = {}
    for column in _IMPORTANCE:
        cells = max([len(column), 6, *(len(_cell(metric, column)) for metric in metrics)]) + 2
        if cells <= room:
            chosen[column] = cells
            room -= cells
    trend = min(room - 2, _TREND_CELLS[1])
    return Table(
        name=name,
        numbers=tuple((column, chosen[column]) for column in _ORDER if column in chosen),
        trend=trend if trend >= _TREND_CELLS[0] else 0,
    )


def draw_head(table: Table, inks: Inks) -> Strip:
    """The line above the table."""
    text = "key".ljust(table.name) + "".join(column.rjust(cells) for column, cells in table.numbers)
    return Strip([Segment(text + ("  trend" if table.trend else ""), inks["quiet"])])


def draw_row(metric: MetricSummary, table: Table, inks: Inks, glyphs: Glyphs, *, chosen: bool) -> Strip:
    """One metric; the number of its non-finite values is marked behind its count."""
    style = inks["chosen"] + _BOLD if chosen else inks["text"]
    segments = [Segment(cell_fit(safe(metric.key, 80), table.name, "middle"), style)]
    for column, cells in table.numbers:
        text = _cell(metric, column)
        ink = inks["text"] if column == "last" else inks["quiet"]
        if column == "n" and metric.non_finite:
            marked = _marked(metric)
            segments.append(Segment(text[: -len(marked)].rjust(cells - len(marked)), ink))
            segments.append(Segment(marked, inks["gap"]))
        else:
            segments.append(Segment(text.rjust(cells), ink))
    if table.trend:
        segments.append(Segment("  " + sparkline(metric.trend, table.trend, glyphs.trend), inks["line"]))
    return Strip(segments)


def _cell(metric: MetricSummary, column: str) -> str:
    if column == "n":
        return count(metric.count) + (_marked(metric) if metric.non_finite else "")
    values = {"last": metric.last, "min": metric.minimum, "max": metric.maximum, "mean": metric.mean}
    return number(values[column])


def _marked(metric: MetricSummary) -> str:
    return f" ×{count(metric.non_finite)}"
