"""Values of one metric key in a bounded number of chunks, whatever comes to them.

A chunk covers the records of a range of ids, and all ranges have the same length, a power of two: so what is
made from all values at once is the same as what was brought up to date by the later ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from contexta.query.results import SeriesPoint

NON_FINITE: Final = ("nan", "inf", "-inf")
"""Types of values that are no number."""


class Value(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A record of a metric.

    Attributes:
        id: Of the record.
        value: `None` when it is not finite.
        value_type: As recorded.
        unit: As recorded, or `None`.
        at: When it was observed, in microseconds since the Unix epoch.
    """

    id: int
    value: float | None
    value_type: str
    unit: str | None
    at: int | None


class Chunk(msgspec.Struct, gc=False):
    """Some values that follow on one another.

    Attributes:
        count: How many.
        finite: How many of them are finite; the rest is about those.
        total: Their sum.
        minimum: The smallest.
        maximum: The largest.
        at: When the first of all was observed.
    """

    count: int = 0
    finite: int = 0
    total: float = 0.0
    minimum: float | None = None
    maximum: float | None = None
    at: int | None = None

    @classmethod
    def of(cls, value: Value) -> Chunk:
        """One value."""
        number = value.value
        return cls(1, number is not None, number or 0.0, number, number, value.at)

    @property
    def mean(self) -> float | None:
        """Mean of the finite ones."""
        return self.total / self.finite if self.finite else None

    def take(self, other: Chunk) -> None:
        """Adds what another holds."""
        self.count += other.count
        self.finite += other.finite
        self.total += other.total
        # Written out: a screen of charts puts thousands together, twice a second.
        if (low := other.minimum) is not None and (self.minimum is None or low < self.minimum):
            self.minimum = low
        if (high := other.maximum) is not None and (self.maximum is None or high > self.maximum):
            self.maximum = high
        if (at := other.at) is not None and (self.at is None or at < self.at):
            self.at = at


class Rollup:
    """The chunks.

    Args:
        most: How many of them at most.
        shift: Each covers so many ids, as a power of two.

    Attributes:
        chunks: By the id of their first record without its last `shift` bits, in order.
    """

    def __init__(self, most: int, shift: int = 0) -> None:
        self.most = most
        self.shift = shift
        self.chunks: dict[int, Chunk] = {}

    def add(self, value: Value) -> None:
        """Adds a value that was recorded after all others."""
        self.chunks.setdefault(value.id >> self.shift, Chunk()).take(Chunk.of(value))
        # As many values as chunks are kept one by one, however far apart; more of them by where they are.
        while len(self.chunks) > self.most or (self.shift and self._reach > self.most):
            self._halve()

    def parts(self, most: int) -> Iterator[Chunk]:
        """The chunks, or in their place so many parts at most, which cover about equal shares of the ids."""
        if len(self.chunks) <= most:
            yield from self.chunks.values()
            return
        first, reach = next(iter(self.chunks)), self._reach
        part, number = Chunk(), 0
        for key, chunk in self.chunks.items():
            place = (key - first) * most // reach
            if place != number:
                yield part
                part, number = Chunk(), place
            part.take(chunk)
        yield part

    @property
    def _reach(self) -> int:
        """How many chunks there were if none was empty."""
        return next(reversed(self.chunks)) - next(iter(self.chunks)) + 1

    def _halve(self) -> None:
        chunks, self.chunks = self.chunks, {}
        self.shift += 1
        for number, chunk in chunks.items():
            self.chunks.setdefault(number >> 1, Chunk()).take(chunk)


def shift_for(first: int, last: int, count: int, most: int) -> int:
    """The shift of a rollup of so many values between two ids."""
    shift = 0
    while count > most and (last >> shift) - (first >> shift) >= most:
        shift += 1
    return shift


def points(rollup: Rollup, most: int) -> tuple[SeriesPoint, ...]:
    """The points of a series, at most so many."""
    found: list[SeriesPoint] = []
    first = 0
    for chunk in rollup.parts(most):
        found.append(SeriesPoint(first, chunk.count, chunk.mean, chunk.minimum, chunk.maximum, chunk.at))
        first += chunk.count
    return tuple(found)
