"""Fault: monstrous lines: 64 MiB, nested 100,000 deep, a number of 5,000 digits, half characters, NUL.

Each is put aside with its place, all others are read, and memory stays within bounds.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from contexta.catalog.large import LARGE_BYTES
from tests.faults import Seen, fault, sizes
from tests.lines import RUN, Lines

ROOT: Final = Path(__file__).parents[2]
NEVER: Final = (
    "monsters not told with their place",
    "neighbours lost",
    "times more than 200 MB were taken",
)
MORE_BYTES: Final = 200_000_000
_NEIGHBOURS: Final = 50
_MIB: Final = 1024 * 1024

#: Indexes a workspace, and says what is known then and how much memory it took at most.
_PROGRAM: Final = """
import json, resource, sys
from pathlib import Path
from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer

workspace, cache, large = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
catalog = Catalog.open([workspace], cache)
Indexer(catalog, [workspace], large=large).catch_up()
(records,) = catalog.connection.execute("select count(*) from records").fetchone()
damage = catalog.connection.execute("select position, length from damage order by 1").fetchall()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
if Path("/proc/self/status").exists():
    # What `getrusage` tells there is at least what the program had that started this one.
    (line,) = (one for one in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in one)
    peak = int(line.split()[1]) * 1024
print(json.dumps([records, damage, peak]))
"""


def _monsters() -> dict[str, bytes]:
    """Lines that cannot be read, by what is wrong with them."""
    line = Lines().metric(RUN, "loss", 1).rstrip(b"\n")
    long = Lines().event(RUN, "note", "x").rstrip(b"\n")
    deep = b"[" * 100_000 + b"]" * 100_000
    return {
        "64 MiB": long.replace(b'"x"', b'"' + b"x" * (64 * _MIB) + b'"'),
        "nested 100,000 deep": b'{"payload":' + deep + b"}",
        "half a character": line.replace(b'"unit":null', b'"unit":"\\ud800"'),
        "half a character, the other one": line.replace(b'"unit":null', b'"unit":"\\udfff\\ud800"'),
        "NUL": b"\x00" * 100_000,
        "NUL inside": line[:100] + b"\x00" + line[100:],
        "an object that never ends": b'{"a":' * 50_000,
        "16 MiB of backslashes": b'{"captured_at":"' + b"\\" * (16 * _MIB),
        "a million beginnings": b'{"captured_at":"' * 60_000,
    }


def _index(folder: Path, data: bytes, large: int) -> tuple[int, list[list[int]], int]:
    path = folder / ".contexta" / "cache" / "capture" / "record.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    program = folder / "program.py"
    program.write_text(_PROGRAM, encoding="utf-8")
    command = [sys.executable, program, folder / ".contexta", folder / "cache", large]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    records, damage, peak = json.loads(done.stdout)
    return records, damage, peak


def _neighbours(first: int) -> bytes:
    lines = Lines()
    return b"".join(
        lines.metric(RUN, "loss", number, record_hex=f"{number:012x}")
        for number in range(first, first + _NEIGHBOURS)
    )


@sizes(short=1, full=9)
def test_monstrous_lines(size: int, tmp_path: Path) -> None:
    with fault("a monstrous line", "lines", never=NEVER) as seen:
        for large in (4_096, LARGE_BYTES)[:size]:
            folder = tmp_path / str(large)
            records, damage, usual = _index(folder, _neighbours(0) + _neighbours(_NEIGHBOURS), large)
            assert (records, damage) == (2 * _NEIGHBOURS, [])
            for name, line in list(_monsters().items())[:size]:
                more = _check(folder / name, name, line, large, seen) - usual
                seen.wrong("times more than 200 MB were taken", more > MORE_BYTES, (name, more))
                seen.others["MB more at most"] = max(seen.others.get("MB more at most", 0), more // 1_000_000)
        _check_number(tmp_path / "number", seen)


def _check(folder: Path, name: str, line: bytes, large: int, seen: Seen) -> int:
    """Count what is wrong with what is known of a monster and its neighbours; how much memory it took."""
    before = _neighbours(0)
    records, damage, peak = _index(folder, before + line + b"\n" + _neighbours(_NEIGHBOURS), large)
    seen.inject()
    seen.wrong("neighbours lost", 2 * _NEIGHBOURS - records, name)
    start = damage[0][0] if damage else None
    end = sum(damage[-1]) if damage else None
    place = (start, end) == (len(before), len(before) + len(line))
    seen.wrong("monsters not told with their place", not place, (name, damage[:3], len(before), len(line)))
    return peak


def _check_number(folder: Path, seen: Seen) -> None:
    """A number of 5,000 digits is no damage: the line is read, without a value to compute with."""
    line = Lines().metric(RUN, "loss", 1.5).replace(b'"value":1.5', b'"value":' + b"9" * 5_000)
    records, damage, _ = _index(folder, _neighbours(5) + line, LARGE_BYTES)
    seen.inject()
    seen.wrong("neighbours lost", (records, damage) != (_NEIGHBOURS + 1, []), (records, damage))
