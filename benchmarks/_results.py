"""What a benchmark found: figures with their goals and references, printed and handed to `run_all`.

A figure is the median of several runs unless it says otherwise. A goal is never asserted: it is reached or
not.
"""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

ROWS_VARIABLE: Final = "CTUI_BENCH_ROWS"
"""Names the file to which the figures are added as JSON lines, when set."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    Attributes:
        item: Its place in the table of results, e.g. ``"4"``; empty for what is not in the table.
        what: What was measured.
        unit: E.g. ``"ms"``.
        measured: The figure itself.
        least: The smallest of the values behind it.
        most: The largest.
        runs: How many values there are.
        goal: The most it may be, in the same unit, or None.
        reference: What it is compared with, in the same unit, or None when that could not be had.
        against: What the reference is.
    """

    item: str
    what: str
    unit: str
    measured: float
    least: float
    most: float
    runs: int
    goal: float | None
    reference: float | None
    against: str

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None when there is none."""
        return None if self.goal is None else self.measured <= self.goal

    @property
    def ratio(self) -> float | None:
        """Measured by reference; None when there is no reference."""
        return self.measured / self.reference if self.reference else None

    def text(self) -> str:
        """The figure in one line."""
        spread = f" ({number(self.least)}–{number(self.most)}, {self.runs} values)" if self.runs > 1 else ""
        parts = [f"{self.what:58} {number(self.measured):>8} {self.unit}{spread}"]
        if self.goal is not None:
            parts.append(f"goal ≤ {number(self.goal)}: {'reached' if self.reached else 'NOT REACHED'}")
        if self.reference is not None and self.ratio is not None:
            parts.append(f"{self.against} {number(self.reference)} {self.unit}, ratio {self.ratio:.2f}")
        return "   ".join(parts)


class Report:
    """Collects the figures of one script and prints each as it comes.

    Args:
        title: The heading.
    """

    def __init__(self, title: str) -> None:
        self.figures: list[Figure] = []
        print(title, flush=True)

    def note(self, text: str) -> None:
        """Print a sentence between the figures."""
        print(f"  {text}", flush=True)

    def figure(
        self,
        what: str,
        values: Sequence[float],
        unit: str,
        *,
        item: str = "",
        goal: float | None = None,
        reference: Sequence[float] = (),
        against: str = "",
        by: Callable[[Sequence[float]], float] = statistics.median,
    ) -> Figure:
        """Add a figure and print it.

        Args:
            what: What was measured.
            values: All values.
            unit: Their unit.
            item: Its place in the table of results.
            goal: The most it may be.
            reference: Values of the other side, from the same run of the script.
            against: What the other side is.
            by: Makes the figure of the values.
        """
        other = by(reference) if reference else None
        found = Figure(
            item, what, unit, by(values), min(values), max(values), len(values), goal, other, against
        )
        self.figures.append(found)
        print(f"  {found.text()}", flush=True)
        if rows := os.environ.get(ROWS_VARIABLE):
            with Path(rows).open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(found)) + "\n")
        return found


def quantile(share: float) -> Callable[[Sequence[float]], float]:
    """Return what tells the value below which a share of the values lies."""

    def of(values: Sequence[float]) -> float:
        return sorted(values)[min(len(values) - 1, int(len(values) * share))]

    return of


def number(value: float) -> str:
    """A number with three digits that count."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def alternate(runs: int, *sides: Callable[[], float]) -> tuple[list[float], ...]:
    """Measure all sides in turn, so that what else the machine does meets all of them alike."""
    values: tuple[list[float], ...] = tuple([] for _ in sides)
    for _ in range(runs):
        for side, found in zip(sides, values, strict=True):
            found.append(side())
    return values
