"""How text leaves the program: coloured on a terminal, plain in a pipe, and never an error.

It knows the stream and survives a reader that went away. What is written stands elsewhere. Texts must have
passed `safe`; nothing here is ever read as markup.
"""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TextIO

from contexta.streams import abandon
from contexta_tui.glyphs import ASCII, UNICODE, Glyphs

if TYPE_CHECKING:
    from rich.text import Text

PIPE_WIDTH: Final = 4096
"""Cells of a line where there is no terminal: lines of files are not wrapped."""

_PLAIN_SIGNS: Final = str.maketrans({"…": "...", "×": "x"})


class Paper:
    """Where lines are written.

    Args:
        out: The stream, standard output as a rule.
        ascii_only: Whether to write with ASCII signs; done anyway where the stream knows no others.
    """

    def __init__(self, out: TextIO, *, ascii_only: bool = False) -> None:
        self._out = out
        self.is_terminal = _is_terminal(out)
        self.width = shutil.get_terminal_size().columns if self.is_terminal else PIPE_WIDTH
        encoding = (getattr(out, "encoding", None) or "utf-8").lower().replace("_", "-")
        self.glyphs: Glyphs = ASCII if ascii_only or not encoding.startswith("utf") else UNICODE
        # Recorded text may hold what the stream's encoding does not.
        if isinstance(out, io.TextIOWrapper):
            out.reconfigure(errors="backslashreplace")

    def write(self, lines: Iterable[Text]) -> None:
        """Write lines, each cut at the width of the terminal.

        Raises:
            OSError: They cannot be written; a reader that went away is no error.
        """
        from rich.console import Console  # noqa: PLC0415 - slow to load, and JSON does without

        buffer = io.StringIO()
        console = Console(
            file=buffer,
            force_terminal=self.is_terminal,
            color_system="auto" if self.is_terminal else None,
            width=self.width,
            markup=False,
            highlight=False,
            emoji=False,
        )
        for line in lines:
            line.rstrip()
            console.print(line, no_wrap=True, overflow="ellipsis", crop=True)
        text = buffer.getvalue()
        self.write_text(text.translate(_PLAIN_SIGNS) if self.glyphs.ascii else text)

    def write_text(self, text: str) -> None:
        """Write text as it is.

        Raises:
            OSError: It cannot be written; a reader that went away is no error.
        """
        try:
            self._out.write(text)
            self._out.flush()
        except OSError as error:
            abandon(self._out)
            if not isinstance(error, BrokenPipeError):
                raise


def say(sentence: str, program: str = "contexta-tui") -> None:
    """Write one sentence for people to standard error, where a script's output does not mix with it."""
    with suppress(OSError, ValueError):
        if isinstance(sys.stderr, io.TextIOWrapper):
            sys.stderr.reconfigure(errors="backslashreplace")
        sys.stderr.write(f"{program}: {sentence}\n")


def _is_terminal(out: TextIO) -> bool:
    try:
        return out.isatty()
    except ValueError:  # closed
        return False
