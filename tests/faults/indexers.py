"""Indexers that are killed: each opens a catalog, takes in what is there, closes it and begins again.

`python -m tests.faults.indexers WORKSPACE CACHE` answers each line `LARGE SECONDS` by forking one for which
files are large from so many bytes on, killing it after so many seconds, and printing what was on its screen:
the notices of its catalogs, as a JSON list.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Final

from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer
from tests.faults.program import Program

_BUDGET: Final = 20_000


class Indexers(Program):
    """The program, for a test."""

    def __init__(self, workspace: Path, cache: Path) -> None:
        super().__init__("indexers", workspace, cache)

    def begin(self, large: int, seconds: float) -> None:
        """Let one run that is killed after so many seconds."""
        self.tell(large, seconds)

    def notices(self) -> list[str]:
        """Wait until it is dead; the notices of the catalogs that it opened."""
        notices: list[str] = self.answer()
        return notices


def _index(workspace: Path, cache: Path, large: int, pipe: int) -> None:
    randomly = random.Random(large)
    while True:
        catalog = Catalog.open([workspace], cache)
        os.write(pipe, f"{catalog.notice}\n".encode())
        indexer = Indexer(catalog, [workspace], large=large)
        for _ in range(randomly.randint(1, 8)):
            indexer.step(budget=_BUDGET, hinted=True, ahead=randomly.random() < 0.5)
        indexer.close()
        catalog.close()


def _killed(workspace: Path, cache: Path, large: int, seconds: float) -> list[str]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            _index(workspace, cache, large, writing)
        except BaseException:  # noqa: BLE001 - a fork must never go on as its parent
            sys.excepthook(*sys.exc_info())
        os._exit(1)
    os.close(writing)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    with os.fdopen(reading, "rb") as said:
        notices = said.read().decode().split("\n")[:-1]
    if status != signal.SIGKILL:
        raise SystemExit(f"the indexer ended by itself with {status}")
    return notices


def main() -> None:
    workspace, cache = map(Path, sys.argv[1:])
    for line in sys.stdin:
        large, seconds = line.split()
        print(json.dumps(_killed(workspace, cache, int(large), float(seconds))), flush=True)


if __name__ == "__main__":
    main()
