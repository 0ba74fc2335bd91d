"""Reads a canonical ledger, from a copy and never in place.

Any open connection, even one for reading, makes a writer in another process fail, and a job's `put_*` must
never fail because somebody looks. So the database and its log are copied and the copy is opened, by a
connection of its own: whatever is wrong with a ledger, the catalog is not drawn into it. Whether another
process holds the ledger is asked from the lock itself (`F_GETLK`), without taking it.

Closing any descriptor of a file drops all locks that its own process has on it. A process that holds the
ledger itself therefore has it copied by another one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import duckdb
import msgspec

from contexta.catalog import relations
from contexta.catalog.relations import Relations
from contexta.watch.tail import refusal

SUPPORTED_SCHEMA: Final = "1"

_TABLES: Final = {
    "projects": ("Project", "project_ref"),
    "runs": ("Run", "run_ref"),
    "stage_executions": ("StageExecution", "stage_execution_ref"),
    "batch_executions": ("BatchExecution", "batch_execution_ref"),
    "sample_observations": ("SampleObservation", "sample_observation_ref"),
    "deployment_executions": ("DeploymentExecution", "deployment_execution_ref"),
}
"""Ledger table → model and its own ref. The other columns have the names of the model's fields and stand in
where `payload_json` cannot be read."""

_STATED_AT: Final = ("ended_at", "started_at", "observed_at", "created_at")
_ROWS: Final = 10_000
_SETTINGS: Final[dict[str, str | int | float | list[str]]] = {
    "threads": 1,
    "memory_limit": "512MB",
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


class LedgerError(Exception):
    """The ledger cannot be read; the message is one clause for the screen."""


class BusyLedgerError(Exception):
    """The ledger is being written faster than it can be copied; another look will do."""


class LedgerState(msgspec.Struct, frozen=True):
    """What `stat` says of a ledger and its log: two equal states mean nothing was written in between."""

    database: tuple[int, int, int] | None
    log: tuple[int, int, int] | None

    @property
    def size(self) -> int:
        """Bytes of both files."""
        return sum(part[1] for part in (self.database, self.log) if part)

    @property
    def mtime_ns(self) -> int:
        """The later modification time of both files."""
        return max((part[2] for part in (self.database, self.log) if part), default=0)


class Ledger(msgspec.Struct, frozen=True):
    """What a ledger says.

    Attributes:
        data: Its rows as lines of the form of captured ones, parents first.
        rows: Number of rows.
        poisoned: Rows whose payload cannot be read; the columns beside it stand in.
        complaint: Which the first of them is and why, or empty.
        relations: What it says beside the tree.
    """

    data: bytes
    rows: int
    poisoned: int
    complaint: str
    relations: Relations


def look(path: Path) -> LedgerState:
    """What `stat` says of a ledger now."""
    return LedgerState(_seen(path), _seen(_log_of(path)))


def holder(path: Path) -> int | None:
    """The other process that holds the ledger open for writing, or `None`; 0 when it is not known which."""
    if not sys.platform.startswith("linux") or _held_here(path):
        return None
    # struct flock: type, whence, start, length, pid.
    layout = "hhqqi4x"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        question = struct.pack(layout, fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
        answer = struct.unpack(layout, fcntl.fcntl(descriptor, fcntl.F_GETLK, question))
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return None if answer[0] == fcntl.F_UNLCK else int(answer[4])


def check(path: Path, root: Path) -> None:
    """Checks that a ledger and its log are files of the workspace.

    Raises:
        LedgerError: One of them is not, and is not to be opened.
    """
    for part in (path, _log_of(path)):
        try:
            why = refusal(part, part.stat(), root)
        except FileNotFoundError:
            continue
        except OSError as error:
            why = (error.strerror or str(error)).lower()
        if why:
            raise LedgerError(why)


def read(path: Path) -> Ledger:
    """Reads a whole ledger, which `check` found to be in order.

    Raises:
        LedgerError: It cannot be read: a newer format, another schema, damage.
        BusyLedgerError: It changes too fast.
    """
    with tempfile.TemporaryDirectory(prefix="contexta-ledger-") as folder:
        copy = _copy(path, Path(folder))
        try:
            connection = duckdb.connect(copy, read_only=True, config=dict(_SETTINGS))
            try:
                # A macro of the file must not stand for a function of DuckDB.
                connection.execute(f"set search_path = 'system.main,{copy.stem}.main'")
                return _read(connection)
            finally:
                connection.close()
        except duckdb.Error as error:
            # It speaks of the copy, which nobody knows and which has another name every time.
            said = str(error).splitlines()[0].replace(str(copy), str(path))
            raise LedgerError(f"DuckDB says: {said}") from error


def _read(connection: duckdb.DuckDBPyConnection) -> Ledger:
    tables = {
        name
        for (name,) in connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'main'"
        ).fetchall()
    }
    if "schema_metadata" in tables:
        for (version,) in connection.execute("select store_schema_version from schema_metadata").fetchall():
            if version not in (None, SUPPORTED_SCHEMA):
                raise LedgerError(
                    f"its schema version is {version}, this explorer reads version {SUPPORTED_SCHEMA}"
                )
    lines: list[tuple[tuple[int, str, str], bytes]] = []
    poisoned = 0
    complaint = ""
    for table, (model, own) in _TABLES.items():
        if table not in tables:
            continue
        rows = connection.execute(f"select * from main.{table}")
        names = [column[0] for column in rows.description or ()]
        while some := rows.fetchmany(_ROWS):
            for values in some:
                row = dict(zip(names, values, strict=True))
                payload, why = _payload(row)
                if why:
                    complaint = complaint or f"{row.get('ref')} in {table}: {why}"
                    poisoned += 1
                payload[own] = row.get("ref")
                lines.append(_line(model, payload, str(row.get("ref"))))
    lines.sort(key=lambda line: line[0])
    beside = relations.read(connection, tables)
    return Ledger(b"".join(line for _, line in lines), len(lines), poisoned, complaint, beside)


def _payload(row: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The model of a row, and why it is not that of its payload, as a clause."""
    columns = {
        name: value if isinstance(value, int) else str(value)
        for name, value in row.items()
        if name != "payload_json" and value is not None
    }
    try:
        payload = msgspec.json.decode(row["payload_json"] or "")
    except (KeyError, TypeError, ValueError, RecursionError):
        return columns, "its payload is not JSON"
    if not isinstance(payload, dict):
        return columns, "its payload is not a JSON object"
    stated = {name: value for name, value in payload.items() if value is not None}
    return columns | stated, ""


def _line(model: str, payload: dict[str, Any], ref: str) -> tuple[tuple[int, str, str], bytes]:
    stated_at = next((payload[name] for name in _STATED_AT if payload.get(name) is not None), None)
    started_at = str(payload.get("started_at") or payload.get("observed_at") or "")
    line = msgspec.json.encode({"captured_at": stated_at, "payload_type": model, "payload": payload})
    return (ref.count("."), started_at, ref), line + b"\n"


def _copy(path: Path, folder: Path) -> Path:
    copy = folder / "ledger.db"
    duplicate = _duplicate_outside if _held_here(path) else _duplicate
    for _ in range(5):
        before = look(path)
        if before.database is None:
            raise LedgerError("it is gone")
        try:
            duplicate(path, copy)
            if before.log is not None:
                duplicate(_log_of(path), _log_of(copy))
            else:
                _log_of(copy).unlink(missing_ok=True)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise LedgerError((error.strerror or str(error)).lower()) from error
        if look(path) == before:
            return copy
    raise BusyLedgerError


def _duplicate(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


def _duplicate_outside(source: Path, target: Path) -> None:
    import subprocess  # noqa: PLC0415 - hardly any program has the ledger open itself

    done = subprocess.run(  # noqa: S603 - a fixed program, paths as arguments
        ["/bin/cp", "--", os.fspath(source), os.fspath(target)], check=False, capture_output=True
    )
    if done.returncode:
        raise OSError(done.returncode, done.stderr.decode(errors="replace").strip() or "cp failed")


def _held_here(path: Path) -> bool:
    """Whether this very process has the ledger open."""
    seen = _seen(path)
    with suppress(OSError):
        for entry in Path("/dev/fd").iterdir():
            with suppress(OSError, ValueError):
                found = os.fstat(int(entry.name))
                if seen is not None and (found.st_ino, found.st_dev) == (seen[0], path.stat().st_dev):
                    return True
    return False


def _seen(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns)


def _log_of(path: Path) -> Path:
    return path.with_name(path.name + ".wal")
