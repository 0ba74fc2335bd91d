"""How printed lines look: columns and colours.

What is written stands elsewhere. Texts must have passed `safe`; nothing here is ever read as markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len
from rich.text import Text

from contexta.query.results import Severity, Status
from contexta_tui.paper import PIPE_WIDTH
from contexta_tui.text import cell_fit

QUIET: Final = "dim"
STRONG: Final = "bold"
FAILED: Final = "bold red"

STATUS_STYLES: Final = {
    Status.FAILED: FAILED,
    Status.COMPLETED: "green",
    Status.OPEN: "cyan",
    Status.UNKNOWN: QUIET,
    Status.CANCELLED: "magenta",
}

SEVERITY_STYLES: Final = {Severity.ERROR: FAILED, Severity.WARNING: "yellow", Severity.INFO: QUIET}

_GAP: Final = "  "

_READABLE: Final = 28
"""Cells that a name should have."""


def columns(
    rows: Sequence[Sequence[Text]],
    *,
    right: Sequence[int] = (),
    flexible: int = 0,
    optional: Sequence[int] = (),
    width: int = PIPE_WIDTH,
) -> list[Text]:
    """Lines with their cells under each other.

    Args:
        rows: Cells of each line; all lines have the same number.
        right: Columns to align to the right.
        flexible: The column that gives way where the lines are too wide.
        optional: Columns that are left out, in this order, before the flexible one becomes hard to read.
        width: Cells of a line.
    """
    if not rows:
        return []
    cells = [max(cell_len(row[at].plain) for row in rows) for at in range(len(rows[0]))]
    wanted = min(cells[flexible], _READABLE)
    for at in (-1, *optional):
        if at >= 0:
            cells[at] = 0
        room = width - sum(size + len(_GAP) for at, size in enumerate(cells) if size and at != flexible)
        if room >= wanted:
            break
    cells[flexible] = min(cells[flexible], max(_READABLE // 2, room))
    used = [at for at, size in enumerate(cells) if size]
    return [_line(row, cells, used, right) for row in rows]


def _line(row: Sequence[Text], cells: Sequence[int], used: Sequence[int], right: Sequence[int]) -> Text:
    line = Text()
    for at in used:
        cell = _fitted(row[at], cells[at])
        padding = " " * (cells[at] - cell_len(cell.plain))
        if at in right:
            line.append(padding)
        line.append_text(cell)
        if at != used[-1]:
            line.append(_GAP if at in right else padding + _GAP)
    return line


def _fitted(cell: Text, width: int) -> Text:
    """A cell cut to a width: at its end where it has several styles, else in its middle."""
    if cell_len(cell.plain) <= width:
        return cell
    if not cell.spans:
        return Text(cell_fit(cell.plain, width, "middle"), cell.style)
    cut = cell.copy()
    cut.truncate(width, overflow="ellipsis")
    return cut
