"""Follows one append-only file: what is new in it, and whether it is still the same file.

Size and inode do not tell whether a file was replaced (a new file often gets the inode of the old one), so a
position is only trusted while the first bytes and the bytes just before it are what they were.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from enum import Enum
from hashlib import blake2b
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from contexta.journal.read import MAX_LINE_BYTES

HEAD_BYTES: Final = 1024
TAIL_BYTES: Final = 256
_SAME_STAMP_NS: Final = 2_000_000_000


class Verdict(Enum):
    """What a look at a file found."""

    UNCHANGED = "unchanged"
    GROWN = "grown"
    REPLACED = "replaced"
    MISSING = "missing"
    UNREADABLE = "unreadable"


class Mark(msgspec.Struct, frozen=True):
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


class Reading(msgspec.Struct, frozen=True):
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
        found = path.stat()
        now = replace(mark, inode=found.st_ino, size=found.st_size, mtime_ns=found.st_mtime_ns)
        if now == mark and not _is_recent(now):
            return Verdict.UNCHANGED, now, ""
        if why := refusal(path, found, root):
            return Verdict.UNREADABLE, mark, why
        return _verdict(path, now), now, ""
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            return Verdict.UNREADABLE, mark, "a link that leads nowhere"
        return Verdict.MISSING, mark, ""
    except OSError as error:
        return Verdict.UNREADABLE, mark, (error.strerror or str(error)).lower()


def refusal(path: Path, found: os.stat_result, root: Path) -> str:
    """Why a file is not to be opened, as a clause, or an empty text; a pipe would block, a device never end.

    Raises:
        OSError: The path cannot be resolved.
    """
    if not stat.S_ISREG(found.st_mode):
        return "not a regular file"
    if not Path(os.path.realpath(path)).is_relative_to(root):
        return "a link that leads out of the workspace"
    return ""


def _is_recent(mark: Mark) -> bool:
    """Whether the file was written so lately that a second write may have left the same time stamp."""
    return abs(time.time_ns() - mark.mtime_ns) < _SAME_STAMP_NS


def _verdict(path: Path, now: Mark) -> Verdict:
    if now.size < now.position:
        return Verdict.REPLACED
    descriptor = open_regular(path)
    try:
        if _known_bytes(descriptor, now) is None:
            return Verdict.REPLACED
    finally:
        os.close(descriptor)
    return Verdict.GROWN if now.size > now.position else Verdict.UNCHANGED


def read(
    path: Path, mark: Mark, limit: int = MAX_LINE_BYTES, *, longest: int = MAX_LINE_BYTES
) -> Reading | None:
    """Reads complete lines from the mark on.

    Args:
        path: The file.
        mark: Where to start.
        limit: Bytes to read at most; a single line may exceed it.
        longest: Bytes of the longest line; a longer one is passed over, a piece a call.

    Returns:
        What was read; `None` when the file is another than the mark's by now.

    Raises:
        OSError: The file cannot be read.
    """
    descriptor = open_regular(path)
    try:
        start = mark.position
        data = os.pread(descriptor, limit, start)
        if len(data) == limit < longest and b"\n" not in data:
            data = os.pread(descriptor, longest, start)
        # Only now: had the file been replaced before the bytes were read, they would not be its own.
        known = _known_bytes(descriptor, mark)
    finally:
        os.close(descriptor)
    if known is None:
        return None
    skipped = None
    at = start
    if mark.skip_from is not None:
        end = data.find(b"\n") + 1
        if not end:
            return Reading(start, b"", None, _moved(mark, known, data, mark.skip_from))
        skipped = (mark.skip_from, start + end - 1 - mark.skip_from)
        at += end
    end = data.rfind(b"\n") + 1
    if start + end <= at and len(data) - (at - start) >= longest:
        return Reading(at, b"", skipped, _moved(mark, known, data, at))
    return Reading(at, data[at - start : end], skipped, _moved(mark, known, data[:end], None))


def line_start(path: Path, position: int) -> int:
    """The first line start at or after a position; the end of the file when there is none near.

    Raises:
        OSError: The file cannot be read.
    """
    if position <= 0:
        return 0
    descriptor = open_regular(path)
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
    if position <= 0:
        return Mark()
    descriptor = open_regular(path)
    try:
        head = os.pread(descriptor, min(HEAD_BYTES, position), 0)
        tail = os.pread(descriptor, min(TAIL_BYTES, position), max(0, position - TAIL_BYTES))
    finally:
        os.close(descriptor)
    return Mark(position, head=_fingerprint(head), head_length=len(head), tail=_fingerprint(tail))


def open_regular(path: Path) -> int:
    """Opens a file for reading, never waiting for anything.

    Raises:
        OSError: It cannot be opened, or is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file")
    return descriptor


def _fingerprint(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


def _known_bytes(descriptor: int, mark: Mark) -> tuple[bytes, bytes] | None:
    """The first bytes and those before the position, as they are now; `None` when they are not the mark's."""
    if not mark.position:
        return b"", b""
    head = os.pread(descriptor, mark.head_length, 0)
    tail = os.pread(descriptor, min(TAIL_BYTES, mark.position), max(0, mark.position - TAIL_BYTES))
    if _fingerprint(head) != mark.head or _fingerprint(tail) != mark.tail:
        return None
    return head, tail


def _moved(mark: Mark, known: tuple[bytes, bytes], data: bytes, skip_from: int | None) -> Mark:
    """The mark after `data`; its fingerprints are of the very bytes that were read, not of a second look."""
    if not data:
        return replace(mark, skip_from=skip_from)
    head, tail = known
    if len(head) < HEAD_BYTES and mark.head_length == mark.position:
        head = (head + data[:HEAD_BYTES])[:HEAD_BYTES]
    return replace(
        mark,
        position=mark.position + len(data),
        head=_fingerprint(head),
        head_length=len(head),
        tail=_fingerprint((tail + data[-TAIL_BYTES:])[-TAIL_BYTES:]),
        skip_from=skip_from,
    )
