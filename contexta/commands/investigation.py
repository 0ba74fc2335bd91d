"""The library's questions, put to what a desk has read already.

Apart from `desk`, because most commands need none of them and should not wait until they are loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from contexta.investigation import Investigation
from contexta.investigation.workspace import Captured
from contexta.loading import Loaded


class LoadedInvestigation(Investigation):
    """All questions, answered from what was read already; which sources count was decided then."""

    def __init__(self, loaded: Loaded) -> None:
        super().__init__(loaded.workspaces[0], source="all")
        self._loaded = loaded

    @contextmanager
    def asking(self, include_captured: Captured) -> Iterator[duckdb.DuckDBPyConnection]:  # noqa: ARG002 - decided
        """A connection that sees what was read."""
        with self._loaded.asking() as cursor:
            yield cursor
