"""What stands on the frame of a node's pane: where it is and how it ended, and a few facts.

Functions from values to content; recorded names are made safe here.
"""

from __future__ import annotations

from textual.content import Content

from contexta.query.results import NodeRow, Status
from contexta_tui.glyphs import Glyphs
from contexta_tui.text import safe
from contexta_tui.viewmodels.format import clock, duration, plural
from contexta_tui.widgets.inks import status_ink, title


def heading(node: NodeRow, path: tuple[str, ...], glyphs: Glyphs) -> Content:
    """For the upper border: `✖ evaluate › holdout  failed · 12.4s`.

    What failed is called failed, whatever its status says: a sample that was answered wrongly has ended well.

    Args:
        node: The node.
        path: Names down to it.
        glyphs: The glyphs.
    """
    names = f" {glyphs.separator} ".join(safe(name, 40) for name in path) or safe(node.name, 40)
    length = None
    if node.started_at is not None and node.ended_at is not None:
        length = node.ended_at - node.started_at
    status = Status.FAILED if node.failed else node.status
    state = status.value + (f" {glyphs.dot} {duration(length)}" if length is not None else "")
    ink = f"$status-{status_ink(status)}"
    return title((f"{glyphs.status(status)} ", ink), (names, "$foreground"), (f"  {state}", ink))


def facts(node: NodeRow, glyphs: Glyphs, *, today: int | None) -> Content:
    """For the lower border: `batch · 02:27:04 · 1,204 records · captured`.

    Args:
        node: The node.
        glyphs: The glyphs.
        today: Any time of the reader's day in microseconds, for dates.
    """
    words = [node.kind.value]
    if node.started_at is not None:
        words.append(clock(node.started_at, today=today))
    words.append(plural(node.records, "record"))
    if node.origin:
        words.append(" + ".join(node.origin.labels()))
    return title((f" {glyphs.dot} ".join(words), "$quiet"))
