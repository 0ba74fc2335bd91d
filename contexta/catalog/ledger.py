"""Reads a canonical ledger into the catalog, from a copy and never in place.

Any open connection, even one for reading, makes a writer in another process fail, and a job's `put_*` must
never fail because somebody looks. So the database and its log are copied and the copy is opened. Whether
another process holds the ledger is asked from the lock itself (`F_GETLK`), without taking it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from contexta.catalog import facts, tree
from contexta.catalog.lines import CONTEXT_MEMBERS, REFS
from contexta.vocabulary import Origin

SUPPORTED_SCHEMA: Final = "1"

_TABLES: Final = {
    "projects": ("Project", "project_ref", {"name": "name", "created_at": "created_at"}),
    "runs": ("Run", "run_ref", {"name": "name", "status": "status", "started_at": "started_at"}),
    "stage_executions": (
        "StageExecution",
        "stage_execution_ref",
        {"status": "status", "started_at": "started_at", "order_index": "order_index::varchar"},
    ),
    "batch_executions": (
        "BatchExecution",
        "batch_execution_ref",
        {"status": "status", "started_at": "started_at", "order_index": "order_index::varchar"},
    ),
    "sample_observations": (
        "SampleObservation",
        "sample_observation_ref",
        {
            "observed_at": "observed_at",
            "retention_class": "retention_class",
            "redaction_profile": "redaction_profile",
        },
    ),
    "deployment_executions": (
        "DeploymentExecution",
        "deployment_execution_ref",
        {"status": "status", "started_at": "started_at", "run_ref": "run_ref"},
    ),
}
"""Ledger table → model, its own ref, and the columns that stand in where `payload_json` cannot be read."""


class LedgerError(Exception):
    """The ledger cannot be read now; the message is one clause for the screen."""


class LessThanBeforeError(Exception):
    """The ledger takes back what it said before; only reading everything anew is right then."""


@dataclass(frozen=True, slots=True)
class LedgerState:
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


def look(path: Path) -> LedgerState:
    """What `stat` says of a ledger now."""

    def seen(file: Path) -> tuple[int, int, int] | None:
        try:
            found = file.stat()
        except OSError:
            return None
        return (found.st_ino, found.st_size, found.st_mtime_ns)

    return LedgerState(seen(path), seen(_log_of(path)))


def holder(path: Path) -> int | None:
    """The process that holds the ledger open for writing, or `None`; 0 when it is not known which."""
    if not sys.platform.startswith("linux"):
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


def take(connection: duckdb.DuckDBPyConnection, path: Path, workspace: int) -> int:
    """Takes a whole ledger into the catalog; to be called outside a transaction, which it opens itself.

    Returns:
        Number of rows that were read.

    Raises:
        LedgerError: It cannot be read: a newer format, another schema, damage, or changing too fast.
        LessThanBeforeError: It takes back what it said before; nothing was changed.
    """
    with tempfile.TemporaryDirectory(prefix="contexta-ledger-") as folder:
        copy = _copy(path, Path(folder))
        try:
            connection.execute(f"attach '{copy}' as ledger (read_only)")
        except duckdb.Error as error:
            raise LedgerError(_clause(error)) from error
        try:
            return _read(connection, workspace)
        except duckdb.Error as error:
            raise LedgerError(_clause(error)) from error
        finally:
            connection.execute("detach ledger")


def _read(connection: duckdb.DuckDBPyConnection, workspace: int) -> int:
    tables = {
        name
        for (name,) in connection.execute(
            "select table_name from duckdb_tables() where database_name = 'ledger' and schema_name = 'main'"
        ).fetchall()
    }
    if "schema_metadata" in tables:
        version = connection.execute(
            "select max(store_schema_version) from ledger.schema_metadata"
        ).fetchone()
        if version and version[0] not in (None, SUPPORTED_SCHEMA):
            raise LedgerError(f"its schema version is {version[0]}, this explorer reads {SUPPORTED_SCHEMA}")
    selects = [_select(table, *known) for table, known in _TABLES.items() if table in tables]
    if not selects:
        return 0
    connection.execute("begin")
    try:
        connection.execute(f"""
            create or replace temp table slice as
            select coalesce(payload.ended_at, payload.started_at, payload.observed_at, payload.created_at)
                       as written_at,
                   payload_type, payload, 'context' as shape, subject, null::varchar as owner
            from ({" union all ".join(selects)})
            order by length(subject) - length(replace(subject, '.', '')), payload.started_at, subject""")
        (rows,) = connection.execute("select count(*) from slice").fetchone() or (0,)
        connection.execute(REFS, {"workspace": workspace})
        tree.add_nodes(connection, workspace, Origin.STORED)
        facts.read_captured(connection, Origin.STORED)
        if tree.takes_back(connection):
            raise LessThanBeforeError  # noqa: TRY301 - rolled back below like every failure
        tree.apply_facts(connection)
        tree.settle_failures(connection, stated=True, signalled=False)
        tree.order_stored(connection)
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    return int(rows)


def _select(table: str, model: str, own: str, columns: dict[str, str]) -> str:
    members = [name for name, _ in CONTEXT_MEMBERS]
    packed = ", ".join(
        f"{name} := coalesce(p.{name}, {'ref' if name == own else columns.get(name, 'null')})"
        for name in members
    )
    structure = "{" + ", ".join(f'"{name}":"{kind.upper()}"' for name, kind in CONTEXT_MEMBERS) + "}"
    return f"""
        select '{model}' as payload_type, ref as subject, struct_pack({packed}) as payload
        from (select *, if(json_valid(payload_json), from_json(payload_json, '{structure}'), null) as p
              from ledger.{table})"""


def _copy(path: Path, folder: Path) -> Path:
    copy = folder / "ledger.db"
    for _ in range(5):
        before = look(path)
        if before.database is None:
            raise LedgerError("it is gone")
        try:
            shutil.copyfile(path, copy)
            if before.log is not None:
                shutil.copyfile(_log_of(path), _log_of(copy))
            else:
                _log_of(copy).unlink(missing_ok=True)
        except OSError as error:
            raise LedgerError((error.strerror or str(error)).lower()) from error
        if look(path) == before:
            return copy
    raise LedgerError("it changes faster than it can be copied")


def _log_of(path: Path) -> Path:
    return path.with_name(path.name + ".wal")


def _clause(error: duckdb.Error) -> str:
    text = str(error).splitlines()[0]
    return f"DuckDB says: {text}"
