"""Which keys a table may have, told from memory.

Whether a record or a scope is new has to be asked for each line of a job, and nearly always it is. Keys are
spread evenly, so no table can skip any of its rows for one, and the price of the question would grow with
the catalog. A Bloom filter answers without asking: that a key is not there, or that it may be.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import duckdb

_BITS_A_KEY: Final = 24
"""With two of them set, one key in some hundreds that is not there may be; their check costs little."""

_MOST_BYTES: Final = 32 * 1024 * 1024
_CATCH_UP: Final = 10_000
"""Rows that are read one by one; of more, and of more than a sixteenth of all, the filter is made anew."""


class SeenKeys:
    """The keys of a table whose ids only grow.

    Args:
        table: Name of the table; it has the columns `id` and `key`.
    """

    def __init__(self, table: str) -> None:
        self._table = table
        self._last = -1
        self._room = 0
        self._bits = 0
        self._low = self._high = bytearray()

    def forget(self) -> None:
        """Forgets everything; to be called when rows may have gone."""
        self._last = -1

    def follow(self, connection: duckdb.DuckDBPyConnection, last: int) -> None:
        """Reads the keys of the rows that came since.

        Args:
            connection: Connection to the catalog.
            last: The greatest id that is committed; 0 for an empty table.
        """
        came = last - self._last
        if came == 0:
            return
        if self._last < 0 or came < 0 or came > min(self._room, max(_CATCH_UP, last // 16)):
            self._make(connection, last)
        else:
            rows = connection.execute(
                f"select key from {self._table} where id > $last", {"last": self._last}
            ).fetchall()
            self.add(key for (key,) in rows)
        self._last = last

    def committed(self, connection: duckdb.DuckDBPyConnection, last: int) -> None:
        """Takes notice that the rows up to an id, whose keys were added, are committed."""
        self._last = last
        if self._room < 0:
            self._make(connection, last)

    def add(self, keys: Iterable[int]) -> None:
        """Adds keys."""
        bits, low, high = self._bits, self._low, self._high
        for key in keys:
            self._room -= 1
            place = key % bits
            low[place >> 3] |= 128 >> (place & 7)
            place = (key >> 32) % bits
            high[place >> 3] |= 128 >> (place & 7)

    def among(self, keys: Iterable[int]) -> list[int]:
        """Those of some keys that the table may have."""
        bits, low, high = self._bits, self._low, self._high
        found = []
        for key in keys:
            first, second = key % bits, (key >> 32) % bits
            if low[first >> 3] & 128 >> (first & 7) and high[second >> 3] & 128 >> (second & 7):
                found.append(key)
        return found

    def _make(self, connection: duckdb.DuckDBPyConnection, last: int) -> None:
        """Makes the filter, with room for as many keys as there are, and for a while of following."""
        room = last + last // 4 + _CATCH_UP
        size = min(room * _BITS_A_KEY // 16, _MOST_BYTES // 2)
        bits = 8 * size
        low, high = connection.execute(
            f"select bitstring_agg((key % {bits})::bigint, 0, {bits - 1})::blob,"
            f" bitstring_agg(((key >> 32) % {bits})::bigint, 0, {bits - 1})::blob from {self._table}"
        ).fetchone() or (None, None)
        self._low, self._high = (bytearray(each or size) for each in (low, high))
        self._bits, self._room = bits, room - last
