"""The tree of a snapshot as lines: who it is on the left, how it went in columns on the right.

It asks the queries page by page and stops at a limit, so that a workspace with a million samples gives some
pages of text and says how much more there is. What stands beside the tree is in `snapshot_text`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich.text import Text

from contexta.query.port import Queries
from contexta.query.results import SNAPSHOT_DEPTHS, NodeKind, NodeRow, Status
from contexta_tui.glyphs import UNICODE, Glyphs
from contexta_tui.paper import PIPE_WIDTH
from contexta_tui.printing import FAILED, QUIET, STATUS_STYLES, STRONG, columns
from contexta_tui.text import safe
from contexta_tui.viewmodels.filter_advice import unknown_choice
from contexta_tui.viewmodels.format import count, duration, plural

MOST_CHILDREN: Final = 100
"""Children of one kind that are listed under one node."""

MOST_ROWS: Final = 2_000
"""Rows of the whole tree."""

NAME: Final = 120
"""Most characters of a recorded name in a line."""

_NAME_IN_TREE: Final = 60


@dataclass(frozen=True, slots=True)
class View:
    """How to show it.

    Attributes:
        glyphs: The signs.
        depth: The deepest kind of node to list.
        width: Cells of a line.
        today: The current time in microseconds since the epoch.
        workspaces: The folders that were read.
    """

    glyphs: Glyphs = UNICODE
    depth: NodeKind = NodeKind.BATCH
    width: int = PIPE_WIDTH
    today: int = 0
    workspaces: Sequence[Path] = ()


@dataclass(slots=True)
class _Rows:
    """Rows of the tree so far."""

    rows: list[tuple[Text, ...]] = field(default_factory=list)

    def room(self) -> int:
        """How many more there may be."""
        return max(0, MOST_ROWS - len(self.rows))


def tree(queries: Queries, view: View) -> list[Text]:
    """Everything, down to the depth of the view."""
    found = _Rows()
    for project in queries.projects():
        _branch(queries, project, 0, view, found)
    return headed("Runs", _aligned_rows(found, view)) if found.rows else [Text("Nothing is recorded.")]


def matching(queries: Queries, query: str, view: View) -> list[Text]:
    """What a filter finds, each under what it belongs to."""
    found = queries.matches(query, MOST_ROWS)
    known = {row.id: row for row in found.ancestors}
    shown = _Rows()
    done: set[int] = set()
    for hit in found.hits:
        for row in (*(known[key] for key in hit.path if key in known), hit):
            if row.id not in done:
                done.add(row.id)
                shown.rows.append(_row(row, len(row.path), view))
    if found.total > len(found.hits):
        shown.rows.append(_more(found.total - len(found.hits), "node", 0, view))
    title = f"{plural(found.total, 'node')} found for {safe(query, 80)}"
    advice = unknown_choice(query) if not found.total else ""
    return headed(title, [*([Text(advice, QUIET)] if advice else []), *_aligned_rows(shown, view)])


def branch(queries: Queries, node: NodeRow, view: View) -> list[Text]:
    """One node and what is under it, after the names of what it belongs to."""
    above = [row.name for row in _ancestors(queries, node)]
    found = _Rows()
    _branch(queries, node, 0, view, found)
    title = f" {view.glyphs.separator} ".join(safe(name, NAME) for name in (*above, node.name))
    return headed(title, [Text(safe(node.ref, 300), QUIET), *_aligned_rows(found, view)])


def headed(title: str, lines: Sequence[Text]) -> list[Text]:
    """Lines under a title, after an empty one."""
    return [Text(), Text(title, STRONG), *lines]


def _branch(queries: Queries, node: NodeRow, level: int, view: View, found: _Rows) -> None:
    found.rows.append(_row(node, level, view))
    for group in node.children:
        if group.kind not in SNAPSHOT_DEPTHS or SNAPSHOT_DEPTHS.index(group.kind) > SNAPSHOT_DEPTHS.index(
            view.depth
        ):
            continue
        shown = 0
        room = min(MOST_CHILDREN, found.room())
        for child in queries.children(node.id, group.kind, 0, room) if room else ():
            if not found.room():
                break
            _branch(queries, child, level + 1, view, found)
            shown += 1
        if shown < group.count:
            found.rows.append(_more(group.count - shown, group.kind.value, level + 1, view))


def _row(node: NodeRow, level: int, view: View) -> tuple[Text, ...]:
    status = Status.FAILED if node.failed else node.status
    style = STATUS_STYLES[status]
    name = Text("  " * level)
    if node.kind is not NodeKind.PROJECT:
        name.append(f"{view.glyphs.status(status)} ", style)
    name.append(safe(node.name, _NAME_IN_TREE), FAILED if node.failed else "")
    below = f"{view.glyphs.failed} {count(node.failed_below)}" if node.failed_below else ""
    return (
        name,
        Text("" if node.kind is NodeKind.PROJECT else status.value, style),
        Text(_elapsed(node, view.today), QUIET),
        Text(", ".join(plural(group.count, group.kind.value) for group in node.children), QUIET),
        Text(plural(node.records, "record"), QUIET),
        Text(below, FAILED),
        Text(safe(node.note, 80), FAILED if node.failed else QUIET),
    )


def _more(number: int, word: str, level: int, view: View) -> tuple[Text, ...]:
    return (Text("  " * level) + more_line(number, word, view), *(Text() for _ in range(6)))


def more_line(number: int, word: str, view: View) -> Text:
    """How many more there are than are listed."""
    return Text(
        f"{'...' if view.glyphs.ascii else '…'} and {number:,} more {plural(number, word).split()[1]}", QUIET
    )


def _aligned_rows(found: _Rows, view: View) -> list[Text]:
    return columns(found.rows, right=(2, 4), optional=(4, 3, 6, 2), width=view.width)


def _elapsed(node: NodeRow, now: int) -> str:
    start = node.first_at if node.started_at is None else node.started_at
    end = now if node.status is Status.OPEN else node.ended_at
    if end is None:
        end = node.last_at
    if node.kind is NodeKind.PROJECT or start is None or end is None:
        return ""
    return duration(max(0, end - start))


def _ancestors(queries: Queries, node: NodeRow) -> list[NodeRow]:
    known = queries.nodes(node.path)
    return [known[key] for key in node.path if key in known and known[key].kind is not NodeKind.PROJECT]
