"""Fault: files are written, torn, truncated, rotated, replaced and deleted at random, with looks in between.

The catalog has to equal a model that was told what was done, and that reads no file.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer
from contexta.catalog.large import LARGE_BYTES
from tests.faults import Seen, fault, sizes
from tests.faults.reference import differences
from tests.faults.rewriting import Rewriting


class Following:
    """A catalog on disk that follows a workspace, and is closed and opened again now and then."""

    def __init__(self, folder: Path, large: int) -> None:
        self.workspace = folder / ".contexta"
        self.captures = self.workspace / "cache" / "capture"
        self.captures.mkdir(parents=True)
        self._cache = folder / "cache"
        self._large = large
        self.open()

    def open(self) -> None:
        self.catalog = Catalog.open([self.workspace], self._cache)
        assert not self.catalog.notice
        self.indexer = Indexer(self.catalog, [self.workspace], large=self._large)

    def close(self) -> None:
        self.indexer.close()
        self.catalog.close()

    def look(self, randomly: random.Random) -> None:
        """Take in a part of what is there, as it comes to be done while following."""
        budget = randomly.choice((300, 3_000, 10**6))
        hinted = randomly.random() < 0.6
        paths = sorted(self.captures.iterdir())
        touched = randomly.sample(paths, min(len(paths), 1)) if randomly.random() < 0.5 else ()
        ahead = randomly.random() < 0.6
        self.indexer.step(budget=budget, hinted=hinted, touched=touched, ahead=ahead)

    def settle(self) -> None:
        """Take in everything, and believe that what is missing is gone."""
        for item in self.indexer._followed.values():
            item.grace = 0.0
        self.indexer.catch_up()


def _walk(to: Following, files: Rewriting, steps: int, seen: Seen) -> None:
    """Every third step or so is a look, all others change files."""
    randomly = files.randomly
    done: list[str] = []
    for step in range(steps):
        seen.inject()
        if randomly.random() < 0.3:
            to.look(randomly)
            done.append("look")
            seen.also("looks")
        else:
            done.append(files.move())
        if randomly.random() < 0.01:
            to.close()
            to.open()
            done.append("restart")
        if step % 20 == 19 or step == steps - 1:
            to.settle()
            wrong = differences(to.catalog, files.files)
            seen.wrong("catalogs that differ from the model", bool(wrong), (step, wrong, done))
            seen.also("comparisons")
            done.clear()
            assert not wrong, wrong


@pytest.mark.parametrize("large", [LARGE_BYTES, 4_096], ids=["in slices", "in bulk"])
@sizes(short=20, full=2_500)
def test_files_are_rewritten_at_random(size: int, large: int, tmp_path: Path) -> None:
    never = ("catalogs that differ from the model",)
    with fault("files are written, rotated, truncated and deleted at random", "steps", never=never) as seen:
        to = Following(tmp_path, large)
        try:
            _walk(to, Rewriting(to.captures, seed=size + large), size, seen)
        finally:
            to.close()
