"""Follows workspaces: watch, tail and ingest on one thread, one immutable change at a time.

This module wires the parts; it knows no screen. A `Follower` publishes `Change` values, at most 20 a second,
and whoever receives one asks its `queries` for what it wants to show.

A capture that is large and not indexed yet is shown newest first: a preview, an own catalog in memory over
the last bytes of each file, follows the live end while the durable catalog takes in everything from its
committed offset; then it is put in its place.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer, Step
from contexta.query.port import Queries
from contexta.query.results import Counts, Issue, Severity, Status
from contexta.reader import CatalogReader
from contexta.watch.watcher import Watcher
from contexta.watch.workspace import folders, workspaces_in

TICK_S: Final = 0.05
"""Least time between two changes."""

_LOOK_EVERY_S: Final = 0.25
_PREVIEW_FROM_BYTES: Final = 24 * 1024 * 1024
_PREVIEW_BYTES: Final = 512 * 1024
_BULK_BYTES: Final = 16 * 1024 * 1024
_LIVE_BYTES: Final = 4 * 1024 * 1024
_RATE_OVER_S: Final = 3.0
_REPEAT_EVERY_S: Final = 1.0


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
        queries: Where to ask from now on; the object may be another one than before, with other node ids.
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


class Quiet:
    """How long ago the newest line was appended, on this machine's clocks whatever the writers' say."""

    def __init__(self) -> None:
        self._mtime_ns = 0
        self._base_s = 0.0
        self._seen_at = 0.0

    def heard(self, mtime_ns: int) -> None:
        """A capture has this modification time now."""
        if mtime_ns != self._mtime_ns:
            first = not self._mtime_ns
            self._mtime_ns = mtime_ns
            self._base_s = max(0.0, time.time() - mtime_ns / 1e9) if first else 0.0
            self._seen_at = time.monotonic()

    def seconds(self) -> float | None:
        """Seconds since the newest append, or `None` when there was none."""
        if not self._mtime_ns:
            return None
        return self._base_s + time.monotonic() - self._seen_at


class Follower:
    """Keeps a catalog of some workspaces up to date and says when it changed.

    Args:
        roots: Paths of workspaces, of folders that hold one, or of containers of several. They need not
            exist yet.
        cache_dir: Folder for catalogs; the user's cache directory by default.
        use_cache: Whether to keep the catalog on disk at all.
        live: Whether to go on after everything that is there now has been taken in.
    """

    def __init__(
        self,
        roots: Sequence[Path],
        *,
        cache_dir: Path | None = None,
        use_cache: bool = True,
        live: bool = True,
    ) -> None:
        self._roots = tuple(roots)
        self._cache_dir = cache_dir
        self._use_cache = use_cache
        self._live = live
        self._hint = threading.Event()
        self._quiet = Quiet()
        self._revision = 0
        self._added: deque[tuple[float, int]] = deque()
        self._issues: tuple[Issue, ...] = ()

    def run(self, publish: Callable[[Change], None], stop: threading.Event) -> None:
        """Follows until told to stop; blocks, and is meant for a thread of its own.

        Args:
            publish: Receives every change, on this thread; must return quickly.
            stop: Ends it within a quarter of a second.
        """
        watcher = Watcher(self._hint) if self._live else None
        try:
            while not stop.is_set():
                found = self._wait_for_workspaces(publish, stop)
                if not found or self._follow(found, publish, stop, watcher):
                    return
        finally:
            if watcher is not None:
                watcher.close()

    def load(self) -> tuple[CatalogReader, tuple[Path, ...]]:
        """Takes in everything that is there now, without following.

        Returns:
            Where to ask, and the workspaces that were found; none when there is none.
        """
        found = self._workspaces()
        catalog = self._open(found)
        indexer = Indexer(catalog, found)
        indexer.catch_up()
        self._quiet.heard(indexer.step(hinted=True).newest_mtime_ns)
        return CatalogReader(catalog, self._quiet.seconds), found

    def _workspaces(self) -> tuple[Path, ...]:
        found = [workspace.resolve() for root in self._roots for workspace in workspaces_in(root)]
        return tuple(dict.fromkeys(found))

    def _open(self, workspaces: Sequence[Path]) -> Catalog:
        if self._use_cache and workspaces:
            return Catalog.open(workspaces, self._cache_dir)
        return Catalog.in_memory(workspaces)

    def _wait_for_workspaces(
        self, publish: Callable[[Change], None], stop: threading.Event
    ) -> tuple[Path, ...]:
        said = ""
        nothing: Catalog | None = None
        while not stop.is_set():
            found = self._workspaces()
            if found:
                return found
            notice = self._what_is_missing()
            if notice != said:
                said = notice
                nothing = nothing or Catalog.in_memory(())
                self._publish(publish, CatalogReader(nothing), Phase.WAITING, notice)
            if not self._live:
                return ()
            stop.wait(_LOOK_EVERY_S)
        return ()

    def _what_is_missing(self) -> str:
        root = self._roots[0]
        if not root.exists():
            return f"Waiting for {root} to appear."
        if not root.is_dir():
            return f"{root} is not a folder; waiting for a workspace there."
        return f"{root} is empty so far; waiting for a job to record something."

    def _follow(
        self,
        workspaces: tuple[Path, ...],
        publish: Callable[[Change], None],
        stop: threading.Event,
        watcher: Watcher | None,
    ) -> bool:
        """Follows workspaces; true when it is over, false when other workspaces are there now."""
        catalog = self._open(workspaces)
        preview: Catalog | None = None
        try:
            indexer = Indexer(catalog, workspaces)
            reader = CatalogReader(catalog, self._quiet.seconds)
            step = indexer.step(budget=0, hinted=True)
            first: Indexer | None = None
            if step.behind > _PREVIEW_FROM_BYTES:
                preview = Catalog.in_memory(workspaces)
                first = Indexer(preview, workspaces, newest_bytes=_PREVIEW_BYTES)
            shown = CatalogReader(preview, self._quiet.seconds) if preview else reader
            looked_at = published_at = 0.0
            while not stop.is_set():
                hinted = self._hint.is_set()
                self._hint.clear()
                started = time.monotonic()
                seen = first.step(budget=_LIVE_BYTES, hinted=hinted) if first else None
                if seen is not None and seen.changed:
                    self._publish(
                        publish, shown, Phase.INDEXING, self._notice(workspaces, catalog, shown), step=step
                    )
                step = self._step(indexer, hinted=hinted, bulk=step.behind > _LIVE_BYTES)
                self._quiet.heard(step.newest_mtime_ns)
                now = time.monotonic()
                if first is not None and step.behind <= _LIVE_BYTES and not step.rebuilt:
                    first, shown = None, reader
                    step = Step(True, step.records, step.behind, step.total, step.newest_mtime_ns)
                self._added.append((now, step.records))
                behind = step.behind > 0
                due = now - published_at >= _REPEAT_EVERY_S
                if (step.changed and not first) or due or (behind and now - published_at >= TICK_S * 4):
                    phase = Phase.INDEXING if first or behind else Phase.LIVE if self._live else Phase.STATIC
                    notice = self._notice(workspaces, catalog, shown)
                    lag = now - started if step.changed else None
                    self._publish(
                        publish, shown, phase, notice, step=step, lag=lag, same=not (step.changed or seen)
                    )
                    published_at = now
                if not self._live and not behind:
                    return True
                if watcher is not None and now - looked_at >= _REPEAT_EVERY_S:
                    looked_at = now
                    watcher.watch(folder for workspace in workspaces for folder in folders(workspace))
                    if self._workspaces() not in (workspaces, ()):
                        return False
                if not behind:
                    self._hint.wait(_LOOK_EVERY_S)
                    pause = TICK_S - (time.monotonic() - now)
                    if pause > 0:
                        stop.wait(pause)
            return True
        finally:
            catalog.close()
            if preview is not None:
                preview.close()

    def _step(self, indexer: Indexer, *, hinted: bool, bulk: bool) -> Step:
        return indexer.step(budget=_BULK_BYTES if bulk else _LIVE_BYTES, hinted=hinted)

    def _notice(self, workspaces: Sequence[Path], catalog: Catalog, reader: CatalogReader) -> str:
        for workspace in workspaces:
            if not workspace.is_dir():
                return f"{workspace} is gone; this is what was read before."
        for source in reader.sources():
            if source.state == "locked":
                return f"The ledger is {source.detail}."
            if source.state == "unreadable":
                return f"{source.path} cannot be read: {source.detail}."
        if not any(source.lines for source in reader.sources()):
            return "Nothing is recorded here yet; waiting for a job to record something."
        return catalog.notice

    def _rate(self) -> float:
        now = time.monotonic()
        while self._added and now - self._added[0][0] > _RATE_OVER_S:
            self._added.popleft()
        return sum(count for _, count in self._added) / _RATE_OVER_S

    def _publish(
        self,
        publish: Callable[[Change], None],
        reader: CatalogReader,
        phase: Phase,
        notice: str,
        *,
        step: Step | None = None,
        lag: float | None = None,
        same: bool = False,
    ) -> None:
        issues = reader.issues()
        # Time alone makes an issue too: a run that is silent for too long.
        if not same or issues != self._issues:
            self._revision += 1
        self._issues = issues
        indexing = phase is Phase.INDEXING and step is not None and step.total > 0
        publish(
            Change(
                revision=self._revision,
                queries=reader,
                phase=phase,
                notice=notice,
                progress=1 - step.behind / step.total if indexing and step is not None else None,
                rate=self._rate(),
                quiet_s=self._quiet.seconds(),
                lag_s=lag,
                counts=reader.counts(),
                open_runs=reader.runs_with(Status.OPEN),
                errors=sum(issue.severity is Severity.ERROR for issue in issues),
                warnings=sum(issue.severity is Severity.WARNING for issue in issues),
            )
        )
