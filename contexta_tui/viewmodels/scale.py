"""The vertical scale of a chart: where it begins and ends, and which numbers stand beside it.

Ends and ticks are round numbers (steps of 1, 2 or 5 times a power of ten). A scale changes only when
the data leaves it or has become small in it, so that a chart that is being written to stays calm.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

from contexta_tui.viewmodels.format import number

#: Intervals between ticks that a scale has at most.
_INTERVALS: Final = 4

#: A scale is kept while the data fills at least this share of it.
_FILLED: Final = 0.4

#: Data whose span is smaller than this share of its magnitude is constant: the rest is rounding.
_CONSTANT: Final = 1e-12

#: Cells that a label may take before it is rounded.
LABEL_CELLS: Final = 9


class Scale(msgspec.Struct, frozen=True):
    """A vertical scale.

    Attributes:
        low: Value at the bottom.
        high: Value at the top, greater than `low`.
        ticks: Values to label, ascending.
    """

    low: float
    high: float
    ticks: tuple[float, ...]

    def place(self, value: float) -> float:
        """Where a value stands, from 0 at the bottom to 1 at the top."""
        span = self.high - self.low
        if math.isfinite(span):
            place = (value - self.low) / span
        else:
            place = (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
        return min(1.0, max(0.0, place))

    def label(self, tick: float) -> str:
        """A tick as text, with as many decimals as the distance to the next one asks for."""
        if len(self.ticks) < 2 or tick == 0:
            return number(tick)
        step = abs(self.ticks[1] - self.ticks[0])
        if not 1e-6 <= step < 1e6 or abs(tick) >= 1e7:
            return number(tick)
        text = f"{tick:.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"
        return text if len(text) <= LABEL_CELLS else number(tick)


def scale_for(low: float, high: float, previous: Scale | None = None) -> Scale:
    """The scale for data from `low` to `high`, both finite.

    Args:
        low: Smallest value.
        high: Greatest value.
        previous: The scale drawn before, kept when it still fits.
    """
    if high - low <= _CONSTANT * max(abs(low), abs(high)):
        return _constant(low)
    if previous is not None and len(previous.ticks) > 1 and previous.low <= low and high <= previous.high:
        filled = previous.place(high) - previous.place(low)
        if filled >= _FILLED:
            return previous
    return _nice(low, high)


def _constant(value: float) -> Scale:
    """A scale with one value in the middle."""
    margin = max(abs(value) * 0.5, 1e-300) if value else 1.0
    return Scale(value - margin, value + margin, (value,))


def _nice(low: float, high: float) -> Scale:
    span = high - low
    if not math.isfinite(span) or span < 1e-290:
        return Scale(low, high, (low, high))
    exponent = math.floor(math.log10(span / _INTERVALS))
    for factor in (1, 2, 5, 10, 20, 50):
        step = factor * 10.0**exponent
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        if last - first <= _INTERVALS:
            break
    if not math.isfinite(first * step) or not math.isfinite(last * step):
        return Scale(low, high, (low, high))
    # Multiplying whole numbers keeps 0.3 from becoming 0.30000000000000004 where division can.
    scaled = [(index * factor, index) for index in range(first, last + 1)]
    ticks = tuple(whole / 10.0**-exponent if -300 < exponent < 0 else index * step for whole, index in scaled)
    return Scale(ticks[0], ticks[-1], ticks)
