"""A catalog in memory that is brought up to date each time somebody asks.

An explorer follows a workspace all the time; a script asks now and then, and must see what it has just put.
So nothing runs in between: each question first takes in what changed. It reads the files only, also those
that this process is writing, so every way of writing is seen alike.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Final

import duckdb

from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer

CANONICAL: Final = frozenset({"ledger", "segments", "artifacts"})
"""The kinds of source that hold what was put or appended on purpose, without the capture files."""


class Mirror:
    """A catalog of one workspace in memory.

    Args:
        workspace: Real path of the workspace; it need not exist.
        kinds: The kinds of source to read; all by default.
        quiet: Makes a block during which no other thread of this process begins to write the ledger. To be
            copied, a file must be opened and closed, and closing any descriptor of a file drops the locks
            that the process has on it.

    Attributes:
        pid: The process that it belongs to; a forked child needs one of its own.
    """

    def __init__(
        self,
        workspace: Path,
        kinds: frozenset[str] | None = None,
        quiet: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._catalog = Catalog.in_memory([workspace])
        self._indexer = Indexer(self._catalog, [workspace], kinds=kinds)
        self._quiet = quiet
        self._lock = threading.Lock()
        self.pid = os.getpid()
        # It has a folder in the temporary ones, to be removed also when nobody closes it.
        self._finalizer = weakref.finalize(self, _close, self._catalog, os.getpid())

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that sees the workspace as it is now, in one state however many questions are put."""
        with self._quiet(), self._lock:
            self._indexer.catch_up()
            cursor = self._catalog.cursor()
            cursor.execute("begin transaction read only")
        try:
            yield cursor
        finally:
            cursor.close()

    def close(self) -> None:
        """Lets go of the catalog."""
        self._finalizer()


def _close(catalog: Catalog, pid: int) -> None:
    # What a forked child inherits is its parent's.
    if os.getpid() == pid:
        catalog.close()
