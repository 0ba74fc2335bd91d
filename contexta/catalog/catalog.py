"""Opens and keeps a catalog database: on disk when it can, in memory when it must.

A catalog on disk belongs to one process. Whatever is wrong with it (taken by another explorer, an unwritable
folder, another version, damage) leads to a word for the screen and a fresh catalog, never to an error:
everything in it can be read again from the workspace.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final
from uuid import uuid4

import duckdb
from msgspec.structs import replace

from contexta.catalog.changes import TreeChanges
from contexta.catalog.schema import SCHEMA_VERSION, TABLES
from contexta.folders import cache_directory, make_private

_FOLDER: Final = "catalogs"
MOST_CHANGES: Final = 32
"""Revisions of which it is kept what they changed."""

_AT_ONCE_S: Final = 1.0
_SETTINGS: Final[dict[str, str | int | float | list[str]]] = {
    # One thread leaves a core to the screen, and to the job that is being watched.
    "threads": 1,
    # Commits go to the log, and what is in it is in memory, too: a minute of a busy job.
    "checkpoint_threshold": "16MB",
    # To put small groups of rows together takes half a second each fourth time, and all commits wait for it.
    "max_vacuum_tasks": 0,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
MEMORY_LIMIT: Final = "512MB"
_MEMORY_LIMIT_IN_MEMORY: Final = "2GB"

_TABLE_NAMES: Final = frozenset(re.findall(r"create table (\w+)", TABLES))
_FILLING: Final = "filling"
"""In `meta`, a name for what came since the catalog was last empty: under it ids only grow, and rows stay."""

_OF_DAMAGE: Final = (
    *(duckdb.IOException, duckdb.FatalException),
    *(duckdb.InternalException, duckdb.SerializationException),
)


class Catalog:
    """A catalog database with its tables.

    Use `Catalog.open` or `Catalog.in_memory`. One thread writes, through `connection` and `transaction`;
    any thread reads, each through its own `cursor`.

    Attributes:
        connection: The writer's connection.
        path: The database file, or `None` in memory.
        notice: One sentence for the screen when something was not as wished, else empty.
        revision: Grows with every commit of this process, whenever something is told before it is committed,
            and when it is closed.
        committed: What the revision was after the latest commit: of what the database answers by now.
        consequences: Grows with every commit but those `of_no_consequence`, and when it is closed.
        changes: What each of the latest revisions changed in the tree, one after the other, as far as that is
            known; empty when it is not of the latest one.
        damage: What was found to be wrong with the file while it was asked, else empty; whoever fills the
            catalog builds it anew then.
        is_closed: Whether it was closed.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        path: Path | None,
        notice: str = "",
        *,
        lock: int | None = None,
        spill: Path | None = None,
    ) -> None:
        self.connection = connection
        self.path = path
        self.notice = notice
        self._lock = lock
        # Also when nobody closes it, as whoever asks a closed catalog's stand-in never does.
        self._spill = weakref.finalize(self, _remove, spill, os.getpid()) if spill else None
        self.revision = self.committed = self.consequences = 0
        self._at_once_until = float("-inf")
        self.changes: tuple[TreeChanges, ...] = ()
        self._in_transaction = False
        # Of the transaction at work: how many there are in one, and what was said of it.
        self._parts = 0
        self._is_plain = False
        self._said: TreeChanges | None = None
        self.damage = ""
        self.is_closed = False

    @classmethod
    def in_memory(cls, workspaces: Sequence[Path], notice: str = "") -> Catalog:
        """A catalog that lives as long as the process."""
        # Told where to, or DuckDB puts what does not fit into memory into the current folder.
        spill = None
        with suppress(OSError):
            spill = Path(tempfile.mkdtemp(prefix="contexta-catalog-"))
        connection = duckdb.connect(
            ":memory:",
            config={
                **_SETTINGS,
                "memory_limit": _MEMORY_LIMIT_IN_MEMORY,
                "temp_directory": "" if spill is None else str(spill),
            },
        )
        _settle(connection)
        _create(connection, _identity(workspaces))
        return cls(connection, None, notice, spill=spill)

    @classmethod
    def open(cls, workspaces: Sequence[Path], directory: Path | None = None) -> Catalog:
        """Opens the catalog of some workspaces, or makes it; never fails for what is found there.

        Args:
            workspaces: Real paths of the workspaces; together they are the key of the catalog.
            directory: Folder for cached things; `cache_directory()` by default. Catalogs lie in a folder of
                their own in it, which is for this user alone.
        """
        identity = _identity(workspaces)
        folder = (directory or cache_directory()) / _FOLDER
        path = folder / f"{blake2b(identity.encode(), digest_size=12).hexdigest()}.duckdb"
        try:
            make_private(folder)
            lock = _take_lock(path.with_suffix(".lock"))
        except BlockingIOError:
            return cls.in_memory(
                workspaces, "The index is kept in memory: another explorer has this workspace open."
            )
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            return cls.in_memory(workspaces, f"The index is kept in memory: {folder} cannot be used ({why}).")
        why = ""
        for _ in range(2):
            try:
                return cls(_connect(path, identity), path, lock=lock)
            except _StaleError:
                _put_aside(path, keep=False)
            except duckdb.Error as error:
                why = str(error).splitlines()[0]
                _put_aside(path, keep=True)
        os.close(lock)
        return cls.in_memory(workspaces, f"The index is kept in memory: {why}.")

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own for reading, to be closed by the caller."""
        return self.connection.cursor()

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Everything inside commits together or not at all; inside another one it is a part of that.

        What is said of a transaction counts where it has no other parts.
        """
        self._parts += 1
        if self._in_transaction:
            yield self.connection
            return
        self._parts, self._is_plain, self._said = 1, False, None
        self.connection.execute("begin")
        self._in_transaction = True
        try:
            yield self.connection
            self.connection.execute("commit")
            self._note_commit()
        except BaseException:
            with suppress(duckdb.Error):
                self.connection.execute("rollback")
            raise
        finally:
            self._in_transaction = False

    def of_no_consequence(self) -> None:
        """Says of a transaction: it adds records that tell of no failure, and scopes that go well, no more.

        What is diagnosed, deployed and made is the same after it as before. To be said inside it.
        """
        self._is_plain = True

    def changes_no_more_than(self, changes: TreeChanges) -> None:
        """Says of a transaction that its changes of the tree are these; to be said inside it."""
        self._said = changes

    def tell(self, changes: TreeChanges) -> None:
        """Tells what the next commit will change of the tree, which no question to the database sees yet."""
        self._note(changes)

    def take_back(self) -> None:
        """Says that what was told since the latest commit will not be written."""
        if self.revision != self.committed:
            self._note(None)
            self.committed = self.revision

    def commit_at_once(self) -> None:
        """Asks that for a while nothing is told before it is committed: its rows are wanted."""
        self._at_once_until = time.monotonic() + _AT_ONCE_S

    @property
    def commits_at_once(self) -> bool:
        """Whether somebody asked for that a moment ago."""
        return time.monotonic() < self._at_once_until

    def _note(self, changes: TreeChanges | None) -> None:
        revision = self.revision + 1
        # Before the revision itself: whoever has seen that finds these.
        if changes is not None:
            self.changes = (*self.changes[1 - MOST_CHANGES :], replace(changes, revision=revision))
        else:
            self.changes = ()
        self.revision = revision

    def _note_commit(self) -> None:
        is_whole = self._parts == 1
        self._note(self._said if is_whole else None)
        self.committed = self.revision
        self.consequences += not (is_whole and self._is_plain)

    def clear(self) -> None:
        """Empties the catalog, in one transaction."""
        with self.transaction() as connection:
            for table in (
                *("sources", "damage", "nodes", "records", "signals", "artifacts"),
                *("relations", "provenance_records", "environment_snapshots"),
            ):
                connection.execute(f"delete from {table}")
            connection.execute("update meta set value = ? where key = ?", [uuid4().hex, _FILLING])

    def doubt(self, error: duckdb.Error) -> None:
        """Notes an error of a question, when nothing but a damaged file explains it."""
        # "Corrupt database file" comes as the class of all errors.
        if isinstance(error, _OF_DAMAGE) or type(error) is duckdb.Error:
            self.damage = str(error).splitlines()[0]

    @property
    def log_bytes(self) -> int:
        """Size of what is committed and not yet in the file, as it lies on disk; 0 in memory."""
        try:
            return 0 if self.path is None else _log_of(self.path).stat().st_size
        except OSError:
            return 0

    def give_back(self) -> None:
        """Hands memory that is free back to the system; what is committed leaves some behind each time.

        DuckDB does so whenever its limit is set, also to what it is. Takes about 10 ms.

        Raises:
            duckdb.Error: The database is damaged.
        """
        limit = _MEMORY_LIMIT_IN_MEMORY if self.path is None else MEMORY_LIMIT
        self.connection.execute(f"set memory_limit = '{limit}'")

    def discard(self) -> None:
        """Closes the database and puts its file aside, for one that turned out to be damaged or too large."""
        self.close(keep=False)

    def close(self, *, keep: bool = True) -> None:
        """Closes the database; what was committed is kept unless told otherwise."""
        self.changes = ()
        self.revision += 1
        self.committed = self.revision
        self.consequences += 1
        self.is_closed = True
        with suppress(duckdb.Error):
            self.connection.close()
        if self.path is not None and not keep:
            _put_aside(self.path, keep=False)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        if self._spill is not None:
            self._spill()


def _remove(spill: Path, pid: int) -> None:
    # What a forked child inherits is its parent's.
    if os.getpid() == pid:
        shutil.rmtree(spill, ignore_errors=True)


class _StaleError(Exception):
    """The catalog was made by another version."""


def _take_lock(path: Path) -> int:
    """Takes the lock of a catalog, for as long as the descriptor is open.

    A lock of its own, beside DuckDB's: that one would let a second explorer in the same process in, and
    tells by the text of an error only that a file is taken.

    Raises:
        BlockingIOError: Someone has it.
        OSError: The folder cannot be written.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    except OSError:
        pass  # A file system without such locks; DuckDB's own is left.
    return descriptor


def _identity(workspaces: Sequence[Path]) -> str:
    return "\n".join(os.fsencode(path).hex() for path in workspaces)


def _versions() -> dict[str, str]:
    # The tables too, in case somebody changes one and forgets that the version says so.
    tables = blake2b(TABLES.encode(), digest_size=8).hexdigest()
    return {"schema": SCHEMA_VERSION, "tables": tables, "duckdb": duckdb.__version__}


def _create(connection: duckdb.DuckDBPyConnection, identity: str) -> None:
    connection.execute("begin")
    connection.execute(TABLES)
    for key, value in {**_versions(), "workspaces": identity, _FILLING: uuid4().hex}.items():
        connection.execute("insert into meta values (?, ?)", [key, value])
    connection.execute("commit")


def _settle(connection: duckdb.DuckDBPyConnection) -> None:
    """Sets what is no option of connecting."""
    connection.execute("set global TimeZone = 'UTC'")
    # In a shell of Python, DuckDB writes one to standard output where a statement takes its time.
    connection.execute("set enable_progress_bar = false")


def _connect(path: Path, identity: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(path, config={**_SETTINGS, "memory_limit": MEMORY_LIMIT})
    try:
        with suppress(OSError):
            path.chmod(0o600)
        _settle(connection)
        tables = {row[0] for row in connection.execute("select table_name from duckdb_tables()").fetchall()}
        if not tables:
            _create(connection, identity)
            return connection
        meta = dict(connection.execute("select key, value from meta").fetchall()) if "meta" in tables else {}
        filling = meta.pop(_FILLING, None)
        if tables != _TABLE_NAMES or filling is None or meta != {**_versions(), "workspaces": identity}:
            raise _StaleError  # noqa: TRY301 - the handler below closes the connection whatever happened
        # A cheap look at every table: a damaged file fails here, and is built anew, not on the screen.
        for table in sorted(tables):
            connection.execute(f"select * from {table} limit 1").fetchall()
        connection.execute("select max(id), max(records) from nodes").fetchall()
        connection.execute("select max(id) from records").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def _put_aside(path: Path, *, keep: bool) -> None:
    """Makes room for a fresh catalog; the latest damaged one is kept, for whoever wants to know why."""
    with suppress(OSError):
        if keep:
            path.replace(path.with_name(f"{path.stem}.damaged-{time.time_ns()}"))
            for old in sorted(path.parent.glob(f"{path.stem}.damaged-*"))[:-1]:
                old.unlink()
        else:
            path.unlink()
    with suppress(OSError):
        _log_of(path).unlink()


def _log_of(path: Path) -> Path:
    return path.with_name(path.name + ".wal")
