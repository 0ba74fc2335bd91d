"""Takes lines into the catalog: bytes in, rows and the offset they came from out, in one transaction.

A slice is handed to DuckDB as a file (in memory where the system has such files), parsed there, and run
through `tree` and `records`. A line that cannot be read is never fatal: it is put aside with its file,
offset, length and error, what was glued behind it is saved, and all others are taken.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

import duckdb
import msgspec
from msgspec.structs import replace

from contexta.catalog import facts, records, tree
from contexta.catalog.changes import TreeChanges
from contexta.catalog.lines import ORIGINS, REFS, slice_of
from contexta.journal import read


class Part(msgspec.Struct, frozen=True):
    """Complete lines of one source.

    Attributes:
        source_id: The source they come from.
        position: Offset of the first byte in that source.
        data: The lines; ends with a newline.
    """

    source_id: int
    position: int
    data: bytes


class Damage(msgspec.Struct, frozen=True):
    """Bytes of a source that could not be read: `lines` lines in a row.

    Attributes:
        source_id: The source.
        position: Offset of the first byte.
        length: Number of bytes.
        lines: Number of lines.
        error: Why, of the first line.
        follows: Whether no line that could be read stands before it in its part.
    """

    source_id: int
    position: int
    length: int
    lines: int
    error: str
    follows: bool = False


class Taken(msgspec.Struct, frozen=True):
    """What came of a slice.

    Attributes:
        records: Records that were new.
        lines: Lines per source that are not blank, damaged ones included.
        damage: What could not be read, in the order of the parts and of their bytes.
        ends_damaged: Sources whose last line is a damaged one.
        is_plain: Whether the lines are known to be of no consequence; see `Catalog.of_no_consequence`.
        changes: All that changed in the tree, where that is known.
    """

    records: int
    lines: dict[int, int]
    damage: tuple[Damage, ...] = ()
    ends_damaged: frozenset[int] = frozenset()
    is_plain: bool = False
    changes: TreeChanges | None = None


UNREADABLE: Final = """
select n from slice
where shape is null or subject is null or subject not in (select ref from refs)
   or (shape = 'record' and type is null)
"""
"""The rows of `slice` that are no record, artifact or context, or whose refs are not well-formed."""


class TakenBackError(Exception):
    """A ledger takes back what it said before; only reading everything anew is right then."""


@contextmanager
def as_file(data: bytes) -> Iterator[str]:
    """Bytes as a file that DuckDB can open: in memory on Linux, else a private temporary one."""
    if hasattr(os, "memfd_create"):
        with suppress(OSError):
            descriptor = os.memfd_create("contexta-slice", os.MFD_CLOEXEC)
            try:
                with os.fdopen(os.dup(descriptor), "wb") as file:
                    file.write(data)
                path = f"/proc/self/fd/{descriptor}"
                if os.access(path, os.R_OK):
                    yield path
                    return
            finally:
                os.close(descriptor)
    with tempfile.NamedTemporaryFile(prefix="contexta-", suffix=".jsonl") as file:
        file.write(data)
        file.flush()
        yield file.name


def take(
    connection: duckdb.DuckDBPyConnection, parts: Sequence[Part], line_format: str, workspace: int
) -> Taken:
    """Takes complete lines of sources of one workspace and format; to be called inside a transaction.

    Args:
        connection: Connection to the catalog, inside a transaction.
        parts: The lines, one part a source; parts of several small sources may go together.
        line_format: One of `lines.ORIGINS`.
        workspace: Number of the workspace in this catalog.

    Raises:
        TakenBackError: A ledger states less, or something earlier, than before. Roll back then.
    """
    slices = _Slices(connection, line_format, workspace)
    counted = {part.source_id: part.data.count(b"\n") for part in parts}
    sound = slices.load(b"".join(part.data for part in parts)) == sum(counted.values())
    taken = Taken(0, counted) if sound and not slices.unreadable() else _take_apart(slices, parts)
    return replace(taken, records=settle(connection, line_format, workspace))


def settle(connection: duckdb.DuckDBPyConnection, line_format: str, workspace: int) -> int:
    """Takes what stands in `slice` and `refs` into the tables; the number of new records.

    Raises:
        TakenBackError: A ledger states less, or something earlier, than before. Roll back then.
    """
    origin = ORIGINS[line_format]
    tree.add_nodes(connection, workspace, origin)
    if line_format == "capture":
        tree.hear(connection)
    has_records, has_artifacts, has_facts = connection.execute(
        "select bool_or(shape = 'record'), bool_or(shape = 'artifact'), bool_or(shape = 'context') from slice"
    ).fetchone() or (False, False, False)
    added = signalled = 0
    if has_records:
        added, first, signalled = records.add_fresh_records(connection, origin)
        tree.add_records(connection, first)
    if has_artifacts:
        records.add_artifacts(connection, workspace, origin)
    if has_facts or line_format == "ledger":
        facts.read(connection)
        if line_format == "ledger" and tree.takes_back(connection, workspace):
            raise TakenBackError
        tree.apply_facts(connection)
    tree.settle_failures(connection, stated=bool(has_facts), signalled=signalled > 0)
    if line_format == "ledger":
        tree.note_stored(connection)
    return added


class _Slices:
    """Loads lines into `slice` and `refs`, and tells which of them cannot be read."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, line_format: str, workspace: int) -> None:
        self._connection = connection
        self._statement = slice_of(line_format)
        self._workspace = workspace

    def load(self, data: bytes) -> int:
        """Makes `slice` and `refs` of lines; the number of rows, one for each line that is not blank."""
        with as_file(data) as path:
            (rows,) = self._connection.execute(
                self._statement, {"path": path, "workspace": self._workspace}
            ).fetchone() or (0,)
        self._connection.execute(REFS, {"workspace": self._workspace})
        return int(rows)

    def unreadable(self) -> set[int]:
        """Rows of `slice` that are `UNREADABLE`."""
        rows = self._connection.execute(UNREADABLE).fetchall()
        return {row for (row,) in rows}

    def bad(self, lines: Sequence[bytes]) -> set[int]:
        """Which of some lines cannot be read; leaves them in `slice`, not those alone that can."""
        if not lines:
            return set()
        if self.load(b"".join(line + b"\n" for line in lines)) == len(lines):
            return self.unreadable()
        # A line that comes back as no row, or as several, shifts all behind it: narrow it down.
        if len(lines) == 1:
            return {0}
        half = len(lines) // 2
        return self.bad(lines[:half]) | {half + row for row in self.bad(lines[half:])}


def _take_apart(slices: _Slices, parts: Sequence[Part]) -> Taken:
    """The exact way, for slices with damage: cut lines here, put the bad ones aside, load the rest again."""
    whole = [(part, line) for part in parts for line in read.lines(part.data)]
    bad = slices.bad([line.data for _, line in whole])
    pieces = [
        (part, line)
        for row, (part, found) in enumerate(whole)
        for line in (read.apart(found) if row in bad else [found])
    ]
    bad = slices.bad([line.data for _, line in pieces])
    slices.load(b"".join(line.data + b"\n" for row, (_, line) in enumerate(pieces) if row not in bad))

    lines = {part.source_id: 0 for part in parts}
    for part, _ in whole:
        lines[part.source_id] += 1
    damage: list[Damage] = []
    last_bad: dict[int, bool] = {}
    for row, (part, line) in enumerate(pieces):
        if row in bad:
            found = Damage(
                part.source_id,
                part.position + line.offset,
                len(line.data),
                1,
                read.complaint(line.data),
                follows=part.source_id not in last_bad,
            )
            if last_bad.get(part.source_id):
                damage[-1] = joined(damage[-1], found)
            else:
                damage.append(found)
        last_bad[part.source_id] = row in bad
    return Taken(0, lines, tuple(damage), frozenset(key for key, is_bad in last_bad.items() if is_bad))


def joined(first: Damage, second: Damage) -> Damage:
    """Two runs of damaged lines of a source with nothing between them, as one."""
    length = second.position + second.length - first.position
    return replace(first, length=length, lines=first.lines + second.lines)
