"""Fault: whoever fills a catalog is killed with signal 9 at a random moment, while a job writes.

Rows and the offset that they came from commit together: nothing is lost, nothing is there twice, and the
catalog opens every time.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil

from contexta.captured import CapturedLine, captured_lines
from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer
from contexta.catalog.large import LARGE_BYTES
from contexta.live import Follower
from contexta.reader import CatalogReader
from tests import catalog_tables
from tests.faults import Seen, fault, sizes
from tests.faults.indexers import Indexers
from tests.lines import Lines
from tests.terminal import Terminal
from tests.waiting import wait_until

NEVER: Final = (
    "records lost",
    "records doubled",
    "catalogs that do not open",
    "catalogs that differ from a fresh one",
)
_LARGE: Final = 4_096


class Journals:
    """Files that somebody writes to while indexers are killed."""

    def __init__(self, workspace: Path) -> None:
        self.folder = workspace / "cache" / "capture"
        self.folder.mkdir(parents=True)
        self._lines = Lines()
        self.written = 0

    def write_for(self, seconds: float, *, large: bool) -> None:
        """Append a few records every few milliseconds; at first a whole file, which may be large."""
        if large:
            self._write(f"record.part-{self.written}.jsonl", 40)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._write("record.jsonl", 10)
            time.sleep(0.005)

    def _write(self, name: str, count: int) -> None:
        data = b""
        for _ in range(count):
            self.written += 1
            batch = f"batch:demo.r1.train.b-{self.written // 50}"
            data += self._lines.metric(batch, "loss", self.written, record_hex=f"{self.written:012x}")
        with (self.folder / name).open("ab", buffering=0) as file:
            file.write(data)


def _count(catalog: Catalog, written: int, seen: Seen) -> None:
    row = catalog.connection.execute("select count(*), count(distinct ref) from records").fetchone()
    assert row is not None
    everything, distinct = row
    seen.wrong("records doubled", everything - distinct)
    seen.wrong("records lost", abs(written - distinct), f"{distinct} of {written}")
    seen.wrong("records lost", CatalogReader(catalog).counts().records != written)


def _compare(catalog: Catalog, workspace: Path, seen: Seen) -> None:
    fresh = catalog_tables.fresh(workspace)
    there, owed = catalog_tables.without_order(catalog), catalog_tables.without_order(fresh)
    for table, rows in owed.items():
        seen.wrong("catalogs that differ from a fresh one", there[table] != rows, table)
    fresh.close()


@sizes(short=3, full=200)
def test_indexers_are_killed(size: int, tmp_path: Path) -> None:
    """Half of them while files are taken in one piece; every third kill meets what the last one left."""
    moments = random.Random(size)
    workspace, cache = tmp_path / ".contexta", tmp_path / "cache"
    journals = Journals(workspace)
    with (
        fault("an indexer is killed at a random moment", "kills", never=NEVER) as seen,
        Indexers(workspace, cache) as indexers,
    ):
        for kill in range(size):
            large = _LARGE if kill % 2 else LARGE_BYTES
            seconds = moments.uniform(0.0, 0.35)
            indexers.begin(large, seconds)
            journals.write_for(seconds, large=large == _LARGE)
            notices = [notice for notice in indexers.notices() if notice]
            seen.wrong("catalogs that do not open", len(notices), notices[:1])
            seen.inject()
            if kill % 3 == 0 or kill == size - 1:
                catalog = Catalog.open([workspace], cache)
                seen.wrong("catalogs that do not open", bool(catalog.notice), catalog.notice)
                indexer = Indexer(catalog, [workspace], large=large)
                indexer.catch_up()
                indexer.close()
                _count(catalog, journals.written, seen)
                if kill % 20 == 0 or kill == size - 1:
                    _compare(catalog, workspace, seen)
                catalog.close()
        seen.also("records", journals.written)
        left = [path.name for path in cache.rglob("*") if "staging" in path.name or "damaged" in path.name]
        assert not left, "what a killed one left behind is gone"


@contextmanager
def _flood(workspace: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-m", "tests.e2e.flood", str(workspace), "0.0005"]) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()


def _at_rest(writer: subprocess.Popen[bytes], workspace: Path, journal: Path) -> tuple[CatalogReader, int]:
    """Stop the writer, and load what it wrote; again, where somebody else let it go on meanwhile."""
    while True:
        writer.send_signal(signal.SIGSTOP)
        wait_until(
            lambda: psutil.Process(writer.pid).status() == psutil.STATUS_STOPPED, what="a stopped writer"
        )
        data = journal.read_bytes()
        reader, _ = Follower([workspace]).load()
        if journal.stat().st_size == len(data):
            return reader, data.count(b"\n")
        reader.close()


@sizes(short=2, full=200)
def test_explorers_are_killed(size: int, tmp_path: Path, home: Path) -> None:
    workspace = tmp_path / ".contexta"
    journal = workspace / "cache" / "capture" / "record.jsonl"
    moments = random.Random(size)
    with (
        fault("an explorer is killed at a random moment, on a job that writes", "kills", never=NEVER) as seen,
        _flood(workspace) as writer,
    ):
        wait_until(journal.exists, timeout=20, what="the first record")
        for kill in range(size):
            with Terminal(["contexta-tui", str(workspace)], warm=True) as term:
                if kill % 50 == 1:
                    term.wait_for("endless", timeout=20)
                else:
                    moment = time.monotonic() + moments.uniform(0.1, 1.2)
                    term.wait_until(lambda moment=moment: time.monotonic() > moment, what="the moment")  # type: ignore[misc]
                term.process.kill()
                term.process.wait(timeout=10)
            seen.inject()
            reader, written = _at_rest(writer, workspace, journal)
            seen.wrong("catalogs that do not open", reader._catalog.path is None, reader._catalog.notice)
            _count(reader._catalog, written, seen)
            if kill == size - 1:
                refs = {line.ref for line in captured_lines(workspace) if isinstance(line, CapturedLine)}
                there = reader._catalog.connection.execute("select ref from records").fetchall()
                seen.wrong("records lost", len({ref for (ref,) in there} - refs))
                _compare(reader._catalog, workspace, seen)
                seen.also("records", written)
            reader.close()
            writer.send_signal(signal.SIGCONT)
        seen.wrong("catalogs that do not open", not list((home / ".cache").rglob("*.duckdb")), "none is kept")
