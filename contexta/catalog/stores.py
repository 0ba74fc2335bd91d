"""Takes the stores that are read whole: a ledger, and the bindings of an artifact vault.

They have no position: whatever changes, all of it is read, and what the catalog has already stays as it is.
When a store says less than before, only emptying the catalog is right, and the caller is told.
"""

from __future__ import annotations

import os
import time
from enum import Enum
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from contexta.catalog import bindings, ledger, relations
from contexta.catalog.catalog import Catalog
from contexta.catalog.ingest import Damage, Part, TakenBackError
from contexta.catalog.ingest import take as take_lines
from contexta.catalog.relations import Relations
from contexta.catalog.sources import Followed, Source, replace_damage, save
from contexta.watch.tail import Mark

_REST: Final = 10.0
"""After a read, that many times the seconds it took pass before the next: a store is read whole each time."""

_MOST_REST_S: Final = 60.0
"""Seconds that pass at most: the process, or its machine, may have been stopped in the middle of a read."""

_SETTLES_AFTER_S: Final = 2.0
_AGAIN_AFTER_S: Final = 0.5


class Outcome(Enum):
    """What a look at a store came to; the state of its source may have changed with any of them."""

    SAME = "same"
    CHANGED = "changed"
    LOST = "lost"


def take(catalog: Catalog, item: Followed, root: Path, now: float) -> Outcome:
    """Reads a store when it changed.

    Args:
        catalog: Where to.
        item: The store; gets its new state.
        root: Real path of the workspace.
        now: Time on the monotonic clock, in seconds.

    Raises:
        duckdb.Error: The catalog cannot be written.
    """
    if item.source.kind == "ledger":
        return _take_ledger(catalog, item, root, now)
    return _take_bindings(catalog, item, root, now)


def _take_ledger(catalog: Catalog, item: Followed, root: Path, now: float) -> Outcome:
    path = item.source.path
    state = ledger.look(path)
    if state.database is None:
        return Outcome.SAME
    mark = Mark(inode=state.database[0], size=state.size, mtime_ns=state.mtime_ns)
    item.pending = mark != item.source.mark
    if item.pending and now < item.again_at:
        return Outcome.SAME
    outcome = Outcome.SAME
    try:
        ledger.check(path, root)
        if item.pending:
            found = ledger.read(path)
            _rest(item, now)
            source = replace(item.source, mark=mark, lines=found.rows)
            unread = (found.poisoned, found.complaint)
            outcome = _commit(catalog, item, source, found.data, unread, beside=found.relations)
    except ledger.BusyLedgerError:
        item.again_at = now + _AGAIN_AFTER_S
    except ledger.LedgerError as error:
        if time.time_ns() - state.mtime_ns < _SETTLES_AFTER_S * 1e9 and item.source.lines:
            # A copy that was taken in the middle of a write may look damaged; say so only if it stays so.
            item.again_at = now + _AGAIN_AFTER_S
        else:
            item.pending = False
            item.source = replace(item.source, mark=mark).with_state("unreadable", str(error))
    else:
        item.pending = False
        item.source = item.source.with_state(*_held(ledger.holder(path)))
    return outcome


def _held(holder: int | None) -> tuple[str, str]:
    if holder is None:
        return "ok", ""
    who = f"process {holder}" if holder > 0 else "another process"
    return "locked", f"held by {who}; read from a copy"


def _take_bindings(catalog: Catalog, item: Followed, root: Path, now: float) -> Outcome:
    source = item.source
    if now < item.again_at:
        return Outcome.SAME
    item.pending = False
    if not Path(os.path.realpath(source.path)).is_relative_to(root):
        item.source = source.with_state("unreadable", "a link that leads out of the workspace")
        return Outcome.SAME
    try:
        found = bindings.look(source.path)
    except OSError as error:
        item.source = source.with_state("unreadable", (error.strerror or str(error)).lower())
        return Outcome.SAME
    if found.mark == source.mark:
        item.source = source.with_state("ok", "")
        return Outcome.SAME
    names = frozenset(found.files)
    if len(names) < source.lines or item.names - names:
        return Outcome.LOST
    data, unreadable, complaint = bindings.read(found, root)
    _rest(item, now)
    item.names = names
    source = replace(source, mark=found.mark, lines=len(names)).with_state("ok", "")
    return _commit(catalog, item, source, data, (unreadable, complaint))


def _commit(
    catalog: Catalog,
    item: Followed,
    source: Source,
    data: bytes,
    unread: tuple[int, str],
    *,
    beside: Relations | None = None,
) -> Outcome:
    """Takes what a store says, and notes how much of it cannot be read, and why."""
    unreadable, complaint = unread
    line_format = "ledger" if source.kind == "ledger" else "bindings"
    try:
        with catalog.transaction() as connection:
            taken = take_lines(connection, [Part(source.id, 0, data)], line_format, source.workspace)
            unreadable += sum(found.lines for found in taken.damage)
            complaint = complaint or next((found.error for found in taken.damage), "")
            source = replace(source, damaged=unreadable)
            damage = [Damage(source.id, 0, 0, unreadable, complaint)] if unreadable else []
            replace_damage(connection, source.id, damage)
            if beside is not None:
                relations.replace(connection, source.workspace, beside)
            save(connection, [source])
    except TakenBackError:
        return Outcome.LOST
    item.source = item.saved = source
    return Outcome.CHANGED


def _rest(item: Followed, began: float) -> None:
    ended = time.monotonic()
    item.again_at = ended + min(_REST * (ended - began), _MOST_REST_S)
