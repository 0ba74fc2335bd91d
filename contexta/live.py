"""Follows workspaces: watch, tail and ingest on one thread, one immutable change at a time.

This module wires the parts; it knows no screen. A `Follower` publishes `Change`
values, at most 20 a second, and whoever receives one asks its `queries` for
what it wants to show.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from contexta.query.port import Queries
from contexta.query.results import Counts


class Phase(StrEnum):
    """What a follower is doing."""

    WAITING = "waiting"
    INDEXING = "indexing"
    LIVE = "live"
    STATIC = "static"


@dataclass(frozen=True, slots=True)
class Change:
    """What an explorer knows at one moment.

    Attributes:
        revision: A new number whenever answers of `queries` may differ from before.
        queries: Where to ask from now on; the object may be another one than before.
        phase: What the follower is doing.
        notice: One sentence for the screen (a workspace that is missing or empty, a locked ledger), or empty.
        progress: Share of the bytes that are indexed, 0 to 1, while indexing; else `None`.
        rate: Records per second taken in over the last seconds.
        quiet_s: Seconds since the newest append to any capture, on the reader's clock, or `None`.
        lag_s: Seconds that the newest append waited before it was in the catalog, or `None`.
        counts: Totals.
        open_runs: Number of runs with status open.
        errors: Number of issues with severity error.
        warnings: Number of issues with severity warning.
    """

    revision: int
    queries: Queries
    phase: Phase
    notice: str
    progress: float | None
    rate: float
    quiet_s: float | None
    lag_s: float | None
    counts: Counts
    open_runs: int
    errors: int
    warnings: int
