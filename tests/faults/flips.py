"""Opens catalogs in which a bit was flipped, the way the programs do, and tells what came of it.

`python -m tests.faults.flips WORKSPACE FOLDER` makes a catalog, and prints what a screen gets of it. Then it
puts so many more records into it that opening it does not read all, prints what a screen gets of that, and
answers each line `WAY SEED` with one of JSON. `WAY` is `load`, as a program that prints, or `follow`, as
the explorer. Each is a process of its own, since a database may take such a file for something that ends it.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Final, cast

import duckdb

from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer
from contexta.errors import StoreAccessError
from contexta.live import Change, Follower, Phase
from contexta.loading import INDEX_DAMAGED, load
from contexta.reader import CatalogReader
from tests import catalog_tables
from tests.faults.program import Program
from tests.faults.questions import answers

_PATIENCE_S: Final = 15.0
_SETTLED_S: Final = 0.4

#: Copies each record so often that DuckDB cannot keep them in one group of rows.
_GROW: Final = """
import duckdb, sys
duckdb.connect(sys.argv[1]).execute(
    "insert into records select records.* replace (id + 100000 * range as id, ref || range as ref,"
    " hash(ref || range) as key, random() as value) from records, range(1, 150)"
)
"""


@dataclass(slots=True)
class Outcome:
    """What came of one flip.

    Attributes:
        at: Which byte was changed.
        shown: What a screen got, one after the other.
        refused: How often it got an error instead.
        rebuilt: Whether the catalog was built anew.
        tables: If so, what it holds then; see `catalog_tables.without_order`.
        error: What got out.
    """

    at: int
    shown: list[str] = field(default_factory=list)
    refused: int = 0
    rebuilt: bool = False
    tables: str = ""
    error: str = ""


class Flips(Program):
    """The program, for a test.

    Attributes:
        built: What came of the catalog that was built of the files.
        whole: What came of the one in which bits are flipped.
    """

    def __init__(self, workspace: Path, folder: Path) -> None:
        super().__init__("flips", workspace, folder)
        self.built, self.whole = Outcome(**self.answer()), Outcome(**self.answer())

    def flip(self, way: str, seed: int) -> Outcome:
        """Flip a bit and open what is there then."""
        self.tell(way, seed)
        return Outcome(**self.answer())


def _load(workspace: Path, cache: Path, outcome: Outcome) -> None:
    for _ in range(2):
        try:
            with load([workspace], cache_dir=cache) as loaded:
                outcome.shown.append(answers(loaded.reader))
                return
        except StoreAccessError as error:
            if error.code != INDEX_DAMAGED:
                raise
            outcome.refused += 1


def _follow(workspace: Path, cache: Path, outcome: Outcome) -> None:
    """Ask whenever there is news, and until it is answered, as a screen does."""
    changes: list[Change] = []
    stop = threading.Event()
    follower = Follower([workspace], cache_dir=cache)
    thread = threading.Thread(target=follower.run, args=(changes.append, stop), daemon=True)
    thread.start()
    until = time.monotonic() + _PATIENCE_S
    settled = float("inf")
    asked = -1
    while time.monotonic() < min(until, settled):
        time.sleep(0.02)
        if not changes or changes[-1].phase is not Phase.LIVE or changes[-1].revision == asked:
            continue
        try:
            asked = changes[-1].revision
            found = answers(cast("CatalogReader", changes[-1].queries))
        except duckdb.Error:
            outcome.refused += 1
            settled, asked = float("inf"), -1
            continue
        if found not in outcome.shown[-1:]:
            outcome.shown.append(found)
        settled = time.monotonic() + _SETTLED_S
    stop.set()
    thread.join(_PATIENCE_S)
    if settled == float("inf"):
        outcome.error = "it never answered again"


_WAYS: Final = {"load": _load, "follow": _follow}


def _tables(workspace: Path, cache: Path) -> str:
    """A fingerprint of every row that whoever opens the catalog next has."""
    catalog = Catalog.open([workspace], cache)
    Indexer(catalog, [workspace]).catch_up()
    tables = catalog_tables.without_order(catalog) if catalog.path else catalog.notice
    catalog.close()
    return blake2b(repr(tables).encode(), digest_size=8).hexdigest()


def _size(cache: Path) -> int:
    return sum(path.stat().st_size for path in cache.rglob("*.duckdb"))


def _run(way: str, workspace: Path, cache: Path, outcome: Outcome) -> None:
    before = _size(cache)
    try:
        _WAYS[way](workspace, cache, outcome)
        # Neither inode nor time tells it apart; but one built of the files is much smaller.
        outcome.rebuilt = _size(cache) < before / 2 or not before
        if outcome.rebuilt:
            outcome.tables = _tables(workspace, cache)
    except Exception:  # noqa: BLE001 - that it gets out is what is looked for
        outcome.error = traceback.format_exc()


def _in_a_process(way: str, workspace: Path, cache: Path, at: int) -> Outcome:
    outcome = Outcome(at)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        with suppress(BaseException):
            _run(way, workspace, cache, outcome)
            os.write(writing, json.dumps(asdict(outcome)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as said:
        answer = said.read()
    _, status = os.waitpid(pid, 0)
    return Outcome(**json.loads(answer)) if answer else Outcome(at, error=f"ended with {status}")


def _grow(cache: Path) -> None:
    """Multiply the records of a catalog; in a process of its own, because this one forks."""
    (database,) = cache.rglob("*.duckdb")
    subprocess.run([sys.executable, "-c", _GROW, str(database)], check=True)


def main() -> None:
    workspace, folder = map(Path, sys.argv[1:])
    cache = folder / "whole"
    print(json.dumps(asdict(_in_a_process("load", workspace, cache, -1))), flush=True)
    _grow(cache)
    print(json.dumps(asdict(_in_a_process("load", workspace, cache, -1))), flush=True)
    (database,) = cache.rglob("*.duckdb")
    data = database.read_bytes()
    full = [at for at in range(0, len(data), 7) if data[at]]
    for line in sys.stdin:
        way, seed = line.split()
        randomly = random.Random(int(seed))
        # Where something is, nearly always: much of a database is empty.
        at = randomly.choice(full) if randomly.random() < 0.9 else randomly.randrange(len(data))
        changed = bytearray(data)
        changed[at] ^= 1 << randomly.randrange(8)
        place = folder / seed / database.parent.relative_to(cache)
        place.mkdir(parents=True)
        (place / database.name).write_bytes(changed)
        print(json.dumps(asdict(_in_a_process(way, workspace, folder / seed, at))), flush=True)
        shutil.rmtree(folder / seed)


if __name__ == "__main__":
    main()
