"""Draws one row of the tree: who it is on the left, how it went in columns on the right.

Functions from a row and inks to a strip. The columns stand at the same cells in
every row, so they are given up from the least important one on when the tree is
narrow, never pushed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from rich.style import Style
from textual.strip import Strip

from contexta.query.results import NodeKind, NodeRow, Status
from contexta_tui.glyphs import Glyphs
from contexta_tui.text import cell_fit, safe
from contexta_tui.viewmodels.format import MINUTE, SECOND, UNKNOWN, duration, plural
from contexta_tui.viewmodels.tree import TreeRow
from contexta_tui.widgets.inks import Inks, line, status_ink

#: Cells of a level of indentation.
INDENT = 2
#: Most characters of a recorded name that are looked at.
_NAME_LIMIT = 400
_WORDS = {NodeKind.OPERATION: "op"}
_BOLD = Style(bold=True)


@dataclass(frozen=True, slots=True)
class Columns:
    """Cells of the columns at the right for one width; 0 is a column that is left out."""

    info: int
    time: int
    failures: int

    @classmethod
    def of(cls, width: int) -> Columns:
        """The columns that leave at least half of the width to the name."""
        return cls(
            info=14 if width >= 44 else 0, time=9 if width >= 26 else 0, failures=6 if width >= 16 else 0
        )

    @property
    def total(self) -> int:
        """Cells of all columns."""
        return self.info + self.time + self.failures


def arrow_at(row: TreeRow, width: int) -> int:
    """The cell of a row's arrow."""
    return min(row.depth * INDENT, width // 3)


def draw_row(row: TreeRow, width: int, inks: Inks, glyphs: Glyphs, now: int) -> Strip:
    """Draw a row.

    Args:
        row: The row.
        width: Cells.
        inks: The inks.
        glyphs: The glyphs.
        now: The time in microseconds, for the age of what is open.
    """
    indent = " " * arrow_at(row, width)
    node = row.node
    if node is None:
        dots = f"{indent}  {glyphs.dot} {glyphs.dot} {glyphs.dot}"
        return line((cell_fit(dots, width), inks["quiet"]))
    columns = Columns.of(width)
    if columns.info and not _info(node):
        columns = replace(columns, info=0)
    arrow = "  " if row.expanded is None else f"{glyphs.expanded if row.expanded else glyphs.collapsed} "
    head = f"{indent}{arrow}"
    sign = "" if _has_no_life(node) else f"{glyphs.failed if node.failed else glyphs.status(node.status)} "
    room = width - len(head) - len(sign) - columns.total
    colour = inks["failed" if node.failed else status_ink(node.status)]
    return line(
        (head, inks["quiet"]),
        (sign, colour),
        (cell_fit(safe(node.name, _NAME_LIMIT), room, "middle"), inks["failed" if node.failed else "text"]),
        *_columns(node, columns, inks, glyphs, now),
    )


def _columns(
    node: NodeRow, columns: Columns, inks: Inks, glyphs: Glyphs, now: int
) -> list[tuple[str, Style]]:
    parts: list[tuple[str, Style]] = []
    if columns.info:
        ink = inks["failed" if node.failed and node.note else "quiet"]
        parts.append((" " + cell_fit(_info(node), columns.info - 1), ink))
    if columns.time:
        ink = inks["open" if node.status == Status.OPEN else "quiet"]
        parts.append((elapsed(node, now).rjust(columns.time), ink))
    if columns.failures:
        count = f"{glyphs.failed}{short_number(node.failed_below)}" if node.failed_below else ""
        parts.append((count.rjust(columns.failures), inks["failed"] + _BOLD))
    return parts


def _has_no_life(node: NodeRow) -> bool:
    """Whether a status would say nothing: a project neither runs nor ends."""
    return node.kind is NodeKind.PROJECT and node.status is Status.UNKNOWN


def _info(node: NodeRow) -> str:
    """Why a node failed in a word, else how many children it has; without either its name gets the cells."""
    return safe(node.note, 40) if node.failed and node.note else child_count(node)


def child_count(node: NodeRow) -> str:
    """The first kind of children by number, short enough for the column: `40 batches`, `48k samples`."""
    if not node.children:
        return ""
    group = node.children[0]
    word = _WORDS.get(group.kind, group.kind.value)
    if group.count < 1000:
        return plural(group.count, word)
    return f"{short_number(group.count)} {plural(2, word).split()[1]}"


def short_number(number: int) -> str:
    """A number of things in at most four characters, rounded down: `999`, `1k`, `48k`, `3M`."""
    for size, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (1000, "k")):
        if number >= size:
            return f"{number // size}{unit}"
    return str(number)


def elapsed(node: NodeRow, now: int) -> str:
    """How long a node took, or has been open; for one known from its records only, how long they span."""
    if node.status == Status.OPEN and node.started_at is not None:
        age = max(0, now - node.started_at)
        return f"{age // SECOND}s" if age < MINUTE else duration(age)
    start = node.first_at if node.started_at is None else node.started_at
    end = node.last_at if node.ended_at is None else node.ended_at
    if start is None or end is None or (end == start and node.ended_at is None):
        return ""
    text = duration(end - start)
    return "" if text == UNKNOWN else text
