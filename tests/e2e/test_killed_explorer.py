"""Fault: the explorer is killed with `kill -9` at any moment, while a job writes, and started again."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from contexta.live import Follower
from tests.terminal import Terminal
from tests.waiting import wait_until

ROUNDS = 20


@contextmanager
def flood(workspace: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-m", "tests.e2e.flood", str(workspace), "0.0005"]) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()


def leave_alone(term: Terminal, seconds: float) -> None:
    """Lets the program work and draw for a while."""
    moment = time.monotonic() + seconds
    term.wait_until(lambda: time.monotonic() > moment, what="the moment")


@pytest.mark.timeout(240)
def test_the_catalog_has_every_line_once_after_each_of_twenty_kills(tmp_path: Path, home: Path) -> None:
    workspace = tmp_path / ".contexta"
    journal = workspace / "cache" / "capture" / "record.jsonl"
    moments = random.Random(20)
    with flood(workspace) as writer:
        wait_until(journal.exists, timeout=20, what="the first record")
        for kill in range(ROUNDS):
            with Terminal(["contexta-tui", str(workspace)]) as term:
                if kill % 4 == 0:
                    term.wait_for("endless", timeout=20)
                else:
                    leave_alone(term, moments.uniform(0.3, 2.0))
                term.process.kill()
                term.process.wait(timeout=10)

            writer.send_signal(signal.SIGSTOP)
            lines = journal.read_bytes().count(b"\n")
            reader, _ = Follower([workspace]).load()
            counts = reader.counts()
            assert counts.records == lines, f"after kill {kill + 1}"
            assert counts.metrics == lines
            assert not any(source.damaged_lines for source in reader.sources())
            reader.close()
            writer.send_signal(signal.SIGCONT)
    assert list((home / ".cache").rglob("*.duckdb")), "the catalog was kept between the explorers"
