"""Fills and asks an index while the calls fail with which its database writes, and tells what came of it.

`python -m tests.faults.catalog_calls WAY STATE FOLDER HOW_MANY` makes calls of one way of asking fail:
`load`, as a program that prints, or `follow`, as the explorer. The index is `fresh` when it begins, or `half`
filled. Each call fails with EIO, and so do all behind it; for `load` also it alone. Of all these it takes so
many, evenly, and prints a line of JSON for each. The next process, on a disk that works, compares the index
with a fresh one.
"""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Final, cast

from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer
from contexta.errors import ContextaError
from contexta.live import Change, Follower, Phase
from contexta.loading import load
from contexta.reader import CatalogReader
from tests import catalog_tables
from tests.faults import calls
from tests.faults.calls import Failure, Outcome, Switch
from tests.faults.questions import answers
from tests.lines import BATCH, RUN, STAGE, Lines

_HALF: Final = 200
_LATE: Final = 10
_PATIENCE_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody got who asked while calls failed.

    Attributes:
        counted: The highest number of records that was shown.
        recorded: How many there were.
        shown: The last answers.
        word: What the explorer said about it; a program that prints answers as ever.
        in_memory: Whether the index was left alone, and everything read into memory.
    """

    counted: int
    recorded: int
    shown: str
    word: str
    in_memory: bool


class Place:
    """A workspace and the folder of its index."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workspace = folder / ".contexta"
        self.cache = folder / "cache"

    def record(self, first: int, count: int) -> None:
        """Append records, numbered from `first` on."""
        journal = self.workspace / "cache" / "capture" / "record.jsonl"
        journal.parent.mkdir(parents=True, exist_ok=True)
        lines = Lines().at(first)
        subjects = (RUN, STAGE, BATCH)
        with journal.open("ab") as file:
            for number in range(first, first + count):
                subject = subjects[number % 3]
                file.write(lines.metric(subject, "loss", number, record_hex=f"{number:012x}"))

    def load(self, switch: Switch) -> Asked:
        """Ask once, with the calls failing."""
        switch.arm()
        try:
            with load([self.workspace], cache_dir=self.cache) as loaded:
                shown, counted = answers(loaded.reader), loaded.reader.counts().records
                in_memory = loaded._catalog.path is None
            return Asked(counted, 2 * _HALF, shown, "", in_memory)
        except ContextaError as error:
            return Asked(0, 2 * _HALF, "", str(error), in_memory=True)
        finally:
            switch.disarm()

    @staticmethod
    def _asked(changes: list[Change]) -> tuple[str, bool]:
        """What the latest change answers, and whether it does so from memory.

        A catalog that is given up meanwhile knows nothing; a screen is then told of another one.
        """
        until = time.monotonic() + _PATIENCE_S
        while True:
            reader = cast("CatalogReader", changes[-1].queries)
            shown = answers(reader)
            if not reader._catalog.is_closed or time.monotonic() > until:
                return shown, reader._catalog.path is None
            time.sleep(0.005)

    def follow(self, switch: Switch) -> Asked:
        """Follow while the last records come, with the calls failing."""
        changes: list[Change] = []
        stop = threading.Event()
        switch.arm()
        follower = Follower([self.workspace], cache_dir=self.cache)
        thread = threading.Thread(target=follower.run, args=(changes.append, stop), daemon=True)
        thread.start()

        def counts(records: int) -> None:
            until = time.monotonic() + _PATIENCE_S
            while not (changes and changes[-1].phase is Phase.LIVE and changes[-1].counts.records == records):
                if time.monotonic() > until or not thread.is_alive():
                    raise TimeoutError(f"{records} records were never counted: {changes[-1:]}")
                time.sleep(0.005)

        counts(2 * _HALF)
        self.record(2 * _HALF, _LATE)
        counts(2 * _HALF + _LATE)
        shown, in_memory = self._asked(changes)
        stop.set()
        thread.join(_PATIENCE_S)
        switch.disarm()
        words = [change.notice for change in changes if change.notice]
        counted = max(change.counts.records for change in changes)
        return Asked(counted, 2 * _HALF + _LATE, shown, "".join(words[-1:]), in_memory)

    def compare(self, owed: Owed) -> dict[str, object]:
        """What the next process has: how the index greets it, and which tables differ from fresh ones."""
        catalog = Catalog.open([self.workspace], self.cache)
        Indexer(catalog, [self.workspace]).catch_up()
        there = _prints(catalog)
        catalog.close()
        return {
            "notice": catalog.notice,
            "differ": [table for table, rows in owed.tables.items() if there[table] != rows],
        }


@dataclass(frozen=True, slots=True)
class Owed:
    """What a catalog in memory has of the same files.

    Attributes:
        shown: What it answers.
        tables: A fingerprint of each of its tables.
    """

    shown: str
    tables: dict[str, str]


def _owed(place: Place) -> dict[str, object]:
    catalog = catalog_tables.fresh(place.workspace)
    return asdict(Owed(answers(CatalogReader(catalog)), _prints(catalog)))


def _prints(catalog: Catalog) -> dict[str, str]:
    tables = catalog_tables.without_order(catalog)
    return {name: blake2b(repr(rows).encode(), digest_size=8).hexdigest() for name, rows in tables.items()}


def _apart(work: Callable[[Switch], object]) -> Outcome:
    """Let a fork work with calls that pass; this process opens no database, so that it can fork."""
    return calls.run(work, Path("/nowhere"), None)


def _once(way: str, whole: Path, place: Place, failure: Failure | None) -> Outcome:
    shutil.rmtree(place.folder, ignore_errors=True)
    shutil.copytree(whole, place.folder)
    return calls.run(partial(_ask, way, place), place.cache, failure)


def _ask(way: str, place: Place, switch: Switch) -> dict[str, object]:
    return asdict(place.load(switch) if way == "load" else place.follow(switch))


def _fill(place: Place) -> None:
    with load([place.workspace], cache_dir=place.cache):
        pass


def main() -> None:
    way, state, folder, how_many = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
    whole, place = folder / "whole", Place(folder / "place")
    place.record(0, _HALF)
    if state == "half":
        assert _apart(lambda _: _fill(place)).error == ""
    place.record(_HALF, _HALF)
    place.folder.rename(whole)
    sound = _once(way, whole, place, None)
    assert sound.said, sound.error
    assert not sound.said["in_memory"]
    owed = Owed(**_apart(lambda _: _owed(place)).said)
    for failure in calls.some(calls.failures(sound.calls, alone=way == "load"), how_many):
        asked = _once(way, whole, place, failure)
        found = _apart(lambda _: place.compare(owed))
        of = f"{way}, {state}, {sound.calls[failure.at]} of {sound.calls}, {asdict(failure)}"
        told = {"failure": of, "owed": owed.shown, "asked": asdict(asked), "next": asdict(found)}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
