"""Reads the record store: every line that can be read, and a word about every line that cannot.

A reader needs neither the manifest nor the indexes, takes no lock and creates nothing. It sees the segments
as they are when it comes to them, so a record that is being appended meanwhile may or may not be among the
results, and may look like a torn tail for a moment.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final, Self

from contexta.contract.registry import ExtensionRegistry
from contexta.contract.validation import ValidationIssue
from contexta.errors import RecordError, SerializationError, StoreAccessError
from contexta.store.disk import Folder
from contexta.store.segment_config import ScanFilter
from contexta.store.segment_files import SEGMENTS, PhysicalLine, physical_lines, segment_ids, segment_name
from contexta.store.segment_lines import Damage, Stored, glued, materialise, read_line
from contexta.store.segment_results import (
    INVALID_JSON_LINE,
    INVALID_RECORD,
    LINE_TOO_LONG,
    SEGMENT_UNREADABLE,
    SEQUENCE_GAP,
    TRUNCATED_LINE,
    IntegrityState,
    KnownGap,
    ScanWarning,
    StoredRecord,
)

_EVERYTHING: Final = ScanFilter()
_MOST_NOTES: Final = 1000


class RecordScan(Iterator[StoredRecord]):
    """Yields the stored records in the order of the files.

    ::

        scan = store.scan(ScanFilter(run_ref="run:demo.r1"))
        for stored in scan:
            ...
        print(scan.warnings)

    Args:
        root: The store's folder; that it is missing means that nothing is stored.
        scan_filter: Which records to yield. Damaged lines are told of all, as nobody knows what they were;
            damaged records only of those that the filter takes.
        strict: Raise at the first line that cannot be read.
        registry: The extension namespaces that are known; those of this library when None.

    Attributes:
        records_read: Records of the wanted scopes and type that could be read so far.
        repeats: Numbers that came again or went backwards so far.

    Raises:
        SerializationError: ``record_scan_invalid_json``, when strict.
        RecordError: ``record_scan_materialization_failed``, when strict.
        StoreAccessError: ``record_store_unreadable`` when the folder cannot be opened, or, when strict, a
            segment cannot.
    """

    def __init__(
        self,
        root: Path,
        scan_filter: ScanFilter | None = None,
        *,
        strict: bool = False,
        registry: ExtensionRegistry | None = None,
    ) -> None:
        self._root = root
        self._filter = scan_filter or _EVERYTHING
        self._strict = strict
        self._registry = registry
        self._warnings: list[ScanWarning] = []
        self._notes: dict[tuple[str, str], int] = {}
        self._gaps: list[KnownGap] = []
        self._last_sequence = 0
        self.records_read = 0
        self.repeats = 0
        self._segment_id = 0
        self._line_number = 0
        self._records = self._read()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> StoredRecord:
        return next(self._records)

    def close(self) -> None:
        """Let go of the file that is being read."""
        self._records.close()

    @property
    def warnings(self) -> tuple[ScanWarning, ...]:
        """What was passed over or taken with care so far."""
        return tuple(self._warnings)

    @property
    def known_gaps(self) -> tuple[KnownGap, ...]:
        """What is known to be missing so far, in the order of the files."""
        lost = (
            KnownGap(item.code, item.message, item.segment_id, item.line_number)
            for item in self._warnings
            if item.is_loss
        )
        return tuple(sorted((*lost, *self._gaps), key=lambda gap: (gap.segment_id, gap.line_number or 0)))

    @property
    def integrity_state(self) -> IntegrityState:
        """What follows from the gaps so far."""
        if any(item.is_loss for item in self._warnings):
            return IntegrityState.CORRUPTED
        return IntegrityState.DEGRADED if self._gaps else IntegrityState.HEALTHY

    def _read(self) -> Generator[StoredRecord, None, None]:
        try:
            folder = Folder.open(self._root, SEGMENTS)
        except FileNotFoundError:
            return
        except OSError as error:
            raise _unreadable(self._root / SEGMENTS, error) from error
        with folder:
            for segment_id in segment_ids(folder):
                self._segment_id = segment_id
                self._line_number = 0
                try:
                    yield from self._segment(folder, segment_id)
                except OSError as error:
                    self._lose_segment(folder.path / segment_name(segment_id), error)

    def _segment(self, folder: Folder, segment_id: int) -> Iterator[StoredRecord]:
        try:
            fd = folder.open_file(segment_name(segment_id))
        except FileNotFoundError:
            return
        try:
            for line in physical_lines(fd):
                self._line_number = line.number
                for stored in self._line(line):
                    self._count(stored.sequence)
                    record = self._record(stored)
                    if record is not None:
                        yield record
        finally:
            os.close(fd)

    def _line(self, line: PhysicalLine) -> list[Stored]:
        if line.is_too_long:
            self._lose(Damage(LINE_TOO_LONG, "longer than any line that is written"))
            return []
        read = read_line(line.data)
        if isinstance(read, Stored):
            return [read]
        if read.code == INVALID_JSON_LINE and not line.is_whole:
            read = Damage(TRUNCATED_LINE, "the line has no end")
        # Before the others on the line are looked for: strict means that there is no such line.
        self._lose(read)
        others = glued(line.data)
        if others:
            self._note("glued_lines", "", "Whole records were found on damaged lines.")
        return others

    def _record(self, stored: Stored) -> StoredRecord | None:
        envelope = stored.record.get("envelope")
        wanted = self._filter.envelope
        if isinstance(envelope, dict) and any(envelope.get(name) != wanted[name] for name in wanted):
            return None
        record = materialise(stored.record, self._registry, None if self._strict else self._give_up)
        if isinstance(record, Damage):
            self._lose(record)
            return None
        self.records_read += 1
        if not self._filter.takes_time(record.envelope.recorded_at):
            return None
        return StoredRecord(stored.sequence, self._segment_id, self._line_number, stored.appended_at, record)

    def _count(self, sequence: int) -> None:
        expected = self._last_sequence + 1
        if sequence > expected:
            self._gaps.append(
                KnownGap(
                    SEQUENCE_GAP,
                    f"Records {expected} to {sequence - 1} are missing.",
                    self._segment_id,
                    self._line_number,
                    expected,
                    sequence - 1,
                )
            )
        elif sequence < expected:
            self.repeats += 1
        self._last_sequence = max(self._last_sequence, sequence)

    def _lose(self, damage: Damage) -> None:
        if self._strict:
            raise self._strict_error(damage)
        last = self._warnings[-1] if self._warnings else None
        if (
            last is not None
            and (last.code, last.segment_id) == (damage.code, self._segment_id)
            and last.line_number is not None
            and last.line_number + last.count == self._line_number
        ):
            # A run of damage is one finding.
            self._warnings[-1] = ScanWarning(
                last.code, last.message, last.segment_id, last.line_number, last.count + 1
            )
            return
        self._warnings.append(
            ScanWarning(
                damage.code,
                f"{segment_name(self._segment_id)} line {self._line_number}: {damage.message}.",
                self._segment_id,
                self._line_number,
            )
        )

    def _strict_error(self, damage: Damage) -> SerializationError | RecordError:
        where = {"segment_id": self._segment_id, "line_number": self._line_number}
        message = f"Line {self._line_number} of segment {self._segment_id} cannot be read: {damage.message}."
        if damage.code == INVALID_RECORD:
            return RecordError(message, code="record_scan_materialization_failed", details=where)
        return SerializationError(message, code="record_scan_invalid_json", details=where)

    def _lose_segment(self, path: Path, error: OSError) -> None:
        if self._strict:
            raise _unreadable(path, error) from error
        self._warnings.append(
            ScanWarning(SEGMENT_UNREADABLE, f"{path} cannot be read: {error}.", self._segment_id)
        )

    def _give_up(self, issue: ValidationIssue) -> None:
        self._note(issue.code, issue.path, f"{issue.path}: {issue.message}")

    def _note(self, code: str, about: str, message: str) -> None:
        at = self._notes.get((code, about))
        if at is None:
            if len(self._notes) >= _MOST_NOTES:
                return
            self._notes[code, about] = len(self._warnings)
            self._warnings.append(ScanWarning(code, message, self._segment_id, self._line_number or None))
            return
        first = self._warnings[at]
        self._warnings[at] = ScanWarning(
            code, first.message, first.segment_id, first.line_number, first.count + 1
        )


def _unreadable(path: Path, error: OSError) -> StoreAccessError:
    return StoreAccessError(
        f"The record store {path} cannot be read: {error}. Look at its permissions, and whether it is what it"
        " should be.",
        code="record_store_unreadable",
        details={"path": str(path)},
        cause=error,
    )
