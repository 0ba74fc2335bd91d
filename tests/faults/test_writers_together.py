"""Fault: many processes, threads, forks and signal handlers write at once, and some end in the middle."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Final

import msgspec
import pytest

from tests import catalog_tables
from tests.faults import fault, sizes
from tests.faults.journals import NEVER, check

ROOT: Final = Path(__file__).parents[2]
WRITERS: Final = 8


class _Attributes(msgspec.Struct):
    who: str
    n: int


class _Event(msgspec.Struct):
    event_key: str
    message: str
    attributes: _Attributes


class _Record(msgspec.Struct):
    payload: _Event


class _Line(msgspec.Struct):
    payload: _Record


def _run(program: str, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", f"tests.faults.{program}", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("files", ["shared", "each"])
@sizes(short=1, full=201)
def test_eight_processes_write_lines_of_all_sizes(size: int, files: str, tmp_path: Path) -> None:
    # The full form writes 100,000 lines into one file: 96.4 % of 1 KB, 3.2 % of 64 KB, 0.4 % of 1 MB.
    if files == "each":
        size = max(1, size // 5)
    shares = [f"{60 * size}:1000", f"{2 * size}:64000", f"{size // 4 + 1}:1000000"]
    each = sum(int(share.partition(":")[0]) for share in shares)
    name = "eight processes write into one file" if files == "shared" else "eight processes write a file each"
    with fault(name, "lines", never=("torn", "lost", "doubled", "out of order")) as seen:
        _run("crowd", tmp_path, WRITERS, files, *shares)
        order: dict[str, list[int]] = defaultdict(list)
        paths = list((tmp_path / "cache" / "capture").glob("record*.jsonl"))
        for path in paths:
            with path.open("rb") as file:
                for line in file:
                    if line == b"\n":
                        # Written in front of a line when the one before was still being written.
                        seen.also("blank lines")
                        continue
                    seen.inject()
                    try:
                        event = msgspec.json.decode(line, type=_Line).payload.payload
                        assert line.endswith(b"\n")
                        assert set(event.message) in ({event.attributes.who}, set("parent"))
                    except (msgspec.MsgspecError, AssertionError):
                        seen.wrong("torn", example=line[:80])
                        continue
                    order[event.attributes.who].append(event.attributes.n)
        assert order.pop("parent") == [0]
        seen.wrong("lost", sum(each - len(set(numbers)) for numbers in order.values()))
        seen.wrong("lost", WRITERS - len(order))
        seen.wrong("doubled", sum(len(numbers) - len(set(numbers)) for numbers in order.values()))
        seen.wrong("out of order", sum(numbers != sorted(numbers) for numbers in order.values()))
        if files == "each":
            assert len(paths) == WRITERS + 1
            assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
            if size == 1:
                catalog = catalog_tables.fresh(tmp_path)
                (found,) = catalog.connection.execute("select count(*) from records").fetchone() or (0,)
                assert found == seen.injected
                catalog.close()


_MOMENTS: Final = {
    "threads": "32 threads record on one scope",
    "forks": "a process forks while its threads record",
    "signals": "a signal handler records while its thread does",
    "interrupted": "a record is interrupted by Ctrl+C",
}
_ENDS: Final = {
    "daemons": "the interpreter ends while daemon threads record",
    "gone": "a process calls _exit while its threads record",
}


@sizes(short=4, full=200)
def test_jobs_record_at_bad_moments(size: int, tmp_path: Path) -> None:
    said = _run("moments", ",".join(_MOMENTS), tmp_path, size).split("\n")[:-1]
    for scenario, name in _MOMENTS.items():
        with fault(name, "records", never=NEVER) as seen:
            acknowledged = [ref for ref in said if f".{scenario}." in ref]
            seen.inject(len(acknowledged))
            check(tmp_path / scenario, acknowledged, seen, through_all=size > 4)


@sizes(short=1, full=20)
def test_jobs_end_while_their_threads_record(size: int, tmp_path: Path) -> None:
    for scenario, name in _ENDS.items():
        with fault(name, "ends", never=NEVER) as seen:
            for number in range(size):
                folder = tmp_path / str(number)
                said = _run("moments", scenario, folder, 1).split("\n")[:-1]
                seen.inject()
                # Whoever ends while another thread writes may leave its line by half, as a kill does.
                check(folder / scenario, said, seen, torn_at_most=1, through_all=size > 1)
