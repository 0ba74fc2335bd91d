"""A catalog in memory of lines in memory, for tests of what is asked of it."""

from __future__ import annotations

from collections.abc import Callable

from contexta.catalog.catalog import Catalog
from contexta.catalog.ingest import Part, take
from contexta.query.results import NodeRow
from contexta.reader import CatalogReader


def reader_of(*data: bytes, quiet_s: float | None = None) -> CatalogReader:
    """A reader of a catalog that took capture lines, a slice each."""
    catalog = Catalog.in_memory(())
    for lines in data:
        with catalog.transaction() as connection:
            take(connection, [Part(1, 0, lines)], "capture", 0)
    return CatalogReader(catalog, lambda: quiet_s)


def finder(reader: CatalogReader) -> Callable[[str], NodeRow]:
    """A function that finds a node that has to be there."""

    def find(ref: str) -> NodeRow:
        node = reader.find(ref)
        assert node is not None, ref
        return node

    return find
