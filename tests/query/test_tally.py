"""Totals are those of what is there now, also when everything was read again."""

from __future__ import annotations

from pathlib import Path

from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer
from contexta.reader import CatalogReader
from tests.lines import RUN, Lines


def test_a_catalog_that_was_emptied_is_counted_anew(tmp_path: Path) -> None:
    journal = tmp_path / ".contexta" / "cache" / "capture" / "record.jsonl"
    journal.parent.mkdir(parents=True)
    lines = Lines()
    event, metric, last = lines.event(RUN, "note", "m"), lines.metric(RUN, "a", 1), lines.metric(RUN, "a", 2)
    journal.write_bytes(event + last)
    catalog = Catalog.in_memory([tmp_path])
    reader = CatalogReader(catalog)
    indexer = Indexer(catalog, [tmp_path / ".contexta"])
    indexer.catch_up()
    assert (reader.counts().metrics, reader.counts().events) == (1, 1)
    journal.write_bytes(metric + last)  # as many, and the last one is the same
    indexer.catch_up()
    assert (reader.counts().metrics, reader.counts().events) == (2, 0)
    with journal.open("ab") as file:
        file.write(event)
    indexer.catch_up()
    assert (reader.counts().metrics, reader.counts().events) == (2, 1)
    catalog.close()
    assert reader.counts().records == 0
