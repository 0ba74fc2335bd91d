"""What a program left of a terminal that it drew on."""

from __future__ import annotations

import re
import termios
from collections import Counter
from typing import Any, Final

from tests.terminal import Terminal

#: Modes that are on, and must be off, in a terminal that people type in; and the other way round.
_OFF: Final = ("1049", "1000", "1002", "1003", "1006", "1015", "2004", "1004", "2048", "2026")
_ON: Final = ("25", "7")
_SEQUENCE: Final = re.compile(rb"\x1b(?:\[[^@-~]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[=>])")


def left_on(term: Terminal, before: list[Any]) -> list[str]:
    """What of a terminal is not as it was.

    Args:
        term: The terminal.
        before: What `termios.tcgetattr` said of it before.
    """
    raw = term.raw
    modes = {
        mode.decode(): letter == b"h"
        for modes, letter in re.findall(rb"\x1b\[\?([\d;]+)([hl])", raw)
        for mode in modes.split(b";")
    }
    left = [mode for mode in _OFF if modes.get(mode, False)]
    left += [mode for mode in _ON if not modes.get(mode, True)]
    keyboard = Counter(re.findall(rb"\x1b\[([<>])\d*u", raw))
    left += ["keyboard"] * (keyboard[b">"] > keyboard[b"<"])
    left += ["termios"] * (termios.tcgetattr(term._master) != before)
    return left


def words_left_on(term: Terminal) -> str:
    """What a program wrote after it had left the other screen."""
    _, _, rest = term.raw.rpartition(b"\x1b[?1049l")
    return _SEQUENCE.sub(b"", rest).decode("utf-8", "replace").strip()
