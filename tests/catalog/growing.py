"""A capture file that grows while a catalog follows it."""

from __future__ import annotations

from pathlib import Path

from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer, Step


class Growing:
    """A capture file that grows, and a catalog in memory that follows it."""

    def __init__(self, folder: Path) -> None:
        self._journal = folder / ".contexta" / "cache" / "capture" / "record.jsonl"
        self._journal.parent.mkdir(parents=True, exist_ok=True)
        self._journal.write_bytes(b"")
        self.catalog = Catalog.in_memory([folder])
        self.indexer = Indexer(self.catalog, [folder / ".contexta"])

    def __enter__(self) -> Growing:
        return self

    def __exit__(self, *_: object) -> None:
        self.catalog.close()

    def append(self, *lines: bytes) -> None:
        with self._journal.open("ab") as file:
            file.writelines(lines)

    def replace(self, *lines: bytes) -> None:
        """Put another file in its place."""
        other = self._journal.with_name("other")
        other.write_bytes(b"".join(lines))
        other.replace(self._journal)

    def take(self, *lines: bytes) -> None:
        self.append(*lines)
        self.indexer.catch_up()

    def hear(self, *lines: bytes) -> Step:
        """Take lines that may be told before they are written."""
        self.append(*lines)
        return self.indexer.step(hinted=True, ahead=True)
