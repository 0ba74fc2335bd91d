"""The terminal that the explorer was started in: found in some state, and left in it whatever happened.

Textual takes the terminal, draws on it and gives it back. This stands around that: it may show something
before Textual is loaded, and at the end puts right what nobody else did. Nothing heavy is imported here.
"""

from __future__ import annotations

import contextlib
import os
import sys
import termios
from typing import Any, Final

#: Ends what may have begun: update, paste brackets, mouse, reports, keyboard protocol, other screen,
#: no cursor.
_PLAIN: Final = (
    "\x1b[?2026l\x1b[?2004l\x1b[?7h\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l\x1b[?2048l"
    "\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"
)
_OTHER_SCREEN: Final = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J"
_AT_ONCE: Final = ("\x1b[?2026h", "\x1b[?2026l")
_GONE: Final = (OSError, ValueError, termios.error)
_LFLAG, _CC = 3, 6


class Terminal:
    """The terminal as it was found; without one, nothing here does anything."""

    def __init__(self) -> None:
        self._keys, self._screen = _descriptor(sys.__stdin__), _descriptor(sys.__stderr__)
        self._is_shown = False
        self._before: list[Any] | None = None
        with contextlib.suppress(*_GONE):
            self._before = termios.tcgetattr(self._keys)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows; 0 where nobody knows."""
        size = os.terminal_size((0, 0))
        with contextlib.suppress(*_GONE):
            size = os.get_terminal_size(self._screen)
        return size.columns, size.lines

    def show(self, drawn: str) -> None:
        """Show something in place of what is on the terminal, until `give_to` the app or `restore`.

        What is typed meanwhile is kept for the app, and not seen.
        """
        if self._before is None:
            return
        with contextlib.suppress(*_GONE):
            quiet = termios.tcgetattr(self._keys)
            quiet[_LFLAG] &= ~(termios.ECHO | termios.ICANON)
            # A stop would leave the shell with a screen that is not its own.
            quiet[_CC][termios.VSUSP] = bytes([os.fpathconf(self._keys, "PC_VDISABLE")])
            self._is_shown = True
            termios.tcsetattr(self._keys, termios.TCSANOW, quiet)
            self._write(drawn.join((_AT_ONCE[0] + _OTHER_SCREEN, _AT_ONCE[1])))

    def hand_over(self) -> None:
        """Let the app find the keys as they were, which it is about to take; the picture stays."""
        if self._is_shown and self._before is not None:
            with contextlib.suppress(*_GONE):
                termios.tcsetattr(self._keys, termios.TCSANOW, self._before)

    def is_taken(self) -> None:
        """The app has the terminal, and gives it back."""
        self._is_shown = False

    def restore(self) -> None:
        """Leave the terminal as it was found, where whoever drew in it did not.

        The last net: a signal in an unlucky moment may end an app half way between taking the terminal and
        giving it back.
        """
        if self._before is None:
            return
        # A terminal that is gone needs nothing.
        with contextlib.suppress(*_GONE):
            if self._is_shown or termios.tcgetattr(self._keys) != self._before:
                self._is_shown = False
                self._write(_PLAIN)
                termios.tcsetattr(self._keys, termios.TCSANOW, self._before)

    def _write(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        while data:
            data = data[os.write(self._screen, data) :]


def _descriptor(stream: Any) -> int:
    """The descriptor of a standard stream; -1, which no call accepts, where there is none."""
    try:
        return int(stream.fileno())
    except (AttributeError, OSError, ValueError):
        return -1
