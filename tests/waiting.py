"""Wait for something to become true instead of sleeping and hoping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol


class Pilot(Protocol):
    """What a test needs of Textual's pilot."""

    async def pause(self, delay: float | None = None) -> None:
        """Let the app work for `delay` seconds, or until it is idle."""


def wait_until(
    predicate: Callable[[], bool], timeout: float = 5.0, *, what: str = "the condition", step: float = 0.01
) -> None:
    """Return as soon as `predicate()` is true.

    Raises:
        AssertionError: `what` did not come true within `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while not predicate():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {timeout:g} s")
        time.sleep(step)


async def pilot_until(
    pilot: Pilot,
    predicate: Callable[[], bool],
    timeout: float = 5.0,  # noqa: ASYNC109  # a lapse is a failed assertion that says what was awaited
    *,
    what: str = "the condition",
) -> None:
    """Let the app under `pilot` work until `predicate()` is true.

    Raises:
        AssertionError: `what` did not come true within `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while not predicate():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {timeout:g} s")
        await pilot.pause(0.01)
