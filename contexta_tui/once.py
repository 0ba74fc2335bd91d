"""`--once`: everything that is recorded now, printed, and an exit code for scripts.

It decides what is printed and what the answer means; how it looks stands in `snapshot_text` and
`snapshot_json`. It must end with a code and a sentence whatever it finds, never with a stack trace.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.text import Text

from contexta.live import Follower
from contexta.query.results import Issue, NodeKind, NodeRow, Severity
from contexta.reader import CatalogReader
from contexta.watch.workspace import workspaces_in
from contexta_tui import snapshot_text
from contexta_tui.printing import Paper, say
from contexta_tui.settings import FailOn, Settings
from contexta_tui.snapshot_json import as_json, completed, narrowed
from contexta_tui.text import safe

FINE: Final = 0
ISSUES: Final = 1
UNREADABLE: Final = 2
_INTERRUPTED: Final = 130

_MOST_MATCHES: Final = 1_000_000


class UsageError(Exception):
    """What was asked for cannot be answered; the message is one sentence for the person who asked."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What was read."""

    reader: CatalogReader
    workspaces: tuple[Path, ...]
    selected: NodeRow | None
    issues: tuple[Issue, ...]


def run_once(settings: Settings) -> int:
    """Print a snapshot.

    Args:
        settings: What the command line asked for.

    Returns:
        0 when all is fine, 1 when an issue is as bad as `fail_on` says, 2 when there is nothing to read or
        the output cannot be written.
    """
    try:
        loaded = _load(settings)
        paper = Paper(sys.stdout, ascii_only=settings.ascii)
        if settings.as_json:
            paper.write_text(_document(settings, loaded, indent=2 if paper.is_terminal else None))
        else:
            paper.write(_lines(settings, loaded, paper))
        for sentence in _unread(loaded.reader):
            say(sentence)
    except UsageError as error:
        say(str(error))
        return UNREADABLE
    except OSError as error:
        say(f"the snapshot cannot be written ({error.strerror or error}).")
        return UNREADABLE
    except KeyboardInterrupt:
        return _INTERRUPTED
    return ISSUES if any(_counts(issue, settings.fail_on) for issue in loaded.issues) else FINE


def why_unreadable(root: Path) -> str:
    """Say in one sentence why a path holds no workspace to read, or nothing when it does."""
    name = safe(str(root), 300)
    try:
        if not root.exists():
            return f"{name} does not exist. Name a folder that holds a workspace, such as .contexta."
        if not root.is_dir():
            return f"{name} is not a folder. Name the folder that the job records to, such as .contexta."
        os.scandir(root).close()
        found = workspaces_in(root)
        for workspace in found:
            os.scandir(workspace).close()
    except OSError as error:
        return f"{name} cannot be read ({(error.strerror or str(error)).lower()})."
    return "" if found else f"{name} holds no workspace: nothing was recorded there."


def _load(settings: Settings) -> _Loaded:
    for root in settings.workspaces:
        if why := why_unreadable(root):
            raise UsageError(why)
    follower = Follower(settings.workspaces, cache_dir=settings.cache_dir, use_cache=settings.use_cache)
    reader, workspaces = follower.load()
    sources = reader.sources()
    if sources and all(source.state == "unreadable" for source in sources):
        first = sources[0]
        raise UsageError(f"{safe(first.path, 300)} cannot be read ({safe(first.detail, 200)}).")
    issues = reader.issues()
    if settings.select is None:
        return _Loaded(reader, workspaces, None, issues)
    selected = reader.find(settings.select)
    if selected is None:
        raise UsageError(
            f"nothing here, or more than one thing, is called {safe(settings.select, 300)}; "
            "take a ref that --json prints."
        )
    return _Loaded(reader, workspaces, selected, _under(reader, selected, issues))


def _under(reader: CatalogReader, node: NodeRow, issues: Sequence[Issue]) -> tuple[Issue, ...]:
    """The issues at or under a node."""
    keys = {issue.node_id for issue in issues if issue.node_id is not None}
    rows = reader.nodes(tuple(sorted(keys)))
    inside = {row.id for row in rows.values() if node.id in (row.id, *row.path)}
    return tuple(issue for issue in issues if issue.node_id in inside)


def _document(settings: Settings, loaded: _Loaded, *, indent: int | None) -> str:
    depth = _depth(settings, loaded)
    snapshot = completed(loaded.reader.snapshot(depth), loaded.workspaces, loaded.issues)
    if loaded.selected is not None:
        snapshot = narrowed(snapshot, {loaded.selected.ref})
    if settings.filter.strip():
        hits = loaded.reader.matches(settings.filter, _MOST_MATCHES).hits
        snapshot = narrowed(snapshot, {hit.ref for hit in hits})
    return as_json(snapshot, indent=indent)


def _depth(settings: Settings, loaded: _Loaded) -> NodeKind:
    """The depth that was asked for; that of the selected node where it lies deeper."""
    depths = snapshot_text.DEPTHS
    depth = NodeKind(settings.depth)
    kind = None if loaded.selected is None else loaded.selected.kind
    return kind if kind in depths and depths.index(kind) > depths.index(depth) else depth


def _lines(settings: Settings, loaded: _Loaded, paper: Paper) -> Iterator[Text]:
    reader, node = loaded.reader, loaded.selected
    view = snapshot_text.View(
        glyphs=paper.glyphs,
        depth=_depth(settings, loaded),
        width=paper.width,
        today=time.time_ns() // 1000,
        workspaces=loaded.workspaces,
    )
    yield from snapshot_text.header(reader, loaded.issues, view)
    if node is not None:
        yield from snapshot_text.branch(reader, node, view)
        yield from snapshot_text.why(reader, node, view)
        yield from snapshot_text.metrics(reader, node, view)
    elif settings.filter.strip():
        yield from snapshot_text.matching(reader, settings.filter, view)
    else:
        yield from snapshot_text.tree(reader, view)
    yield from snapshot_text.deployments(reader, node, view)
    yield from snapshot_text.diagnostics(reader, loaded.issues, view)
    if node is None:
        yield from snapshot_text.sources(reader, view)


def _unread(reader: CatalogReader) -> Iterator[str]:
    """A sentence for each source that could not be read while others could."""
    for source in reader.sources():
        if source.state == "unreadable":
            yield f"{safe(source.path, 300)} cannot be read ({safe(source.detail, 200)})."


def _counts(issue: Issue, fail_on: FailOn) -> bool:
    return fail_on != "never" and issue.severity.rank <= Severity(fail_on).rank
