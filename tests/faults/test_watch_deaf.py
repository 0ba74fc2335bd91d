"""Fault: notifications get lost, folders are deleted and made anew, there are thousands of files, odd names.

`stat` is the truth and a notification only a hint: without any, everything is noticed within two seconds.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from contexta.live import Change, Follower, Phase
from tests.faults import Seen, fault, sizes
from tests.lines import RUN, Lines

NEVER: Final = ("not noticed within two seconds", "records lost", "records doubled", "ends of following")
WITHIN_S: Final = 2.0
PATIENCE_S: Final = 30.0
IDLE_SHARE: Final = 0.05


class Watched:
    """A workspace that is followed, and what was recorded in it."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace
        self.folder = workspace / "cache" / "capture"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.changes: list[Change] = []
        self.error: BaseException | None = None
        self._lines = Lines()
        self._number = 0
        self.owed = 0

    def record(self, name: str, count: int = 1, *, fresh: bool = False) -> None:
        data = b""
        for _ in range(count):
            self._number += 1
            data += self._lines.metric(RUN, "loss", self._number, record_hex=f"{self._number:012x}")
        with (self.folder / name).open("ab", buffering=0) as file:
            file.write(data)
        self.owed = count if fresh else self.owed + count

    def seconds_until_noticed(self) -> float:
        """From now to the first change that counts what is owed."""
        began = time.monotonic()
        while time.monotonic() < began + PATIENCE_S:
            if self.changes and self.changes[-1].counts.records == self.owed:
                break
            time.sleep(0.005)
        return time.monotonic() - began

    def note(self, seen: Seen, what: object) -> None:
        """Count whether what was recorded last is noticed in time."""
        seconds = self.seconds_until_noticed()
        seen.inject()
        seen.wrong("not noticed within two seconds", seconds > WITHIN_S, (what, seconds))
        there = self.changes[-1].counts.records if self.changes else 0
        seen.wrong("records lost", max(0, self.owed - there), what)
        seen.wrong("records doubled", max(0, there - self.owed), what)
        seen.wrong("ends of following", self.error is not None, self.error)
        seen.others["ms at most"] = max(seen.others.get("ms at most", 0), round(seconds * 1e3))


@contextmanager
def _followed(watched: Watched, *, watch: bool) -> Iterator[Watched]:
    stop = threading.Event()
    follower = Follower([watched.workspace], use_cache=False, watch=watch)

    def run() -> None:
        try:
            follower.run(watched.changes.append, stop)
        except BaseException as error:  # noqa: BLE001 - counted
            watched.error = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield watched
    finally:
        stop.set()
        thread.join(PATIENCE_S)


@sizes(short=3, full=100, when="last")
def test_no_notification_comes(size: int, tmp_path: Path) -> None:
    """To files that are written all the time, to ones that were silent, and to new ones."""
    randomly = random.Random(size)
    with (
        fault("no notification comes", "appends", never=NEVER) as seen,
        _followed(Watched(tmp_path / ".contexta"), watch=False) as watched,
    ):
        for number in range(size):
            name = randomly.choice(("record.jsonl", "record.node-1.jsonl", f"record.new-{number}.jsonl"))
            watched.record(name, randomly.randint(1, 20))
            watched.note(seen, name)
            time.sleep(randomly.uniform(0, 0.1))


@pytest.mark.parametrize("watch", [True, False], ids=["watched", "deaf"])
@sizes(short=1, full=15, when="last")
def test_the_folder_is_deleted_and_made_anew(size: int, tmp_path: Path, *, watch: bool) -> None:
    """The folder of the captures, or the whole workspace, with others in its place a moment later."""
    with (
        fault("a followed folder is deleted and made anew", "times", never=NEVER) as seen,
        _followed(Watched(tmp_path / ".contexta"), watch=watch) as watched,
    ):
        watched.record("record.jsonl", 5)
        watched.note(seen, "the first")
        for number in range(size):
            shutil.rmtree(watched.workspace if number % 2 else watched.folder)
            time.sleep(0.3 * (number % 3))
            watched.folder.mkdir(parents=True)
            watched.record("record.jsonl", 3 + number % 4, fresh=True)
            watched.note(seen, number)
            watched.record("record.jsonl")
            watched.note(seen, f"{number}, appended")


@sizes(short=2, full=30, when="last")
def test_names_are_no_text(size: int, tmp_path: Path) -> None:
    with (
        fault("names of files are not UTF-8", "files", never=NEVER) as seen,
        _followed(Watched(tmp_path / ".contexta"), watch=True) as watched,
    ):
        randomly = random.Random(size)
        for number in range(size):
            odd = os.fsdecode(bytes(randomly.choice((0xFF, 0xC3, 0x80, 0x1B, 0x0A)) for _ in range(5)))
            watched.record(f"record.{odd}{number}.jsonl", 2)
            watched.note(seen, number)


@sizes(short=300, full=10_000, when="last")
def test_thousands_of_files(size: int, tmp_path: Path) -> None:
    """One of them is written to now and then; and next to nothing is done while none is."""
    idle_s = 10.0 if size > 1_000 else 0.5
    with fault("thousands of files", "files", never=(*NEVER, "times busy while idle")) as seen:
        watched = Watched(tmp_path / ".contexta")
        for number in range(size):
            watched.record(f"record.node-{number}.jsonl")
        with _followed(watched, watch=True):
            while not (watched.changes and watched.changes[-1].phase is Phase.LIVE):
                time.sleep(0.05)
            watched.seconds_until_noticed()
            for number in range(5):
                watched.record(f"record.node-{number * size // 5}.jsonl")
                watched.note(seen, number)
            time.sleep(12.0 if size > 1_000 else 0.0)  # what was written lately is looked at more often
            before = _busy_s()
            time.sleep(idle_s)
            share = (_busy_s() - before) / idle_s
        seen.injected = size
        seen.also("ms of processor time a second when idle", round(share * 1e3))
        seen.wrong("times busy while idle", size > 1_000 and share > IDLE_SHARE, share)


def _busy_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
