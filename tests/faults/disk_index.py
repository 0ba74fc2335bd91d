"""An index that is filled and asked while the disk fails; see `disks`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from contexta.loading import load
from tests.lines import RUN, Lines

_RECORDS: Final = 400


class Index:
    """A program that prints: half of the capture is indexed already, the rest while the disk fails."""

    def __init__(self, folder: Path) -> None:
        self._workspace = folder / ".contexta"
        self._cache = folder / "cache"
        self._in_memory = False
        self._counted = 0
        self._lines = Lines()
        self.before()

    def before(self) -> None:
        """Record the first half, and index it."""
        self._record(_RECORDS // 2)
        self._ask()

    def _record(self, count: int) -> None:
        journal = self._workspace / "cache" / "capture" / "record.jsonl"
        journal.parent.mkdir(parents=True, exist_ok=True)
        with journal.open("ab") as file:
            for _ in range(count):
                file.write(self._lines.metric(RUN, "loss", 1))
        self._owed = journal.read_bytes().count(b"\n")

    def _ask(self) -> None:
        with load([self._workspace], cache_dir=self._cache) as loaded:
            self._in_memory = loaded._catalog.path is None
            self._counted = loaded.reader.counts().records

    def act(self) -> None:
        """Ask; whatever gets out is a problem."""
        self._ask()

    def noticed(self) -> bool:
        """Whether the index was left alone, and everything read into memory."""
        return self._in_memory

    def after(self) -> dict[str, int]:
        """Ask again with a disk that works, and with more records."""
        during, owed = self._counted, self._owed
        self._record(10)
        self._ask()
        return {
            "lost": max(0, owed - during) + max(0, self._owed - self._counted),
            "doubled": max(0, during - owed) + max(0, self._counted - self._owed),
            "unusable when it works again": int(self._in_memory),
        }


class FreshIndex(Index):
    """The same with no index before."""

    def before(self) -> None:
        """Record everything; index nothing."""
        self._record(_RECORDS)
