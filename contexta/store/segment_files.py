r"""The files of the record store and the physical lines in them.

Nothing here knows what a line says. A line ends at the byte ``\n`` and nowhere else; what follows the last
one is a torn tail, or a line that is just being written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from contexta.journal.read import MAX_LINE_BYTES
from contexta.store.disk import Folder

SEGMENTS: Final = "segments"
INDEXES: Final = "indexes"
QUARANTINE: Final = "quarantine"
MANIFEST: Final = "manifest.json"
LOCK: Final = ".append.lock"
"""Public Contexta looks at no other names in the folder than its own, so this one is in nobody's way."""

_SEGMENT_NAME: Final = re.compile(r"segment-(\d{6,9})\.jsonl")
_CHUNK_BYTES: Final = 256 * 1024
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def segment_name(segment_id: int) -> str:
    """Return the file name of a segment."""
    return f"segment-{segment_id:06d}.jsonl"


def segment_ids(segments: Folder) -> list[int]:
    """Return the ids of the segments that are there, in order."""
    found = (_SEGMENT_NAME.fullmatch(name) for name in segments.names())
    return sorted({int(match[1]) for match in found if match and segment_name(int(match[1])) == match[0]})


@dataclass(frozen=True, slots=True)
class PhysicalLine:
    """A line that is not blank.

    Attributes:
        number: Its place in the file, from 1, blank lines counted.
        position: The byte where it begins.
        data: Its bytes without the newline; empty when it is longer than `MAX_LINE_BYTES`.
        is_whole: Whether a newline ends it.
        is_too_long: Whether it is passed over for its length.
    """

    number: int
    position: int
    data: bytes
    is_whole: bool = True
    is_too_long: bool = False


def physical_lines(fd: int, *, position: int = 0, number: int = 1) -> Iterator[PhysicalLine]:
    """Read lines until the end the file has now.

    Args:
        fd: The file; its own position is not used.
        position: The byte to begin at, the first of a line.
        number: The number of that line.

    Yields:
        The lines that are not blank. At most two chunks and the longest allowed line are in memory.

    Raises:
        OSError: The file cannot be read.
    """
    rest = bytearray()
    too_long = False
    start = at = position
    while chunk := os.pread(fd, _CHUNK_BYTES, at):
        at += len(chunk)
        begin = 0
        while (end := chunk.find(b"\n", begin)) >= 0:
            rest += chunk[begin:end]
            yield from _line(number, start, rest, is_whole=True, is_too_long=too_long)
            number += 1
            begin = end + 1
            start = at - len(chunk) + begin
            rest.clear()
            too_long = False
        if not too_long:
            rest += chunk[begin:]
            if len(rest) > MAX_LINE_BYTES:
                too_long = True
                rest.clear()
    yield from _line(number, start, rest, is_whole=False, is_too_long=too_long)


def _line(
    number: int, position: int, data: bytearray, *, is_whole: bool, is_too_long: bool
) -> Iterator[PhysicalLine]:
    if is_too_long or len(data) > MAX_LINE_BYTES:
        yield PhysicalLine(number, position, b"", is_whole, is_too_long=True)
    elif text := bytes(data.removeprefix(_BYTE_ORDER_MARK)).strip():
        yield PhysicalLine(number, position, text, is_whole)
