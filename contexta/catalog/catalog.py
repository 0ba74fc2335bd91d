"""Opens and keeps a catalog database: on disk when it can, in memory when it must.

A catalog on disk belongs to one process. Whatever is wrong with it (taken by another explorer, an unwritable
folder, another version, damage) leads to a word for the screen and a fresh catalog, never to an error:
everything in it can be read again from the workspace.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final

import duckdb
import platformdirs

from contexta.catalog.schema import SCHEMA_VERSION, TABLES

_SETTINGS: Final[dict[str, str | int | float | list[str]]] = {
    # One thread leaves a core to the screen, and to the job that is being watched.
    "threads": 1,
    "memory_limit": "512MB",
    # Commits go to the log; the database file is rewritten when there is something worth writing.
    "checkpoint_threshold": "64MB",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


def cache_directory() -> Path:
    """Where catalogs live unless told otherwise: `CTUI_CACHE_DIR`, else the user's cache folder."""
    configured = os.environ.get("CTUI_CACHE_DIR")
    return (
        Path(configured) if configured else Path(platformdirs.user_cache_dir("contexta-tui", appauthor=False))
    )


class Catalog:
    """A catalog database with its tables.

    Use `Catalog.open` or `Catalog.in_memory`. One thread writes, through `connection` and `transaction`;
    any thread reads, each through its own `cursor`.

    Attributes:
        connection: The writer's connection.
        path: The database file, or `None` in memory.
        notice: One sentence for the screen when something was not as wished, else empty.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path | None, notice: str = "") -> None:
        self.connection = connection
        self.path = path
        self.notice = notice

    @classmethod
    def in_memory(cls, workspaces: Sequence[Path], notice: str = "") -> Catalog:
        """A catalog that lives as long as the process."""
        connection = duckdb.connect(":memory:", config=dict(_SETTINGS))
        _create(connection, _identity(workspaces))
        return cls(connection, None, notice)

    @classmethod
    def open(cls, workspaces: Sequence[Path], directory: Path | None = None) -> Catalog:
        """Opens the catalog of some workspaces, or makes it; never fails for what is found there.

        Args:
            workspaces: Real paths of the workspaces; together they are the key of the catalog.
            directory: Folder for catalogs; `cache_directory()` by default. It is made when missing, for
                this user alone.
        """
        identity = _identity(workspaces)
        directory = directory or cache_directory()
        path = directory / f"{blake2b(identity.encode(), digest_size=12).hexdigest()}.duckdb"
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            return cls.in_memory(
                workspaces,
                f"The index is kept in memory: {directory} cannot be used ({error.strerror}).",
            )
        for attempt in range(2):
            try:
                return cls(_connect(path, identity), path)
            except _StaleError:
                _put_aside(path, keep=False)
            except duckdb.IOException as error:
                if "lock" in str(error).lower():
                    return cls.in_memory(
                        workspaces, "The index is kept in memory: another explorer has this workspace open."
                    )
                if attempt or not path.exists():
                    break
                _put_aside(path, keep=True)
            except duckdb.Error:
                if attempt:
                    break
                _put_aside(path, keep=True)
        return cls.in_memory(workspaces, f"The index is kept in memory: {directory} cannot be written.")

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own for reading, to be closed by the caller."""
        return self.connection.cursor()

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Everything inside commits together or not at all."""
        self.connection.execute("begin")
        try:
            yield self.connection
        except BaseException:
            with suppress(duckdb.Error):
                self.connection.execute("rollback")
            raise
        self.connection.execute("commit")

    def clear(self) -> None:
        """Empties the catalog, in one transaction."""
        with self.transaction() as connection:
            for table in ("sources", "damage", "nodes", "records", "signals", "artifacts"):
                connection.execute(f"delete from {table}")

    def close(self) -> None:
        """Closes the database; what was committed is kept."""
        with suppress(duckdb.Error):
            self.connection.close()


class _StaleError(Exception):
    """The catalog was made by another version."""


def _identity(workspaces: Sequence[Path]) -> str:
    return "\n".join(os.fsencode(path).hex() for path in workspaces)


def _versions() -> dict[str, str]:
    return {"schema": SCHEMA_VERSION, "duckdb": duckdb.__version__}


def _create(connection: duckdb.DuckDBPyConnection, identity: str) -> None:
    connection.execute("begin")
    connection.execute(TABLES)
    for key, value in {**_versions(), "workspaces": identity}.items():
        connection.execute("insert into meta values (?, ?)", [key, value])
    connection.execute("commit")


def _connect(path: Path, identity: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(path, config=dict(_SETTINGS))
    try:
        with suppress(OSError):
            path.chmod(0o600)
        tables = {row[0] for row in connection.execute("select table_name from duckdb_tables()").fetchall()}
        if not tables:
            _create(connection, identity)
            return connection
        meta = dict(connection.execute("select key, value from meta").fetchall()) if "meta" in tables else {}
        if meta != {**_versions(), "workspaces": identity}:
            raise _StaleError  # noqa: TRY301 - the handler below closes the connection whatever happened
        # A cheap look at every table: a damaged file fails here, and is built anew, not on the screen.
        connection.execute("select max(id), max(records) from nodes").fetchall()
        connection.execute("select max(id) from records").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def _put_aside(path: Path, *, keep: bool) -> None:
    log = path.with_name(path.name + ".wal")
    with suppress(OSError):
        if keep:
            path.replace(path.with_name(f"{path.stem}.damaged-{time.time_ns()}"))
            for old in sorted(path.parent.glob(f"{path.stem}.damaged-*"))[:-1]:
                old.unlink()
        else:
            path.unlink()
    with suppress(OSError):
        log.unlink()
