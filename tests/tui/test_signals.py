"""Stopped and resumed: at a moment of the loop, once each, and never asleep for good."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from types import FrameType

import pytest

from contexta_tui.signals import stop_between_steps


class Driver:
    """Gives the terminal back and takes it, as a driver does: by writing, which needs a lock."""

    def __init__(self) -> None:
        self.writing = threading.Lock()
        self.done: list[str] = []

    def stop(self, number: int, frame: FrameType | None) -> None:
        self._write("gave back")

    def go_on(self, number: int, frame: FrameType | None) -> None:
        self._write("took")

    def redraw(self) -> None:
        self.done.append("drew")

    def _write(self, what: str) -> None:
        held = not self.writing.acquire(blocking=False)
        self.done.append(f"{what} inside another write" if held else what)
        if not held:
            self.writing.release()


@pytest.fixture
def driver() -> Iterator[Driver]:
    """A driver that listens for both signals."""
    numbers = (signal.SIGTSTP, signal.SIGCONT)
    before = [signal.getsignal(number) for number in numbers]
    driver = Driver()
    signal.signal(signal.SIGTSTP, driver.stop)
    signal.signal(signal.SIGCONT, driver.go_on)
    yield driver
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


async def told(driver: Driver, *numbers: signal.Signals) -> list[str]:
    """What was done after some signals that came while a frame was being written."""
    with driver.writing:
        for number in numbers:
            signal.raise_signal(number)
    for _ in range(10):
        await asyncio.sleep(0.001)
    done, driver.done = driver.done, []
    return done


async def test_a_signal_in_the_middle_of_a_frame_waits_for_its_end(driver: Driver) -> None:
    stop_between_steps(driver.redraw)
    assert await told(driver, signal.SIGTSTP) == ["gave back"]
    assert await told(driver, signal.SIGTSTP) == []
    assert await told(driver, signal.SIGCONT) == ["took"]
    assert await told(driver, signal.SIGCONT) == ["drew"]
    assert await told(driver, signal.SIGTSTP) == ["gave back"]


async def test_resumed_before_it_stopped_it_does_not_stop(driver: Driver) -> None:
    stop_between_steps(driver.redraw)
    assert await told(driver, signal.SIGTSTP, signal.SIGTSTP, signal.SIGCONT) == ["drew"]
    assert await told(driver, signal.SIGTSTP) == ["gave back"]


async def test_without_a_terminal_signals_are_left_alone() -> None:
    before = signal.getsignal(signal.SIGTSTP)
    assert not callable(before)
    stop_between_steps(lambda: None)
    assert signal.getsignal(signal.SIGTSTP) == before
