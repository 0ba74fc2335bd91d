"""Fault: the explorer is stopped, resumed, interrupted or told to leave, or its terminal goes away.

However it ends, the terminal is as it was: main screen, cursor, no mouse, no paste brackets, cooked input.
The exit code is the one that shells expect.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psutil

from tests.faults import Seen, fault, sizes
from tests.terminal import Terminal
from tests.terminal_modes import left_on, words_left_on

NEVER: Final = ("terminals left behind", "words left behind", "wrong exit codes", "tracebacks", "hangs")

S = signal.Signals


class Session:
    """An explorer in a terminal, with what the terminal was before."""

    def __init__(self, workspace: Path, seen: Seen, *options: str | Path) -> None:
        command = ["contexta-tui", workspace, *(options or ("--no-cache",))]
        self.term = Terminal(command, cols=80, rows=24)
        self._seen = seen

    def __enter__(self) -> Session:
        self.term.__enter__()
        # Before the explorer, which takes a moment to load, changes anything.
        self._before = termios.tcgetattr(self.term._master)
        return self

    def __exit__(self, *error: object) -> None:
        self.term.__exit__(None, None, None)

    def shows(self) -> None:
        """Wait for the first screen with data."""
        self.term.wait_for("iris", timeout=60)

    def watch(self, seconds: float) -> None:
        """Take in what the explorer writes for some seconds."""
        until = time.monotonic() + seconds
        self.term.wait_until(lambda: time.monotonic() > until)

    def tell(self, number: signal.Signals) -> None:
        """Send the explorer a signal."""
        os.kill(self.term.process.pid, number)

    def is_stopped(self) -> bool:
        """Whether the explorer is stopped."""
        return bool(psutil.Process(self.term.process.pid).status() == psutil.STATUS_STOPPED)

    def ended(self, code: int | frozenset[int], what: object) -> None:
        """Check what is left after the explorer should have ended with a code, or one of some."""
        codes = code if isinstance(code, frozenset) else {code}
        self._seen.inject()
        try:
            found = self.term.exit_code(timeout=60)
        except AssertionError:
            self._seen.wrong("hangs", 1, what)
            return
        self._seen.wrong("wrong exit codes", found not in codes, f"{found} after {what}")
        self._seen.wrong("tracebacks", b"Traceback" in self.term.raw, what)
        left = self.left_on()
        self._seen.wrong("terminals left behind", bool(left), f"{left} after {what}")
        words = words_left_on(self.term)
        self._seen.wrong("words left behind", bool(words), f"{words} after {what}")

    def left_on(self) -> list[str]:
        """What of the terminal is not as it was."""
        return left_on(self.term, self._before)


def quit_by_key(session: Session) -> int:
    session.term.press("q")
    return 0


def told(*numbers: signal.Signals) -> Callable[[Session], frozenset[int]]:
    """Told by signals; the first one decides. Those that wait together come in no order."""

    def tell(session: Session) -> frozenset[int]:
        for number in numbers:
            with contextlib.suppress(ProcessLookupError):
                session.tell(number)
        return frozenset(128 + number for number in numbers)

    return tell


def stopped_by(number: signal.Signals, then: signal.Signals | None = None) -> Callable[[Session], int]:
    """Stopped by a signal, told another one meanwhile, and resumed."""

    def stop(session: Session) -> int:
        session.tell(number)
        session.term.wait_until(session.is_stopped, what="a stopped explorer")
        gave_back = number == S.SIGTSTP
        if gave_back:
            session.term.settle()
            left = session.left_on()
            session._seen.wrong("terminals left behind", bool(left), f"{left} while stopped")
        if then is not None:
            session.tell(then)
        session.tell(S.SIGCONT)
        if then is not None:
            return 128 + then
        return _goes_on(session)

    return stop


def resumed_only(session: Session) -> int:
    """Told to go on without ever having been stopped, several times."""
    for _ in range(3):
        session.tell(S.SIGCONT)
        session.term.settle()
    return _goes_on(session)


def _goes_on(session: Session) -> int:
    """Keys still reach the explorer, each once, and the whole screen is there again."""
    session.term.settle()
    session.term.press("?")
    session.term.wait_for("esc close")
    session.term.press("q")
    session.term.wait_gone("esc close")
    session.shows()
    return quit_by_key(session)


WAYS: Final[dict[str, Callable[[Session], int | frozenset[int]]]] = {
    "SIGTSTP and SIGCONT": stopped_by(S.SIGTSTP),
    "SIGTERM": told(S.SIGTERM),
    "SIGCONT alone": resumed_only,
    "q": quit_by_key,
    "SIGHUP": told(S.SIGHUP),
    "SIGINT": told(S.SIGINT),
    "SIGQUIT": told(S.SIGQUIT),
    "SIGINT twice": told(S.SIGINT, S.SIGINT),
    "SIGHUP and SIGTERM": told(S.SIGHUP, S.SIGTERM),
    "SIGSTOP and SIGCONT": stopped_by(S.SIGSTOP),
    "SIGTERM while stopped": stopped_by(S.SIGTSTP, S.SIGTERM),
    "SIGHUP while stopped": stopped_by(S.SIGTSTP, S.SIGHUP),
}


@sizes(short=2, full=60, when="last")
def test_signals(size: int, data_dir: Path) -> None:
    workspace = data_dir / "workspaces" / "iris-capture-only" / "contexta"
    ways = list(itertools.islice(itertools.cycle(WAYS.items()), size))
    with fault("a signal to the explorer", "signals", never=NEVER) as seen:
        for name, way in ways:
            with Session(workspace, seen) as session:
                session.shows()
                session.ended(way(session), name)


@sizes(short=2, full=40, when="last")
def test_a_signal_before_the_first_screen(size: int, data_dir: Path, tmp_path: Path) -> None:
    workspace = data_dir / "workspaces" / "iris-capture-only" / "contexta"
    views = tmp_path / "cache" / "views"
    with fault("a signal while the explorer starts", "signals", never=NEVER) as seen:
        for turn in range(size):
            number = (S.SIGINT, S.SIGTERM, S.SIGHUP)[turn % 3]
            # Each second one begins with a picture of what an earlier one showed.
            options = ("--cache-dir", tmp_path / "cache") if turn % 2 else ()
            if turn == 1:
                with Session(workspace, seen, *options) as session:
                    session.term.wait_until(lambda: any(views.glob("*.json")), what="a picture")
            with Session(workspace, seen, *options) as session:
                # Any moment while the program loads, takes the terminal and draws; before it, Python answers.
                session.watch(0.3 + 1.2 * turn / size)
                session.tell(number)
                seen.inject()
                try:
                    code = session.term.exit_code(timeout=60)
                except AssertionError:
                    seen.wrong("hangs", 1, number)
                    continue
                # Before anybody listens, the system's own answer to a signal holds.
                seen.wrong(
                    "wrong exit codes", code not in (128 + number, -number), f"{code} after {number!r}"
                )
                seen.wrong("tracebacks", b"Traceback" in session.term.raw, (turn, session.term.raw[-400:]))
                left = session.left_on()
                seen.wrong("terminals left behind", bool(left), f"{left} after {number!r}, turn {turn}")
                words = words_left_on(session.term)
                seen.wrong("words left behind", bool(words), f"{words} after {number!r}, turn {turn}")


@sizes(short=1, full=10, when="last")
def test_the_terminal_is_closed(size: int, data_dir: Path) -> None:
    workspace = data_dir / "workspaces" / "iris-capture-only" / "contexta"
    with fault(
        "the terminal goes away", "terminals closed", never=("left running", "wrong exit codes")
    ) as seen:
        for _ in range(size):
            with Session(workspace, seen) as session:
                session.shows()
                os.close(session.term._master)
                session.term._master = os.open(os.devnull, os.O_RDWR)
                seen.inject()
                try:
                    code = session.term.process.wait(60)
                except TimeoutError:
                    seen.wrong("left running")
                else:
                    seen.wrong("wrong exit codes", code != 128 + S.SIGHUP, code)
