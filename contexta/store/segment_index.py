"""The index files of the record store: for each run, type, stage, batch and sample, where its records lie.

Derived data that nothing in this library reads: it is kept for programs that do, in the layout of the format
specification, section 5, and can be made anew from the segments at any time. A crash may leave it behind the
segments; `check_integrity` tells, `rebuild_indexes` helps.
"""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contexta.store.disk import Folder, safe_name, write
from contexta.store.segment_files import INDEXES

FAMILIES: Final = (
    "run_ref",
    "record_type",
    "stage_execution_ref",
    "batch_execution_ref",
    "sample_observation_ref",
)
_BUILDING: Final = ".tmp-indexes"
_FRESH: Final = "fresh"
_OLD: Final = "old"
_ROWS_AT_ONCE: Final = 20_000


@dataclass(frozen=True, slots=True)
class IndexRow:
    """Where one record lies.

    Attributes:
        keys: Its keys by family; families it has no key in are left out.
        segment_id: The segment.
        line_number: The line in it, from 1.
        sequence: Its number.
    """

    keys: Mapping[str, str]
    segment_id: int
    line_number: int
    sequence: int

    def encoded(self) -> bytes:
        """Return the line of an index file."""
        return b'{"offset":%d,"segment_id":%d,"sequence":%d}\n' % (
            self.line_number,
            self.segment_id,
            self.sequence,
        )


def keys_of(envelope: Mapping[str, object]) -> dict[str, str]:
    """Return the keys of an envelope by family."""
    found = ((family, envelope.get(family)) for family in FAMILIES)
    return {family: key for family, key in found if isinstance(key, str) and safe_name(key)}


def append(root: Folder, rows: Iterable[IndexRow]) -> None:
    """Add rows to the index.

    Raises:
        OSError: A file could not be written; the index is stale from then on.
    """
    _write(root.path, (INDEXES,), rows)


def rebuild(root: Folder, rows: Iterable[IndexRow]) -> None:
    """Make the index anew; the old one stays until the new one is complete.

    Raises:
        OSError: It could not be written; the old one is there still, unless both renames were torn apart by a
            crash, in which case there is none.
    """
    _clear(root)
    with Folder.open(root.path, _BUILDING, _FRESH, create=True):
        pass
    batch: list[IndexRow] = []
    for row in rows:
        batch.append(row)
        if len(batch) >= _ROWS_AT_ONCE:
            _write(root.path, (_BUILDING, _FRESH), batch)
            batch.clear()
    _write(root.path, (_BUILDING, _FRESH), batch)
    with Folder.open(root.path, _BUILDING) as building:
        if root.has(INDEXES):
            os.rename(INDEXES, _OLD, src_dir_fd=root.fd, dst_dir_fd=building.fd)
        os.rename(_FRESH, INDEXES, src_dir_fd=building.fd, dst_dir_fd=root.fd)
    _clear(root)


def row_counts(root: Folder) -> dict[str, int]:
    """Return how many rows each family of the index has.

    Raises:
        OSError: There is no index, or it cannot be read.
    """
    counts = {}
    for family in FAMILIES:
        try:
            with Folder.open(root.path, INDEXES, family) as folder:
                counts[family] = sum(_lines(folder))
        except FileNotFoundError:
            counts[family] = 0
    return counts


def _lines(folder: Folder) -> Iterator[int]:
    for name in folder.names():
        if name.endswith(".jsonl"):
            with os.fdopen(folder.open_file(name), "rb") as file:
                yield sum(1 for line in file if line.strip())


def _write(root: Path, folders: tuple[str, ...], rows: Iterable[IndexRow]) -> None:
    files: dict[str, dict[str, bytearray]] = {family: defaultdict(bytearray) for family in FAMILIES}
    for row in rows:
        encoded = row.encoded()
        for family, key in row.keys.items():
            files[family][key] += encoded
    for family, keys in files.items():
        if keys:
            with Folder.open(root, *folders, family, create=True) as folder:
                for key, data in keys.items():
                    _append(folder, f"{safe_name(key)}.jsonl", bytes(data))


def _append(folder: Folder, name: str, data: bytes) -> None:
    fd = folder.open_file(name, os.O_RDWR | os.O_APPEND | os.O_CREAT)
    try:
        size = os.fstat(fd).st_size
        if size and os.pread(fd, 1, size - 1) != b"\n":
            data = b"\n" + data
        if write(fd, data) != len(data):
            raise OSError(f"no room for all rows of the index file {folder.path / name}")
    finally:
        os.close(fd)


def _clear(root: Folder) -> None:
    # Takes no link for a folder, and follows none.
    shutil.rmtree(_BUILDING, dir_fd=root.fd, ignore_errors=True)
