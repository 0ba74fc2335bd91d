"""Draws charts in a calm grid: title and last value, y labels, plot, axis.

Functions from values and inks to strips; `DetailPane` owns the state. `Memory` is what a chart
remembers from one drawing to the next, so that neither its scale nor its left edge trembles while
data streams in. No chart library: none of them draws gaps, bands and ASCII the same way.
"""

from __future__ import annotations

from typing import Final

import msgspec
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from contexta.query.results import MetricSeries, MetricSummary, SeriesPoint
from contexta_tui.text import cell_fit, safe
from contexta_tui.viewmodels.chart import Ink, Piece, plot
from contexta_tui.viewmodels.format import number
from contexta_tui.viewmodels.scale import Scale
from contexta_tui.widgets.inks import Inks

#: Cells between two charts of a row.
GUTTER: Final = 3

#: Rows of a chart that are not its plot: title and axis.
FRAME_ROWS: Final = 2

#: Fewest cells of the y labels, so that charts of a column mostly line up.
_LABEL_CELLS: Final = 4


class ChartData(msgspec.Struct, frozen=True):
    """One chart to draw.

    Attributes:
        metric: The key and its numbers.
        series: Its series, or `None` until it has been fetched: then the trend of the metric stands in.
        chosen: Whether it is the selected key.
    """

    metric: MetricSummary
    series: MetricSeries | None
    chosen: bool


class Memory(msgspec.Struct, frozen=True):
    """What a chart keeps for its next drawing: its scale, and the cells of its labels."""

    scale: Scale | None = None
    label_cells: int = _LABEL_CELLS


class Grid(msgspec.Struct, frozen=True):
    """Where charts stand.

    Attributes:
        columns: Charts in a row.
        rows: Rows of charts.
        cell_width: Cells of a chart.
        cell_height: Rows of a chart, title and axis included.
    """

    columns: int
    rows: int
    cell_width: int
    cell_height: int

    @property
    def height(self) -> int:
        """Rows of the whole grid."""
        return self.rows * self.cell_height


def draw_grid(
    charts: tuple[ChartData, ...], grid: Grid, memory: dict[str, Memory], inks: Inks, *, ascii_only: bool
) -> list[Strip]:
    """Draw charts row by row.

    Args:
        charts: The charts, at most as many as the grid has places.
        grid: Where they stand.
        memory: What each key's chart remembers; replaced as they are drawn.
        inks: The inks.
        ascii_only: Draw without braille and lines.

    Returns:
        As many strips as the grid is high.
    """
    strips: list[Strip] = []
    blank = [Strip.blank(grid.cell_width)] * grid.cell_height
    gutter = Strip.blank(GUTTER)
    for row in range(grid.rows):
        cells: list[list[Strip]] = []
        for chart in charts[row * grid.columns : (row + 1) * grid.columns]:
            key = chart.metric.key
            drawn, memory[key] = draw_chart(
                chart,
                grid.cell_width,
                grid.cell_height,
                memory.get(key, Memory()),
                inks,
                ascii_only=ascii_only,
            )
            cells.append(drawn)
        cells.extend([blank] * (grid.columns - len(cells)))
        for line_of_cells in zip(*cells, strict=True):
            parts = [part for cell in line_of_cells for part in (cell, gutter)]
            strips.append(Strip.join(parts[:-1]))
    return strips


def draw_chart(
    chart: ChartData, width: int, height: int, memory: Memory, inks: Inks, *, ascii_only: bool
) -> tuple[list[Strip], Memory]:
    """Draw one chart into `height` strips of `width` cells, and what to remember for the next time."""
    rows = max(1, height - FRAME_ROWS)
    points = chart.series.points if chart.series is not None else _trend(chart.metric)
    label_cells = memory.label_cells
    plot_width = max(1, width - label_cells - 1)
    drawn = plot(points, plot_width, rows, previous=memory.scale, ascii_only=ascii_only)
    needed = min(max(len(label) for label in drawn.labels), width // 2)
    if needed > label_cells:
        label_cells = needed
        plot_width = max(1, width - label_cells - 1)
        drawn = plot(points, plot_width, rows, previous=memory.scale, ascii_only=ascii_only)
    wall, corner = ("|", "+") if ascii_only else ("│", "└")
    axis = inks["axis"]
    strips = [_title(chart, width, inks)]
    for label, pieces in zip(drawn.labels, drawn.rows, strict=True):
        head = Segment(label[:label_cells].rjust(label_cells) + wall, axis)
        strips.append(Strip([head, *_segments(pieces, inks)]).adjust_cell_length(width))
    foot = Segment(" " * label_cells + corner, axis)
    strips.append(Strip([foot, *_segments(drawn.axis, inks)]).adjust_cell_length(width))
    return strips[:height], Memory(drawn.scale, label_cells)


def _title(chart: ChartData, width: int, inks: Inks) -> Strip:
    """The key and its unit on the left, the last value on the right."""
    last = number(chart.metric.last)
    unit = f" {safe(chart.metric.unit, 12)}" if chart.metric.unit else ""
    room = width - len(last) - 1
    name = safe(chart.metric.key, 80)
    style = inks["chosen"] + Style(bold=True, underline=True) if chart.chosen else inks["text"]
    shown = cell_fit(name, room, "middle").rstrip()
    name_strip = Strip([Segment(shown, style), Segment(unit, inks["quiet"])])
    left = name_strip.crop(0, room).adjust_cell_length(room + 1)
    return Strip.join([left, Strip([Segment(last, inks["text"])])])


def _segments(pieces: tuple[Piece, ...], inks: Inks) -> list[Segment]:
    return [Segment(piece.text, None if piece.ink is Ink.NONE else inks[piece.ink.value]) for piece in pieces]


def _trend(metric: MetricSummary) -> tuple[SeriesPoint, ...]:
    """The trend as a series: rougher, but here at once."""
    total = len(metric.trend)
    starts = [index * metric.count // total for index in range(total)] if total else []
    return tuple(
        SeriesPoint(start, max(1, end - start), value, value, value, None)
        for start, end, value in zip(starts, [*starts[1:], metric.count], metric.trend, strict=True)
    )
