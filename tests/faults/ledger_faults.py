"""A workspace with a ledger, and what can be wrong with a ledger."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from contexta import Contexta
from contexta.journal.paths import ledger_path
from contexta.store.ledger_engine import log_of
from tests.store.building import manifest
from tests.store.ledger_models import batch, family, store_at


@dataclass(frozen=True, slots=True)
class LedgerFault:
    """What is wrong with a ledger, and how a reader says it.

    Attributes:
        break_it: Does it to the file.
        state: Of the source.
        says: A part of the source's detail.
        batches: How many batches of the stored run are known then.
        damaged: Rows that cannot be read.
    """

    break_it: Callable[[Path], object]
    state: str = "unreadable"
    says: str = ""
    batches: int = 0
    damaged: int = 0


def workspace_at(folder: Path) -> Path:
    """A workspace with a captured run `p.c` of three records and a stored run `p.r` of three batches."""
    workspace = folder / ".contexta"
    with Contexta(workspace=workspace, config={"project_name": "p"}) as ctx:
        with ctx.run("c") as captured, captured.stage("s") as scope, scope.batch("b") as epoch:
            epoch.metric("loss", 1)
            epoch.metric("loss", 2)
            epoch.event("note", message="seen")
        body = folder / "model.bin"
        body.write_bytes(b"weights")
        ctx.artifact_store.put_artifact(manifest("model"), body)
    with store_at(ledger_path(workspace)) as store:
        store.put_many([*family(), batch("p.r.s.b2"), batch("p.r.s.b3")])
    return workspace


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Another process holds a ledger while this lasts."""
    code = (
        "import sys, duckdb; c = duckdb.connect(sys.argv[1]);"
        " c.execute('update runs set status = status'); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        try:
            yield
        finally:
            other.kill()


def _nothing(path: Path) -> None:
    pass


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _gone(path: Path) -> None:
    path.unlink()


def _garbage(path: Path) -> None:
    path.write_bytes(b"\x00garbage" * 5_000)


def _half(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def _newer_format(path: Path) -> None:
    """The first block: a checksum of 8 bytes, the letters DUCK, the number of the format."""
    block = bytearray(path.read_bytes()[:4096])
    assert (block[8:12], int.from_bytes(block[:8], "little")) == (b"DUCK", _checksum(block[8:]))
    block[12:20] = (9_999).to_bytes(8, "little")
    block[:8] = _checksum(block[8:]).to_bytes(8, "little")
    with path.open("r+b") as file:
        file.write(block)


def _checksum(data: bytes) -> int:
    """DuckDB's own, so that it is the number of the format that it stumbles over."""
    found = 5381
    for (word,) in struct.iter_unpack("<Q", data):
        found ^= word * 0xBF58476D1CE4E5B9 % 2**64
    return found


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _forbidden(path: Path) -> None:
    path.chmod(0)


def _foreign_log(path: Path) -> None:
    log_of(path).write_bytes(b"\x07no log" * 1_000)


def _half_a_log(path: Path) -> None:
    """Two batches more, each committed; the log ends in the middle of the second."""
    log = log_of(path)
    sizes = [0]
    with duckdb.connect(path) as connection:
        for name in ("b4", "b5"):
            connection.execute(
                """
                insert into batch_executions
                select 'batch:p.r.s.' || $name, run_ref, stage_ref, $name, order_index, started_at, status,
                    replace(payload_json, 'b2', $name)
                from batch_executions where ref = 'batch:p.r.s.b2'
                """,
                {"name": name},
            )
            sizes.append(log.stat().st_size)
        database, log_data = path.read_bytes(), log.read_bytes()
    path.write_bytes(database)
    log.write_bytes(log_data[: (sizes[1] + sizes[2]) // 2])


def _another_schema(path: Path) -> None:
    with duckdb.connect(path) as connection:
        connection.execute("update schema_metadata set store_schema_version = '2'")


def _poison(path: Path) -> None:
    """Rows that public Contexta cannot read: a foreign extension, a foreign schema version, no JSON."""
    extension = '"extensions":[{"fields":{"a":1},"namespace":"x.y","readonly_fields":[]}]'
    with duckdb.connect(path) as connection:
        connection.execute(
            """update runs set payload_json = replace(payload_json, '"extensions":[]', $1)""", [extension]
        )
        connection.execute(
            """update stage_executions set payload_json = replace(payload_json, '"1.0.0"', '"7.3"')"""
        )
        connection.execute("update batch_executions set payload_json = '{half' where ref like '%.b2'")


def _no_bodies(path: Path) -> None:
    shutil.rmtree(path.parents[1] / "artifacts" / "objects")


FAULTS: Final = {
    "is as it should be": LedgerFault(_nothing, "ok", batches=3),
    "is held by another process": LedgerFault(_nothing, "locked", "held by process", batches=3),
    "is of a newer format": LedgerFault(_newer_format, says="storage version number 9999"),
    "has rows that nobody can read": LedgerFault(_poison, "ok", batches=3, damaged=1),
    "has half a log": LedgerFault(_half_a_log, "ok", batches=4),
    "has no bytes": LedgerFault(_empty, says="DuckDB says"),
    "is gone": LedgerFault(_gone, ""),
    "is garbage": LedgerFault(_garbage, says="DuckDB says"),
    "is half a file": LedgerFault(_half, says="DuckDB says"),
    "is of another schema": LedgerFault(_another_schema, says="schema version is 2"),
    "is a folder": LedgerFault(_folder, says="not a regular file"),
    "may not be read": LedgerFault(_forbidden, says="permission denied"),
    # Not even the first entry is whole, so nothing of it was ever committed.
    "has a log of something else": LedgerFault(_foreign_log, "ok", batches=3),
    "is beside a vault without bodies": LedgerFault(_no_bodies, "ok", batches=3),
}
