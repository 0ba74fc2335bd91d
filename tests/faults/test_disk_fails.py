"""Fault: the disk is full, broken, too small, forbidden or read-only, at any call and then fine again.

A job that captures goes on, loses at most the line that was being written, and says how many it lost. A store
raises one error of the library, is whole, and takes the same again without doubling anything.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.faults import fault, sizes
from tests.faults.calls import why_not

ROOT: Final = Path(__file__).parents[2]
NAMESPACE: Final = ("unshare", "--user", "--map-root-user", "--mount")

CAPTURES: Final = ("capture", "capture-one-file-each", "capture-with-retry", "capture-with-outbox")
STORES: Final = ("segments", "segments-unrepaired", "segments-fresh", "vault", "vault-by-move")
LEDGERS: Final = ("ledger", "ledger-fresh")

NEVER: Final = (
    "exceptions",
    "lost",
    "doubled",
    "half written",
    "not reported",
    "torn lines more than one a file",
    "unusable when it works again",
    "left in staging",
    "verify complains",
)


def _can_mount() -> bool:
    try:
        return subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def _injected(scenarios: tuple[str, ...], kind: str, folder: Path, how_many: int) -> list[dict[str, Any]]:
    inside = NAMESPACE if kind in ("room", "read-only") else ()
    done = subprocess.run(
        [
            *inside,
            sys.executable,
            "-m",
            "tests.faults.disks",
            ",".join(scenarios),
            kind,
            folder,
            str(how_many),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def _count(name: str, kind: str, scenarios: tuple[str, ...], folder: Path, size: int) -> None:
    with fault(name, "injections", never=NEVER) as seen:
        for answer in _injected(scenarios, kind, folder / "disk", size):
            seen.inject()
            seen.also("refused something", answer["noticed"])
            seen.wrong("exceptions", bool(answer["escaped"]), f"{answer['fault']}: {answer['escaped']}")
            for what, count in answer["problems"].items():
                seen.wrong(what, count, answer["fault"])
        assert seen.others["refused something"] > 0


@sizes(short=4, full=300)
def test_any_call_fails_while_a_job_captures(size: int, tmp_path: Path) -> None:
    _count("a call of the system fails while a job captures", "call", CAPTURES, tmp_path, size)


@sizes(short=4, full=300)
def test_any_call_fails_while_something_is_stored(size: int, tmp_path: Path) -> None:
    scenarios = STORES if size > 4 else ("segments", "vault")
    _count("a call of the system fails while something is stored", "call", scenarios, tmp_path, size)


@pytest.mark.skipif(bool(why_not()), reason=why_not())
@sizes(short=1, full=200)
def test_any_call_of_the_database_fails_while_a_ledger_is_written(size: int, tmp_path: Path) -> None:
    """The full form fails every call."""
    scenarios = LEDGERS if size > 1 else LEDGERS[:1]
    _count("a call of the database fails while a ledger is written", "below", scenarios, tmp_path, size)


@sizes(short=3, full=40)
def test_no_file_may_grow_beyond_a_limit(size: int, tmp_path: Path) -> None:
    scenarios = (*CAPTURES, *STORES, *LEDGERS) if size > 3 else ("capture",)
    _count("no file may grow beyond a limit", "limit", scenarios, tmp_path, size)


@pytest.mark.skipif(not _can_mount(), reason="needs a mount namespace")
@sizes(short=1, full=30)
def test_a_file_system_is_full_to_the_last_pages(size: int, tmp_path: Path) -> None:
    scenarios = ("capture", "segments", "vault", *LEDGERS) if size > 1 else ("ledger",)
    _count("a file system has few pages left", "room", scenarios, tmp_path, size)


@pytest.mark.skipif(not _can_mount(), reason="needs a mount namespace")
@sizes(short=1, full=2)
def test_a_file_system_becomes_read_only(size: int, tmp_path: Path) -> None:
    scenarios = (*CAPTURES, *STORES, *LEDGERS) if size > 1 else ("capture",)
    _count("a file system becomes read-only", "read-only", scenarios, tmp_path, size)
