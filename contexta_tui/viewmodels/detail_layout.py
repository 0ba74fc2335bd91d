"""Shares out the rows of the detail pane between the reason, the charts and the table.

Pure arithmetic. The layout depends on sizes and on how many things there are, never on values, so
nothing moves while values stream in.
"""

from __future__ import annotations

from typing import Final

import msgspec

#: Fewest cells and rows in which a chart says something.
_CHART_CELLS: Final = 24
_CHART_ROWS: Final = 5
_TALLEST_CHART: Final = 18
_MOST_COLUMNS: Final = 4

#: Lines of stack trace above metrics: the two deepest frames.
_FEW_FRAMES: Final = 4


class Layout(msgspec.Struct, frozen=True):
    """Rows of each part, from top to bottom.

    Attributes:
        reasons: Pieces of evidence shown above the metrics.
        first_reason: Lines that the newest one may take.
        trace: Lines of stack trace above the metrics.
        columns: Charts in a row.
        chart_rows: Rows of charts.
        chart_height: Rows of one chart; 0 without charts.
    """

    reasons: int
    first_reason: int
    trace: int
    columns: int
    chart_rows: int
    chart_height: int

    @property
    def places(self) -> int:
        """Charts that are seen together."""
        return self.columns * self.chart_rows


def chart_places(width: int, height: int) -> tuple[int, int]:
    """Most columns and rows of charts in a pane of this size."""
    columns = min(_MOST_COLUMNS, max(1, width // _CHART_CELLS))
    return columns, 1 if height < 20 else 2 if height < 34 else 3


def first_reason_lines(height: int) -> int:
    """Most lines of the newest reason in a pane of this height."""
    return 1 if height < 10 else 2 if height < 16 else 3


def lay_out(
    width: int, height: int, *, reasons: int, first: int, trace: int, keys: int, charted: int
) -> Layout:
    """Share out the rows.

    Args:
        width: Cells of the pane.
        height: Rows of the pane.
        reasons: Pieces of evidence.
        first: Lines that the newest of them needs, at most `first_reason_lines`.
        trace: Lines of the stack trace, 0 without one.
        keys: Metric keys.
        charted: Those of them that have enough values for a chart.
    """
    first = first if reasons else 0
    # Without metrics the evidence may have everything.
    share = height if not keys else max(2, height // 4)
    shown = min(reasons, max(1, share - first + 1)) if reasons else 0
    top = shown + max(0, first - 1)
    trace_rows = 0
    if trace and height >= 16:
        trace_rows = min(trace, _FEW_FRAMES if keys else max(_FEW_FRAMES, height - top - 3))
        top += trace_rows
    if not charted:
        return Layout(shown, first, trace_rows, 0, 0, 0)
    columns, rows = chart_places(width, height)
    columns = min(columns, charted)
    rows = min(rows, -(-charted // columns))
    left = height - top - (1 if reasons else 0)
    block = left - min(keys, 8) - 1
    while rows > 1 and block // rows < _CHART_ROWS:
        rows -= 1
    return Layout(
        reasons=shown,
        first_reason=first,
        trace=trace_rows,
        columns=columns,
        chart_rows=rows,
        chart_height=min(_TALLEST_CHART, max(_CHART_ROWS, block // rows)),
    )
