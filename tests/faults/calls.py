"""Calls of the system that fail below Python, as a database makes them: the Nth alone, or all from it on.

A child installs a filter (seccomp) that hands every call that writes to a file, forces it to the disk or cuts
it to whoever forked it, and that one lets the call pass or answers with an error. It needs Linux, no compiler
and no privileges. Whoever forks must not have opened a database itself.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import platform
import select
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

_NAMES: Final = ("write", "pwrite64", "writev", "pwritev", "fallocate", "fsync", "fdatasync", "ftruncate")
#: Numbers of these calls, that of seccomp, and how the kernel calls the architecture.
_NUMBERS: Final[dict[str, tuple[tuple[int, ...], int, int]]] = {
    "x86_64": ((1, 18, 20, 296, 285, 74, 75, 77), 317, 0xC000003E),
    "aarch64": ((64, 68, 66, 70, 47, 82, 83, 46), 277, 0xC00000B7),
}
_PR_SET_NO_NEW_PRIVS: Final = 38
_SET_MODE_FILTER, _NEW_LISTENER = 1, 8
_ALLOW, _NOTIFY = 0x7FFF0000, 0x7FC00000
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_CONTINUE: Final = 1
#: id, pid, flags, number, architecture, instruction, six arguments
_NOTICE: Final = struct.Struct("=QIIiIQ6Q")
#: id, value, error, flags
_REPLY: Final = struct.Struct("=QqiI")


@dataclass(frozen=True, slots=True)
class Failure:
    """What goes wrong: the call of this number while armed, and those behind it if it lasts."""

    at: int
    error: int
    lasting: bool = True


@dataclass(slots=True)
class Outcome:
    """What came of a child.

    Attributes:
        calls: The calls on the files in question while it was armed.
        failed: How many of them failed.
        said: What it returned; `None` when something got out of it or it ended by itself.
        error: What got out.
    """

    calls: list[str] = field(default_factory=list)
    failed: int = 0
    said: Any = None
    error: str = ""


class Switch:
    """With which a child says from when to when its calls fail."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def arm(self) -> None:
        """Calls may fail from now on."""
        self._tell(b"arm")

    def disarm(self) -> None:
        """Every call passes from now on."""
        self._tell(b"disarm")

    def _tell(self, word: bytes) -> None:
        self._connection.send(word)
        self._connection.recv(1)


def why_not() -> str:
    """Why calls cannot be made to fail here, or nothing."""
    if sys.platform != "linux" or platform.machine() not in _NUMBERS:
        return "needs Linux on x86-64 or 64-bit Arm"
    found = run(lambda _: True, Path("/nowhere"), None)
    return "" if found.said else f"needs seccomp with notifications: {found.error.splitlines()[-1:]}"


def run(work: Callable[[Switch], object], files: Path, failure: Failure | None) -> Outcome:
    """Let a fork work, and fail its calls.

    Args:
        work: What it does; what it returns is made JSON.
        files: The beginning of the paths of files whose calls are counted and fail.
        failure: What goes wrong, if anything.
    """
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        ours.close()
        with suppress(BaseException):
            _child(work, its)
        os._exit(0)
    its.close()
    outcome = Outcome()
    _Overseer(ours, os.fsencode(files), failure, outcome).oversee()
    ours.close()
    _, status = os.waitpid(pid, 0)
    if status:
        outcome.said = None
        outcome.error = outcome.error or f"ended with {status}"
    return outcome


def failures(made: list[str], *, alone: bool = True) -> Iterator[Failure]:
    """How each of some calls can fail: it and all behind it, or it alone, too."""
    for at in range(len(made)):
        yield Failure(at, errno.EIO)
        if alone:
            yield Failure(at, errno.EIO, lasting=False)


def some(found: Iterable[Failure], how_many: int) -> list[Failure]:
    """So many of them, or all, evenly."""
    listed = list(found)
    few = min(how_many, len(listed))
    return [listed[number * len(listed) // few] for number in range(few)]


def _child(work: Callable[[Switch], object], connection: socket.socket) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        listener = _filter()
        socket.send_fds(connection, [b"listener"], [listener])
        os.close(listener)
        answer: dict[str, object] = {"said": work(Switch(connection))}
    except BaseException:  # noqa: BLE001 - that it gets out is what is looked for
        answer = {"error": traceback.format_exc()}
    connection.send(json.dumps(answer).encode())


def _filter() -> int:
    """Install the filter for this process and all that it starts; the descriptor on which calls are told.

    Raises:
        OSError: The kernel cannot, or may not.
    """
    numbers, seccomp, architecture = _NUMBERS[platform.machine()]
    code = [
        (_LOAD, 0, 0, 4),
        (_JUMP_IF_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, 0),
        *((_JUMP_IF_EQUAL, len(numbers) - at, 0, number) for at, number in enumerate(numbers)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _NOTIFY),
    ]
    instructions = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *one) for one in code))
    program = struct.pack("@HP", len(code), ctypes.addressof(instructions))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    listener: int = libc.syscall(seccomp, _SET_MODE_FILTER, _NEW_LISTENER, program)
    if listener < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return listener


class _Overseer:
    """Answers the calls of a child until it has said what it has to say."""

    def __init__(
        self, connection: socket.socket, files: bytes, failure: Failure | None, outcome: Outcome
    ) -> None:
        self._connection = connection
        self._files = files
        self._failure = failure
        self._outcome = outcome
        self._armed = False
        self._listener = -1
        self._names = dict(zip(_NUMBERS[platform.machine()][0], _NAMES, strict=True))

    def oversee(self) -> None:
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        while True:
            for descriptor, events in poll.poll():
                if descriptor == self._connection.fileno():
                    if not self._hear(poll):
                        # Nobody waits for an answer any more.
                        if self._listener >= 0:
                            os.close(self._listener)
                        return
                elif events & select.POLLIN:
                    self._answer()
                else:
                    poll.unregister(descriptor)

    def _hear(self, poll: select.poll) -> bool:
        """Take a word of the child; false when it was the last."""
        word, descriptors, _, _ = socket.recv_fds(self._connection, 1 << 20, 1)
        if descriptors:
            (self._listener,) = descriptors
            poll.register(self._listener, select.POLLIN)
        elif word in (b"arm", b"disarm"):
            self._armed = word == b"arm"
            self._connection.send(b"!")
        else:
            answer = json.loads(word) if word else {"error": "ended without a word"}
            self._outcome.said = answer.get("said")
            self._outcome.error = answer.get("error", "")
            return False
        return True

    def _answer(self) -> None:
        notice = bytearray(_NOTICE.size)
        # Whoever called may be dead by now.
        with suppress(FileNotFoundError):
            fcntl.ioctl(self._listener, _RECEIVE, notice)
            number, pid, _, call, _, _, descriptor, *_ = _NOTICE.unpack(notice)
            fails = self._armed and self._is_ours(pid, descriptor) and self._fails(self._names[call])
            assert not fails or self._failure is not None
            error = -self._failure.error if fails and self._failure else 0
            fcntl.ioctl(self._listener, _SEND, _REPLY.pack(number, 0, error, 0 if fails else _CONTINUE))

    def _is_ours(self, pid: int, descriptor: int) -> bool:
        with suppress(OSError):
            file = Path(f"/proc/{pid}/fd/{descriptor}").readlink()
            return os.fsencode(file).startswith(self._files)
        return False

    def _fails(self, name: str) -> bool:
        at = len(self._outcome.calls)
        self._outcome.calls.append(name)
        failure = self._failure
        fails = failure is not None and (at == failure.at or (failure.lasting and at > failure.at))
        self._outcome.failed += fails
        return fails
