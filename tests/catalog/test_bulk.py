"""A file that is taken in one piece leaves the catalog that it leaves line by line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks.generate import generate
from contexta.catalog import bulk, ingest, large
from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer
from contexta.watch.tail import Mark
from contexta.watch.workspace import sources
from tests import catalog_tables
from tests.lines import RUN, Lines

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    generate(tmp_path, 40, lifecycle=True)
    return tmp_path / ".contexta"


def _in_bulk(workspace: Path, folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    catalog = Catalog.open([workspace], folder)
    Indexer(catalog, [workspace], large=1).catch_up()
    found = catalog_tables.exactly(catalog)
    catalog.close()
    assert not list(folder.rglob("*.staging*"))
    return found


def _line_by_line(workspace: Path) -> dict[str, list[tuple[Any, ...]]]:
    catalog = Catalog.in_memory([workspace])
    files = {found.path: found.path.read_bytes() for found in sources(workspace) if found.kind == "capture"}
    for path in files:
        path.write_bytes(b"")
    indexer = Indexer(catalog, [workspace])
    indexer.catch_up()
    for path, data in files.items():
        with path.open("ab", buffering=0) as file:
            for line in data.splitlines(keepends=True):
                file.write(line)
                indexer.step(hinted=True)
    indexer.catch_up()
    found = catalog_tables.exactly(catalog)
    catalog.close()
    return found


def test_in_one_piece_is_line_by_line(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large, "RANGES", (16,))
    taken: list[int] = []
    whole = bulk.Bulk.take

    def counted(self: bulk.Bulk, connection: duckdb.DuckDBPyConnection, size: int) -> tuple[int, Mark]:
        taken.append(1)
        return whole(self, connection, size)

    monkeypatch.setattr(bulk.Bulk, "take", counted)
    in_bulk = _in_bulk(workspace, tmp_path / "cache")
    assert len(taken) == len(list((workspace / "cache" / "capture").iterdir()))
    line_by_line = _line_by_line(workspace)
    assert in_bulk.keys() == line_by_line.keys()
    for table, rows in in_bulk.items():
        assert rows == line_by_line[table], table


@pytest.mark.parametrize(
    ("odd", "behind"),
    [
        (b'{"captured_at":"2026', False),
        (b'{"captured_at":"2026', True),
        (b"\n", False),
        (b"  \n", True),
        (b"nonsense\n", False),
        (b"\xff\n", True),
        (b"[1]\n", False),
        (b"{}\n", True),
    ],
    ids=[
        *("unfinished", "unfinished at the end", "blank", "spaces at the end"),
        *("nonsense", "not UTF-8 at the end", "list", "nothing at the end"),
    ],
)
def test_what_is_odd_about_a_file_is_left_to_the_slices(tmp_path: Path, odd: bytes, *, behind: bool) -> None:
    workspace = tmp_path / ".contexta"
    journal = workspace / "cache" / "capture" / "record.jsonl"
    journal.parent.mkdir(parents=True)
    lines = Lines()
    sound = b"".join(lines.metric(RUN, "loss", number) for number in range(20))
    journal.write_bytes(sound + odd + (b"" if behind else b"\n" + lines.metric(RUN, "loss", 1)))
    in_slices = catalog_tables.exactly(catalog_tables.fresh(workspace))
    assert _in_bulk(workspace, tmp_path / "cache") == in_slices


@pytest.mark.parametrize("odd", [b"", b"nonsense\n"], ids=["closed early", "nonsense"])
def test_large_files_may_come_after_small_ones(tmp_path: Path, odd: bytes) -> None:
    """What the slices left behind is not in the way when one piece is let go of without having been taken."""
    workspace = tmp_path / ".contexta"
    journal = workspace / "cache" / "capture" / "record.jsonl"
    journal.parent.mkdir(parents=True)
    lines = Lines()
    journal.write_bytes(lines.metric(RUN, "loss", 1))
    catalog = Catalog.open([workspace], tmp_path / "cache")
    indexer = Indexer(catalog, [workspace], large=4_096)
    indexer.catch_up()
    large = b"".join(lines.metric(RUN, "loss", number) for number in range(20))
    journal.with_name("record.late.jsonl").write_bytes(large + odd)
    if odd:
        indexer.catch_up()
        assert catalog_tables.without_order(catalog) == catalog_tables.without_order(
            catalog_tables.fresh(workspace)
        )
    else:
        indexer.step(hinted=True)
    indexer.close()
    catalog.close()
    assert not list((tmp_path / "cache").rglob("*.staging*"))


@pytest.mark.parametrize("often", [1, 2], ids=["at first", "ever"])
def test_a_file_that_does_not_fit_into_memory_is_taken_by_fewer_lines_or_in_slices(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, often: int
) -> None:
    in_slices = catalog_tables.exactly(catalog_tables.fresh(workspace))
    whole, sizes, failures = bulk.Bulk.take, list[int](), list[int]()

    def take(self: bulk.Bulk, connection: duckdb.DuckDBPyConnection, size: int) -> tuple[int, Mark]:
        sizes.append(size)
        return whole(self, connection, size)

    def settle(connection: duckdb.DuckDBPyConnection, line_format: str, number: int) -> int:
        records = ingest.settle(connection, line_format, number)
        if len(sizes) > len(failures) and len(failures) < often:
            failures.append(records)
            raise duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate")
        return records

    monkeypatch.setattr(large, "RANGES", (32, 16))
    monkeypatch.setattr(bulk.Bulk, "take", take)
    monkeypatch.setattr(bulk, "settle", settle)
    found = _in_bulk(workspace, tmp_path / "cache")
    assert sizes[:2] == [32, 16]
    assert len(failures) == often
    for table in ("nodes", "records", "signals", "damage"):
        assert len(found[table]) == len(in_slices[table])
