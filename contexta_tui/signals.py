"""What the system tells the app: to leave, to stop and to go on.

Textual draws and restores the terminal; this decides when, where its own answers leave a terminal behind that
nobody can type in. It knows no screen and no data.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from types import FrameType

from contexta_tui.starting import LEAVING


def leave_on_signals(leave: Callable[[int], None]) -> None:
    """Call `leave` with the exit code when the app is told to end; to be called on its loop.

    Before the app takes the terminal, or a signal in between would leave that to nobody.
    """
    loop = asyncio.get_running_loop()
    for number in LEAVING:
        # Tests run where no handlers may be set.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, leave, 128 + number)


def go_on_only_after_a_stop(redraw: Callable[[], object]) -> None:
    """Let Textual take the terminal again only when it gave it back; to be called when its driver runs.

    SIGCONT also comes to a process that nobody stopped, or that SIGSTOP did, which it never sees. Textual
    takes each for the end of a stop: it starts a second reader of keys, and remembers the raw terminal as the
    one to restore.

    Args:
        redraw: Draws the screen again, which something else may have drawn on meanwhile.
    """
    stop, go_on = signal.getsignal(signal.SIGTSTP), signal.getsignal(signal.SIGCONT)
    if not callable(stop) or not callable(go_on):
        return  # another driver, which has no terminal
    stopped = False

    def stopping(number: int, frame: FrameType | None) -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            stop(number, frame)

    def going_on(number: int, frame: FrameType | None) -> None:
        nonlocal stopped
        if stopped:
            stopped = False
            go_on(number, frame)
        else:
            redraw()

    signal.signal(signal.SIGTSTP, stopping)
    signal.signal(signal.SIGCONT, going_on)
