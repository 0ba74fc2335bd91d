"""Runs any program in a pseudo-terminal and tells when a person would have seen what.

A thread takes the output in and notes when it came; showing it on an emulated screen happens later, on the
caller's thread, so that the emulator's slowness is in no figure. A frame that the program brackets as one
update counts when it is complete.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import shutil
import signal
import struct
import sys
import termios
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil

from tests.emulator import Emulator
from tests.terminal import KEYS

COLS: Final = 120
ROWS: Final = 36

_UPDATE: Final = re.compile(rb"\x1b\[\?2026([hl])")
_SPLIT_BYTES: Final = 7  # of an update's bracket that may be cut off at the end of a read


class NotSeenError(Exception):
    """What was waited for did not appear; the message shows the screen."""


class Screen:
    """A program in a terminal of its own, from `with` to the end of the block.

    Args:
        argv: The program and its arguments.
        cwd: Folder to start in.
        env: Variables on top of this process's own.

    Attributes:
        started: When it was started. All times here are seconds of `time.perf_counter`.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._argv = [str(argument) for argument in argv]
        self._cwd = cwd
        self._env = _environment(env or {})
        self._emulator = Emulator(COLS, ROWS)
        self._came: deque[tuple[float, bytes]] = deque()
        self._news = threading.Event()
        self._end = b""
        self._updating = False
        self.started = 0.0
        self.pid = 0

    def __enter__(self) -> Self:
        program = shutil.which(self._argv[0], path=self._env["PATH"])
        if program is None:
            raise FileNotFoundError(f"there is no program {self._argv[0]}")
        size = struct.pack("HHHH", ROWS, COLS, 0, 0)
        self.started = time.perf_counter()
        self.pid, self._master = pty.fork()
        if self.pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, size)
                if self._cwd is not None:
                    os.chdir(self._cwd)
                os.execve(program, self._argv, self._env)  # noqa: S606  # what the caller names
            finally:
                os._exit(127)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, seconds in ((signal.SIGTERM, 3.0), (signal.SIGKILL, 10.0)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                if os.waitpid(self.pid, os.WNOHANG)[0]:
                    # Whatever it left running in its group.
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(self.pid, signal.SIGKILL)
                    self._close()
                    return
                self._show(0.01)
        self._close()

    # --- doing

    def press(self, key: str) -> float:
        """Press a key, a name of `KEYS` or a character; when that was."""
        now = time.perf_counter()
        os.write(self._master, KEYS.get(key, key).encode())
        return now

    # --- seeing

    def text(self) -> str:
        """The screen, of what was shown of it so far."""
        return self._emulator.text()

    def bar(self) -> int:
        """The row of the cursor bar in the tree, or -1."""
        plain = self._emulator.colours(1, 4)[1]
        return next((row for row in range(2, ROWS - 2) if self._emulator.colours(row, 4)[1] != plain), -1)

    def at_bar(self) -> str:
        """What the row of the cursor bar says, or nothing."""
        row = self.bar()
        return "" if row < 0 else "".join(self._emulator.cells(row))

    def frames(self) -> Iterator[float]:
        """Show what came so far, frame by frame; when each was complete."""
        while self._came:
            at, data = self._came.popleft()
            if self._take_in(data):
                yield at

    def when(self, seen: Callable[[], bool], *, what: str, timeout: float = 30.0) -> float:
        """Wait until `seen()` is true of the screen; when the frame came that made it so.

        Raises:
            NotSeenError: It did not become true within `timeout` seconds, or before the program ended.
        """
        if seen():
            return time.perf_counter()
        deadline = time.monotonic() + timeout
        while (runs := self._reader.is_alive()) and time.monotonic() < deadline:
            self._news.wait(0.02)
            self._news.clear()
            for at in self.frames():
                if seen():
                    return at
        why = f"within {timeout:g} s" if runs else "before the program ended"
        raise NotSeenError(f"{what} was not seen {why}\n{self.text()}")

    def when_matches(self, pattern: str, timeout: float = 30.0) -> float:
        """Wait until the screen matches a regular expression; when that was."""
        regex = re.compile(pattern, re.MULTILINE)
        return self.when(lambda: regex.search(self.text()) is not None, what=repr(pattern), timeout=timeout)

    def settle(self, quiet: float = 0.4, timeout: float = 10.0) -> None:
        """Wait until nothing came for `quiet` seconds, or for `timeout` seconds at most."""
        deadline = time.monotonic() + timeout
        while self._show(quiet) and time.monotonic() < deadline:
            pass

    # --- what it uses

    def processes(self) -> list[psutil.Process]:
        """The program and what it started."""
        root = psutil.Process(self.pid)
        return [root, *root.children(recursive=True)]

    def resident_mb(self) -> float:
        """Resident memory of all its processes now, in millions of bytes."""
        return float(sum(process.memory_info().rss for process in self.processes())) / 1e6

    def peak_mb(self) -> float:
        """The most resident memory it ever had; what it has now where the system keeps no such count."""
        try:
            found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        except OSError:
            found = None
        return int(found[1]) * 1024 / 1e6 if found else self.resident_mb()

    def cpu_s(self) -> float:
        """Processor seconds of all its processes so far."""
        return float(sum(sum(process.cpu_times()[:2]) for process in self.processes()))

    # --- the rest

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 1 << 16)
            except OSError:  # Linux says EIO once the last program has left the terminal
                return
            if not data:
                return
            self._came.append((time.perf_counter(), data))
            self._news.set()

    def _show(self, seconds: float) -> bool:
        """Show what comes within so many seconds; whether anything did."""
        deadline = time.monotonic() + seconds
        # News may be of what was shown already.
        while not self._came and (left := deadline - time.monotonic()) > 0:
            self._news.wait(left)
            self._news.clear()
        came = bool(self._came)
        for _ in self.frames():
            pass
        return came

    def _take_in(self, data: bytes) -> bool:
        """Show bytes; whether they end outside of an update."""
        if answers := self._emulator.take_in(data):
            with contextlib.suppress(OSError):
                os.write(self._master, answers)
        for bracket in _UPDATE.finditer(self._end + data):
            self._updating = bracket[1] == b"h"
        self._end = data[-_SPLIT_BYTES:]
        return not self._updating

    def _close(self) -> None:
        self._reader.join(timeout=2.0)
        os.close(self._master)


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    """This process's variables without what would change the look of the program, and `extra`."""
    about_the_terminal = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "LC_ALL", "TMUX"}
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in about_the_terminal and not name.startswith("TEXTUAL")
    }
    return {
        **inherited,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LANG": "C.UTF-8",
        **extra,
    }
