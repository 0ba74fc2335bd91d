"""Line charts as SVG: axes, nice ticks, a band from smallest to largest value, gaps where there is none.

Numbers in, markup out, and no more than a report needs. A chart holds no colours of its own: its parts
have classes (`line-1`, `band-1`, `grid`, …) that the page paints, light or dark. Recorded text in it is
made safe and escaped here, because a control character makes XML unreadable as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Final

from contexta.report.blocks import Chart, Line
from contexta.report.wording import clean, number

WIDTH: Final = 420
HEIGHT: Final = 190
MAX_LINES: Final = 4
"""Lines that can be told apart by their looks."""

_DOTTED: Final = 12
"""A line of so few values has a dot for each."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 12.0, 10.0, 24.0
_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_HUGE: Final = 1e300
_XML: Final = "http://www.w3.org/2000/svg"


@dataclass(frozen=True, slots=True)
class _Scale:
    """Maps values to places; values are divided by `unit` first, so that no difference of two overflows."""

    low: float
    high: float
    start: float
    end: float
    unit: float = 1.0

    def __call__(self, value: float) -> float:
        share = (value / self.unit - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def draw(chart: Chart, key: str) -> str:
    """Draw a chart.

    Args:
        chart: What to draw; lines beyond the fourth are left out.
        key: Unique on the page; the ids of the chart's title and description start with it.

    Returns:
        One `svg` element, well-formed XML by itself.
    """
    lines = chart.lines[:MAX_LINES]
    vertical = _vertical(lines)
    last = max((line.count - 1 for line in lines), default=0)
    horizontal = _Scale(0.0, float(max(last, 1)), _LEFT, WIDTH - _RIGHT)
    across = _across(horizontal, last)
    up = _up(vertical) if vertical else {HEIGHT / 2: "nothing finite"}
    ids = (f"{escape(key)}-title", f"{escape(key)}-desc")
    # Where a page does not paint the classes, lines and texts still have the colour of the text around.
    return "".join(
        (
            f'<svg xmlns="{_XML}" class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"',
            f' aria-labelledby="{" ".join(ids)}" fill="none" stroke="currentColor" font-size="10.5">',
            f'<title id="{ids[0]}">{escape(clean(f"{chart.title} – {chart.subtitle}"))}</title>',
            f'<desc id="{ids[1]}">{escape(_description(chart, lines))}</desc>',
            *(_rule("grid", y) for y in up if vertical),
            _rule("axis", HEIGHT - _BOTTOM),
            *(
                part
                for index, line in enumerate(lines, start=1)
                for part in (*_drawn(line, index, horizontal, vertical), *_crosses(line, horizontal))
            ),
            '<g class="tick" stroke="none" fill="currentColor">',
            *(_label(_LEFT - 6, y + 3.5, tick, "end") for y, tick in up.items()),
            *(_label(x, HEIGHT - 9, tick, "middle") for x, tick in across.items()),
            "</g></svg>",
        )
    )


def _rule(look: str, y: float) -> str:
    return f'<line class="{look}" x1="{_LEFT}" y1="{y:.1f}" x2="{WIDTH - _RIGHT}" y2="{y:.1f}"/>'


def _label(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _vertical(lines: tuple[Line, ...]) -> _Scale | None:
    values = [
        value
        for line in lines
        for point in line.points
        for value in (point.minimum, point.maximum, point.mean)
    ]
    finite = [value for value in values if value is not None and math.isfinite(value)]
    if not finite:
        return None
    low, high = min(finite), max(finite)
    unit = 1e10 if max(abs(low), abs(high)) > _HUGE else 1.0
    low, high = low / unit, high / unit
    if unit > 1:  # a margin around the largest floats would have no float
        low, high = (low, high) if low < high else sorted((low, low / 2))
    else:
        margin = (high - low) * 0.06 or abs(high) * 0.5 or 1.0
        low, high = low - margin, high + margin
    return _Scale(low, high, HEIGHT - _BOTTOM, _TOP, unit)


def ticks(low: float, high: float, most: int = 4) -> tuple[float, ...]:
    """Round numbers from low to high, at least one and at most `most` + 1 of them.

    Args:
        low: Smallest value that may have a tick.
        high: Largest; above `low`, and the difference of the two finite.
        most: Steps to fit in, about.
    """
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw)) if raw > 0 else 0.0
    step = next((each * power for each in _STEPS if each * power >= raw), raw)
    if power == 0 or not math.isfinite(step) or low + step == low or high - step == high:
        return (low, high)  # too close together, or too small, to have round numbers between them
    first = math.ceil(low / step)
    found = tuple(first_tick for index in range(most + 1) if (first_tick := (first + index) * step) <= high)
    return found or (low,)


def _up(vertical: _Scale) -> dict[float, str]:
    """Heights with the values that stand there."""
    values = (tick * vertical.unit for tick in ticks(vertical.low, vertical.high))
    return {vertical(value): _tick(value) for value in values}


def _across(horizontal: _Scale, last: int) -> dict[float, str]:
    """Places with the steps that stand there; steps count from 0."""
    found = ticks(0.0, float(last), min(last, 4)) if last else (0.0,)
    return {horizontal(tick): _tick(tick) for tick in found if tick == int(tick)}


def _tick(value: float) -> str:
    """A short label: `1.5`, `250`, `12k`, `3e+08`."""
    if value != 0 and 1e4 <= abs(value) < 1e7:
        size, letter = (1e6, "M") if abs(value) >= 1e6 else (1e3, "k")
        return f"{value / size:.4g}{letter}"
    return f"{value:.4g}"


def _drawn(line: Line, index: int, horizontal: _Scale, vertical: _Scale | None) -> Iterator[str]:
    """The band and the line, a piece for each stretch without a gap; a lonely value becomes a dot."""
    if vertical is None:
        return
    for stretch in _stretches(line):
        places = [
            (horizontal(x), vertical(mean), vertical(low), vertical(high)) for x, mean, low, high in stretch
        ]
        if len(stretch) > 1:
            if any(low != high for _, _, low, high in places):
                upper = _points((x, high) for x, _, _, high in places)
                lower = _points((x, low) for x, _, low, _ in reversed(places))
                looks = f'class="band-{index}" stroke="none" fill-opacity=".16"'
                yield f'<polygon {looks} points="{upper} {lower}"/>'
            yield f'<polyline class="line-{index}" points="{_points((x, y) for x, y, _, _ in places)}"/>'
        if len(stretch) == 1 or line.count <= _DOTTED:
            for x, y, _, _ in places:
                yield f'<circle class="dot-{index}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>'


def _points(places: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _stretches(line: Line) -> Iterator[list[tuple[float, float, float, float]]]:
    stretch: list[tuple[float, float, float, float]] = []
    for point in line.points:
        if point.mean is None or not math.isfinite(point.mean):
            if stretch:
                yield stretch
            stretch = []
            continue
        low = point.mean if point.minimum is None else point.minimum
        high = point.mean if point.maximum is None else point.maximum
        stretch.append((point.first + (point.count - 1) / 2, point.mean, low, high))
    if stretch:
        yield stretch


def _crosses(line: Line, horizontal: _Scale) -> Iterator[str]:
    """A cross on the axis where a value is NaN or infinite."""
    y = HEIGHT - _BOTTOM - 3
    for ordinal in line.non_finite:
        yield f'<path class="bad" d="M{horizontal(ordinal) - 3:.1f} {y:.1f}l6 6m0 -6l-6 6"/>'


def _description(chart: Chart, lines: tuple[Line, ...]) -> str:
    told = []
    for line in filter(lambda line: line.count, lines):
        lows = [point.minimum for point in line.points if point.minimum is not None]
        highs = [point.maximum for point in line.points if point.maximum is not None]
        label = f"{line.label}: " if line.label else ""
        words = f"{label}{line.count} values"
        if lows and highs:
            unit = f" {chart.unit}" if chart.unit else ""
            words += f" from {number(min(lows))} to {number(max(highs))}, last {number(line.last)}{unit}"
        if line.non_finite:
            words += f", {len(line.non_finite)} not finite"
        told.append(words)
    return clean("; ".join(told)) + "."
