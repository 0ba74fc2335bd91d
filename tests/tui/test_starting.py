"""A signal while the program is being loaded ends it, whatever the main thread is in the middle of."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from contexta_tui import starting

#: Python prints and drops whatever is raised where an object dies, and in the locks of modules being loaded.
_WHERE_EXCEPTIONS_ARE_DROPPED = """
import signal
from contexta_tui.starting import following, nothing_is_open

class Dying:
    def __del__(self):
        signal.raise_signal(signal.{signal})

def stop():
    signal.raise_signal(signal.SIGTERM)
    print("stopped")

with {block}:
    print("begun", flush={flushed})
    Dying()
    print("went on")
"""


def end_of(number: signal.Signals, block: str, *, flushed: bool = False) -> tuple[int, str, str]:
    """Exit code and output of a program that gets a signal in a block."""
    script = _WHERE_EXCEPTIONS_ARE_DROPPED.format(signal=number.name, block=block, flushed=flushed)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_an_interrupt_before_anything_is_open_is_the_systems_affair() -> None:
    assert end_of(signal.SIGINT, "nothing_is_open()", flushed=True) == (-signal.SIGINT, "begun\n", "")


@pytest.mark.parametrize("number", starting.LEAVING, ids=lambda number: number.name)
def test_what_is_open_is_stopped_once_and_the_first_signal_decides(number: signal.Signals) -> None:
    assert end_of(number, "following(stop)") == (128 + number, "begun\nstopped\n", "")


def test_afterwards_signals_do_what_they_did_before() -> None:
    before = [signal.getsignal(number) for number in starting.LEAVING]
    with starting.nothing_is_open(), starting.following(lambda: None):
        assert all(callable(signal.getsignal(number)) for number in starting.LEAVING)
    assert [signal.getsignal(number) for number in starting.LEAVING] == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize(("let_go", "code"), [("", 120), ("contexta_tui.starting.let_go()", 0)])
def test_what_cannot_be_written_at_the_end_changes_no_exit_code(let_go: str, code: int) -> None:
    script = f"import contexta_tui.starting, sys; sys.stdout.write('left'); {let_go}"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-E", "-c", script], stdout=full, timeout=30, check=False)
    assert done.returncode == code


@pytest.mark.parametrize(
    ("name", "daemon", "at_work"),
    [
        ("contexta-first-look", True, True),
        ("contexta-waited-for", False, False),
        ("somebody-else", True, False),
    ],
)
def test_the_interpreter_waits_for_none_of_our_daemons(
    monkeypatch: pytest.MonkeyPatch, name: str, daemon: bool, at_work: bool
) -> None:
    threads = [threading.main_thread(), threading.Thread(name=name, daemon=daemon)]
    monkeypatch.setattr(threading, "enumerate", lambda: threads)
    assert starting.others_are_at_work() is at_work
