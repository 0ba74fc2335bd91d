"""How long something took, for who rests a multiple of it afterwards. It knows nothing of what was done.

A process may be stopped in the middle: by ctrl+z, with its machine, by a debugger. A clock goes on meanwhile,
and one diagnosis that was stopped for minutes would be the last for an hour.
"""

from __future__ import annotations

import time


class Effort:
    """Something that begins now."""

    __slots__ = ("_began", "_worked")

    def __init__(self) -> None:
        self._began, self._worked = time.monotonic(), time.process_time()

    @property
    def seconds(self) -> float:
        """Seconds since then, no more than all threads of this process have worked meanwhile."""
        return min(time.monotonic() - self._began, time.process_time() - self._worked)
