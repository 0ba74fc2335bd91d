"""Rows and the offset they came from commit together: a kill at any moment loses and doubles nothing."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer
from contexta.reader import CatalogReader
from tests import catalog_tables
from tests.lines import Lines

ROOT = Path(__file__).parents[2]


def _kill_and_count(folder: Path, rounds: int, seed: int) -> None:
    moments = random.Random(seed)
    workspace = folder / ".contexta"
    journal = workspace / "cache" / "capture" / "record.jsonl"
    journal.parent.mkdir(parents=True)
    lines = Lines()
    written = 0
    for _ in range(rounds):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.catalog.index_once", str(workspace), str(folder / "cache")],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "\n", "the catalog is its own again after a kill"
        until = time.monotonic() + moments.uniform(0.0, 0.6)
        with journal.open("ab", buffering=0) as file:
            while time.monotonic() < until:
                for _ in range(20):
                    written += 1
                    batch = f"batch:demo.r1.train.b-{written // 50}"
                    file.write(lines.metric(batch, "loss", written, record_hex=f"{written:012x}"))
                time.sleep(0.005)
        process.kill()
        process.wait()
        process.stdout.close()
        catalog = Catalog.open([workspace], folder / "cache")
        assert not catalog.notice
        assert catalog.path
        Indexer(catalog, [workspace]).catch_up()
        (source,) = CatalogReader(catalog).sources()
        assert (CatalogReader(catalog).counts().records, source.lines) == (written, written)
        catalog.close()
    catalog = Catalog.open([workspace], folder / "cache")
    expected = catalog_tables.fresh(workspace)
    assert catalog_tables.exactly(catalog) == catalog_tables.exactly(expected)
    catalog.close()
    expected.close()


@pytest.mark.timeout(300)
def test_a_kill_while_indexing_loses_and_doubles_nothing(tmp_path: Path) -> None:
    _kill_and_count(tmp_path, 4, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_twenty_kills_while_indexing(tmp_path: Path) -> None:
    _kill_and_count(tmp_path, 20, seed=2)
