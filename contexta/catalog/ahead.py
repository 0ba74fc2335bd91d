"""Tells what plain lines change before they are written, while a job is followed.

To write a slice costs much the same whether it has thirty lines or three hundred, because nearly all of it is
planning, and to know what it changes a fraction of that. So what plain lines say of the tree and its totals
is told as soon as they are read; rows, and how far each file was read, are written together a few times a
second. Whatever is of consequence, and every scope that is likely to be in view, is written at once.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from contexta.catalog.catalog import MOST_CHANGES, Catalog
from contexta.catalog.changes import TreeChanges
from contexta.catalog.ingest import Part, Taken
from contexta.catalog.quick import Quick
from contexta.catalog.schema import KINDS
from contexta.catalog.sources import Followed, Source, save
from contexta.vocabulary import NodeKind
from contexta.watch.tail import Reading

_EVERY_S: Final = 0.4
_MOST_RECORDS: Final = 2_000
_SELDOM_IN_VIEW: Final = frozenset(KINDS.index(kind) for kind in (NodeKind.SAMPLE, NodeKind.OPERATION))


class _Waiting(msgspec.Struct):
    """A source, some of whose lines are read and not written, and what it was before."""

    item: Followed
    before: Source


class Ahead:
    """Takes the plain lines of captures.

    Args:
        catalog: The catalog. Whoever else writes to it calls `write` before.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._quick = Quick(catalog)
        self._waiting: dict[int, _Waiting] = {}
        self._told = 0
        self._since = 0.0

    @property
    def is_due(self) -> bool:
        """Whether what is told has waited long enough."""
        return bool(self._waiting) and (
            time.monotonic() - self._since >= _EVERY_S
            or self._quick.waiting >= _MOST_RECORDS
            # Whoever knows the rows as they were committed has to find all that was told since.
            or self._told >= MOST_CHANGES // 2
            or self._catalog.commits_at_once
        )

    def holds(self, item: Followed) -> bool:
        """Whether lines of a source are told and not written."""
        return item.source.id in self._waiting

    def take(
        self, workspace: int, readings: Sequence[tuple[Followed, Reading]], *, defer: bool
    ) -> Taken | None:
        """Takes what was read of some captures of a workspace.

        Args:
            workspace: Number of the workspace.
            readings: What was read of each.
            defer: Whether it may be told now and written later.

        Returns:
            What was taken, or `None` when nothing was, because something is not plain.

        Raises:
            duckdb.Error: The catalog cannot be written.
        """
        if any(reading.skipped for _, reading in readings):
            return None
        if self._quick.workspace not in (None, workspace):
            self.write()
        try:
            taken = self._quick.read(parts_of(readings), workspace)
        except BaseException:
            self.forget()
            raise
        if taken is None or taken.changes is None:
            return None
        if not self._waiting:
            self._since = time.monotonic()
        for item, reading in readings:
            source = item.source
            self._waiting.setdefault(source.id, _Waiting(item, source))
            lines = taken.lines.get(source.id, 0)
            item.source = replace(
                source,
                mark=reading.mark,
                lines=source.lines + lines,
                in_damage=source.in_damage and not lines,
            )
        if defer and taken.is_plain and _is_out_of_sight(taken.changes):
            self._catalog.tell(taken.changes)
            self._told += 1
        else:
            self.write(taken.changes, is_plain=taken.is_plain)
        return taken

    def write(self, changes: TreeChanges | None = None, *, is_plain: bool = True) -> bool:
        """Writes what was read since the last time.

        Args:
            changes: What it changes of the tree that was not told.
            is_plain: Whether it is of no consequence; see `Catalog.of_no_consequence`.

        Returns:
            Whether there was anything.

        Raises:
            duckdb.Error: The catalog cannot be written; its files are as far as it has them.
        """
        if not self._waiting:
            return False
        items = [waiting.item for waiting in self._waiting.values()]
        try:
            with self._catalog.transaction() as connection:
                self._quick.write()
                save(connection, [item.source for item in items])
                if is_plain:
                    self._catalog.of_no_consequence()
                self._catalog.changes_no_more_than(changes or TreeChanges())
        except BaseException:
            self.forget()
            raise
        for item in items:
            item.saved = item.source
        self._waiting, self._told = {}, 0
        return True

    def forget(self, *, rows_gone: bool = False) -> None:
        """Forgets what is told and not written, so that it is read again, and what is known of the catalog.

        Args:
            rows_gone: Whether rows may have been deleted, too.
        """
        for waiting in self._waiting.values():
            waiting.item.source = waiting.before
            waiting.item.pending = True
        self._waiting, self._told = {}, 0
        self._catalog.take_back()
        self._quick.forget(rows_gone=rows_gone)


def parts_of(readings: Sequence[tuple[Followed, Reading]]) -> list[Part]:
    """The lines among what was read of some sources."""
    return [
        Part(item.source.id, reading.position, reading.data) for item, reading in readings if reading.data
    ]


def _is_out_of_sight(changes: TreeChanges) -> bool:
    """Whether hardly anybody looks at the rows that changes add, or change otherwise than in their totals."""
    return not changes.stated and all(kind in _SELDOM_IN_VIEW for _, kind, _ in changes.added)
