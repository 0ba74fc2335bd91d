"""`--once`: everything that is recorded now, printed, and an exit code for scripts.

It decides what is printed and what the answer means; how it looks stands in `snapshot_text` and
`snapshot_json`, which are loaded while the catalog is. It must end with a code and a sentence whatever it
finds, never with a stack trace.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Final

import msgspec

from contexta.errors import ContextaError, StoreAccessError
from contexta.loading import INDEX_DAMAGED, Loaded, load
from contexta.query.results import SNAPSHOT_DEPTHS, Issue, NodeKind, NodeRow, Severity
from contexta.sanitize import safe
from contexta_tui.paper import Paper, say
from contexta_tui.settings import FailOn, Settings

if TYPE_CHECKING:
    from rich.text import Text

FINE: Final = 0
ISSUES: Final = 1
UNREADABLE: Final = 2
_INTERRUPTED: Final = 130

_MOST_MATCHES: Final = 1_000_000


class _Loaded(msgspec.Struct, frozen=True):
    """What was read, and what of it is asked for."""

    whole: Loaded
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
    form = "contexta_tui.snapshot_json" if settings.as_json else "contexta_tui.snapshot_text"
    threading.Thread(target=import_module, args=(form,), name="contexta-form").start()
    try:
        try:
            return _printed(settings)
        except StoreAccessError as error:
            if error.code != INDEX_DAMAGED:
                raise
            return _printed(settings)
    except ContextaError as error:
        say(safe(error.message, 500))
        return UNREADABLE
    except OSError as error:
        say(f"the snapshot cannot be written ({error.strerror or error}).")
        return UNREADABLE
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:  # noqa: BLE001 - a script gets a code and a sentence, whatever happened
        say(safe(f"stopped by an error of its own; please report it: {type(error).__name__}: {error}", 500))
        return UNREADABLE


def _printed(settings: Settings) -> int:
    with load(settings.workspaces, cache_dir=settings.cache_dir, use_cache=settings.use_cache) as whole:
        return _print(settings, _asked_for(settings, whole))


def _asked_for(settings: Settings, whole: Loaded) -> _Loaded:
    if settings.select is None:
        return _Loaded(whole, None, whole.issues)
    selected = whole.find(settings.select)
    return _Loaded(whole, selected, whole.issues_under(selected))


def _print(settings: Settings, loaded: _Loaded) -> int:
    paper = Paper(sys.stdout, ascii_only=settings.ascii)
    if settings.as_json:
        paper.write_text(_document(settings, loaded, indent=2 if paper.is_terminal else None))
    else:
        paper.write(_lines(settings, loaded, paper))
    for sentence in loaded.whole.unread():
        say(safe(sentence, 500))
    return ISSUES if any(_counts(issue, settings.fail_on) for issue in loaded.issues) else FINE


def _document(settings: Settings, loaded: _Loaded, *, indent: int | None) -> str:
    from contexta_tui.snapshot_json import as_json, completed, narrowed  # noqa: PLC0415 - being loaded

    depth = _depth(settings, loaded)
    snapshot = completed(loaded.whole.reader.snapshot(depth), loaded.whole.workspaces, loaded.issues)
    if loaded.selected is not None:
        snapshot = narrowed(snapshot, {loaded.selected.ref})
    if settings.filter.strip():
        hits = loaded.whole.reader.matches(settings.filter, _MOST_MATCHES).hits
        snapshot = narrowed(snapshot, {hit.ref for hit in hits})
    return as_json(snapshot, indent=indent)


def _depth(settings: Settings, loaded: _Loaded) -> NodeKind:
    """The depth that was asked for; that of the selected node where it lies deeper."""
    depths = SNAPSHOT_DEPTHS
    depth = NodeKind(settings.depth)
    kind = None if loaded.selected is None else loaded.selected.kind
    return kind if kind in depths and depths.index(kind) > depths.index(depth) else depth


def _lines(settings: Settings, loaded: _Loaded, paper: Paper) -> Iterator[Text]:
    from contexta_tui import snapshot_text, snapshot_tree  # noqa: PLC0415 - being loaded

    reader, node = loaded.whole.reader, loaded.selected
    view = snapshot_tree.View(
        glyphs=paper.glyphs,
        depth=_depth(settings, loaded),
        width=paper.width,
        today=time.time_ns() // 1000,
        workspaces=loaded.whole.workspaces,
    )
    yield from snapshot_text.header(reader, loaded.issues, view)
    if node is not None:
        yield from snapshot_tree.branch(reader, node, view)
        yield from snapshot_text.why(reader, node, view)
        yield from snapshot_text.metrics(reader, node, view)
    elif settings.filter.strip():
        yield from snapshot_tree.matching(reader, settings.filter, view)
    else:
        yield from snapshot_tree.tree(reader, view)
    yield from snapshot_text.deployments(reader, node, view)
    yield from snapshot_text.diagnostics(reader, loaded.issues, view)
    if node is None:
        yield from snapshot_text.sources(reader, view)


def _counts(issue: Issue, fail_on: FailOn) -> bool:
    return fail_on != "never" and issue.severity.rank <= Severity(fail_on).rank
