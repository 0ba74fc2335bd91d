"""Draws the table of metrics: one row per key, numbers right-aligned, a trend where there is room.

Functions from values and inks to strips. Columns that do not fit are left out from the least telling
one on, so that the key and its last value are always there.
"""

from __future__ import annotations

from typing import Final

import msgspec
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from contexta.query.results import MetricSummary
from contexta_tui.glyphs import Glyphs
from contexta_tui.text import cell_fit, safe
from contexta_tui.viewmodels.chart import sparkline
from contexta_tui.viewmodels.format import aligned, count
from contexta_tui.widgets.inks import Inks

_NAME_CELLS: Final = (8, 28)
_TREND_CELLS: Final = (6, 32)

#: Fewest cells of each number column, and the cells before it.
_LEAST: Final = {"last": 5, "min": 5, "max": 5, "mean": 5, "n": 3, "×": 2}
_GAP: Final = {"last": 2, "min": 2, "max": 2, "mean": 2, "n": 2, "×": 1}

#: Rows that are looked at to choose widths; a capture can have thousands of keys.
_MEASURED: Final = 200
_BOLD: Final = Style(bold=True)

#: Number columns in the order in which they appear, and in which they are given room.
_ORDER: Final = ("last", "min", "max", "mean", "n", "×")
_IMPORTANCE: Final = ("last", "n", "×", "min", "max", "mean")


class Table(msgspec.Struct, frozen=True):
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
    metrics = metrics[:_MEASURED]
    longest = max((cell_len(safe(metric.key, 80)) for metric in metrics), default=3)
    name = min(max(_NAME_CELLS[0], longest), _NAME_CELLS[1], max(4, width - 9))
    room = width - name
    chosen: dict[str, int] = {}
    cells = [_cells(metric) for metric in metrics]
    for column in _IMPORTANCE:
        if column == "×" and not any(metric.non_finite for metric in metrics):
            continue
        needed = max([_LEAST[column], *(len(row[column]) for row in cells)]) + _GAP[column]
        if needed <= room:
            chosen[column] = needed
            room -= needed
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
    """One metric; how many of its values are not finite stands marked behind their count."""
    style = inks["chosen"] + _BOLD if chosen else inks["text"]
    segments = [Segment(cell_fit(safe(metric.key, 80), table.name, "middle"), style)]
    texts = _cells(metric)
    for column, cells in table.numbers:
        ink = "gap" if column == "×" else "text" if column == "last" else "quiet"
        segments.append(Segment(texts[column].rjust(cells), inks[ink]))
    if table.trend:
        segments.append(Segment("  " + sparkline(metric.trend, table.trend, glyphs.trend), inks["line"]))
    return Strip(segments)


def _cells(metric: MetricSummary) -> dict[str, str]:
    """The numbers of a row by column."""
    last, low, high, mean = aligned((metric.last, metric.minimum, metric.maximum, metric.mean))
    bad = f"×{count(metric.non_finite)}" if metric.non_finite else ""
    return {"last": last, "min": low, "max": high, "mean": mean, "n": count(metric.count), "×": bad}
