"""Draws a series with braille dots: a line of means within the band from minimum to maximum.

A cell holds two by four dots. Every bucket draws its whole band, so a spike of one record among a
million is still seen. Only where bands fill nearly everything, as those of right and wrong answers do, the
line of means stands alone; and where it would leap at every step, it is drawn through the means of more
records. Values that are not finite leave a gap in the line and a mark under it. Pure functions from values to
text; colours and frames are the widget's.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from itertools import pairwise
from typing import Final

import msgspec

from contexta.query.results import SeriesPoint
from contexta_tui.viewmodels.format import count, number
from contexta_tui.viewmodels.scale import Scale, scale_for

_BRAILLE: Final = 0x2800
#: Share of the height from which on a band or a leap of the line counts as filling it.
_FULL: Final = 0.8

#: Points that become one where the line leaps too much, and fewest points that are left.
_MERGED: Final = 4
_FEWEST_POINTS: Final = 12

_BITS: Final = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))


class Ink(StrEnum):
    """What a piece of a plot is."""

    NONE = "none"
    LINE = "line"
    BAND = "band"
    GAP = "gap"
    AXIS = "axis"


class Piece(msgspec.Struct, frozen=True):
    """Neighbouring cells of one ink."""

    text: str
    ink: Ink


class Plot(msgspec.Struct, frozen=True):
    """A drawn series.

    Attributes:
        rows: The plot from top to bottom, each row exactly `width` cells.
        labels: Label of each row of the y axis, empty where there is none.
        axis: The line under the plot: gaps marked, the number of records at its end.
        scale: The scale it was drawn with, to be handed back the next time.
    """

    rows: tuple[tuple[Piece, ...], ...]
    labels: tuple[str, ...]
    axis: tuple[Piece, ...]
    scale: Scale | None


class _Canvas:
    """Dots in two inks; the origin is at the bottom left."""

    def __init__(self, width: int, height: int, *, ascii_only: bool) -> None:
        self._cells_wide, self._cells_high = width, height
        self._ascii = ascii_only
        self._dots_x, self._dots_y = (1, 1) if ascii_only else (2, 4)
        self.width, self.height = width * self._dots_x, height * self._dots_y
        self._line = [0] * (width * height)
        self._band = [0] * (width * height)
        self._ends = [0] * (width * height)

    def line(self, x: int, y: int) -> None:
        cell, bit = self._locate(x, y)
        self._line[cell] |= bit

    def band(self, x: int, low: int, high: int) -> None:
        for y in range(low, high + 1):
            cell, bit = self._locate(x, y)
            self._band[cell] |= bit
            if y in (low, high):
                self._ends[cell] |= bit

    def _locate(self, x: int, y: int) -> tuple[int, int]:
        from_top = self.height - 1 - y
        cell = from_top // self._dots_y * self._cells_wide + x // self._dots_x
        return cell, _BITS[x % self._dots_x][from_top % self._dots_y]

    def rows(self) -> tuple[tuple[Piece, ...], ...]:
        return tuple(self._row(row) for row in range(self._cells_high))

    def _row(self, row: int) -> tuple[Piece, ...]:
        start = row * self._cells_wide
        return pieces([self._cell(cell) for cell in range(start, start + self._cells_wide)])

    def _cell(self, cell: int) -> tuple[str, Ink]:
        line, band = self._line[cell], self._band[cell]
        if line:
            # In the line's own cell only the ends of the band are drawn: the line stays a line.
            return ("*" if self._ascii else chr(_BRAILLE | line | self._ends[cell])), Ink.LINE
        if band:
            return (":" if self._ascii else chr(_BRAILLE | band)), Ink.BAND
        return " ", Ink.NONE


def pieces(cells: list[tuple[str, Ink]]) -> tuple[Piece, ...]:
    """Join neighbouring cells of the same ink."""
    joined: list[Piece] = []
    text, ink = "", Ink.NONE
    for character, its_ink in cells:
        if its_ink is not ink and text:
            joined.append(Piece(text, ink))
            text = ""
        text, ink = text + character, its_ink
    if text:
        joined.append(Piece(text, ink))
    return tuple(joined)


def plot(
    points: tuple[SeriesPoint, ...],
    width: int,
    height: int,
    *,
    previous: Scale | None = None,
    ascii_only: bool = False,
) -> Plot:
    """Draw a series.

    Args:
        points: The buckets of the series, oldest first.
        width: Cells of the plot without labels, at least 1.
        height: Rows of the plot without the axis, at least 1.
        previous: The scale of the plot that this one replaces.
        ascii_only: Draw one character a cell instead of braille.
    """
    canvas = _Canvas(width, height, ascii_only=ascii_only)
    lows = [point.minimum for point in points if point.minimum is not None]
    highs = [point.maximum for point in points if point.maximum is not None]
    total = points[-1].first + points[-1].count if points else 0
    columns = [_column(point, total, canvas.width) for point in points]
    gaps = {
        column * width // canvas.width
        for column, point in zip(columns, points, strict=True)
        if point.mean is None
    }
    scale = None
    labels = ("",) * height
    if lows and highs:
        scale = scale_for(min(lows), max(highs), previous)
        calm = _calmed(points, scale)
        _draw(canvas, calm, [_column(point, total, canvas.width) for point in calm], scale)
        labels = _labels(scale, height, canvas.height)
    return Plot(canvas.rows(), labels, _axis(width, gaps, total, ascii_only=ascii_only), scale)


def _column(point: SeriesPoint, total: int, width: int) -> int:
    """The dot column of a bucket's middle."""
    if total <= 1:
        return 0
    middle = point.first + (point.count - 1) / 2
    return min(width - 1, max(0, round(middle / (total - 1) * (width - 1))))


def _calmed(points: tuple[SeriesPoint, ...], scale: Scale) -> tuple[SeriesPoint, ...]:
    """The points, or fewer means of more records where the line would leap up and down all the time."""
    while len(points) >= _MERGED * _FEWEST_POINTS:
        leaps = sum(_leap(scale, one.mean, other.mean) for one, other in pairwise(points))
        if leaps * _MERGED <= len(points):
            break
        points = tuple(_merged(points[at : at + _MERGED]) for at in range(0, len(points), _MERGED))
    return points


def _merged(points: tuple[SeriesPoint, ...]) -> SeriesPoint:
    """One bucket of neighbouring ones."""
    finite = [(point.mean, point.count) for point in points if point.mean is not None]
    weight = sum(count for _, count in finite)
    return SeriesPoint(
        first=points[0].first,
        count=sum(point.count for point in points),
        mean=sum(mean * (count / weight) for mean, count in finite) if finite else None,
        minimum=min((point.minimum for point in points if point.minimum is not None), default=None),
        maximum=max((point.maximum for point in points if point.maximum is not None), default=None),
        at=points[0].at,
    )


def _leap(scale: Scale, one: float | None, other: float | None) -> bool:
    """Whether two values are as far from each other as the chart is high."""
    return one is not None and other is not None and abs(scale.place(one) - scale.place(other)) >= _FULL


def _mostly(points: tuple[SeriesPoint, ...], true: Callable[[SeriesPoint], bool]) -> bool:
    return 2 * sum(map(true, points)) > len(points)


def _draw(canvas: _Canvas, points: tuple[SeriesPoint, ...], columns: list[int], scale: Scale) -> None:
    top = canvas.height - 1
    banded = not _mostly(points, lambda point: _leap(scale, point.minimum, point.maximum))

    def dot(value: float) -> int:
        return round(scale.place(value) * top)

    previous: tuple[int, int] | None = None
    joined = False
    for x, point in zip(columns, points, strict=True):
        if point.mean is None or point.minimum is None or point.maximum is None:
            _single(canvas, previous, joined=joined)
            previous, joined = None, False
            continue
        mean = dot(point.mean)
        if banded and point.minimum < point.maximum:
            canvas.band(x, dot(point.minimum), dot(point.maximum))
        if previous is not None:
            _segment(canvas, previous, (x, mean))
        else:
            canvas.line(x, mean)
        previous, joined = (x, mean), previous is not None
    _single(canvas, previous, joined=joined)


def _single(canvas: _Canvas, at: tuple[int, int] | None, *, joined: bool) -> None:
    """Make a point without neighbours large enough to be seen."""
    if at is None or joined:
        return
    x, y = at
    for dx in (0, 1):
        for dy in (0, 1):
            canvas.line(min(x + dx, canvas.width - 1), min(y + dy, canvas.height - 1))


def _segment(canvas: _Canvas, start: tuple[int, int], end: tuple[int, int]) -> None:
    """A straight line of dots without holes (Bresenham)."""
    (x, y), (x1, y1) = start, end
    dx, dy = abs(x1 - x), -abs(y1 - y)
    step_x, step_y = (1 if x < x1 else -1), (1 if y < y1 else -1)
    error = dx + dy
    while True:
        canvas.line(x, y)
        if (x, y) == (x1, y1):
            return
        doubled = 2 * error
        if doubled >= dy:
            error += dy
            x += step_x
        if doubled <= dx:
            error += dx
            y += step_y


def _labels(scale: Scale, height: int, dots: int) -> tuple[str, ...]:
    """Tick labels by row: both ends first, then zero, then whatever leaves a row free on either side."""
    labels = [""] * height
    for tick in sorted(scale.ticks, key=lambda tick: (tick not in (scale.low, scale.high), tick != 0)):
        from_top = dots - 1 - round(scale.place(tick) * (dots - 1))
        row = from_top * height // dots
        if any(labels[max(0, row - 1) : row + 2]):
            continue
        label = scale.label(tick)
        labels[row] = label if label not in labels else f"+{number(tick - scale.low)}"
    return tuple(labels)


def _axis(width: int, gaps: set[int], total: int, *, ascii_only: bool) -> tuple[Piece, ...]:
    base, mark = ("-", "x") if ascii_only else ("─", "×")
    end = f" {count(total)}" if total else ""
    if len(end) > width // 2:
        end = ""
    cells: list[tuple[str, Ink]] = []
    for column in range(width):
        from_end = column - (width - len(end))
        character = end[from_end] if from_end >= 0 else mark if column in gaps else base
        cells.append((character, Ink.GAP if column in gaps else Ink.AXIS))
    return pieces(cells)


def sparkline(values: tuple[float | None, ...], width: int, levels: str) -> str:
    """A row of bars, a gap where a value is missing; at most `width` characters.

    Args:
        values: Values, oldest first.
        width: Most characters; more values are averaged in groups.
        levels: Characters of ascending height, such as `▁▂▃▄▅▆▇█`.
    """
    if len(values) > width:
        bounds = [index * len(values) // width for index in range(width + 1)]
        groups = [values[start:stop] for start, stop in pairwise(bounds)]
        values = tuple(_mean(group) for group in groups)
    finite = [value for value in values if value is not None]
    if not finite:
        return " " * len(values)
    low, high = min(finite), max(finite)
    top = len(levels) - 1
    if high <= low:
        return "".join(" " if value is None else levels[top // 2] for value in values)
    scale = Scale(low, high, ())
    return "".join(" " if value is None else levels[round(scale.place(value) * top)] for value in values)


def _mean(values: tuple[float | None, ...]) -> float | None:
    finite = [value for value in values if value is not None]
    return sum(value / len(finite) for value in finite) if finite else None
