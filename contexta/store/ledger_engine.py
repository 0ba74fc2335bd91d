"""What the ledger asks of DuckDB: an engine, the file attached to it, the schema in it, errors in our words.

One engine in memory serves a ledger. Attaching a file to it costs a millisecond where connecting to the file
costs twenty-five, which is what makes opening it for each write affordable. This module knows no model and
decides nothing: when to open and when to wait is for `ledger_file`.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import duckdb

from contexta.contract.times import timestamp_text
from contexta.errors import MetadataError, SchemaVersionError, StoreAccessError
from contexta.folders import make_private
from contexta.store import disk
from contexta.store.ledger_tables import STORE_SCHEMA_VERSION, schema

FILE_MODE: Final = 0o600

STORAGE_VERSION: Final = "v1.0.0"
"""What a new ledger is readable for: DuckDB 1.x and later (format specification, section 6.2)."""

_SCRATCH: Final = ".ledger-"
_ABANDONED_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = (0.001, 0.01)
_PID: Final = re.compile(r"\(PID (\d+)\)")

Connection = duckdb.DuckDBPyConnection


def start() -> Connection:
    """Return a new engine with nothing attached."""
    engine = duckdb.connect(
        ":memory:",
        config={
            "threads": 1,  # a job has better uses for its processors
            "temp_directory": "",  # nothing beside the user's files
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )
    # When a log is folded into its file is decided in `ledger_file`.
    engine.execute("pragma disable_checkpoint_on_shutdown")
    return engine


def attach(engine: Connection, path: Path, wait_seconds: float) -> None:
    """Attach an existing file as `ledger`, which locks it for all other processes.

    Args:
        engine: The engine.
        path: The file.
        wait_seconds: How long to wait for someone else who holds it.

    Raises:
        StoreAccessError: ``metadata_store_open_failed``; with ``holder_pid`` among the details when someone
            else held it all the time.
    """
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            engine.execute(f"attach {quoted(path)} as ledger")
        except duckdb.Error as error:
            holder = _holder(error)
            if holder is None:
                raise open_failed(path, reason(error), cause=error) from error
            if time.monotonic() >= deadline:
                who = f"process {holder}" if holder else "another process"
                raise open_failed(
                    path,
                    f"{who} holds it, and did for the {wait_seconds:g} s that we waited. Close the store"
                    " there, or try again when that process is done.",
                    cause=error,
                    holder=holder,
                ) from error
        else:
            return
        pause()


def create(engine: Connection, path: Path) -> None:
    """Make an empty ledger aside and put it in place whole, readable by the user only.

    That someone else was faster is fine.

    Raises:
        StoreAccessError: ``metadata_store_open_failed``.
    """
    try:
        make_private(path.parent)
        _remove_abandoned(path.parent)
        with disk.scratch(path.parent, _SCRATCH) as folder:
            fresh = folder / "ledger.db"
            engine.execute(f"attach {quoted(fresh)} as fresh (storage_version '{STORAGE_VERSION}')")
            try:
                make_schema(engine, "fresh")
                engine.execute("checkpoint fresh")
            finally:
                engine.execute("detach fresh")
            fresh.chmod(FILE_MODE)
            with suppress(FileExistsError):
                os.link(fresh, path)
    except (OSError, duckdb.Error) as error:
        raise open_failed(path, reason(error), cause=error) from error


def _remove_abandoned(folder: Path) -> None:
    """Remove what a process left here that was killed while it made a ledger."""
    for left in folder.glob(f"{_SCRATCH}*"):
        with suppress(OSError):
            if time.time() - left.lstat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(left, ignore_errors=True)


def enter(engine: Connection, database: str) -> None:
    """Let statements mean the tables of an attached database, and DuckDB's own functions.

    With `use` a file's own macros would come before functions of the same name, and could read any file of
    this user.
    """
    engine.execute(f"set search_path = 'system.main,{database}.main'")


def has_schema(engine: Connection, database: str, path: Path) -> bool:
    """Tell whether a database is a ledger of this version; False when it has no tables at all.

    Raises:
        SchemaVersionError: ``metadata_store_schema_version_unsupported``.
        StoreAccessError: ``metadata_store_open_failed``: it has views. Whatever an author wrote into them
            would be run, and a ledger has none.
    """
    views = engine.execute(
        "select view_name from duckdb_views() where database_name = ? and not internal order by all",
        [database],
    ).fetchall()
    if views:
        raise open_failed(path, f"it has a view {views[0][0]!r}, and a ledger has none. It was not touched.")
    try:
        rows = engine.execute(f"select store_schema_version from {database}.schema_metadata").fetchall()
    except duckdb.Error:
        tables = engine.execute(
            "select count(*) from duckdb_tables() where database_name = ?", [database]
        ).fetchone()
        if tables == (0,):
            return False
        rows = []
    versions = sorted({str(version) for (version,) in rows})
    if versions != [STORE_SCHEMA_VERSION]:
        raise SchemaVersionError(
            f"The ledger {path} has the schema version {', '.join(versions) or '(none)'}; this library reads"
            f" {STORE_SCHEMA_VERSION}. It was not touched.",
            code="metadata_store_schema_version_unsupported",
            details={"database_path": str(path), "found": versions, "supported": STORE_SCHEMA_VERSION},
        )
    return True


def make_schema(engine: Connection, database: str) -> None:
    """Make the tables of an empty ledger in an attached database."""
    engine.execute(f"use {database}")
    try:
        engine.execute("begin")
        for statement in schema():
            engine.execute(statement)
        engine.execute(
            "insert into schema_metadata values (?, ?)",
            [STORE_SCHEMA_VERSION, timestamp_text(datetime.now(UTC), "applied_at")],
        )
        engine.execute("commit")
    finally:
        engine.execute("use memory")


def open_failed(
    path: Path | str, why: str, *, cause: BaseException | None = None, holder: int | None = None
) -> StoreAccessError:
    """Return the error for a ledger that cannot be opened: ``metadata_store_open_failed``.

    Args:
        path: The ledger.
        why: What happened and what to do; ends with a full stop.
        cause: The error underneath.
        holder: Who holds it, 0 when that is not known; trying again may help then.
    """
    details: dict[str, object] = {"database_path": str(path)}
    if holder is not None:
        details["holder_pid"] = holder or None
    return StoreAccessError(
        f"The ledger {path} cannot be opened: {why}",
        code="metadata_store_open_failed",
        details=details,
        retryable=holder is not None,
        cause=cause,
    )


@contextmanager
def failures() -> Iterator[None]:
    """Turn what DuckDB refuses into an error of the library.

    Raises:
        MetadataError: ``metadata_statement_failed``; the original is its cause.
    """
    try:
        yield
    except duckdb.Error as error:
        raise MetadataError(
            f"The ledger refused a statement: {error}", code="metadata_statement_failed", cause=error
        ) from error


def reason(error: OSError | duckdb.Error) -> str:
    """Say in one sentence what went wrong underneath."""
    if isinstance(error, OSError):
        return f"{error.strerror or error}."
    return f"DuckDB says: {str(error).splitlines()[0]}"


def quoted(path: Path) -> str:
    """Return a path as an SQL text; `attach` takes no parameters."""
    return "'" + str(path).replace("'", "''") + "'"


def log_of(path: Path) -> Path:
    """Return where DuckDB keeps the log of a database file."""
    return path.with_name(path.name + ".wal")


def pause() -> None:
    """Wait a moment, not the same as others who wait for the same thing."""
    time.sleep(random.uniform(*_PAUSE_SECONDS))  # noqa: S311 - jitter


def _holder(error: duckdb.Error) -> int | None:
    """Who holds the file, 0 when it is not known, None when it is not about a lock."""
    text = str(error)
    if "already attached by database" in text:
        return os.getpid()
    if "Could not set lock" not in text:
        return None
    found = _PID.search(text)
    return int(found[1]) if found else 0
