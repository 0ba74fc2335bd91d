"""The twelve hex digits that make a record reference unique.

A walk through all 48-bit numbers from a random start in random odd steps: no number comes twice in one
process, and two processes meet as rarely as two random numbers do. That costs a tenth of reading the kernel's
random source each time. A forked child starts a walk of its own, or it would repeat its parent's.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

_BITS = 48
_MASK = (1 << _BITS) - 1


class HexIds:
    """Hands out hex numbers of twelve digits that do not repeat.

    Safe to share between threads and across forks.
    """

    def __init__(self) -> None:
        self._walk: Iterator[int]
        self._restart()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._restart)

    def _restart(self) -> None:
        start = int.from_bytes(os.urandom(6))
        step = int.from_bytes(os.urandom(6)) | 1
        self._walk = itertools.count(start, step)

    def next(self) -> str:
        """Return the next number."""
        return f"{next(self._walk) & _MASK:012x}"


next_hex = HexIds().next
"""The process's own sequence; everything that captures draws from it."""
