"""Keeps a catalog small in memory while a job is followed for hours.

Every commit leaves something behind in memory: rows that are in the log of the database and not yet in its
file, and a few hundred bytes for each buffer that the commit used, which DuckDB only looks through once there
are tens of thousands. Both go in one pause of some tens of milliseconds, which is made about twice a minute
while a job records much, rarely while it records little, and not at all while nothing comes. What the first
questions read of a large catalog is let go of likewise, once, when they have been answered.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import duckdb

from contexta.catalog.catalog import MEMORY_LIMIT, Catalog

_EVERY_S: Final = 30.0
_AT_LEAST_EVERY_S: Final = 300.0
_AGAIN_S: Final = 1.0
_FIRST_S: Final = 3.0

WORTH_BYTES: Final = 2_000_000
"""Log of the database for which it is worth while to write into its file what may soon be written again."""


class Upkeep:
    """When to give memory back.

    Args:
        catalog: The catalog; this must be called on the thread that writes it.
        now: Seconds, on a clock that only ever grows.
    """

    def __init__(self, catalog: Catalog, now: float) -> None:
        self._catalog = catalog
        self._revision = catalog.revision
        self._at = now
        self._next_at = now + _FIRST_S
        self._begins = True

    def look(self, now: float) -> None:
        """Give memory back if there is some worth it.

        Raises:
            duckdb.Error: The database is damaged.
        """
        if now < self._next_at:
            return
        self._next_at = now + _AGAIN_S
        revision = self._catalog.revision
        waited = now - self._at >= _AT_LEAST_EVERY_S
        much = revision != self._revision and (waited or self._catalog.log_bytes >= WORTH_BYTES)
        if (self._begins or much) and settle(self._catalog):
            self._begins = False
            self._revision, self._at, self._next_at = revision, now, now + _EVERY_S


def settle(catalog: Catalog) -> bool:
    """Writes what is committed into the file, and forgets what is in memory and can be read again.

    Takes some tens of milliseconds, during which nobody else need wait.

    Returns:
        Whether it was possible; it is not while another transaction is at work.

    Raises:
        duckdb.Error: The database is damaged.
    """
    if catalog.path is not None:
        try:
            catalog.connection.execute("checkpoint")
        except duckdb.TransactionException:
            return False
        # Told that there is no room, DuckDB looks through all that it might do without. There is room again
        # before anybody else can want some, but for an instant; `CatalogReader` then asks a second time.
        with suppress(duckdb.OutOfMemoryException):
            catalog.connection.execute(f"set memory_limit = '1B'; set memory_limit = '{MEMORY_LIMIT}'")
    catalog.give_back()
    return True
