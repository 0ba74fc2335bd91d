"""What a signal to leave does before the app listens for it: the program ends at once.

Python answers an interrupt with an exception, wherever the main thread happens to be. While a module is being
loaded that exception may be swallowed, and the person waits. Where it does arrive, the interpreter takes
itself down under the thread that opens the catalog, and one that comes back from DuckDB then aborts the
process. So nothing is raised here. It knows no screen and must load nothing heavy.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any, Final, NoReturn

from contexta.streams import abandon

LEAVING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""What ends the app, with the exit code that shells have for it: 128 and the number."""


@contextlib.contextmanager
def answering(numbers: Sequence[signal.Signals], handler: Any) -> Iterator[None]:
    """Handle signals this way in the block; on a thread that may not say so, as before.

    Args:
        numbers: The signals.
        handler: As `signal.signal` takes it.
    """
    before = {}
    with contextlib.suppress(ValueError):
        before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextlib.contextmanager
def nothing_is_open() -> Iterator[None]:
    """Let the system end the process on an interrupt, as it does on other signals: nobody has to tidy up."""
    with answering((signal.SIGINT,), signal.SIG_DFL):
        yield


@contextlib.contextmanager
def following(stop: Callable[[], object]) -> Iterator[None]:
    """End the process when it is told to leave, in whatever the main thread is doing.

    Args:
        stop: Ends what other threads have open, or gives up after a moment; must not need the main thread.
    """

    def leave(number: int, _: FrameType | None) -> NoReturn:
        for other in LEAVING:
            signal.signal(other, signal.SIG_IGN)
        stop()
        end(128 + number)

    with answering(LEAVING, leave):
        yield


def others_are_at_work() -> bool:
    """Whether a thread of ours is, of which the interpreter could not take leave."""
    return any(thread.daemon and thread.name.startswith("contexta-") for thread in threading.enumerate())


def end(code: int) -> NoReturn:
    """End the process while threads may still be at work, of which the interpreter could not take leave."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)


def let_go() -> None:
    """Write out what is left; that a terminal or a reader is gone by then is no error, and no exit code."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            abandon(stream)
