"""Which files are taken in one piece, and when.

A large file that was never read waits until it is its turn: one at a time is parsed beside everything else,
while smaller files are followed as ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import duckdb
from msgspec.structs import replace

from contexta.catalog.bulk import RANGES, Bulk, UnusualError, remove
from contexta.catalog.catalog import Catalog
from contexta.catalog.sources import Followed, save

LARGE_BYTES: Final = 64 * 1024 * 1024
"""From so many bytes on a file that was never read is taken in one piece."""

_WAIT_S: Final = 0.02


class LargeFiles:
    """Takes large files into a catalog, one after the other.

    Args:
        catalog: Where to. One in memory takes no file in one piece.
        size: Bytes from which on a file is large; `None` when none is.
        wait_s: Seconds before one is parsed.
    """

    def __init__(self, catalog: Catalog, size: int | None, *, wait_s: float = 0.0) -> None:
        self._catalog = catalog
        self._size = size if catalog.path is not None else None
        self._wait_s = wait_s
        self._item: Followed | None = None
        self._bulk: Bulk | None = None
        if catalog.path is not None:
            remove(_staging_of(catalog.path))  # A process that was killed may have left it.

    def holds(self, item: Followed) -> bool:
        """Whether a file is being taken, or waits to be."""
        mark = item.source.mark
        return item is self._item or (
            self._size is not None
            and not item.in_slices
            and mark.position == 0
            and mark.skip_from is None
            and mark.size >= self._size
        )

    def step(self, items: Sequence[Followed], *, idle: bool) -> int | None:
        """Begins with the next file, or takes the current one once it is parsed.

        Args:
            items: Files that are held.
            idle: Whether there is nothing else to do, so that it may wait a moment.

        Returns:
            The number of new records when a file is in.

        Raises:
            duckdb.Error: The catalog cannot be written; it is as it was before.
        """
        if self._bulk is None or self._item is None:
            path = self._catalog.path
            if not items or path is None:
                return None
            self._item = items[0]
            source = self._item.source
            staging = _staging_of(path)
            self._bulk = Bulk(source.path, source.kind, source.workspace, staging, wait_s=self._wait_s)
        if not self._bulk.ready(_WAIT_S if idle else 0.0):
            return None
        try:
            return self._take(self._item, self._bulk)
        except UnusualError:
            self._item.in_slices = True
            return None
        finally:
            self.close()

    def close(self) -> None:
        """Ends what runs beside; the catalog stays open."""
        if self._bulk is not None:
            self._bulk.close(self._catalog.connection)
            self._catalog.give_back()
        self._item = self._bulk = None

    def _take(self, item: Followed, bulk: Bulk) -> int:
        for size in RANGES:
            with suppress(duckdb.OutOfMemoryException):
                return self._take_at_once(item, bulk, size)
        raise UnusualError  # Slices need less, and what each took can be written out.

    def _take_at_once(self, item: Followed, bulk: Bulk, size: int) -> int:
        with self._catalog.transaction() as connection:
            records, read = bulk.take(connection, size)
            source = item.source
            mark = replace(
                source.mark,
                position=read.position,
                head=read.head,
                head_length=read.head_length,
                tail=read.tail,
            )
            source = replace(source, mark=mark, lines=source.lines + bulk.lines)
            save(connection, [source])
        item.source = item.saved = source
        return records


def _staging_of(catalog: Path) -> Path:
    return catalog.with_suffix(".staging")
