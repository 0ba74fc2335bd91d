"""How lines of text leave the program: coloured on a terminal, plain in a pipe, and never an error.

It lays out columns, chooses colours and survives a reader that went away. What is written stands elsewhere.
Texts must have passed `safe`; nothing here is ever read as markup.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from contexta.query.results import Severity, Status
from contexta_tui.text import cell_fit
from contexta_tui.theme import ASCII, UNICODE, Glyphs

PIPE_WIDTH: Final = 4096
"""Cells of a line where there is no terminal: lines of files are not wrapped."""

QUIET: Final = "dim"
STRONG: Final = "bold"
FAILED: Final = "bold red"

STATUS_STYLES: Final = {
    Status.FAILED: FAILED,
    Status.COMPLETED: "green",
    Status.OPEN: "cyan",
    Status.UNKNOWN: QUIET,
    Status.CANCELLED: "magenta",
}

SEVERITY_STYLES: Final = {Severity.ERROR: FAILED, Severity.WARNING: "yellow", Severity.INFO: QUIET}

_PLAIN_SIGNS: Final = str.maketrans({"…": "...", "×": "x"})
_GAP: Final = "  "

_READABLE: Final = 28
"""Cells that a name should have."""


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
            # Python would try to write what is left once more at its end, and complain and exit with 120.
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._out.fileno())
            if not isinstance(error, BrokenPipeError):
                raise


def say(sentence: str, program: str = "contexta-tui") -> None:
    """Write one sentence for people to standard error, where a script's output does not mix with it."""
    with suppress(OSError, ValueError):
        if isinstance(sys.stderr, io.TextIOWrapper):
            sys.stderr.reconfigure(errors="backslashreplace")
        sys.stderr.write(f"{program}: {sentence}\n")


def columns(
    rows: Sequence[Sequence[Text]],
    *,
    right: Sequence[int] = (),
    flexible: int = 0,
    optional: Sequence[int] = (),
    width: int = PIPE_WIDTH,
) -> list[Text]:
    """Lines with their cells under each other.

    Args:
        rows: Cells of each line; all lines have the same number.
        right: Columns to align to the right.
        flexible: The column that gives way where the lines are too wide.
        optional: Columns that are left out, in this order, before the flexible one becomes hard to read.
        width: Cells of a line.
    """
    if not rows:
        return []
    cells = [max(cell_len(row[at].plain) for row in rows) for at in range(len(rows[0]))]
    wanted = min(cells[flexible], _READABLE)
    for at in (-1, *optional):
        if at >= 0:
            cells[at] = 0
        room = width - sum(size + len(_GAP) for at, size in enumerate(cells) if size and at != flexible)
        if room >= wanted:
            break
    cells[flexible] = min(cells[flexible], max(_READABLE // 2, room))
    used = [at for at, size in enumerate(cells) if size]
    return [_line(row, cells, used, right) for row in rows]


def _line(row: Sequence[Text], cells: Sequence[int], used: Sequence[int], right: Sequence[int]) -> Text:
    line = Text()
    for at in used:
        cell = _fitted(row[at], cells[at])
        padding = " " * (cells[at] - cell_len(cell.plain))
        if at in right:
            line.append(padding)
        line.append_text(cell)
        if at != used[-1]:
            line.append(_GAP if at in right else padding + _GAP)
    return line


def _fitted(cell: Text, width: int) -> Text:
    """A cell cut to a width: at its end where it has several styles, else in its middle."""
    if cell_len(cell.plain) <= width:
        return cell
    if not cell.spans:
        return Text(cell_fit(cell.plain, width, "middle"), cell.style)
    cut = cell.copy()
    cut.truncate(width, overflow="ellipsis")
    return cut


def _is_terminal(out: TextIO) -> bool:
    try:
        return out.isatty()
    except ValueError:  # closed
        return False
