"""Draws one row of the tree: who it is on the left, how it went in columns on the right.

Functions from a row and inks to a strip. The columns stand at the same cells in every row, as wide as what is
on the screen needs; the name has the rest. They are given up from the least important one on when the tree is
narrow, never pushed.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace
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
#: Cells between two columns.
_GAP = 2
#: Most cells of the column that says how many children there are, or why a node failed.
_MOST_INFO = 14
#: Cells of times: those below a minute, and all others.
_SHORT_TIME, _LONG_TIME = 5, 7


class Columns(msgspec.Struct, frozen=True):
    """Cells of the columns at the right, the gap before each included; 0 is a column that nothing needs.

    A tree remembers its columns and lets them grow with `grown`, so that they do not move while it scrolls.
    """

    info: int = 0
    time: int = 0
    failures: int = 0

    @classmethod
    def needed(cls, rows: Iterable[TreeRow], now: int) -> Columns:
        """The columns that the values of some rows need.

        Args:
            rows: The rows on the screen.
            now: The time in microseconds, for the age of what is open.
        """
        info = time = failures = 0
        for row in rows:
            node = row.node
            if node is not None:
                info = max(info, len(_info(node)))
                time = max(time, len(elapsed(node, now)))
                failures = max(failures, len(_failures(node)))
        # In two steps, because ages grow by a digit every now and then.
        time = 0 if not time else _SHORT_TIME if time <= _SHORT_TIME else _LONG_TIME
        return cls(*(_GAP + cells if cells else 0 for cells in (min(info, _MOST_INFO), time, failures)))

    def grown(self, other: Columns) -> Columns:
        """Columns with room for both."""
        return Columns(
            max(self.info, other.info), max(self.time, other.time), max(self.failures, other.failures)
        )

    def within(self, width: int) -> Columns:
        """Those of them that leave two fifths of a width to the name; the least important goes first."""
        kept = self
        for name in ("info", "time", "failures"):
            if 5 * kept.total > 3 * width:
                kept = replace(kept, **{name: 0})
        return kept

    @property
    def total(self) -> int:
        """Cells of all columns."""
        return self.info + self.time + self.failures


def arrow_at(row: TreeRow, width: int) -> int:
    """The cell of a row's arrow."""
    return min(row.depth * INDENT, width // 3)


def draw_row(row: TreeRow, width: int, columns: Columns, inks: Inks, glyphs: Glyphs, *, now: int) -> Strip:
    """Draw a row.

    Args:
        row: The row.
        width: Cells.
        columns: The columns of all rows.
        inks: The inks.
        glyphs: The glyphs.
        now: The time in microseconds, for the age of what is open.
    """
    indent = " " * arrow_at(row, width)
    node = row.node
    if node is None:
        dots = f"{indent}  {glyphs.dot} {glyphs.dot} {glyphs.dot}"
        return line((cell_fit(dots, width), inks["quiet"]))
    columns = columns.within(width)
    if not _info(node):
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
        parts.append((" " * _GAP + cell_fit(_info(node), columns.info - _GAP), ink))
    if columns.time:
        ink = inks["open" if node.status == Status.OPEN else "quiet"]
        parts.append((elapsed(node, now).rjust(columns.time), ink))
    if columns.failures:
        sign = glyphs.failed if node.failed_below else ""
        parts.append((f"{sign}{_failures(node)[1:]}".rjust(columns.failures), inks["failed"] + _BOLD))
    return parts


def _failures(node: NodeRow) -> str:
    """How many nodes under one failed, after a sign."""
    return f"!{short_number(node.failed_below)}" if node.failed_below else ""


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
