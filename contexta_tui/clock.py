"""The clocks of the app, so that a test or a picture can stop them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import msgspec


def _now() -> int:
    return time.time_ns() // 1000


class Clock(msgspec.Struct, frozen=True):
    """What time it is.

    Attributes:
        now: Microseconds since the Unix epoch, for dates and the ages of what is open.
        passed: Seconds that only ever grow, for how long ago something came.
    """

    now: Callable[[], int] = _now
    passed: Callable[[], float] = time.monotonic


#: The clocks of this machine.
SYSTEM: Final = Clock()
