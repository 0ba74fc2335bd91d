"""Keeps a catalog in step with the files of its workspaces.

One `step` looks at what changed and takes in a bounded number of bytes, so that whoever calls it stays
responsive and many files share fairly. How far each source was read commits with the rows that came from it.
The catalog is a function of the files: when one of them turns out to be another than before (truncated,
replaced, deleted), everything is emptied and read again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import duckdb

from contexta.catalog import bindings, ledger
from contexta.catalog.catalog import Catalog
from contexta.catalog.ingest import Damage, Part, take
from contexta.catalog.sources import Source, add_damage, load, save
from contexta.journal.read import MAX_LINE_BYTES
from contexta.watch import tail
from contexta.watch.tail import Verdict
from contexta.watch.workspace import Found, sources

SLICE_BYTES: Final = MAX_LINE_BYTES
_FOLDER_EVERY_S: Final = 2.0
_ALL_EVERY_S: Final = 1.0
_ACTIVE_S: Final = 10.0
_GONE_AFTER_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Step:
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


@dataclass(slots=True)
class _Followed:
    source: Source
    missing_since: float | None = None
    active_until: float = 0.0
    pending: bool = False
    holding: int | None = field(default=None)


class Indexer:
    """Takes what the sources of some workspaces say into a catalog.

    Args:
        catalog: Where to.
        workspaces: Real paths of the workspaces; their place in the sequence is their number.
        newest_bytes: When given, only about the last so many bytes of each file are read: a preview of a
            large capture while another indexer takes all of it.
    """

    def __init__(
        self, catalog: Catalog, workspaces: Sequence[Path], *, newest_bytes: int | None = None
    ) -> None:
        self.catalog = catalog
        self._workspaces = tuple(workspaces)
        self._newest_bytes = newest_bytes
        self._followed = {
            (source.workspace, source.path): _Followed(source, pending=True)
            for source in load(catalog.connection, self._workspaces)
        }
        self._folders_at = self._looked_at = float("-inf")

    def step(self, *, budget: int = SLICE_BYTES, hinted: bool = False) -> Step:
        """Looks at the sources and takes in at most about `budget` bytes.

        Args:
            budget: Bytes to read at most; one over-long line may exceed it.
            hinted: Something is known to have changed: look at everything now.
        """
        now = time.monotonic()
        changed = False
        if hinted or now - self._folders_at >= _FOLDER_EVERY_S:
            self._folders_at = now
            changed |= self._discover(now)
        everything = hinted or now - self._looked_at >= _ALL_EVERY_S
        if everything:
            self._looked_at = now
        lost = False
        records = 0
        due = [
            item
            for item in self._followed.values()
            if everything or item.pending or item.active_until > now or item.missing_since is not None
        ]
        lines: dict[tuple[int, str], list[_Followed]] = {}
        for item in due:
            if item.source.kind in ("capture", "segments"):
                verdict = self._look(item, now)
                lost |= verdict is Verdict.REPLACED
                if item.pending:
                    lines.setdefault((item.source.workspace, item.source.kind), []).append(item)
            elif item.source.kind == "ledger":
                outcome = self._take_ledger(item)
                lost |= outcome is None
                changed |= bool(outcome)
            else:
                changed |= self._take_bindings(item)
            if item.missing_since is not None and now - item.missing_since > _GONE_AFTER_S:
                lost |= self._workspaces[item.source.workspace].is_dir()
        if lost:
            self._start_over()
            return self._summary(changed=True, records=0, rebuilt=True)
        for (workspace, kind), items in lines.items():
            taken, moved = self._take_lines(workspace, kind, items, budget, now)
            records += taken
            changed |= moved
        return self._summary(changed=changed, records=records)

    def catch_up(self) -> None:
        """Takes in everything that is there now."""
        while True:
            step = self.step(budget=SLICE_BYTES, hinted=True)
            if step.behind <= 0 and not step.rebuilt:
                return

    def _summary(self, *, changed: bool, records: int, rebuilt: bool = False) -> Step:
        files = [item for item in self._followed.values() if item.source.kind in ("capture", "segments")]
        captures = [item.source.mark.mtime_ns for item in files if item.source.kind == "capture"]
        return Step(
            changed=changed,
            records=records,
            behind=sum(
                max(0, item.source.mark.size - item.source.mark.position) for item in files if item.pending
            ),
            total=sum(max(0, item.source.mark.size) for item in files),
            newest_mtime_ns=max(captures, default=0),
            rebuilt=rebuilt,
        )

    def _discover(self, now: float) -> bool:
        fresh = [
            self._follow(number, found)
            for number, workspace in enumerate(self._workspaces)
            for found in sources(workspace)
            if (number, found.path) not in self._followed
        ]
        if fresh:
            with self.catalog.transaction() as connection:
                save(connection, [item.source for item in fresh])
        for item in self._followed.values():
            if item.source.kind != "ledger" and not os.path.lexists(item.source.path):
                item.missing_since = item.missing_since or now
        return bool(fresh)

    def _follow(self, workspace: int, found: Found) -> _Followed:
        number = max((item.source.id for item in self._followed.values()), default=0) + 1
        source = Source(number, workspace, found.path, found.kind)
        if self._newest_bytes is not None and found.kind in ("capture", "segments"):
            try:
                start = tail.line_start(found.path, found.path.stat().st_size - self._newest_bytes)
                source = source.with_mark(tail.mark_at(found.path, start))
            except OSError:
                pass
        item = _Followed(source, pending=True)
        self._followed[workspace, found.path] = item
        return item

    def _look(self, item: _Followed, now: float) -> Verdict:
        source = item.source
        verdict, mark, why = tail.look(source.path, source.mark, self._workspaces[source.workspace])
        if verdict is Verdict.MISSING:
            item.missing_since = item.missing_since or now
            self._set(item, source.with_state("missing", "the file is gone"))
            return verdict
        item.missing_since = None
        if verdict is Verdict.UNREADABLE:
            item.pending = False
            self._set(item, source.with_state("unreadable", why))
            return verdict
        if mark.mtime_ns != source.mark.mtime_ns:
            item.active_until = now + _ACTIVE_S
        item.source = source.with_mark(mark).with_state("ok", "")
        item.pending = mark.size > mark.position and (verdict is Verdict.GROWN or item.pending)
        if source.state != "ok":
            self._set(item, item.source)
        return verdict

    def _set(self, item: _Followed, source: Source) -> None:
        if source.state == item.source.state and source.detail == item.source.detail:
            item.source = source
            if source.state != "ok":
                return
        item.source = source
        with self.catalog.transaction() as connection:
            save(connection, [source])

    def _take_lines(
        self, workspace: int, kind: str, items: list[_Followed], budget: int, now: float
    ) -> tuple[int, bool]:
        share = max(64 * 1024, budget // len(items))
        parts: list[Part] = []
        damage: list[Damage] = []
        moved: list[_Followed] = []
        for item in items:
            if budget <= 0:
                break
            try:
                reading = tail.read(item.source.path, item.source.mark, min(share, budget))
            except OSError as error:
                self._set(item, item.source.with_state("unreadable", (error.strerror or str(error)).lower()))
                continue
            if reading is None:
                continue
            if reading.mark.position == item.source.mark.position:
                item.pending = False
                continue
            budget -= reading.mark.position - item.source.mark.position
            if reading.skipped:
                damage.append(Damage(item.source.id, *reading.skipped, 1, "longer than 16 MiB"))
            if reading.data:
                parts.append(Part(item.source.id, reading.position, reading.data))
            item.source = item.source.with_mark(reading.mark)
            item.active_until = now + _ACTIVE_S
            item.pending = reading.mark.position < reading.mark.size
            moved.append(item)
        if not moved:
            return 0, False
        with self.catalog.transaction() as connection:
            lines = {found.source_id: 1 for found in damage}
            added = 0
            if parts:
                taken = take(connection, parts, kind, workspace)
                added = taken.records
                damage.extend(taken.damage)
                for source_id, count in taken.lines.items():
                    lines[source_id] = lines.get(source_id, 0) + count
            for item in moved:
                bad = sum(found.lines for found in damage if found.source_id == item.source.id)
                item.source = item.source.with_lines(lines.get(item.source.id, 0), bad)
            add_damage(connection, damage)
            save(connection, [item.source for item in moved])
        return added, True

    def _take_ledger(self, item: _Followed) -> bool | None:
        """True when it changed something, False when not, `None` when it says less than before."""
        path = item.source.path
        state = ledger.look(path)
        holder = ledger.holder(path) if state.database else None
        mark = item.source.mark
        if state.database is None:
            item.missing_since = item.missing_since or time.monotonic()
            self._set(item, item.source.with_state("missing", "the file is gone"))
            return False
        item.missing_since = None
        seen = (state.size, state.mtime_ns)
        if seen == (mark.size, mark.mtime_ns) and holder == item.holding and not item.pending:
            return False
        detail = f"held by process {holder}; read from a copy" if holder is not None else ""
        source = item.source.with_state("locked" if holder is not None else "ok", detail)
        if seen == (mark.size, mark.mtime_ns) and item.source.lines:
            item.holding, item.pending = holder, False
            self._set(item, source)
            return True
        item.holding, item.pending = holder, False
        mark = tail.Mark(inode=state.database[0], size=state.size, mtime_ns=state.mtime_ns)
        try:
            rows = ledger.take(self.catalog.connection, path, item.source.workspace)
        except ledger.LedgerError as error:
            self._set(item, item.source.with_mark(mark).with_state("unreadable", str(error)))
            return True
        except ledger.LessThanBeforeError:
            return None
        shrunk = rows < item.source.lines
        item.source = source.with_mark(mark).with_lines(rows - item.source.lines, 0)
        with self.catalog.transaction() as connection:
            save(connection, [item.source])
        return None if shrunk else True

    def _take_bindings(self, item: _Followed) -> bool:
        try:
            found = bindings.look(item.source.path)
        except OSError:
            return False
        if found.mark.mtime_ns == item.source.mark.mtime_ns and found.mark.size == item.source.mark.size:
            return False
        data, lines, bad = bindings.read(found, self._workspaces[item.source.workspace])
        with self.catalog.transaction() as connection:
            if data:
                take(connection, [Part(item.source.id, 0, data)], "bindings", item.source.workspace)
            source = item.source.with_mark(found.mark)
            item.source = source.with_lines(lines - source.lines, bad - source.damaged)
            save(connection, [item.source])
        return True

    def _start_over(self) -> None:
        self.catalog.clear()
        self._followed.clear()
        self._folders_at = self._looked_at = float("-inf")


def failed_to_write(error: duckdb.Error) -> str:
    """One clause that says why the catalog cannot be written."""
    return str(error).splitlines()[0]
