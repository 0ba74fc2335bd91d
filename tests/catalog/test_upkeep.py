"""A catalog that is filled for hours gives back what each commit leaves in memory."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer
from contexta.catalog.upkeep import Upkeep, settle
from contexta.reader import CatalogReader
from tests import catalog_tables
from tests.lines import RUN, Lines

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    capture = tmp_path / ".contexta" / "cache" / "capture"
    capture.mkdir(parents=True)
    lines = Lines()
    (capture / "record.jsonl").write_bytes(
        b"".join(lines.metric(RUN, "loss", number) for number in range(2_000))
    )
    return tmp_path / ".contexta"


@pytest.fixture
def catalog(workspace: Path, tmp_path: Path) -> Catalog:
    catalog = Catalog.open([workspace], tmp_path / "cache")
    Indexer(catalog, [workspace]).catch_up()
    return catalog


def limit(catalog: Catalog) -> tuple[str, ...]:
    return catalog.connection.execute("select current_setting('memory_limit')").fetchone() or ()


def in_memory(catalog: Catalog) -> int:
    row = catalog.connection.execute("select sum(memory_usage_bytes) from duckdb_memory()").fetchone()
    return int(row[0]) if row else 0


def test_what_is_committed_is_written_and_forgotten(catalog: Catalog) -> None:
    before, at_first, rows = in_memory(catalog), limit(catalog), catalog_tables.exactly(catalog)
    assert catalog.log_bytes > 100_000
    assert settle(catalog)
    assert catalog.log_bytes == 0
    assert in_memory(catalog) < before // 4
    assert limit(catalog) == at_first
    assert catalog_tables.exactly(catalog) == rows


def test_nothing_is_forgotten_while_somebody_reads(catalog: Catalog) -> None:
    reading = catalog.cursor()
    reading.execute("begin transaction read only")
    reading.execute("select count(*) from records").fetchall()
    log = catalog.log_bytes
    if not settle(catalog):
        assert catalog.log_bytes == log
    reading.close()
    assert settle(catalog)
    assert catalog.log_bytes == 0


def test_a_catalog_in_memory_keeps_its_rows(workspace: Path) -> None:
    catalog = catalog_tables.fresh(workspace)
    rows = catalog_tables.exactly(catalog)
    assert catalog.log_bytes == 0
    assert settle(catalog)
    assert catalog_tables.exactly(catalog) == rows


def test_it_is_looked_after_when_much_was_committed_or_long_ago(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[bool] = []
    succeeds = True

    def tried(_: Catalog) -> bool:
        tries.append(succeeds)
        return succeeds

    def looks(at: float) -> bool:
        tries.clear()
        upkeep.look(at)
        return bool(tries)

    monkeypatch.setattr("contexta.catalog.upkeep.settle", tried)
    upkeep = Upkeep(catalog, 0)
    assert not looks(2), "the first questions are being asked"
    assert looks(4), "they have been answered"
    assert not looks(40), "nothing was committed"
    with catalog.transaction():
        pass
    assert not looks(50), "little was committed"
    monkeypatch.setattr("contexta.catalog.upkeep.WORTH_BYTES", 1)
    assert looks(60)
    assert not looks(400), "nothing was committed since"
    with catalog.transaction():
        pass
    succeeds = False
    assert looks(410)
    assert not looks(410.5), "somebody is still reading, most likely"
    succeeds = True
    assert looks(412)
    with catalog.transaction():
        pass
    monkeypatch.setattr("contexta.catalog.upkeep.WORTH_BYTES", 1_000_000_000)
    assert not looks(500)
    assert looks(720), "little was committed, but long ago"


def test_a_question_that_finds_no_memory_for_an_instant_is_asked_again(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = CatalogReader(catalog)
    answers: list[duckdb.Error | None] = [duckdb.OutOfMemoryException("for an instant"), None]
    cursor = catalog.cursor

    def sometimes() -> duckdb.DuckDBPyConnection:
        error = answers.pop(0)
        if error is not None:
            raise error
        return cursor()

    monkeypatch.setattr(catalog, "cursor", sometimes)
    assert reader.projects()
    assert answers == []
    answers[:] = [duckdb.OutOfMemoryException("really")] * 2
    with pytest.raises(duckdb.OutOfMemoryException, match="really"):
        reader.nodes([1])
