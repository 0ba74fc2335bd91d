r"""Reads the journal: where lines begin and end, and what can be saved of a damaged one.

Works on bytes that were read before; opens no file. A line ends at the byte `\n` and nowhere else:
U+2028, U+2029 and U+0085 stand raw inside strings. What follows the last `\n` is not a line yet.
"""

from __future__ import annotations

import json
from typing import Final

import msgspec

MAX_LINE_BYTES: Final = 16 * 1024 * 1024
"""A longer line is not read but skipped while streaming, and reported as damaged."""

RESYNC: Final = b'{"captured_at":"'
"""How every captured line begins. Inside a JSON string its quotes would be escaped, so that it
cannot occur there: a record that was glued to a torn one is found by it. Attributes may hold an object that
begins like this; inside a whole line it is not looked for."""

_PATIENCE: Final = 4
"""How many times its length may be parsed in vain before a damaged line is cut at every beginning."""

# Numbers are only passed over, whatever their size.
_OBJECTS: Final = json.JSONDecoder(parse_int=str, parse_float=str)

_BLANK: Final = b" \t\r\v\f"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Line(msgspec.Struct, frozen=True):
    """One line that is not blank, without its newline and surrounding blanks.

    Attributes:
        offset: Position of its first byte within the bytes it was cut from.
        data: The bytes.
    """

    offset: int
    data: bytes


def lines(data: bytes) -> list[Line]:
    """Cuts complete lines out of bytes; blank lines are left out, and so is what follows the last newline.

    A byte order mark in front of a line is blank too: editors put it there, and it says nothing.
    """
    found = []
    start = 0
    while (end := data.find(b"\n", start)) >= 0:
        text = data[start:end].strip(_BLANK)
        if text.startswith(_BYTE_ORDER_MARK):
            text = text[len(_BYTE_ORDER_MARK) :].lstrip(_BLANK)
        if text:
            found.append(Line(data.find(text, start), text))
        start = end + 1
    return found


def apart(damaged: Line) -> list[Line]:
    """A damaged line cut where other lines begin or end inside it: none of them may be lost to the others."""
    data = damaged.data
    # Each byte becomes one character, so that places are the same; what is UTF-8 is for others to say.
    text = data.decode("latin-1")
    patience = _PATIENCE * len(data)
    cuts = [0]
    at = 0 if data.startswith(RESYNC) else data.find(RESYNC, 1)
    while at >= 0:
        if at > cuts[-1]:
            cuts.append(at)
        end, spent = _end_of_object(text, at) if patience > 0 else (at, 0)
        patience -= spent
        if end > at and data[end:].strip(_BLANK):
            cuts.append(end)
        at = end if end > at and data.startswith(RESYNC, end) else data.find(RESYNC, max(end, at + 1))
    return [
        Line(damaged.offset + start, data[start:end])
        for start, end in zip(cuts, [*cuts[1:], len(data)], strict=True)
    ]


def _end_of_object(text: str, at: int) -> tuple[int, int]:
    """Where the JSON object that begins at a place ends, or that place; and what was parsed in vain."""
    try:
        _, end = _OBJECTS.raw_decode(text, at)
    except json.JSONDecodeError as error:
        return at, error.pos - at
    except RecursionError:
        return at, len(text) - at
    return end, 0


def complaint(line: bytes) -> str:
    """One clause that says why a line cannot be read."""
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return f"not UTF-8 at byte {error.start}"
    try:
        value = msgspec.json.decode(line)
    except RecursionError:
        return "not JSON: nested too deeply"
    except ValueError as error:
        return f"not JSON: {error}"
    if not isinstance(value, dict):
        return "not a JSON object"
    return "no record, artifact or context with well-formed refs in it"
