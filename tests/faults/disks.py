"""A program that writes with parts of the library while the disk fails, and says what came of it.

`python -m tests.faults.disks SCENARIO[,SCENARIO] KIND FOLDER HOW_MANY` prints one JSON object for each
injection: how the disk failed, the exceptions that got out, whether the part noticed, and each count that
should be zero. `KIND` is `call` (one call of the operating system fails), `limit` (no file may grow beyond
so many bytes), `room` (a file system has so many bytes left), `read-only` (it is mounted anew without write
permission) or `below` (calls that a database makes by itself fail, see `calls`); `room` and `read-only` need
a mount namespace of their own. `HOW_MANY` is about each scenario.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from tests.faults.calls import Failure, Outcome, Switch, failures, run, some
from tests.faults.seam import Fault, Seam, faults_of

_TMPFS_BYTES = 64 * 1024 * 1024
_MOST_PAGES = 160

Problems = dict[str, int]
Injection = Callable[[], contextlib.AbstractContextManager[None]]


class Scenario(Protocol):
    """One part of the library at work in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        """Prepare what is there before the disk fails."""

    def act(self) -> None:
        """Write. Whatever gets out is a problem."""

    def noticed(self) -> bool:
        """Whether anything was refused."""

    def after(self) -> Problems:
        """Go on with a disk that works, and tell what is wrong."""


def main() -> None:
    names, kind, folder, how_many = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
    seam = Seam()
    # Only now, so that whatever it imports sees the seam.
    from tests.faults import disk_scenarios  # noqa: PLC0415

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    if kind in ("room", "read-only"):
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={_TMPFS_BYTES}", "none", str(folder)], check=True
        )
    for name in names.split(","):
        scenario: type[Scenario] = disk_scenarios.SCENARIOS[name]
        if kind == "below":
            _fail_below(scenario, folder, how_many)
            continue
        injections = list(_KINDS[kind](scenario, folder, seam))
        step = max(1, len(injections) // how_many)
        for label, injected in injections[::step]:
            print(json.dumps(_answer(scenario, folder / "work", label, injected)), flush=True)


def _answer(scenario: type[Scenario], place: Path, label: str, injected: Injection) -> dict[str, object]:
    place.mkdir(parents=True)
    answer: dict[str, object] = {"fault": f"{scenario.__name__}, {label}", "escaped": "", "problems": {}}
    work = scenario(place)
    with injected():
        try:
            work.act()
        except Exception:  # noqa: BLE001 - that it gets out is what is looked for
            answer["escaped"] = traceback.format_exc()
    answer["noticed"] = work.noticed()
    try:
        answer["problems"] = work.after()
    except Exception:  # noqa: BLE001 - ditto
        answer["escaped"] = f"{answer['escaped']}afterwards: {traceback.format_exc()}"
    shutil.rmtree(place)
    return answer


def _fail_below(scenario: type[Scenario], folder: Path, how_many: int) -> None:
    """Fail the calls of a database, each in a fork of its own: this process opens none."""
    place = folder / "work"

    def one(failure: Failure | None) -> Outcome:
        def work(switch: Switch) -> dict[str, object]:
            @contextlib.contextmanager
            def injected() -> Iterator[None]:
                switch.arm()
                try:
                    yield
                finally:
                    switch.disarm()

            return _answer(scenario, place, str(failure), injected)

        return run(work, place, failure)

    sound = one(None)
    assert sound.said, sound.error
    for failure in some(failures(sound.calls), how_many):
        found = one(failure)
        ended = {"fault": f"{scenario.__name__}, {failure}", "escaped": found.error, "problems": {}}
        print(json.dumps(found.said or {**ended, "noticed": True}), flush=True)
        shutil.rmtree(place, ignore_errors=True)


def _calls(scenario: type[Scenario], folder: Path, seam: Seam) -> Iterator[tuple[str, Injection]]:
    place = folder / "calls"
    place.mkdir(parents=True)
    work = scenario(place)
    seam.arm(Fault(-1))
    work.act()
    seam.disarm()
    calls = list(seam.calls)
    work.after()
    shutil.rmtree(place)
    for fault in faults_of(calls):

        @contextlib.contextmanager
        def injected(fault: Fault = fault) -> Iterator[None]:
            seam.arm(fault)
            try:
                yield
            finally:
                seam.disarm()

        yield f"{calls[fault.at]} {asdict(fault)}", injected


def _limits(scenario: type[Scenario], folder: Path, seam: Seam) -> Iterator[tuple[str, Injection]]:
    for size in _sizes(scenario, folder):

        @contextlib.contextmanager
        def injected(size: int = size) -> Iterator[None]:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            try:
                yield
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

        yield f"no file beyond {size} bytes", injected


def _sizes(scenario: type[Scenario], folder: Path, parts: int = 120) -> list[int]:
    """Sizes between nothing and the largest file that the scenario makes."""
    place = folder / "sizes"
    place.mkdir(parents=True)
    work = scenario(place)
    work.act()
    largest = max(path.stat().st_size for path in place.rglob("*") if path.is_file())
    work.after()
    shutil.rmtree(place)
    return sorted({largest * part // parts for part in range(parts)})


def _rooms(scenario: type[Scenario], folder: Path, seam: Seam) -> Iterator[tuple[str, Injection]]:
    page = resource.getpagesize()
    for pages in range(_MOST_PAGES):

        @contextlib.contextmanager
        def injected(room: int = pages * page) -> Iterator[None]:
            filler = folder / "filler"
            facts = os.statvfs(folder)
            with filler.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, max(page, facts.f_bavail * facts.f_frsize - room))
            try:
                yield
            finally:
                filler.unlink()

        yield f"{pages} pages left", injected


def _read_only(scenario: type[Scenario], folder: Path, seam: Seam) -> Iterator[tuple[str, Injection]]:
    def remount(how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)

    @contextlib.contextmanager
    def injected() -> Iterator[None]:
        remount("ro")
        try:
            yield
        finally:
            remount("rw")

    yield "mounted read-only", injected


_KINDS = {"call": _calls, "limit": _limits, "room": _rooms, "read-only": _read_only}

if __name__ == "__main__":
    main()
