"""What the system tells the app: to leave, to stop and to go on. The terminal is left as it was found.

Textual draws and restores the terminal; this decides when, where its own answers leave a terminal behind that
nobody can type in. It knows no screen and no data.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import termios
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final

from contexta_tui.starting import LEAVING

#: Ends what Textual begins: paste brackets, mouse, reports, keyboard protocol, other screen, no cursor.
_PLAIN: Final = (
    "\x1b[?2004l\x1b[?7h\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l\x1b[?2048l"
    "\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"
)


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


@contextlib.contextmanager
def terminal_as_it_was() -> Iterator[None]:
    """Restore the terminal at the end of the block, where whoever drew in it did not.

    The last net: a signal in an unlucky moment may end an app half way between taking the terminal and giving
    it back.
    """
    keys, screen = sys.__stdin__, sys.__stderr__
    if keys is None or screen is None:
        yield
        return
    before = None
    with contextlib.suppress(OSError, ValueError, termios.error):
        before = termios.tcgetattr(keys.fileno())
    try:
        yield
    finally:
        # A terminal that is gone needs nothing.
        with contextlib.suppress(OSError, ValueError, termios.error):
            if before is not None and termios.tcgetattr(keys.fileno()) != before:
                os.write(screen.fileno(), _PLAIN.encode())
                termios.tcsetattr(keys.fileno(), termios.TCSANOW, before)
