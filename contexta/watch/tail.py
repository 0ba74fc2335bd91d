"""Follows one append-only file: what is new in it, and whether it is still the same file.

Size and inode do not tell whether a file was replaced (a new file often gets the inode of the old one), so a
position is only trusted while the first bytes and the bytes just before it are what they were.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, replace
from enum import Enum
from hashlib import blake2b
from pathlib import Path
from typing import Final

from contexta.journal.read import MAX_LINE_BYTES

HEAD_BYTES: Final = 1024
TAIL_BYTES: Final = 256


class Verdict(Enum):
    """What a look at a file found."""

    UNCHANGED = "unchanged"
    GROWN = "grown"
    REPLACED = "replaced"
    MISSING = "missing"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a file was read, and how to recognise it again.

    Attributes:
        position: Bytes read; always just after a newline, except inside a line that is being skipped.
        inode: Inode at the last look.
        size: Size at the last look.
        mtime_ns: Modification time at the last look.
        head: Fingerprint of the first `head_length` bytes, which lie before `position`.
        head_length: How many bytes `head` covers.
        tail: Fingerprint of the last bytes before `position`.
        skip_from: Where the line began that is too long and being skipped, or `None`.
    """

    position: int = 0
    inode: int = 0
    size: int = -1
    mtime_ns: int = 0
    head: str = ""
    head_length: int = 0
    tail: str = ""
    skip_from: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """New complete lines of a file.

    Attributes:
        position: Offset of the first byte of `data`.
        data: Complete lines; empty when there was none.
        skipped: Start and length of a line that was too long and has now been passed.
        mark: The mark after it.
    """

    position: int
    data: bytes
    skipped: tuple[int, int] | None
    mark: Mark


def look(path: Path, mark: Mark, root: Path) -> tuple[Verdict, Mark, str]:
    """Compares a file with a mark.

    Args:
        path: The file.
        mark: What is known of it.
        root: Real path of the workspace; a link that leads out of it is not followed.

    Returns:
        The verdict; the mark with what `stat` says now; why it is unreadable, as a clause, or an empty text.
    """
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return Verdict.MISSING, mark, ""
    except OSError as error:
        return Verdict.UNREADABLE, mark, (error.strerror or str(error)).lower()
    if not stat.S_ISREG(found.st_mode):
        return Verdict.UNREADABLE, mark, "not a regular file"
    seen = (found.st_ino, found.st_size, found.st_mtime_ns)
    if seen == (mark.inode, mark.size, mark.mtime_ns):
        return Verdict.UNCHANGED, mark, ""
    if not Path(os.path.realpath(path)).is_relative_to(root):
        return Verdict.UNREADABLE, mark, "a link that leads out of the workspace"
    now = replace(mark, inode=found.st_ino, size=found.st_size, mtime_ns=found.st_mtime_ns)
    if found.st_size < mark.position:
        return Verdict.REPLACED, now, ""
    try:
        same = _same_file(path, mark)
    except OSError as error:
        return Verdict.UNREADABLE, mark, (error.strerror or str(error)).lower()
    if not same:
        return Verdict.REPLACED, now, ""
    return (Verdict.GROWN if found.st_size > mark.position else Verdict.UNCHANGED), now, ""


def read(path: Path, mark: Mark, limit: int = MAX_LINE_BYTES) -> Reading:
    """Reads complete lines from the mark on.

    Args:
        path: The file, which `look` found to be the same.
        mark: Where to start.
        limit: Bytes to read at most. A line longer than `MAX_LINE_BYTES` is passed over, a piece a call.

    Raises:
        OSError: The file cannot be read.
    """
    descriptor = _open(path)
    try:
        start = mark.position
        data = os.pread(descriptor, limit, start)
        if len(data) == limit < MAX_LINE_BYTES and b"\n" not in data:
            data = os.pread(descriptor, MAX_LINE_BYTES, start)
        skipped = None
        if mark.skip_from is not None:
            end = data.find(b"\n") + 1
            if not end:
                return Reading(start, b"", None, _moved(descriptor, mark, start + len(data), mark.skip_from))
            skipped = (mark.skip_from, start + end - 1 - mark.skip_from)
            start, data = start + end, data[end:]
        end = data.rfind(b"\n") + 1
        if not end and len(data) >= MAX_LINE_BYTES:
            return Reading(start, b"", skipped, _moved(descriptor, mark, start + len(data), start))
        return Reading(start, data[:end], skipped, _moved(descriptor, mark, start + end, None))
    finally:
        os.close(descriptor)


def line_start(path: Path, position: int) -> int:
    """The first line start at or after a position; the end of the file when there is none near.

    Raises:
        OSError: The file cannot be read.
    """
    if position <= 0:
        return 0
    descriptor = _open(path)
    try:
        data = os.pread(descriptor, MAX_LINE_BYTES, position - 1)
        return position + data.find(b"\n") if b"\n" in data else position - 1 + len(data)
    finally:
        os.close(descriptor)


def mark_at(path: Path, position: int) -> Mark:
    """A mark for starting in the middle of a file.

    Raises:
        OSError: The file cannot be read.
    """
    descriptor = _open(path)
    try:
        return _moved(descriptor, Mark(), position, None)
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | getattr(os, "O_NOCTTY", 0))


def _fingerprint(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


def _moved(descriptor: int, mark: Mark, position: int, skip_from: int | None) -> Mark:
    if position == mark.position:
        return replace(mark, skip_from=skip_from)
    head, head_length = mark.head, mark.head_length
    if head_length < HEAD_BYTES:
        first = os.pread(descriptor, min(HEAD_BYTES, position), 0)
        head, head_length = _fingerprint(first), len(first)
    before = os.pread(descriptor, min(TAIL_BYTES, position), max(0, position - TAIL_BYTES))
    return replace(
        mark,
        position=position,
        head=head,
        head_length=head_length,
        tail=_fingerprint(before),
        skip_from=skip_from,
    )


def _same_file(path: Path, mark: Mark) -> bool:
    if not mark.position:
        return True
    descriptor = _open(path)
    try:
        first = os.pread(descriptor, mark.head_length, 0)
        before = os.pread(descriptor, min(TAIL_BYTES, mark.position), max(0, mark.position - TAIL_BYTES))
    finally:
        os.close(descriptor)
    return _fingerprint(first) == mark.head and _fingerprint(before) == mark.tail
