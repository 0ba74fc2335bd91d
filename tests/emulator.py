"""What a terminal does with the bytes it gets: a screen, and answers to questions.

It wraps pyte, which prints some sequences that a terminal obeys or ignores. It starts no program.
"""

from __future__ import annotations

import re

import pyte

#: What the emulator would print or mistake instead of ignoring: queries, keyboard protocols, strings.
_FOREIGN = re.compile(
    rb"\x1b\[[<=>][0-?]*[ -/]*[@-~]"
    rb"|\x1b\[\?[0-?]*(?:[ -/]+[@-~]|[@-gi-km-~])"
    rb"|\x1b\[[0-?]*[ -/]+[@-~]"
    rb"|\x1b\](?![012];)[^\x07\x1b]*(?:\x1b\\|\x07)"
    rb"|\x1b[P_^].*?(?:\x1b\\|\x07)",
    re.DOTALL,
)
#: A sequence whose end is not here yet.
_UNFINISHED = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|[P_^\]][^\x07\x1b]*\x1b?)?\Z")

_QUERY = re.compile(
    rb"\x1b\[(?P<position>6n)"
    rb"|\x1b\[(?P<attributes>0?c)"
    rb"|\x1b\[\?(?P<mode>\d+)\$p"
    rb"|\x1b\[\?(?P<keyboard>u)"
    rb"|\x1b\](?P<colour>1[01]);\?(?:\x07|\x1b\\)"
)
_SYNCHRONISED_OUTPUT = b"2026"

_NAMED_COLOURS = {
    "black": "000000",
    "red": "cd0000",
    "green": "00cd00",
    "brown": "cdcd00",
    "blue": "0000ee",
    "magenta": "cd00cd",
    "cyan": "00cdcd",
    "white": "e5e5e5",
}


def is_red(colour: str) -> bool:
    """Whether a person would call `colour`, as `Terminal.colour_at` returns it, red."""
    colour = _NAMED_COLOURS.get(colour.removeprefix("bright"), colour)
    if not re.fullmatch("[0-9a-f]{6}", colour):
        return False
    red, green, blue = bytes.fromhex(colour)
    return red >= 0x80 and red > 1.4 * max(green, blue)


class Emulator:
    """A screen of `cols` by `rows` cells."""

    def __init__(self, cols: int, rows: int) -> None:
        self.raw = bytearray()
        self._unread = b""
        self._screen = pyte.Screen(cols, rows)
        self._stream = pyte.ByteStream(self._screen)

    def resize(self, cols: int, rows: int) -> None:
        """Change the size."""
        self._screen.resize(rows, cols)

    @property
    def title(self) -> str:
        """The window title."""
        return self._screen.title

    @property
    def cursor(self) -> tuple[int, int]:
        """Row and column of the cursor, from 0."""
        return self._screen.cursor.y, self._screen.cursor.x

    def cells(self, row: int) -> list[str]:
        """The characters of a row, one item a cell; behind a wide character stands an empty one."""
        line = self._screen.buffer[row]
        return [line[column].data for column in range(self._screen.columns)]

    def text(self) -> str:
        """The screen, one line a row, blanks at the end of a row removed."""
        return "\n".join("".join(self.cells(row)).rstrip() for row in range(self._screen.lines))

    def colours(self, row: int, col: int) -> tuple[str, str]:
        """Foreground and background as they are seen: six hex digits, a name such as `red`, or `default`."""
        cell = self._screen.buffer[row][col]
        return (cell.bg, cell.fg) if cell.reverse else (cell.fg, cell.bg)

    def take_in(self, data: bytes) -> bytes:
        """Show `data`; returns what the terminal answers to the questions in it.

        A sequence whose end is not there yet waits for the next call.
        """
        self.raw += data
        data = self._unread + data
        unfinished = _UNFINISHED.search(data)
        end = unfinished.start() if unfinished else len(data)
        data, self._unread = data[:end], data[end:]
        answers = b""
        fed = 0
        for query in _QUERY.finditer(data):
            # The position asked for is the one after everything before the question.
            self._feed(data[fed : query.start()])
            fed = query.end()
            answers += self._answer(query)
        self._feed(data[fed:])
        return answers

    def _feed(self, data: bytes) -> None:
        self._stream.feed(_FOREIGN.sub(b"", data))

    def _answer(self, query: re.Match[bytes]) -> bytes:
        match query.lastgroup:
            case "position":
                row, column = self.cursor
                return b"\x1b[%d;%dR" % (row + 1, column + 1)
            case "attributes":
                return b"\x1b[?62;22c"
            case "mode":
                supported = 2 if query["mode"] == _SYNCHRONISED_OUTPUT else 0
                return b"\x1b[?%b;%d$y" % (query["mode"], supported)
            case "keyboard":
                return b"\x1b[?0u"
            case _:
                shade = b"ffff/ffff/ffff" if query["colour"] == b"10" else b"0000/0000/0000"
                return b"\x1b]%b;rgb:%b\x1b\\" % (query["colour"], shade)
