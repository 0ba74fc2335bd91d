"""What the system tells the app: to leave, to stop and to go on.

Textual draws and restores the terminal; this decides when, where its own answers leave a terminal behind that
nobody can type in. It knows no screen and no data.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable

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


def stop_between_steps(redraw: Callable[[], object]) -> None:
    """Let Textual give the terminal back and take it again at the right moments; to be called on its loop.

    Textual does both inside the signal's handler, which interrupts whatever the app is doing. If that is the
    writing of a frame, it holds the lock that giving the terminal back needs, and the app would wait for
    itself for ever. Here the loop does it, between two of its steps.

    And it takes the terminal again only when it gave it back. SIGCONT also comes to a process that nobody
    stopped, or that SIGSTOP did, which it never sees. Textual takes each for the end of a stop: it starts a
    second reader of keys, and remembers the raw terminal as the one to restore.

    Args:
        redraw: Draws the screen again, which something else may have drawn on meanwhile.
    """
    stop, go_on = signal.getsignal(signal.SIGTSTP), signal.getsignal(signal.SIGCONT)
    if not callable(stop) or not callable(go_on):
        return  # another driver, which has no terminal
    loop = asyncio.get_running_loop()
    gave_back = False
    about_to: asyncio.Handle | None = None

    def give_back() -> None:
        nonlocal gave_back, about_to
        gave_back, about_to = True, None
        stop(signal.SIGTSTP, None)

    def stopping() -> None:
        nonlocal about_to
        if not gave_back and about_to is None:
            # After a SIGCONT that is here already: stopped now, nobody would wake the process again.
            about_to = loop.call_soon(give_back)

    def going_on() -> None:
        nonlocal gave_back, about_to
        if gave_back:
            gave_back = False
            go_on(signal.SIGCONT, None)
            return
        if about_to is not None:
            about_to.cancel()
            about_to = None
        redraw()

    loop.add_signal_handler(signal.SIGTSTP, stopping)
    loop.add_signal_handler(signal.SIGCONT, going_on)
