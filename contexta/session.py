"""Keeps one answer ready while a catalog is being filled: the catalog, its indexer, and a preview.

A capture that is large and not indexed yet is shown newest first: a preview, an own catalog in memory over
the last bytes of each file, follows the live end while the durable catalog takes in everything from its
committed offset; then that is put in its place. It knows no thread and no clock but the indexer's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import duckdb
import msgspec

from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer, Step
from contexta.reader import CatalogReader
from contexta.watch.workspace import path_text

_PREVIEW_BYTES: Final = 512 * 1024
_BULK_BYTES: Final = 32 * 1024 * 1024
_LIVE_BYTES: Final = 4 * 1024 * 1024
_HEAD_START_S: Final = 0.5
"""Seconds in which a preview is shown, and the screen laid out, before two threads parse a large file."""

_PATIENCE: Final = 9.0
"""Diagnoses take at most a tenth of the time."""


class Progress(msgspec.Struct, frozen=True):
    """What an advance came to.

    Attributes:
        step: What the durable catalog's indexer did.
        changed: Whether answers of `Session.reader` may differ from before.
        indexing: Whether something is not in the answers, or not in the durable catalog, yet.
    """

    step: Step
    changed: bool
    indexing: bool


class Session:
    """Follows workspaces into a catalog.

    Args:
        catalog: The catalog; the session closes it.
        workspaces: Real paths of the workspaces.
        quiet_s: Tells how many seconds ago the newest line was appended.
        preview_from: Bytes that have to be missing in the catalog for a preview to be worth it.

    Attributes:
        catalog: The catalog.
        workspaces: The workspaces.
        reader: Where to ask; another object whenever node ids mean something else from now on.
    """

    def __init__(
        self,
        catalog: Catalog,
        workspaces: Sequence[Path],
        quiet_s: Callable[[], float | None],
        *,
        preview_from: int,
    ) -> None:
        self.catalog = catalog
        self.workspaces = tuple(workspaces)
        self._quiet_s = quiet_s
        self._preview_from = preview_from
        self._indexer = Indexer(catalog, self.workspaces, head_start_s=_HEAD_START_S)
        self._behind = 0
        self._began = False
        self._caught_up = False
        self._preview: Indexer | None = None
        self._previews: list[Catalog] = []
        self.reader = self._reader_of(catalog)

    def advance(
        self, *, hinted: bool = False, touched: Collection[Path] = (), ahead: bool = False
    ) -> Progress:
        """Takes in a bounded part of what is new.

        Args:
            hinted: Look at every source now.
            touched: Files that are known to have changed.
            ahead: Whether what a job records may be told first and written by a later advance, or at the end.

        Raises:
            duckdb.Error: The catalog cannot be written, or is damaged.
            OSError: No temporary file can be written.
        """
        if self.catalog.damage:
            raise duckdb.IOException(self.catalog.damage)
        if not self._began:
            self._began = True
            step = self._indexer.step(budget=0, hinted=True)
            if step.behind > self._preview_from:
                self._begin_preview()
                return Progress(step, changed=True, indexing=True)
        shown = self._preview.step(budget=_LIVE_BYTES, touched=touched) if self._preview else None
        bulk = self._behind > _LIVE_BYTES
        step = self._indexer.step(
            budget=_BULK_BYTES if bulk else _LIVE_BYTES,
            hinted=hinted,
            touched=touched,
            ahead=ahead and self._caught_up,
        )
        self._behind = step.behind
        changed = step.changed if shown is None else shown.changed
        if shown is not None and shown.rebuilt and self._preview is not None:
            self.reader = self._reader_of(self._preview.catalog)
        self._caught_up &= not step.rebuilt
        if step.rebuilt and self._preview is None:
            self.reader = self._reader_of(self.catalog)
            if step.behind > self._preview_from:
                self._begin_preview()
        elif self._preview is not None and step.behind <= _LIVE_BYTES:
            self._preview = None
            self.reader = self._reader_of(self.catalog)
            changed = True
        self._caught_up |= step.behind <= 0
        # Behind a job that writes faster than a step reads is following, not indexing.
        behind = step.behind > (_LIVE_BYTES if self._caught_up else 0)
        return Progress(step, changed, indexing=self._preview is not None or behind)

    def trouble(self) -> str:
        """One sentence about what is not as it should be, or an empty text."""
        for workspace in self.workspaces:
            if not workspace.is_dir():
                return f"{workspace} is gone; this is what was read before."
        sources = self._indexer.sources()
        for source in sources:
            if source.state == "locked":
                return f"The ledger is {source.detail}."
        for source in sources:
            if source.state == "unreadable":
                return f"{path_text(source.path)} cannot be read: {source.detail}."
        if not any(source.lines for source in sources):
            return "Nothing is recorded here yet; waiting for a job to record something."
        return self.catalog.notice

    def close(self, *, keep: bool = True) -> None:
        """Closes the catalogs; what was committed is kept unless told otherwise."""
        for preview in self._previews:
            preview.close()
        with suppress(duckdb.Error, OSError):  # Its connection may be what failed.
            if keep:
                self._indexer.settle()
        with suppress(duckdb.Error):
            self._indexer.close()
        self.catalog.close(keep=keep)

    def _reader_of(self, catalog: Catalog) -> CatalogReader:
        return CatalogReader(catalog, self._quiet_s, patience=_PATIENCE)

    def _begin_preview(self) -> None:
        # Not closed before the session is: someone may be asking it at the moment it is replaced.
        preview = Catalog.in_memory(self.workspaces)
        self._previews.append(preview)
        self._preview = Indexer(preview, self.workspaces, newest_bytes=_PREVIEW_BYTES)
        self._preview.step(budget=_LIVE_BYTES, hinted=True)
        self.reader = self._reader_of(preview)
