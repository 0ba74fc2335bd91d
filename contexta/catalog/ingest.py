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
from dataclasses import dataclass
from itertools import pairwise

import duckdb

from contexta.catalog import facts, records, tree
from contexta.catalog.lines import ORIGINS, REFS, slice_of
from contexta.journal import read


@dataclass(frozen=True, slots=True)
class Part:
    """Complete lines of one source.

    Attributes:
        source_id: The source they come from.
        position: Offset of the first byte in that source.
        data: The lines; ends with a newline.
    """

    source_id: int
    position: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a source that could not be read: `lines` lines in a row.

    Attributes:
        source_id: The source.
        position: Offset of the first byte.
        length: Number of bytes.
        lines: Number of lines.
        error: Why, of the first line.
    """

    source_id: int
    position: int
    length: int
    lines: int
    error: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a slice.

    Attributes:
        records: Records that were new.
        lines: Lines per source that are not blank, damaged ones included.
        damage: What could not be read.
    """

    records: int
    lines: dict[int, int]
    damage: tuple[Damage, ...]


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
        parts: The lines; parts of several small sources may go together.
        line_format: `capture` or `segments`.
        workspace: Number of the workspace in this catalog.
    """
    origin = ORIGINS[line_format]
    _load(connection, b"".join(part.data for part in parts), line_format, workspace)
    (rows,) = connection.execute("select count(*) from slice").fetchone() or (0,)
    damage: tuple[Damage, ...] = ()
    if _unreadable(connection) or (len(parts) > 1 and rows != sum(part.data.count(b"\n") for part in parts)):
        counted, damage = _take_apart(connection, parts, line_format, workspace)
    else:
        counted = {part.source_id: part.data.count(b"\n") for part in parts}
        if len(parts) == 1:
            counted = {parts[0].source_id: rows}

    tree.add_nodes(connection, workspace, origin)
    if line_format == "capture":
        tree.hear(connection)
    has_records, has_artifacts, has_facts = connection.execute(
        "select bool_or(shape = 'record'), bool_or(shape = 'artifact'), bool_or(shape = 'context') from slice"
    ).fetchone() or (False, False, False)
    added = signalled = 0
    if has_records:
        added, signalled = records.add_fresh_records(connection, workspace, origin)
        tree.add_records(connection)
    if has_artifacts:
        records.add_artifacts(connection, workspace, origin)
    if has_facts:
        facts.read_captured(connection, origin)
        tree.apply_facts(connection)
    tree.settle_failures(connection, stated=has_facts, signalled=signalled > 0)
    return Taken(added, counted, damage)


def _load(connection: duckdb.DuckDBPyConnection, data: bytes, line_format: str, workspace: int) -> None:
    with as_file(data) as path:
        connection.execute(slice_of(line_format), [path])
    connection.execute(REFS, {"workspace": workspace})


def _unreadable(connection: duckdb.DuckDBPyConnection) -> set[int]:
    """Rows of `slice` that are no record, artifact or context, or whose refs are not well-formed."""
    rows = connection.execute(f"""
        select rowid from slice
        where shape is null or subject is null or subject not in (select ref from refs)
           or (shape = 'record' and {records.RECORD_TYPE} is null)
    """).fetchall()
    return {row for (row,) in rows}


def _take_apart(
    connection: duckdb.DuckDBPyConnection, parts: Sequence[Part], line_format: str, workspace: int
) -> tuple[dict[int, int], tuple[Damage, ...]]:
    """The exact way, for slices with damage: cut lines here, put the bad ones aside, read the rest again."""
    pieces = [(part, line) for part in parts for line in read.lines(part.data)]
    counted = {part.source_id: 0 for part in parts}
    for part, _ in pieces:
        counted[part.source_id] += 1
    _load(connection, b"".join(line.data + b"\n" for _, line in pieces), line_format, workspace)
    bad = _unreadable(connection)
    kept: list[tuple[Part, read.Line]] = []
    found: list[Damage] = []
    for row, (part, line) in enumerate(pieces):
        if row not in bad:
            kept.append((part, line))
            continue
        saved = read.resync(line.data)
        found.append(_damage(part, line, len(line.data) if saved < 0 else saved))
        if saved > 0:
            kept.append((part, read.Line(line.offset + saved, line.data[saved:])))
    _load(connection, b"".join(line.data + b"\n" for _, line in kept), line_format, workspace)
    still_bad = _unreadable(connection)
    found.extend(_damage(*kept[row], len(kept[row][1].data)) for row in sorted(still_bad))
    connection.execute("delete from slice where list_contains($rows, rowid)", {"rows": sorted(still_bad)})
    connection.execute(REFS, {"workspace": workspace})
    return counted, _join_neighbours(found)


def _damage(part: Part, line: read.Line, length: int) -> Damage:
    return Damage(part.source_id, part.position + line.offset, length, 1, read.complaint(line.data[:length]))


def _join_neighbours(found: list[Damage]) -> tuple[Damage, ...]:
    """Damage that follows upon damage (only a line end between) is one."""
    found.sort(key=lambda damage: (damage.source_id, damage.position))
    joined: list[Damage] = found[:1]
    for before, damage in pairwise(found):
        gap = damage.position - (before.position + before.length)
        last = joined[-1]
        if before.source_id == damage.source_id and gap <= 2:
            length = damage.position + damage.length - last.position
            joined[-1] = Damage(last.source_id, last.position, length, last.lines + damage.lines, last.error)
        else:
            joined.append(damage)
    return tuple(joined)
