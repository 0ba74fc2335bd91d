"""The only writer of journal lines.

One line is one `os.write` on an ``O_APPEND`` descriptor that stays open: measured with eight processes on one
file, that tears no line, loses none at kill -9, and costs microseconds. Three things follow from it and are
kept here, so that no caller can forget them: a line never starts behind someone's torn tail, the rest of a
short write is dropped rather than completed later (another writer's line would lie in between), and an I/O
error is handed back, not raised, because the caller is a training loop.

This module does not know what a line says. It must never seek, rewrite or truncate.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contexta.folders import make_private
from contexta.journal.forks import start_over_in_child

_FLAGS: Final = os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_FILE_MODE: Final = 0o600
_RECHECK_SECONDS: Final = 1.0
_MAX_NAMES: Final = 1000

_monotonic = time.monotonic
_write = os.write


@dataclass(frozen=True, slots=True)
class AppendFailure:
    """Why a line did not reach the journal whole.

    Attributes:
        reason: One sentence for people.
        errno: The operating system's number, None for a short write.
        written: Bytes of the line that did reach the file; they form a damaged line there.
    """

    reason: str
    errno: int | None
    written: int = 0


class JournalWriter:
    """Appends whole lines to one journal file.

    The file and missing folders are made at the first write (0600 and 0700). Safe to share between threads;
    after a fork the child opens a descriptor of its own. A file that was deleted, renamed or replaced is
    noticed within a second.

    Args:
        path: The journal file.
        per_process: Write ``record.<host>-<pid>.jsonl`` beside the given ``record.jsonl``, a file that did
            not exist before, for file systems where ``O_APPEND`` of several machines is not atomic, such as
            NFS. A forked child begins a file of its own.

    Attributes:
        path: The file that is written.
        lines_dropped: Lines that did not reach the file whole.
        bytes_dropped: Bytes of them that did not reach it.
    """

    def __init__(self, path: Path, *, per_process: bool = False) -> None:
        self._shared_path = path
        self._per_process = per_process
        self.path = path if not per_process else per_process_path(path)
        self.lines_dropped = 0
        self.bytes_dropped = 0
        self._created = False
        self._fd = -1
        self._identity = (0, 0)
        self._regular = True
        self._needs_newline = False
        self._next_check = 0.0
        # Re-entrant: a signal handler or a finaliser may record while its own thread is inside `append`. Held
        # during the write too, because a descriptor closed by another thread could by then be the number of a
        # file of the job.
        self._lock = threading.RLock()
        start_over_in_child(self)

    def append(self, line: bytes) -> AppendFailure | None:
        """Write one line that ends in a newline.

        Returns:
            None when the whole line was written, else why not. Never raises an `OSError`.
        """
        with self._lock:
            try:
                if self._fd < 0:
                    self._open()
                elif _monotonic() >= self._next_check:
                    self._recheck()
                data = b"\n" + line if self._needs_newline else line
                written = _write(self._fd, data)
            except (OSError, ValueError) as error:
                return self._failed(line, error)
            # What lacks nothing but its newline is a record already: whoever gave it again would double it.
            if written == len(data) or (written == len(data) - 1 and self._end_line()):
                self._needs_newline = False
                return None
            self._needs_newline = True
            self.lines_dropped += 1
            self.bytes_dropped += len(data) - written
            return AppendFailure(
                f"only {written} of {len(data)} bytes of a line fitted into {self.path}", None, written
            )

    def close(self) -> None:
        """Close the descriptor; a later `append` opens it again. Closing twice is fine."""
        with self._lock:
            self._release()

    def _failed(self, line: bytes, error: OSError | ValueError) -> AppendFailure:
        self.lines_dropped += 1
        self.bytes_dropped += len(line)
        # The next line must look again: the folder may be back, the disk may have room. What stands at the
        # end of the file is unknown by then, and opening finds out.
        self._release()
        number = error.errno if isinstance(error, OSError) else None
        return AppendFailure(f"cannot write to {self.path}: {error}", number)

    def _end_line(self) -> bool:
        try:
            return _write(self._fd, b"\n") == 1
        except OSError:
            return False

    def start_over(self) -> None:
        """Write through a descriptor of this process's own; for a forked child."""
        # The parent's lock may have been held by a thread that does not exist here.
        self._lock = threading.RLock()
        self._created = False
        if self._per_process:
            self.path = per_process_path(self._shared_path)
        self._release()

    def _release(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            with contextlib.suppress(OSError):
                os.close(fd)

    def _open(self) -> None:
        fd = self._open_descriptor()
        try:
            facts = os.fstat(fd)
            self._refuse_pipes(facts.st_mode)
            self._regular = stat.S_ISREG(facts.st_mode)
            self._identity = (facts.st_dev, facts.st_ino)
            self._needs_newline = self._regular and not _ends_in_newline(fd, facts.st_size)
            self._next_check = _monotonic() + _RECHECK_SECONDS
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        self._created = True

    def _refuse_pipes(self, mode: int) -> None:
        # A pipe or socket in the workspace would block the job as soon as nobody reads it.
        if not (stat.S_ISREG(mode) or stat.S_ISCHR(mode)):
            raise OSError(errno.EINVAL, "neither a regular file nor a device", str(self.path))

    def _open_descriptor(self) -> int:
        exclusive = self._per_process and not self._created
        flags = _FLAGS | (os.O_EXCL if exclusive else 0)
        for attempt in range(2, _MAX_NAMES):
            try:
                return self._open_for_append(flags)
            except FileNotFoundError:
                make_private(self.path.parent)
            except FileExistsError:
                # The process id was used before on this host; in containers it usually was.
                self.path = per_process_path(self._shared_path, attempt)
        return self._open_for_append(flags)

    def _open_for_append(self, flags: int) -> int:
        try:
            return os.open(self.path, flags | os.O_RDWR, _FILE_MODE)
        except PermissionError:
            # A file that may be written but not read: its end stays unknown, so a newline goes first.
            return os.open(self.path, flags | os.O_WRONLY, _FILE_MODE)

    def _recheck(self) -> None:
        """Follow the path when the file under it is another one.

        Look whether a neighbour left a torn tail.
        """
        self._next_check = _monotonic() + _RECHECK_SECONDS
        if not self._regular:
            return
        try:
            facts = self.path.stat()
        except OSError:
            self._release()
            self._open()
            return
        if (facts.st_dev, facts.st_ino) != self._identity:
            self._release()
            self._open()
        elif not self._needs_newline:
            # A line that another process is just writing looks torn too; the blank line this makes is
            # harmless.
            self._needs_newline = not _ends_in_newline(self._fd, facts.st_size)


def per_process_path(path: Path, attempt: int = 1) -> Path:
    """Return the name under which this process writes beside a shared journal file."""
    host = "".join(c if c.isalnum() else "-" for c in os.uname().nodename) or "host"
    again = "" if attempt == 1 else f"-{attempt}"
    return path.with_name(f"{path.stem}.{host}-{os.getpid()}{again}{path.suffix}")


def _ends_in_newline(fd: int, size: int) -> bool:
    """Tell whether a line may start at the end of the file; an empty file counts."""
    if size == 0:
        return True
    try:
        return os.pread(fd, 1, size - 1) in (b"\n", b"")
    except OSError:
        return False
