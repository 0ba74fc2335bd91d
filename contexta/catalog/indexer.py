"""Keeps a catalog in step with the files of its workspaces.

One `step` looks at what changed and takes in a bounded number of bytes, so that whoever calls it stays
responsive and many files share fairly. How far each source was read commits with the rows that came from it.
The catalog is a function of the files: when one of them turns out to be another than before (truncated,
replaced, deleted), everything is emptied and read again.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from contexta.catalog import stores
from contexta.catalog.ahead import Ahead, parts_of
from contexta.catalog.catalog import Catalog
from contexta.catalog.ingest import Damage, Taken, joined, take
from contexta.catalog.large import LARGE_BYTES, LargeFiles
from contexta.catalog.sources import GONE_AFTER_S, Followed, Source, add_damage, extend_damage, load, save
from contexta.effort import Effort
from contexta.journal.read import MAX_LINE_BYTES
from contexta.watch import tail
from contexta.watch.tail import Reading, Verdict
from contexta.watch.workspace import sources

SLICE_BYTES: Final = 2 * MAX_LINE_BYTES
_SMALLEST_SHARE: Final = 64 * 1024
_FOLDER_EVERY_S: Final = 1.0
_ALL_EVERY_S: Final = 1.0
_IDLE_SHARE: Final = 0.015
"""Share of the time that looking at files in which nothing happens may take; thousands are looked at less
often."""

_ACTIVE_S: Final = 10.0
_LINES: Final = ("capture", "segments")


class Step(msgspec.Struct, frozen=True):
    """What one step did.

    Attributes:
        changed: Whether answers may differ from before.
        records: New records.
        behind: Bytes that are there and not taken in yet, an unfinished last line not counted.
        total: Bytes of all line files.
        newest_mtime_ns: When a capture was last written to, or 0.
        rebuilt: Whether everything was emptied because a source was another than before.
    """

    changed: bool
    records: int
    behind: int
    total: int
    newest_mtime_ns: int
    rebuilt: bool = False


class Indexer:
    """Takes what the sources of some workspaces say into a catalog.

    Args:
        catalog: Where to.
        workspaces: Real paths of the workspaces; their place in the sequence is their number.
        newest_bytes: When given, only about the last so many bytes of each file are read: a preview of a
            large capture while another indexer takes all of it.
        longest: Bytes of the longest line that is read.
        kinds: When given, only sources of these kinds are followed; see `Source.kind`.
        large: Bytes from which on a file that was never read is taken in one piece.
        head_start_s: Seconds that such a file leaves the processor to others first.
    """

    def __init__(
        self,
        catalog: Catalog,
        workspaces: Sequence[Path],
        *,
        newest_bytes: int | None = None,
        longest: int = MAX_LINE_BYTES,
        kinds: frozenset[str] | None = None,
        large: int = LARGE_BYTES,
        head_start_s: float = 0.0,
    ) -> None:
        self.catalog = catalog
        self._workspaces = tuple(workspaces)
        self._newest_bytes = newest_bytes
        self._longest = longest
        self._kinds = kinds
        self._large = LargeFiles(catalog, large if newest_bytes is None else None, wait_s=head_start_s)
        self._followed = {
            # One that was deleted while nobody followed has had time enough to come back.
            (source.workspace, source.path): Followed(source, saved=source, grace=0.0)
            for source in load(catalog.connection, self._workspaces)
        }
        self._ahead = Ahead(catalog)
        self._defers = False
        self._paths: set[Path] = set()
        self._folders_at = self._all_at = float("-inf")

    def step(
        self,
        *,
        budget: int = SLICE_BYTES,
        hinted: bool = False,
        touched: Collection[Path] = (),
        ahead: bool = False,
    ) -> Step:
        """Looks at the sources and takes in at most about `budget` bytes.

        Args:
            budget: Bytes to read at most; one long line may exceed it.
            hinted: Look at everything now.
            touched: Files that are known to have changed: look at these now.
            ahead: Whether plain lines may be told first and written by a later step, or by `settle`.

        Raises:
            duckdb.Error: The catalog cannot be written; it is as it was before.
            OSError: No temporary file can be written.
        """
        now, effort = time.monotonic(), Effort()
        if hinted or now >= self._folders_at or not self._paths.issuperset(touched):
            self._discover(now)
        folders = {path.parent for path in touched}
        everything = hinted or now >= self._all_at
        due = [
            item
            for item in self._followed.values()
            if everything
            or item.pending
            or item.active_until > now
            or item.missing_since is not None
            or item.source.path in touched
            or (
                item.source.kind not in _LINES
                and not folders.isdisjoint((item.source.path, item.source.path.parent))
            )
        ]
        self._defers = ahead and all(item.source.kind == "capture" for item in due)
        changed = not self._defers and self.settle()
        lost = False
        for item in due:
            if item.source.kind in _LINES:
                lost |= self._look(item, now)
            else:
                outcome = self._take_store(item, now)
                lost |= outcome is stores.Outcome.LOST
                changed |= outcome is stores.Outcome.CHANGED
        if everything:
            self._all_at = now + max(_ALL_EVERY_S, effort.seconds / _IDLE_SHARE)
        if lost:
            return self._start_over(budget)
        lines = [item for item in due if item.pending and item.source.kind in _LINES]
        large = [item for item in lines if self._large.holds(item)]
        small = [item for item in lines if not self._large.holds(item)]
        if large:
            self._defers = False
            changed |= self.settle()
        taken = [
            self._large.step(large if budget > 0 else (), idle=not small),
            self._take_lines(small, budget),
        ]
        if self._ahead.is_due or taken[1] is None:
            # It has waited long enough, or there is nothing that would go with it.
            changed |= self.settle()
        changed |= self._save([item for item in due if not self._large.holds(item)])
        changed |= any(records is not None for records in taken)
        return self._summary(changed=changed, records=sum(records or 0 for records in taken))

    def catch_up(self) -> Step:
        """Takes in everything that is there now, also stores that were read a moment ago; the last step.

        Raises:
            duckdb.Error: The catalog cannot be written.
            OSError: No temporary file can be written.
        """
        for item in self._followed.values():
            item.again_at = 0.0
        while True:
            step = self.step(hinted=True)
            if step.behind <= 0:
                return step

    def settle(self) -> bool:
        """Writes what was told first; whether there was anything.

        Raises:
            duckdb.Error: The catalog cannot be written; what was told is read again.
        """
        return self._ahead.write()

    def close(self) -> None:
        """Ends what runs beside; the catalog stays open."""
        self._large.close()

    def sources(self) -> tuple[Source, ...]:
        """The sources as they are now."""
        return tuple(item.source for item in self._followed.values())

    def _summary(self, *, changed: bool, records: int) -> Step:
        behind = total = newest = 0
        for item in self._followed.values():
            source = item.source
            if source.kind in _LINES and source.mark.size > 0:
                total += source.mark.size
                if item.pending:
                    behind += max(0, source.mark.size - source.mark.position)
                if source.kind == "capture":
                    newest = max(newest, source.mark.mtime_ns)
        return Step(changed, records, behind, total, newest)

    def _discover(self, now: float) -> None:
        """Follows the sources that were not there before."""
        effort = Effort()
        number = max((item.source.id for item in self._followed.values()), default=0)
        for workspace, root in enumerate(self._workspaces):
            for found in sources(root):
                wanted = self._kinds is None or found.kind in self._kinds
                if wanted and (workspace, found.path) not in self._followed:
                    number += 1
                    source = Source(number, workspace, found.path, found.kind)
                    self._followed[workspace, found.path] = Followed(self._begun(source))
        self._paths = {item.source.path for item in self._followed.values()}
        self._folders_at = now + max(_FOLDER_EVERY_S, effort.seconds / _IDLE_SHARE)

    def _begun(self, source: Source) -> Source:
        if self._newest_bytes is None or source.kind not in _LINES:
            return source
        try:
            start = tail.line_start(source.path, source.path.stat().st_size - self._newest_bytes)
            return replace(source, mark=tail.mark_at(source.path, start))
        except OSError:
            return source  # It is looked at like any other, and that says what is wrong.

    def _look(self, item: Followed, now: float) -> bool:
        """Looks at a file of lines; true when what was read from it is not in it any more."""
        source = item.source
        verdict, mark, why = tail.look(source.path, source.mark, self._workspaces[source.workspace])
        if verdict is Verdict.MISSING:
            return self._miss(item, now)
        item.missing_since, item.grace = None, GONE_AFTER_S
        if verdict is Verdict.UNREADABLE:
            item.pending = False
            item.source = source.with_state("unreadable", why)
            return False
        if verdict is Verdict.REPLACED:
            return True
        if mark.mtime_ns != source.mark.mtime_ns:
            item.active_until = now + _ACTIVE_S
        item.pending = mark.size > mark.position and (item.pending or mark != source.mark)
        item.source = replace(source, mark=mark).with_state("ok", "")
        return False

    def _miss(self, item: Followed, now: float) -> bool:
        """Notes that a source is missing; true when it is believed to be gone.

        While the whole workspace is missing nothing is: what was read before is still the best answer.
        """
        item.pending = False
        item.missing_since = now if item.missing_since is None else item.missing_since
        item.source = item.source.with_state("missing", "the file is gone")
        if not self._workspaces[item.source.workspace].is_dir():
            item.missing_since = now
            return False
        return now - item.missing_since >= item.grace

    def _take_store(self, item: Followed, now: float) -> stores.Outcome:
        if not item.source.path.exists():
            gone = item.source.mark.size >= 0 and self._miss(item, now)
            return stores.Outcome.LOST if gone else stores.Outcome.SAME
        item.missing_since, item.grace = None, GONE_AFTER_S
        root = self._workspaces[item.source.workspace]
        outcome = stores.take(self.catalog, item, root, now)
        if outcome is stores.Outcome.CHANGED:
            item.active_until = now + _ACTIVE_S
        return outcome

    def _take_lines(self, items: Sequence[Followed], budget: int) -> int | None:
        """Takes the next lines of some files; the number of new records, `None` when nothing was new."""
        groups: dict[tuple[int, str], list[Followed]] = {}
        for item in items:
            groups.setdefault((item.source.workspace, item.source.kind), []).append(item)
        records: int | None = None
        share = max(_SMALLEST_SHARE, budget // max(1, len(items)))
        for (workspace, kind), group in groups.items():
            readings: list[tuple[Followed, Reading]] = []
            for item in group:
                if budget <= 0:
                    break
                reading = self._read(item, min(share, budget))
                if reading is not None:
                    budget -= reading.mark.position - item.source.mark.position
                    readings.append((item, reading))
            if readings:
                records = (records or 0) + self._commit(workspace, kind, readings)
        return records

    def _read(self, item: Followed, limit: int) -> Reading | None:
        try:
            reading = tail.read(item.source.path, item.source.mark, limit, longest=self._longest)
        except FileNotFoundError:
            return None  # It went away just now; the next look says so.
        except OSError as error:
            item.pending = False
            item.source = item.source.with_state("unreadable", (error.strerror or str(error)).lower())
            return None
        if reading is not None and reading.mark.position == item.source.mark.position:
            item.pending = False
            return None
        return reading

    def _commit(self, workspace: int, kind: str, readings: Sequence[tuple[Followed, Reading]]) -> int:
        """Takes what was read into the catalog, with how far it was read."""
        taken = self._ahead.take(workspace, readings, defer=self._defers) if kind == "capture" else None
        if taken is None:
            self.settle()
            self._ahead.forget()
            taken = self._take(workspace, kind, readings)
        now = time.monotonic()
        for item, reading in readings:
            item.active_until = now + _ACTIVE_S
            item.pending = reading.mark.position < reading.mark.size
        return taken.records

    def _take(self, workspace: int, kind: str, readings: Sequence[tuple[Followed, Reading]]) -> Taken:
        """Takes lines of any sort."""
        parts = parts_of(readings)
        with self.catalog.transaction() as connection:
            taken = take(connection, parts, kind, workspace) if parts else Taken(0, {})
            damage: dict[int, list[Damage]] = {}
            for found in taken.damage:
                damage.setdefault(found.source_id, []).append(found)
            fresh: list[Damage] = []
            done: list[Source] = []
            for item, reading in readings:
                source = item.source
                found_here = damage.get(source.id, [])
                if reading.skipped:
                    error = f"longer than {self._longest:,} bytes"
                    found_here.insert(0, Damage(source.id, *reading.skipped, 1, error, follows=True))
                    if len(found_here) > 1 and found_here[1].follows:
                        found_here[:2] = [joined(*found_here[:2])]
                lines = taken.lines.get(source.id, 0)
                in_damage = (
                    source.id in taken.ends_damaged if lines else bool(reading.skipped) or source.in_damage
                )
                bad = sum(found.lines for found in found_here)
                if found_here and found_here[0].follows and source.in_damage:
                    extend_damage(connection, found_here.pop(0))
                fresh.extend(found_here)
                done.append(
                    replace(
                        source,
                        mark=reading.mark,
                        lines=source.lines + lines + bool(reading.skipped),
                        damaged=source.damaged + bad,
                        in_damage=in_damage,
                    )
                )
            add_damage(connection, fresh)
            save(connection, done)
        for (item, _), source in zip(readings, done, strict=True):
            item.source = item.saved = source
        return taken

    def _save(self, items: Sequence[Followed]) -> bool:
        """Writes down what was seen of sources besides their lines; whether there was anything."""
        changed = [item for item in items if item.saved is None or not item.source.looks_like(item.saved)]
        changed = [item for item in changed if not self._ahead.holds(item)]
        if changed:
            self.settle()
            with self.catalog.transaction() as connection:
                save(connection, [item.source for item in changed])
            for item in changed:
                item.saved = item.source
        return bool(changed)

    def _start_over(self, budget: int) -> Step:
        """Empties the catalog and takes the first bytes again, so that nobody sees it empty in between."""
        self.close()
        self._ahead.forget(rows_gone=True)
        with self.catalog.transaction():
            self.catalog.clear()
            self._followed.clear()
            self._discover(time.monotonic())
            for item in self._followed.values():
                item.in_slices = True
            step = self.step(budget=budget, hinted=True)
        return replace(step, changed=True, rebuilt=True)
