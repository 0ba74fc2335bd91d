"""Follows workspaces: watch, tail and ingest on one thread, one immutable change at a time.

This module wires the parts; it knows no screen. A `Follower` publishes `Change` values, at most one in 30 ms,
and whoever receives one asks its `queries` for what it wants to show. Whatever becomes of the workspace, the
cache folder or the disk, it goes on and says so.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

import duckdb
import msgspec

from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer, Step
from contexta.catalog.upkeep import Upkeep
from contexta.query.port import Queries
from contexta.query.results import Counts, Issue, Severity, Status
from contexta.reader import CatalogReader
from contexta.session import Progress, Session
from contexta.watch.watcher import Watcher
from contexta.watch.workspace import folders, path_text, workspaces_in

TICK_S: Final = 0.03
"""Least time between two changes."""

PREVIEW_FROM_BYTES: Final = 24 * 1024 * 1024
"""From so many bytes on that are not indexed yet, the newest are shown first."""

_LOOK_EVERY_S: Final = 0.5
_STOP_WITHIN_S: Final = 0.25
_PROGRESS_EVERY_S: Final = 0.2
_REPEAT_EVERY_S: Final = 1.0
_RATE_OVER_S: Final = 3.0


class Phase(StrEnum):
    """What a follower is doing."""

    WAITING = "waiting"
    INDEXING = "indexing"
    LIVE = "live"
    STATIC = "static"


class Change(msgspec.Struct, frozen=True):
    """What an explorer knows at one moment.

    Attributes:
        revision: A new number whenever answers of `queries` may differ from before.
        queries: Where to ask from now on; the object may be another one than before, with other node ids.
        phase: What the follower is doing.
        notice: One sentence for the screen (a workspace that is missing or empty, a locked ledger), or empty.
        progress: Share of the bytes that are indexed, 0 to 1, while indexing; else `None`.
        rate: Records per second taken in over the last seconds.
        quiet_s: Seconds since the newest append to any capture, on the reader's clock, or `None`.
        lag_s: Seconds that the newest append waited before it was in the catalog, or `None` when this change
            is about something else, or what it took in had been there before.
        counts: Totals.
        open_runs: Number of runs with status open.
        errors: Number of issues with severity error, or `None` while a large workspace is diagnosed first.
        warnings: Likewise, with severity warning.
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
    errors: int | None
    warnings: int | None


class Quiet:
    """How long ago the newest line was appended, on this machine's clocks whatever the writers' say."""

    def __init__(self) -> None:
        self._mtime_ns = 0
        self._base_s = 0.0
        self._seen_at = 0.0

    def heard(self, mtime_ns: int, *, appended: bool) -> float | None:
        """The captures have this latest modification time now.

        Args:
            mtime_ns: Nanoseconds since the epoch; 0 when there is no capture.
            appended: Whether something was appended since the last call, rather than a file found or lost.

        Returns:
            Seconds by which the news is late, or `None` when there is none.
        """
        if mtime_ns == self._mtime_ns:
            return None
        now = time.monotonic()
        age_s = max(0.0, time.time() - mtime_ns / 1e9)
        since_s = now - self._seen_at
        live = appended and self._mtime_ns > 0
        self._mtime_ns, self._seen_at = mtime_ns, now
        # An append since the last look cannot be older than that look, whatever a file server's clock says.
        self._base_s = min(age_s, since_s) if live else age_s
        return self._base_s if live else None

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
        watch: Whether to be woken by the operating system's notifications; without them a change is noticed
            within a second.
        preview_from: Bytes that have to be missing in the catalog for a preview of the newest ones.
    """

    def __init__(
        self,
        roots: Sequence[Path],
        *,
        cache_dir: Path | None = None,
        use_cache: bool = True,
        live: bool = True,
        watch: bool = True,
        preview_from: int = PREVIEW_FROM_BYTES,
    ) -> None:
        self._roots = tuple(roots)
        self._cache_dir = cache_dir
        self._use_cache = use_cache
        self._live = live
        self._watch = watch
        self._preview_from = preview_from
        self._hint = threading.Event()
        self._quiet = Quiet()
        self._revision = 0
        self._issues: tuple[Issue, ...] | None = None
        self._added: deque[tuple[float, int]] = deque()

    def run(self, publish: Callable[[Change], None], stop: threading.Event) -> None:
        """Follows until told to stop; blocks, and is meant for a thread of its own.

        Args:
            publish: Receives every change, on this thread; must return quickly.
            stop: Ends it within a quarter of a second.
        """
        watcher = Watcher(self._hint)
        notice = ""
        try:
            while not stop.is_set():
                found = self._wait_for_workspaces(publish, stop)
                if not found:
                    return
                session = self._open(found, notice)
                try:
                    if self._follow(session, publish, stop, watcher):
                        return
                    notice = ""
                except (duckdb.Error, OSError) as error:
                    # The disk is full, or the catalog's file is damaged: everything can be read again.
                    if notice:
                        self._publish(publish, session.reader, Phase.WAITING, notice, changed=False)
                        stop.wait(_REPEAT_EVERY_S)
                    notice = f"The index is kept in memory: {str(error).splitlines()[0]}"
                    session.close(keep=False)
                finally:
                    session.close()
        finally:
            watcher.close()

    def load(self) -> tuple[CatalogReader, tuple[Path, ...]]:
        """Takes in everything that is there now, without following.

        Returns:
            Where to ask, and the workspaces that were found; none when there is none.
        """
        found = self._workspaces()
        catalog = self._catalog(found)
        try:
            step = Indexer(catalog, found).catch_up()
        except (duckdb.Error, OSError):
            catalog.close(keep=False)
            catalog = Catalog.in_memory(found)
            step = Indexer(catalog, found).catch_up()
        self._quiet.heard(step.newest_mtime_ns, appended=False)
        return CatalogReader(catalog, self._quiet.seconds), found

    def _workspaces(self) -> tuple[Path, ...]:
        found = [workspace.resolve() for root in self._roots for workspace in workspaces_in(root)]
        return tuple(dict.fromkeys(found))

    def _catalog(self, workspaces: Sequence[Path]) -> Catalog:
        if self._use_cache and workspaces:
            return Catalog.open(workspaces, self._cache_dir)
        return Catalog.in_memory(workspaces)

    def _open(self, workspaces: Sequence[Path], failed: str) -> Session:
        catalog = Catalog.in_memory(workspaces, failed) if failed else self._catalog(workspaces)
        return Session(catalog, workspaces, self._quiet.seconds, preview_from=self._preview_from)

    def _wait_for_workspaces(
        self, publish: Callable[[Change], None], stop: threading.Event
    ) -> tuple[Path, ...]:
        published_at = float("-inf")
        said = ""
        nothing: CatalogReader | None = None
        while not stop.is_set():
            if found := self._workspaces():
                return found
            notice = self._what_is_missing()
            if notice != said or time.monotonic() - published_at >= _REPEAT_EVERY_S:
                nothing = nothing or CatalogReader(Catalog.in_memory(()))
                self._publish(publish, nothing, Phase.WAITING, notice, changed=notice != said)
                said, published_at = notice, time.monotonic()
            if not self._live:
                return ()
            stop.wait(_STOP_WITHIN_S)
        return ()

    def _what_is_missing(self) -> str:
        root = self._roots[0]
        shown = path_text(root)
        if not root.exists():
            return f"Waiting for {shown} to appear."
        if not root.is_dir():
            return f"{shown} is not a folder; waiting for a workspace there."
        return f"{shown} is empty so far; waiting for a job to record something."

    def _follow(
        self, session: Session, publish: Callable[[Change], None], stop: threading.Event, watcher: Watcher
    ) -> bool:
        """Follows workspaces; true when it is over, false when there are others now.

        Raises:
            duckdb.Error: The catalog cannot be written, or is damaged.
            OSError: No temporary file can be written.
        """
        folders_at = published_at = float("-inf")
        upkeep = Upkeep(session.catalog, time.monotonic())
        unsaid = hinted = True
        lag: float | None = None
        while not stop.is_set():
            began = time.monotonic()
            self._hint.clear()
            progress = session.advance(hinted=hinted, touched=watcher.touched(), ahead=self._live)
            hinted = False
            late = self._heard(progress.step)
            lag = late if late is not None else lag
            unsaid |= progress.changed or session.reader.issues_at_once() != self._issues
            now = time.monotonic()
            final = not self._live and not progress.indexing
            if final:
                session.reader.settle()
            if final or now - published_at >= self._pace(progress, unsaid=unsaid):
                self._publish(
                    publish,
                    session.reader,
                    self._phase(progress),
                    session.trouble(),
                    changed=unsaid,
                    progress=progress,
                    lag=lag,
                )
                unsaid, lag, published_at = False, None, now
            if final:
                return True
            if self._live and now - folders_at >= _REPEAT_EVERY_S:
                folders_at = now
                if set(self._workspaces()) - set(session.workspaces):
                    return False
                if self._watch:
                    watcher.watch(folder for workspace in session.workspaces for folder in folders(workspace))
            upkeep.look(now)
            if not progress.indexing:
                # A job that has just recorded something goes on, most likely, and hints come late.
                if progress.step.behind <= 0 and not progress.step.records:
                    self._wait_for_hint(stop)
                stop.wait(max(0.0, TICK_S - (time.monotonic() - began)))
        return True

    def _wait_for_hint(self, stop: threading.Event) -> None:
        """Waits for a hint, until it is time to look without one."""
        until = time.monotonic() + _LOOK_EVERY_S
        while not (self._hint.wait(_STOP_WITHIN_S) or stop.is_set() or time.monotonic() >= until):
            pass

    def _heard(self, step: Step) -> float | None:
        self._added.append((time.monotonic(), step.records))
        return self._quiet.heard(step.newest_mtime_ns, appended=step.records > 0 and not step.rebuilt)

    def _pace(self, progress: Progress, *, unsaid: bool) -> float:
        """Seconds that have to lie between two changes now."""
        if progress.indexing:
            return _PROGRESS_EVERY_S
        # Looks are a tick apart already; to count it twice would leave each second one unsaid.
        return 0.0 if unsaid else _REPEAT_EVERY_S

    def _phase(self, progress: Progress) -> Phase:
        if progress.indexing:
            return Phase.INDEXING
        return Phase.LIVE if self._live else Phase.STATIC

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
        changed: bool,
        progress: Progress | None = None,
        lag: float | None = None,
    ) -> None:
        issues = reader.issues_at_once()
        severities = None if issues is None else Counter(issue.severity for issue in issues)
        # Time alone makes issues too: a run that has become silent.
        if changed or issues != self._issues:
            self._revision += 1
        self._issues = issues
        share = None
        if phase is Phase.INDEXING and progress is not None and progress.step.total > 0:
            share = 1 - progress.step.behind / progress.step.total
        publish(
            Change(
                revision=self._revision,
                queries=reader,
                phase=phase,
                notice=notice,
                progress=share,
                rate=self._rate(),
                quiet_s=self._quiet.seconds(),
                lag_s=lag,
                counts=reader.counts(),
                open_runs=reader.runs_with(Status.OPEN),
                errors=None if severities is None else severities[Severity.ERROR],
                warnings=None if severities is None else severities[Severity.WARNING],
            )
        )
