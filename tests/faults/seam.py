"""Stands between a program and the operating system: chosen calls fail, stop half way, or are the last.

`Seam()` replaces the functions of `os` that change files. It has to be there before the modules under test
are imported, because they keep some of them under names of their own; so it is for helper programs only.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from errno import EACCES, EDQUOT, EFBIG, EIO, EMFILE, ENOSPC, EROFS
from typing import Any, Final

NAMES: Final = ("open", "write", "fsync", "rename", "link", "mkdir", "unlink")

_PLACE: Final = (ENOSPC, EROFS, EACCES, EIO)
ERRORS: Final = {
    "open": (*_PLACE, EMFILE),
    "write": (ENOSPC, EFBIG, EIO, EDQUOT),
    "fsync": (EIO, ENOSPC),
    "rename": _PLACE,
    "link": _PLACE,
    "mkdir": _PLACE,
    "unlink": (EROFS, EACCES, EIO),
}
"""What each call may fail with."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one call.

    Attributes:
        at: Which call, counted from 0.
        error: The error number; 0 for none.
        share: The share of the bytes that a `write` takes; 1 leaves out the last byte only.
        lasting: Whether all later calls that can fail so do.
        dies: Whether the program is killed then.
    """

    at: int
    error: int = 0
    share: float = 0.0
    lasting: bool = False
    dies: bool = False


class Seam:
    """Counts the calls while it is armed, and injects one fault.

    Attributes:
        calls: The names of the calls since it was armed.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._fault: Fault | None = None
        self._real: dict[str, Callable[..., Any]] = {name: getattr(os, name) for name in NAMES}
        for name in NAMES:
            setattr(os, name, self._instead(name))

    def arm(self, fault: Fault) -> None:
        """Count from 0 again, and inject this from now on."""
        self.calls = []
        self._fault = fault

    def disarm(self) -> int:
        """Let everything pass; the number of calls that were counted."""
        self._fault = None
        return len(self.calls)

    def _instead(self, name: str) -> Callable[..., Any]:
        real = self._real[name]

        def call(*arguments: Any, **options: Any) -> Any:
            fault = self._fault
            if fault is None:
                return real(*arguments, **options)
            number = len(self.calls)
            self.calls.append(name)
            lasts = fault.lasting and number > fault.at and fault.error in ERRORS[name]
            if number == fault.at or lasts:
                return self._inject(fault, name, arguments, options)
            return real(*arguments, **options)

        return call

    def _inject(self, fault: Fault, name: str, arguments: Any, options: Any) -> Any:
        if name == "write" and fault.share:
            fd, data = arguments
            size = min(int(len(data) * fault.share), len(data) - 1)
            written = self._real[name](fd, bytes(data)[:size])
        elif fault.error:
            raise OSError(fault.error, os.strerror(fault.error))
        elif not fault.dies:
            return self._real[name](*arguments, **options)
        else:
            written = 0
        if fault.dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return written


def faults_of(calls: list[str]) -> list[Fault]:
    """Every way in which every one of these calls can go wrong."""
    found = []
    for at, name in enumerate(calls):
        errors = ERRORS[name]
        found += [Fault(at, error) for error in errors]
        found += [Fault(at, error, lasting=True) for error in errors[:2]]
        if name == "write":
            found += [Fault(at, share=share) for share in (0.01, 0.5, 1.0)]
    return found
