"""Run a program in a pseudo-terminal and see what a person would see.

    with Terminal(["contexta-tui", "--demo"], cols=120, rows=36) as term:
        term.wait_for(r"failed")
        term.press("j", "enter")
        row, column = term.find("✖")
        assert is_red(term.colour_at(row, column))

The screen is emulated, so escape sequences have the effect they have in a terminal. Output is taken in only
while a method here waits or reads the text; `colour_at` does neither, so the cell that `find` found is still
there when its colour is asked for. It knows nothing about the product, so that its own tests can use `sh`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.emulator import Emulator, is_red
from tests.warm import Warm, WarmProgram

__all__ = ["KEYS", "Terminal", "is_red"]

_LAUNCHER = Path(__file__).with_name("_tty_launch.py")

#: Seconds to wait for what takes a fraction of one: long tests run when nobody else wants the processor.
PATIENCE_S: Final = 30.0

#: What a terminal sends for a key; any other single character is sent as it is.
KEYS = {
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "shift+tab": "\x1b[Z",
    "space": " ",
    "backspace": "\x7f",
    "delete": "\x1b[3~",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    "f1": "\x1bOP",
    **{f"ctrl+{letter}": chr(ord(letter) - 96) for letter in "abcdefghijklmnopqrstuvwxyz"},
}


class Terminal:
    """A program in a terminal of its own, from `with` to the end of the block.

    Args:
        argv: The program and its arguments; looked up beside this Python and in `PATH`, without a shell.
        cols: Width in cells.
        rows: Height in cells.
        cwd: Folder to start in.
        env: Variables on top of this process's own, which are stripped of what describes its terminal.
        warm: Whether the explorer may be a fork of a process that has it loaded; see `tests.warm`.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        cols: int = 120,
        rows: int = 36,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        warm: bool = False,
    ) -> None:
        self.argv = [str(argument) for argument in argv]
        self.cols = cols
        self.rows = rows
        self._cwd = cwd
        self._warm = warm
        self._env = _environment(env or {})
        self._master = -1
        self._process: subprocess.Popen[bytes] | WarmProgram | None = None
        self._emulator = Emulator(cols, rows)

    def __enter__(self) -> Self:
        self._master, slave = os.openpty()
        try:
            # Before the program starts, so that already its first paint has this size.
            self._set_size()
            self._process = self._started(slave)
        except BaseException:
            os.close(self._master)
            raise
        finally:
            os.close(slave)
        return self

    def _started(self, slave: int) -> subprocess.Popen[bytes] | WarmProgram:
        if self._warm:
            return Warm.start(self.argv[1:], slave, self._env, self._cwd)
        return subprocess.Popen(
            [sys.executable, "-I", "-S", _LAUNCHER, *self.argv],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=self._cwd,
            env=self._env,
            start_new_session=True,
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._signal(signal.SIGTERM)
            if not self._pump_until(lambda: self.process.poll() is not None, timeout=2.0):
                self._signal(signal.SIGKILL)
            self.process.wait(timeout=10.0)
            # Whatever the program left running in its group.
            self._signal(signal.SIGKILL)
        finally:
            os.close(self._master)

    @property
    def process(self) -> subprocess.Popen[bytes] | WarmProgram:
        """The program; its `pid` is also the id of its session and process group."""
        assert self._process is not None, "use the terminal in a with block"
        return self._process

    @property
    def raw(self) -> bytes:
        """Every byte that the program wrote and that was taken in."""
        return bytes(self._emulator.raw)

    @property
    def title(self) -> str:
        """The window title that the program asked for."""
        return self._emulator.title

    @property
    def cursor(self) -> tuple[int, int]:
        """Row and column of the cursor, from 0."""
        return self._emulator.cursor

    # --- seeing

    def text(self) -> str:
        """The screen as it stands, one line a row, blanks at the end of a row removed."""
        self._drain()
        return self._emulator.text()

    def wait_for(self, pattern: str | re.Pattern[str], timeout: float = PATIENCE_S) -> re.Match[str]:
        """Wait until the screen matches `pattern` (`^` and `$` match at each row).

        Raises:
            AssertionError: It did not within `timeout` seconds or before the program ended; shows the screen.
        """
        regex = re.compile(pattern, re.MULTILINE)
        self._pump_until(lambda: regex.search(self._emulator.text()) is not None, timeout, while_running=True)
        if found := regex.search(self._emulator.text()):
            return found
        raise AssertionError(self._report(f"no {regex.pattern!r} on the screen within {timeout:g} s"))

    def wait_gone(self, pattern: str | re.Pattern[str], timeout: float = PATIENCE_S) -> None:
        """Wait until nothing on the screen matches `pattern`.

        Raises:
            AssertionError: It is still there after `timeout` seconds; shows the screen.
        """
        regex = re.compile(pattern, re.MULTILINE)
        if not self._pump_until(
            lambda: regex.search(self._emulator.text()) is None, timeout, while_running=True
        ):
            raise AssertionError(self._report(f"{regex.pattern!r} still on the screen after {timeout:g} s"))

    def wait_until(
        self, predicate: Callable[[], bool], timeout: float = PATIENCE_S, *, what: str = "the condition"
    ) -> None:
        """Wait until `predicate()` is true, taking in output meanwhile.

        Raises:
            AssertionError: `what` did not come true within `timeout` seconds; shows the screen.
        """
        if not self._pump_until(predicate, timeout, while_running=False):
            raise AssertionError(self._report(f"{what} did not come true within {timeout:g} s"))

    def settle(self, quiet: float = 0.3, timeout: float = PATIENCE_S) -> None:
        """Wait until the program has written nothing for `quiet` seconds.

        Raises:
            AssertionError: It is still writing after `timeout` seconds; shows the screen.
        """
        deadline = time.monotonic() + timeout
        while self._pump(quiet):
            if time.monotonic() > deadline:
                raise AssertionError(self._report(f"never quiet for {quiet:g} s within {timeout:g} s"))

    def row_with(self, pattern: str | re.Pattern[str]) -> int:
        """The first row, from 0, that matches `pattern`.

        Raises:
            AssertionError: No row does; shows the screen.
        """
        return self.find(pattern)[0]

    def find(self, pattern: str | re.Pattern[str]) -> tuple[int, int]:
        """Row and column, from 0, of the first match; the column counts cells, also after wide characters.

        Raises:
            AssertionError: No row matches; shows the screen.
        """
        self._drain()
        for row in range(self.rows):
            cells = self._emulator.cells(row)
            if found := re.search(pattern, "".join(cells)):
                ends = 0
                for column, cell in enumerate(cells):
                    ends += len(cell)
                    if ends > found.start():
                        return row, column
        raise AssertionError(self._report(f"no row with {pattern!r}"))

    def colour_at(self, row: int, col: int) -> str:
        """The colour a cell's character is seen in: six hex digits, a name such as `red`, or `default`."""
        return self._emulator.colours(row, col)[0]

    def background_at(self, row: int, col: int) -> str:
        """The colour behind a cell's character, as in `colour_at`."""
        return self._emulator.colours(row, col)[1]

    # --- doing

    def press(self, *keys: str) -> None:
        """Press keys, each a name of `KEYS` or characters that are sent as they are."""
        for key in keys:
            os.write(self._master, KEYS.get(key, key).encode())

    def resize(self, cols: int, rows: int) -> None:
        """Give the terminal another size; the kernel tells the program."""
        self.cols, self.rows = cols, rows
        self._emulator.resize(cols, rows)
        self._set_size()

    def exit_code(self, timeout: float = PATIENCE_S) -> int:
        """Wait for the program to end; the negative signal number if one ended it.

        Raises:
            AssertionError: It still runs after `timeout` seconds; shows the screen.
        """
        if not self._pump_until(lambda: self.process.poll() is not None, timeout):
            raise AssertionError(self._report(f"still running after {timeout:g} s"))
        self._drain()
        code = self.process.poll()
        assert code is not None
        return code

    # --- taking in

    def _pump_until(
        self, predicate: Callable[[], bool], timeout: float, *, while_running: bool = False
    ) -> bool:
        deadline = time.monotonic() + timeout
        while not predicate():
            if time.monotonic() > deadline:
                return False
            if while_running and self.process.poll() is not None:
                self._drain()
                return predicate()
            self._pump(0.02)
        return True

    def _drain(self) -> None:
        # Bounded, because a program may write without end.
        deadline = time.monotonic() + 0.25
        while self._pump(0) and time.monotonic() < deadline:
            pass

    def _pump(self, seconds: float) -> bool:
        """Wait at most `seconds` for output and take it in; false if there was none."""
        ready, _, _ = select.select([self._master], [], [], seconds)
        if not ready:
            return False
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:  # Linux says EIO once the last program has left the terminal
            data = b""
        if not data:
            time.sleep(seconds)  # select returns at once from now on
            return False
        if answers := self._emulator.take_in(data):
            # A program may ask and leave.
            with contextlib.suppress(OSError):
                os.write(self._master, answers)
        return True

    # --- the rest

    def _set_size(self) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", self.rows, self.cols, 0, 0))

    def _signal(self, number: signal.Signals) -> None:
        # Nobody is left; of zombies macOS says that it is not permitted.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def _report(self, problem: str) -> str:
        code = self.process.poll()
        state = "running" if code is None else f"ended with {code}"
        frame = "─" * self.cols
        return f"{problem} ({' '.join(self.argv)}, {state})\n{frame}\n{self._emulator.text()}\n{frame}"


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
