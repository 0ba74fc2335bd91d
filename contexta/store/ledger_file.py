"""One ledger of this process: who may write it now, and when it is given back.

Writing opens the file for one transaction and waits for its turn; looking reads a copy, see `ledger_copy`.
All stores of a process that name the same file share one `LedgerFile`, so that it never copies while it
writes. This module knows no model.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import duckdb

from contexta.errors import MetadataError, StoreAccessError
from contexta.store.ledger_copy import FileState, attach_copy, state_of
from contexta.store.ledger_engine import (
    Connection,
    attach,
    create,
    enter,
    has_schema,
    log_of,
    make_schema,
    open_failed,
    pause,
    start,
)

LONGEST_LOG_BYTES: Final = 64 * 1024
LOG_SHARE: Final = 1024
"""A log of more than ``1 / LOG_SHARE`` of the file is folded into it after a write.

Folding costs in proportion to the file, replaying the log at each opening in proportion to the log. When the
last store of a process is closed, or the process ends in order, all is folded.
"""

_CLOSE_WAIT_SECONDS: Final = 1.0


class LedgerFile:
    """A ledger file, for several threads: one writes or looks at a time, the others wait.

    Args:
        path: The file, absolute and resolved; None for a ledger in memory.

    Attributes:
        path: The same.
        lock: Held while somebody writes or looks.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.forget()

    def forget(self) -> object:
        """Start over, and return what is left behind.

        For a forked child: what the parent had open is the parent's to close.
        """
        left: object = getattr(self, "_engine", None)
        self.lock = threading.RLock()
        self._engine: Connection | None = None
        self._depth = 0
        self._doomed = False
        self._attached = False
        self._looking = False
        self._seen: FileState | None = None
        self._owes_fold = False
        return left

    # Looking

    @contextmanager
    def reading(self, wait_seconds: float) -> Iterator[Connection | None]:
        """Give a connection to look with; nothing is locked, created or changed.

        In a transaction of the same thread it sees what the transaction wrote. All looks inside one look see
        the same.

        Args:
            wait_seconds: How long to wait for another thread, or for a moment at which the file rests.

        Yields:
            The connection, or None when there is no ledger yet.

        Raises:
            StoreAccessError: ``metadata_store_open_failed``.
            SchemaVersionError: ``metadata_store_schema_version_unsupported``.
        """
        with self._turn(wait_seconds):
            if self._looking:
                yield self._running()
            elif self._depth or self.path is None:
                yield self._engine if self._attached else None
            elif self._look(self.path, wait_seconds):
                engine = self._running()
                enter(engine, "seen")
                self._looking = True
                try:
                    yield engine
                finally:
                    self._looking = False
                    engine.execute("use memory")
            else:
                yield None

    def _look(self, path: Path, wait_seconds: float) -> bool:
        """See to it that `seen` is the ledger as it is now; False when there is none."""
        deadline = time.monotonic() + wait_seconds
        while True:
            state = state_of(path)
            if state.database is not None and state == self._seen:
                return True
            self._seen = None
            if state.database is None:
                return False
            engine = self._running()
            engine.execute("detach database if exists seen")
            if attach_copy(engine, path, state):
                if not has_schema(engine, "seen", path):
                    return False
                self._seen = state
                return True
            if time.monotonic() >= deadline:
                raise open_failed(path, "it changes faster than it can be copied. Try again.", holder=0)
            pause()

    # Writing

    @contextmanager
    def writing(self, wait_seconds: float, *, may_create: bool = True) -> Iterator[Connection]:
        """Write in one transaction; inside another one of the same thread, join that.

        Args:
            wait_seconds: How long to wait for other threads and processes.
            may_create: Make the ledger when there is none.

        Yields:
            The connection. What was done with it is committed at the end, or rolled back on an exception.

        Raises:
            StoreAccessError: ``metadata_store_open_failed``.
            SchemaVersionError: ``metadata_store_schema_version_unsupported``.
            MetadataError: ``metadata_transaction_failed``: nothing was written.
        """
        with self._turn(wait_seconds):
            if self._depth:
                self._depth += 1
                try:
                    yield self._running()
                finally:
                    self._depth -= 1
            else:
                yield from self._transaction(wait_seconds, may_create=may_create)

    def doom(self) -> None:
        """Let nothing of the transaction around this be written, even if it goes on."""
        self._doomed = self._depth > 0

    def _transaction(self, wait_seconds: float, *, may_create: bool) -> Iterator[Connection]:
        process = os.getpid()
        engine = self._open(wait_seconds, may_create=may_create)
        try:
            engine.execute("begin")
            self._depth = 1
            try:
                yield engine
                # A child that was forked inside the block leaves the rest to its parent.
                if process == os.getpid():
                    self._commit(engine)
            except BaseException:
                if process == os.getpid():
                    with suppress(duckdb.Error):
                        engine.execute("rollback")
                raise
        finally:
            if process == os.getpid():
                self._depth = 0
                self._doomed = False
                self._give_back()

    def _commit(self, engine: Connection) -> None:
        if self._doomed:
            raise MetadataError(
                "A block inside this transaction failed, so nothing of it was written.",
                code="metadata_transaction_failed",
            )
        try:
            engine.execute("commit")
        except duckdb.Error as error:
            raise MetadataError(
                f"The transaction was not written: {error}", code="metadata_transaction_failed", cause=error
            ) from error

    def _open(self, wait_seconds: float, *, may_create: bool) -> Connection:
        engine = self._running()
        if self.path is None:
            if not self._attached:
                engine.execute("attach ':memory:' as ledger")
                make_schema(engine, "ledger")
                self._attached = True
            enter(engine, "ledger")
            return engine
        if state_of(self.path).database is None:
            if not may_create:
                raise open_failed(self.path, "it does not exist, and auto_create is off.")
            create(engine, self.path)
        attach(engine, self.path, wait_seconds)
        self._attached = True
        try:
            if not has_schema(engine, "ledger", self.path):
                make_schema(engine, "ledger")
            enter(engine, "ledger")
        except BaseException:
            self._give_back()
            raise
        return engine

    def _give_back(self, *, fold: bool = False) -> None:
        """Let go of the file. Never raises: what was committed is safe in the log."""
        if self.path is None:
            return
        engine = self._running()
        try:
            self._owes_fold = _fold(engine, self.path, always=fold)
        except (OSError, duckdb.Error):
            self._owes_fold = True
        self._attached = False
        try:
            engine.execute("use memory")
            engine.execute("detach ledger")
        except duckdb.Error:
            self._stop()

    # Both

    def close(self) -> None:
        """Fold the log into the file and let go of everything, unless it is in use; using it starts again."""
        if not self.lock.acquire(timeout=_CLOSE_WAIT_SECONDS):
            return
        try:
            if self._depth:
                return
            if self._owes_fold and self.path is not None and self.path.exists():
                with suppress(StoreAccessError):
                    attach(self._running(), self.path, 0.0)
                    self._give_back(fold=True)
            self._stop()
        finally:
            self.lock.release()

    @contextmanager
    def _turn(self, wait_seconds: float) -> Iterator[None]:
        lock = self.lock
        if not lock.acquire(timeout=wait_seconds):
            raise open_failed(
                self.path or ":memory:",
                f"another thread of this process has been in a transaction for {wait_seconds:g} s.",
                holder=os.getpid(),
            )
        try:
            yield
        except BaseException:
            if lock is self.lock and not self._depth:
                self._stop_if_broken()
            raise
        finally:
            # In a child that was forked inside the block, the lock is a new one.
            if lock is self.lock:
                lock.release()

    def _running(self) -> Connection:
        if self._engine is None:
            self._engine = start()
        return self._engine

    def _stop_if_broken(self) -> None:
        """Let the next use start another engine: after some errors of a disk one answers nothing more."""
        if self._engine is not None:
            try:
                self._engine.execute("select 1")
            except duckdb.Error:
                self._stop()

    def _stop(self) -> None:
        engine, self._engine = self._engine, None
        self._seen = None
        self._attached = False
        if engine is not None:
            engine.close()


def _fold(engine: Connection, path: Path, *, always: bool) -> bool:
    """Fold the log into the file when it is time; tell whether a log is left."""
    log = log_of(path)
    log_bytes = log.stat().st_size if log.exists() else 0
    limit = 0 if always else min(path.stat().st_size // LOG_SHARE, LONGEST_LOG_BYTES)
    if log_bytes > limit:
        engine.execute("checkpoint ledger")
        return False
    if log_bytes:
        log.chmod(stat.S_IMODE(path.stat().st_mode))
    return log_bytes > 0
