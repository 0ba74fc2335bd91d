r"""Reads the journal: where lines begin and end, and what can be saved of a damaged one.

Works on bytes that were read before; opens no file. A line ends at the byte `\n` and nowhere else:
U+2028, U+2029 and U+0085 stand raw inside strings. What follows the last `\n` is not a line yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

MAX_LINE_BYTES: Final = 16 * 1024 * 1024
"""A longer line is not read but skipped while streaming, and reported as damaged."""

RESYNC: Final = b'{"captured_at":"'
"""How every captured line begins. Inside a JSON string its quotes would be escaped, so that it
cannot occur there: a record that was glued to a torn one is found by it."""

_BLANK: Final = b" \t\r\v\f"


@dataclass(frozen=True, slots=True)
class Line:
    """One line that is not blank, without its newline and surrounding blanks.

    Attributes:
        offset: Position of its first byte within the bytes it was cut from.
        data: The bytes.
    """

    offset: int
    data: bytes


def lines(data: bytes) -> list[Line]:
    """Cuts complete lines out of bytes; blank lines are left out, and so is what follows the last newline."""
    found = []
    start = 0
    while (end := data.find(b"\n", start)) >= 0:
        text = data[start:end]
        stripped = text.strip(_BLANK)
        if stripped:
            found.append(Line(start + text.find(stripped), stripped))
        start = end + 1
    return found


def resync(damaged: bytes) -> int:
    """The offset within a damaged line where another line begins, or -1 when there is none."""
    at = damaged.rfind(RESYNC)
    return at if at > 0 else -1


def complaint(line: bytes) -> str:
    """One clause that says why a line cannot be read."""
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return f"not UTF-8 at byte {error.start}"
    try:
        value = msgspec.json.decode(line)
    except (ValueError, RecursionError) as error:
        return f"not JSON: {error}" if str(error) else "not JSON"
    if not isinstance(value, dict):
        return "not a JSON object"
    return "no record, artifact or context with well-formed refs in it"
