"""Endurance: a job records 1,000 times a second for half an hour, and somebody looks at it all the while."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Final

import psutil

from benchmarks._appender import Appender
from benchmarks._pty import Screen
from benchmarks._results import quantile
from benchmarks.latency import count
from tests.faults import Seen, fault, sizes

#: Seconds of the full form; less while this test itself is worked on.
FULL_S: Final = int(os.environ.get("ENDURANCE_SECONDS", "1800"))

RATE: Final = 1_000
FLAT_FROM_S: Final = 60
MEMORY_SHARE: Final = 0.05
LAST_WITHIN_S: Final = 60.0
KEY_EVERY_S: Final = 0.25

#: Keys after which the selected run is still on the screen, with the number of its records.
STAYING: Final = ("]", "[", "2", "]", "1", "E", "tab", "[", "shift+tab", "C", "3", "4", "1")

#: Keys that lead somewhere else, and those that lead back.
STROLLS: Final = (
    ("j", "j", "l", "j", "k", "h"),
    ("G", "ctrl+u", "ctrl+d", "pageup", "k"),
    ("n", "N", "2", "]", "]"),
    ("r", "j", "j", "G", "escape"),
    ("/", "t", "r", "a", "enter", "j", "escape"),
    ("?", "j", "escape", "z", "z"),
    ("f", "j", "escape"),
)
BACK: Final = ("escape", "escape", "1", "g")


class Looking:
    """Somebody who presses keys, and what the screen says of the run meanwhile.

    Args:
        screen: The explorer, on the run.
        first: Records that the run has.
    """

    def __init__(self, screen: Screen, first: int) -> None:
        self._screen = screen
        self._randomly = random.Random(1)
        self._keys = self._pressing()
        self._measures = True
        self._returns = False
        self.first = first
        self.presses = 0
        self.frames = 0
        #: When each record behind the first ones was counted on the screen; `None` while it showed another.
        self.counted: list[float | None] = []

    @property
    def total(self) -> int:
        """The number of records that were counted."""
        return self.first + len(self.counted)

    def look(self, seconds: float) -> None:
        """Press a key, and look for so long."""
        self._screen.press(next(self._keys))
        self.presses += 1
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for at in self._screen.frames():
                self._count(at)
            time.sleep(0.005)

    def _count(self, at: float) -> None:
        self.frames += 1
        fresh = count(self._screen) - self.total
        if fresh > 0:
            self.counted += [at if self._measures else None] * fresh
            # What was appended before the run was on the screen again says nothing.
            self._measures |= self._returns

    def _pressing(self) -> Iterator[str]:
        for stroll in itertools.cycle(STROLLS):
            for _ in range(60):
                yield self._randomly.choice(STAYING)
            self._measures = self._returns = False
            yield from (*stroll, *BACK)
            self._returns = True


def _memory(pid: int, cache: Path) -> tuple[float, float]:
    """Resident memory, and the size of the index on disk: what the database may keep of it. In MB."""
    index = sum(path.stat().st_size for path in cache.rglob("*.duckdb*"))
    return psutil.Process(pid).memory_info().rss / 1e6, index / 1e6


@sizes(short=2, full=FULL_S, timeout=FULL_S + 600, when="first")
def test_a_job_is_watched_for_half_an_hour(size: int, tmp_path: Path) -> None:
    never = ("records missed", "records doubled", "times that memory was not flat", "ends of the explorer")
    workspace = tmp_path / ".contexta"
    command = ["contexta-tui", str(workspace), "--cache-dir", str(tmp_path / "cache")]
    with (
        fault("a job records 1,000 times a second while keys are pressed", "records", never=never) as seen,
        Appender(workspace, RATE, size) as appender,
        Screen([*command, "--select", "run:vision.live"]) as screen,
    ):
        screen.when(lambda: count(screen) == appender.first, what="the run that is written")
        someone = Looking(screen, appender.first)
        written: list[float] = []
        waiting = threading.Thread(target=lambda: written.extend(appender.written()), daemon=True)
        appender.begin()
        waiting.start()
        memory: list[tuple[float, float]] = []
        while waiting.is_alive():
            someone.look(KEY_EVERY_S)
            screen._emulator.raw.clear()
            with contextlib.suppress(psutil.Error, FileNotFoundError):
                memory.append(_memory(screen.pid, tmp_path / "cache"))
        seen.inject(len(written) - appender.first)
        deadline = time.monotonic() + LAST_WITHIN_S
        while someone.total < len(written) and time.monotonic() < deadline:
            for key in BACK:
                screen.press(key)
            someone.look(0.5)
        seen.wrong("records missed", max(0, len(written) - someone.total), screen.text())
        seen.wrong("records doubled", max(0, someone.total - len(written)), screen.text())
        seen.wrong("ends of the explorer", not psutil.pid_exists(screen.pid))
        seen.also("keys", someone.presses)
        seen.also("frames", someone.frames)
        _check_delays(seen, someone, written)
        _check_memory(seen, memory, flat=size >= FLAT_FROM_S)


def _check_delays(seen: Seen, someone: Looking, written: list[float]) -> None:
    late = [
        (at - wrote) * 1e3
        for wrote, at in zip(written[someone.first :], someone.counted, strict=False)
        if at is not None
    ]
    assert late, "no record was seen coming"
    seen.also("ms from an append to the screen, median", round(median(late)))
    seen.also("ms from an append to the screen, p99", round(quantile(0.99)(late)))


def _check_memory(seen: Seen, memory: list[tuple[float, float]], *, flat: bool) -> None:
    """What is not the index stays within a twentieth of its middle, after a third of the time.

    The index grows with what is recorded, and the database keeps up to half a gigabyte of it in memory.
    """
    warm = memory[len(memory) // 3 :]
    seen.also("MB resident when warm", round(warm[0][0]))
    seen.also("MB resident at the end", round(warm[-1][0]))
    seen.also("MB of index at the end", round(warm[-1][1]))
    parts = [warm[len(warm) * part // 10 : len(warm) * (part + 1) // 10] for part in range(10)]
    besides = [median(resident - index for resident, index in part) for part in parts if part]
    seen.also("MB besides the index, least", round(min(besides)))
    seen.also("MB besides the index, most", round(max(besides)))
    away = sum(abs(mb - median(besides)) > MEMORY_SHARE * median(besides) for mb in besides)
    seen.wrong("times that memory was not flat", flat and away, [round(mb) for mb in besides])
