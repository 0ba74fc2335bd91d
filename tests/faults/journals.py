"""Looks whether a journal is what its writers said, byte by byte and through everything that reads it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from contexta import Contexta
from contexta.captured import CapturedLine, UnreadableLine, captured_lines
from contexta.journal.read import RESYNC
from contexta.reader import CatalogReader
from contexta.verify import verify
from contexta.vocabulary import Severity
from tests import catalog_tables
from tests.faults import Seen

NEVER: Final = (
    "acknowledged records lost",
    "records doubled",
    "torn lines that are not diagnosed once, with their place",
    "bytes that nobody accounts for",
    "lines glued to a torn one",
    "counted otherwise by the catalog",
)


def check(
    workspace: Path,
    acknowledged: Iterable[str],
    seen: Seen,
    *,
    torn_at_most: int = 0,
    through_all: bool = True,
) -> None:
    """Count what is wrong with a journal, into a test's figures.

    Args:
        workspace: The workspace; one more record is captured in it first, as the next job would.
        acknowledged: References of records and scopes whose lines were written.
        seen: The figures.
        torn_at_most: How many lines may be torn.
        through_all: Whether to ask the verification and a catalog, too.
    """
    acknowledged = {*acknowledged, _record_one_more(workspace)}
    lines = list(captured_lines(workspace))
    whole = [line for line in lines if isinstance(line, CapturedLine)]
    torn = [line for line in lines if isinstance(line, UnreadableLine)]
    there = Counter(line.ref for line in whole)
    lost = acknowledged - there.keys()
    seen.wrong("acknowledged records lost", len(lost), sorted(lost)[:3])
    records = {ref: count for ref, count in there.items() if ref.startswith("record:")}
    doubled = {ref for ref, count in records.items() if count > 1}
    seen.wrong("records doubled", len(doubled), sorted(doubled)[:3])
    seen.also("torn lines", len(torn))
    assert len(torn) <= torn_at_most, f"{len(torn)} torn lines of {torn_at_most} writers: {torn[:3]}"
    _check_bytes(lines, seen)
    if through_all or torn:
        _check_diagnoses(workspace, torn, seen)
        _check_catalog(workspace, set(records), torn, seen)


def _record_one_more(workspace: Path) -> str:
    with Contexta(workspace=workspace, config={"project_name": "p"}) as ctx, ctx.run("next") as run:
        result = run.metric("loss", 1)
    assert result.payload_ref
    return result.payload_ref


def _check_bytes(lines: list[CapturedLine | UnreadableLine], seen: Seen) -> None:
    files: dict[Path, list[CapturedLine | UnreadableLine]] = defaultdict(list)
    for line in lines:
        files[line.path].append(line)
    for path, found in files.items():
        data = path.read_bytes()
        at = 0
        for line in found:
            assert line.position is not None
            between = data[at : line.position]
            loose = len(between.strip(b"\n")) if at <= line.position else at - line.position
            seen.wrong("bytes that nobody accounts for", loose, f"{path.name} at {at}")
            at = line.position + line.length
            if isinstance(line, UnreadableLine):
                begins = data.count(RESYNC, line.position, at)
                seen.wrong("lines glued to a torn one", max(0, begins - 1), f"{path.name} at {line.position}")
        rest = len(data[at:].strip(b"\n"))
        seen.wrong("bytes that nobody accounts for", rest, f"{path.name} behind {at}")


def _check_diagnoses(workspace: Path, torn: list[UnreadableLine], seen: Seen) -> None:
    told = Counter(
        (finding.path, finding.position)
        for finding in verify(workspace).findings
        if finding.severity is Severity.ERROR
    )
    owed = Counter((str(line.path), f"byte {line.position}") for line in torn)
    wrong = (told - owed) + (owed - told)
    seen.wrong(NEVER[2], wrong.total(), list(wrong)[:3])


def _check_catalog(workspace: Path, records: set[str], torn: list[UnreadableLine], seen: Seen) -> None:
    catalog = catalog_tables.fresh(workspace)
    try:
        rows = catalog.connection.execute(
            "select s.path, d.position, d.length, d.lines from damage d join sources s on s.id = d.source_id"
        ).fetchall()
        for line in torn:
            around = [
                1
                for path, position, length, _ in rows
                if bytes(path).decode().endswith(line.path.name)
                and position <= (line.position or 0)
                and (line.position or 0) + line.length <= position + length
            ]
            seen.wrong(NEVER[2], len(around) != 1, f"the catalog, {line.path.name} at {line.position}")
        pieces = sum(row[3] for row in rows)
        seen.wrong(NEVER[2], abs(pieces - len(torn)), f"{pieces} in the catalog, {len(torn)} there are")
        counted = CatalogReader(catalog).counts().records
        seen.wrong("counted otherwise by the catalog", abs(counted - len(records)), counted)
    finally:
        catalog.close()
