"""Takes a large file that was never read into the catalog, whole.

Slices are for following: planning one costs as much as thousands of lines, and one thread parses it. A large
file is parsed by DuckDB itself, on two threads, into a staging database beside the catalog. That happens on
a thread of its own and touches nothing. Then the staged rows go the way of all slices, a range at a time, in
one transaction. The catalog comes out the same, row by row. Whatever is out of the ordinary with a file
(damage, a line that is too long, another file by now) is for the slices: then nothing has been changed.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

import duckdb
import msgspec

from contexta.catalog.catalog import MEMORY_LIMIT
from contexta.catalog.ingest import UNREADABLE, settle
from contexta.catalog.lines import REFS, staged, unstaged
from contexta.journal.read import MAX_LINE_BYTES
from contexta.watch import tail
from contexta.watch.tail import Mark

RANGES: Final = (500_000, 125_000)
"""Lines that go into the tables at a time: for many, planning is paid less often; fewer need less memory."""

_NICE: Final = 10
_BLOCK_BYTES: Final = 4 * 1024 * 1024
_SETTINGS: Final[dict[str, str | int | float | bool | list[str]]] = {
    "threads": 2,
    "memory_limit": MEMORY_LIMIT,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


class UnusualError(Exception):
    """The file is to be read in slices."""


class Bulk:
    """One file on its way into a catalog.

    Args:
        path: The file.
        line_format: `capture` or `segments`.
        workspace: Number of the workspace in the catalog.
        staging: Where the staging database goes; whatever is there is replaced.
        wait_s: Seconds before it begins.

    Attributes:
        path: The file.
        lines: Number of lines that were taken, once `take` is through.
    """

    def __init__(
        self, path: Path, line_format: str, workspace: int, staging: Path, *, wait_s: float = 0.0
    ) -> None:
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - most starts meet no large file

        self.path = path
        self.lines = 0
        self._line_format = line_format
        self._workspace = workspace
        self._staging = staging
        self._wait_s = wait_s
        self._is_over = threading.Event()
        self._mark = Mark()
        self._counted = (0, b"")
        self._error: Exception | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._counting = ThreadPoolExecutor(1, thread_name_prefix="contexta-count")
        self._thread = threading.Thread(target=self._stage, name="contexta-bulk", daemon=True)
        self._thread.start()

    def ready(self, timeout_s: float = 0.0) -> bool:
        """Whether the file is parsed; waits for it at most so long."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def take(self, connection: duckdb.DuckDBPyConnection, size: int) -> tuple[int, Mark]:
        """Takes the parsed lines into the catalog; to be called inside a transaction, again after a rollback.

        Args:
            connection: Connection to the catalog.
            size: Lines that go into the tables at a time.

        Returns:
            The number of new records, and how far the file was read.

        Raises:
            UnusualError: The file is to be read in slices. Roll back then.
            duckdb.OutOfMemoryException: So many lines at a time do not fit into memory. Roll back then.
            duckdb.Error: The catalog cannot be written.
        """
        self.ready(timeout_s=threading.TIMEOUT_MAX)
        if self._error is not None:
            raise UnusualError from self._error
        connection.execute("drop table if exists temp.slice")
        shown = str(self._staging).replace("'", "''")
        connection.execute(f"attach if not exists '{shown}' as staging (read_only)")
        self.lines = self._whole_lines(connection)
        records = 0
        connection.execute("set threads = 2")
        for start in range(0, self.lines, size):
            stop = min(start + size, self.lines)
            connection.execute(
                f"create or replace temp view slice as {unstaged('staging.staged')}"
                f" where rowid >= {start} and rowid < {stop}"
            )
            connection.execute(REFS, {"workspace": self._workspace})
            if connection.execute(f"{UNREADABLE} limit 1").fetchone():
                raise UnusualError
            records += settle(connection, self._line_format, self._workspace)
        return records, self._mark

    def close(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Lets go of the staging database, parsed or not; to be called outside of a transaction."""
        self._is_over.set()
        if self._connection is not None:
            with suppress(duckdb.Error):
                self._connection.interrupt()
        self.ready(timeout_s=threading.TIMEOUT_MAX)
        try:
            connection.execute("set threads = 1")
            with suppress(duckdb.CatalogException):  # It is a table: what the slices before left.
                connection.execute("drop view if exists temp.slice")
            connection.execute("detach database if exists staging")
            _tidy(connection)
        finally:
            remove(self._staging)

    def _stage(self) -> None:
        _yield_to_others()
        if self._is_over.wait(self._wait_s):
            return
        try:
            size = self.path.stat().st_size
            self._mark = tail.mark_at(self.path, _last_newline(self.path, size))
            remove(self._staging)
            with (
                duckdb.connect(self._staging, config=_SETTINGS) as connection,
                self._counting,
            ):
                self._connection = connection
                self._staging.chmod(0o600)
                counted = self._counting.submit(_counted, self.path, self._mark.position)
                connection.execute("set global TimeZone = 'UTC'")
                connection.execute("set enable_progress_bar = false")
                connection.execute(
                    f"create table staged as {staged(self._line_format)}",
                    {"path": str(self.path), "workspace": self._workspace},
                )
                self._counted = counted.result()
        except (duckdb.Error, OSError) as error:
            self._error = error

    def _whole_lines(self, connection: duckdb.DuckDBPyConnection) -> int:
        """Number of staged rows that stand before the mark; the file may have grown while it was parsed.

        Raises:
            UnusualError: Which rows these are cannot be told, or the file is another by now.
        """
        try:
            now = tail.mark_at(self.path, self._mark.position)
        except OSError as error:
            raise UnusualError from error
        lines, last = self._counted
        (rows,) = connection.execute("select count(*) from staging.staged").fetchone() or (0,)
        if now != self._mark or rows < lines:
            raise UnusualError  # Another file, or one with blank lines, which are no rows.
        if (
            rows > lines
            and _ref_of(last)
            != connection.execute(
                "select ref from staging.staged where rowid = $row", {"row": lines - 1}
            ).fetchone()
        ):
            raise UnusualError
        return lines


def remove(staging: Path) -> None:
    """Removes a staging database, also one that a killed process left."""
    for path in (staging, staging.with_name(staging.name + ".wal")):
        with suppress(OSError):
            path.unlink()


def _tidy(connection: duckdb.DuckDBPyConnection) -> None:
    """Drops what a large transaction leaves in memory; the next slice makes its tables itself."""
    for (table,) in connection.execute("select table_name from duckdb_tables() where temporary").fetchall():
        connection.execute(f"drop table temp.{table}")
    with suppress(duckdb.Error):  # Somebody else's checkpoint does as well.
        connection.execute("checkpoint")


def _yield_to_others() -> None:
    """Lets this thread, and those that it starts, run when nobody else wants to; where that can be said."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


def _last_newline(path: Path, size: int) -> int:
    """The offset just after the last newline before a size; 0 when there is none near.

    Raises:
        OSError: The file cannot be read.
    """
    descriptor = tail.open_regular(path)
    try:
        start = max(0, size - MAX_LINE_BYTES)
        return start + os.pread(descriptor, size - start, start).rfind(b"\n") + 1
    finally:
        os.close(descriptor)


def _counted(path: Path, end: int) -> tuple[int, bytes]:
    """The number of newlines before an offset just after one, and the line that ends there.

    Raises:
        OSError: The file cannot be read.
    """
    descriptor = tail.open_regular(path)
    try:
        count = at = 0
        while at < end:
            block = os.pread(descriptor, min(_BLOCK_BYTES, end - at), at)
            if not block:
                break  # Truncated meanwhile; the count does not fit then.
            count += block.count(b"\n")
            at += len(block)
        start = max(0, end - MAX_LINE_BYTES)
        return count, os.pread(descriptor, end - start, start).rstrip(b"\n").rpartition(b"\n")[2]
    finally:
        os.close(descriptor)


def _ref_of(line: bytes) -> tuple[str] | None:
    """The record ref of a line as a row of one column; `None` when it has none."""
    try:
        return (msgspec.json.decode(line, type=_Line).payload.envelope.record_ref,)
    except msgspec.DecodeError:
        return None


class _Envelope(msgspec.Struct):
    record_ref: str


class _Payload(msgspec.Struct):
    envelope: _Envelope


class _Line(msgspec.Struct):
    payload: _Payload
