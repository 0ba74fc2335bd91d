"""Looks at a ledger through a copy, so that looking is in nobody's way.

A DuckDB connection of any kind locks out the writers of all other processes, and public Contexta fails at
once when it finds a lock. The file alone is not enough: while someone writes, most is in the log beside it.

A process loses a POSIX lock when it closes *any* descriptor of the locked file. So whoever calls this must
make sure that this process does not hold the ledger open meanwhile; `ledger_file` does.
"""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from contexta.store import disk
from contexta.store.ledger_engine import Connection, log_of, open_failed, quoted, reason


@dataclass(frozen=True, slots=True)
class FileState:
    """What `stat` says of a ledger and its log; equal states mean that nothing was written in between.

    Attributes:
        database: Inode, size and modification time of the file; None when it is not there.
        log: The same of its log.
    """

    database: tuple[int, int, int] | None
    log: tuple[int, int, int] | None


def state_of(path: Path) -> FileState:
    """Return what `stat` says now.

    Raises:
        StoreAccessError: ``metadata_store_open_failed``: what is there is no regular file, or hidden.
    """
    return FileState(_stat(path), _stat(log_of(path)))


def attach_copy(engine: Connection, path: Path, state: FileState) -> bool:
    """Attach a copy of a ledger, read-only, as `seen`.

    Args:
        engine: The engine; it must have no `seen` yet.
        path: The ledger.
        state: What `state_of` just said.

    Returns:
        Whether it worked; False when the files changed while they were copied.

    Raises:
        StoreAccessError: ``metadata_store_open_failed``: unreadable, damaged, or of a newer format.
    """
    with _scratch(path) as folder:
        copy = folder / "ledger.db"
        try:
            shutil.copyfile(path, copy)
            if state.log is not None:
                shutil.copyfile(log_of(path), log_of(copy))
        except FileNotFoundError:
            return False
        except OSError as error:
            raise open_failed(path, reason(error), cause=error) from error
        if state_of(path) != state:
            return False
        # The engine's descriptor keeps the copy; its name goes with the folder, also when the process dies.
        try:
            engine.execute(f"attach {quoted(copy)} as seen (read_only)")
        except duckdb.Error as error:
            raise open_failed(path, reason(error).replace(str(copy), str(path)), cause=error) from error
    return True


@contextmanager
def _scratch(path: Path) -> Iterator[Path]:
    try:
        with disk.scratch(None, "contexta-ledger-") as folder:
            yield folder
    except OSError as error:
        raise open_failed(
            path, f"there is no place for a copy of it: {reason(error)}", cause=error
        ) from error


def _stat(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise open_failed(path, reason(error), cause=error) from error
    if not stat.S_ISREG(found.st_mode):
        raise open_failed(path, "it is no regular file.")
    return (found.st_ino, found.st_size, found.st_mtime_ns)
