"""Fault: a terminal that is tiny, slow, dumb or wrongly described; another encoding; an output that ends.

Whatever the surroundings, there is no stack trace, the exit code is right, and a terminal is left as it was.
"""

from __future__ import annotations

import itertools
import os
import random
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.faults import Seen, fault, sizes
from tests.faults.test_terminal_signals import NEVER, Session
from tests.terminal import Terminal

C_LOCALE: Final = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}

#: What a shell may say of a terminal, rightly or not.
SURROUNDINGS: Final[tuple[Mapping[str, str], ...]] = (
    {"TERM": "dumb"},
    C_LOCALE,
    {"TERM": "unknown"},
    {"TERM": ""},
    {"TERM": "no-such-terminal"},
    {"TERM": "linux", "COLORTERM": ""},
    {"TERM": "vt100", "NO_COLOR": "1"},
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "latin-1:strict"},
    {"COLUMNS": "99999999", "LINES": "99999999"},
    {"COLUMNS": "0", "LINES": "-1"},
    {"COLUMNS": "x", "LINES": ""},
)

#: Command lines that print, each with its program.
PRINTING: Final = (
    ("contexta-tui", "--once"),
    ("contexta-tui", "--json"),
    ("contexta", "runs"),
    ("contexta", "records", "--json"),
    ("contexta", "report", "linear-svm"),
    ("contexta-tui", "--once", "--ascii"),
    ("contexta", "verify"),
)

_BYTES_PER_SECOND: Final = 2_000


@pytest.fixture
def workspace(data_dir: Path) -> Path:
    return data_dir / "workspaces" / "iris-capture-only" / "contexta"


@sizes(short=20, full=2_000, when="last")
def test_a_storm_of_sizes(size: int, workspace: Path) -> None:
    randomly = random.Random(size)
    never = (*NEVER, "screens not drawn again")
    with (
        fault("a storm of terminal sizes", "sizes", never=never) as seen,
        Session(workspace, seen) as session,
    ):
        session.shows()
        for turn in range(size):
            edges = ((300, 100), (1, 1), (1, 100), (300, 1), (2, 2), (40, 12))
            cols, rows = edges[turn % 6] if turn % 2 else (randomly.randint(1, 300), randomly.randint(1, 100))
            session.term.resize(cols, rows)
            if turn % 7 == 0:
                session.term.press(randomly.choice("jnzr?123]E/\x1b"))
            if turn % 10 == 0:
                session.watch(0.05)
            seen.inject()
        session.term.resize(120, 36)
        session.term.press("\x1b")
        session.term.settle(timeout=60)
        session.term.press("\x1b")
        session.term.settle(timeout=60)
        seen.wrong("screens not drawn again", "iris" not in session.term.text(), session.term.text())
        session.term.press("\x03")  # asks how to quit, on any screen
        session.term.press("ctrl+q")
        session.ended(0, "ctrl+q")


@sizes(short=2, full=2 * len(SURROUNDINGS), when="last")
def test_a_wrongly_described_terminal(size: int, workspace: Path) -> None:
    never = ("tracebacks", "wrong exit codes", "nothing shown")
    with fault("a dumb or wrongly described terminal", "starts", never=never) as seen:
        cases = itertools.product(SURROUNDINGS, ((), ("--once",)))
        for env, options in itertools.islice(cases, 0, None, 2 * len(SURROUNDINGS) // size):
            with Terminal(["contexta-tui", workspace, "--no-cache", *options], env=env) as term:
                term.wait_until(lambda term=term: "iris" in term.text() or term.process.poll() is not None)  # type: ignore[misc]
                seen.wrong("nothing shown", "iris" not in term.text(), (env, term.text()))
                if not options and env.get("TERM") not in ("dumb", "unknown"):
                    term.press("q")
                seen.wrong("wrong exit codes", term.exit_code(timeout=60) != 0, (env, options))
                seen.wrong("tracebacks", b"Traceback" in term.raw, (env, options))
                seen.inject()


def test_a_terminal_without_a_screen_gets_text(workspace: Path) -> None:
    with Terminal(["contexta-tui", workspace, "--no-cache"], env={"TERM": "dumb"}) as term:
        assert term.exit_code() == 0
        assert b"\x1b[?1049h" not in term.raw
        assert "TERM=dumb" in term.raw.decode()


@sizes(short=2, full=3 * len(PRINTING), when="last")
def test_an_output_that_ends_early(size: int, workspace: Path) -> None:
    """A reader that goes away at once, no output at all, and a full disk."""
    never = ("tracebacks", "wrong exit codes", "noise on standard error")
    endings = ("| head -c 1", ">&-", "> /dev/full")
    with fault("an output that ends early", "outputs", never=never) as seen:
        for ending, command in itertools.islice(itertools.product(endings, PRINTING), 0, None, 21 // size):
            _print_to(ending, command, workspace, seen)


def _print_to(ending: str, command: tuple[str, ...], workspace: Path, seen: Seen) -> None:
    program, *arguments = command
    if program == "contexta":
        arguments += ["--workspace", str(workspace)]
    else:
        arguments += [str(workspace), "--no-cache"]
    line = f'set -o pipefail; "$@" {ending}'
    words = ["bash", "-c", line, "bash", str(Path(sys.executable).with_name(program)), *arguments]
    done = subprocess.run(words, capture_output=True, timeout=60, check=False)
    said = done.stderr.decode()
    seen.inject()
    seen.wrong("tracebacks", "Traceback" in said or "Exception ignored" in said, (ending, command, said))
    if "head" in ending:
        seen.wrong("wrong exit codes", done.returncode != 0, (ending, command, done.returncode))
        seen.wrong("noise on standard error", bool(said), (ending, command, said))
    else:
        seen.wrong("wrong exit codes", done.returncode != 2, (ending, command, done.returncode))
        seen.wrong("noise on standard error", said.count("\n") != 1, (ending, command, said))


@sizes(short=1, full=20, when="last")
def test_a_slow_line(size: int, workspace: Path) -> None:
    """A line of 2,000 bytes a second, on which keys are pressed all the time, then a fast one again."""
    with (
        fault("a line of 2,000 bytes a second", "seconds", never=NEVER) as seen,
        Session(workspace, seen) as it,
    ):
        it.shows()
        for _ in range(size):
            it.term.press("j", "k", "n", "z")
            _read_slowly(it.term, 1.0)
        it.term.settle(timeout=60)
        seen.wrong("hangs", "iris" not in it.term.text(), it.term.text())
        seen.inject(size)
        it.term.press("q")
        it.ended(0, "q")


def _read_slowly(term: Terminal, seconds: float) -> None:
    """Take in a little at a time; what is not taken in waits in the terminal, and the program with it."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if select.select([term._master], [], [], 0.05)[0]:
            term._emulator.take_in(os.read(term._master, _BYTES_PER_SECOND // 20))
        time.sleep(0.05)
