"""Appends records to the segments: whole lines, numbered once, on the disk before they are acknowledged.

The rules are those of the journal: one `os.write` on an ``O_APPEND`` descriptor for all lines of a segment,
never behind a torn tail, the rest of a short write never completed. On top of that a lock, because the
numbers must be unique, and a sync, because what is acknowledged must be there after the power failed.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from contexta.contract.times import timestamp_text
from contexta.errors import AppendError
from contexta.journal.read import MAX_LINE_BYTES
from contexta.store import disk, segment_index
from contexta.store.disk import Folder, locked
from contexta.store.segment_config import DurabilityMode, StoreConfig
from contexta.store.segment_end import End, find_end
from contexta.store.segment_files import LOCK, MANIFEST, SEGMENTS, segment_name
from contexta.store.segment_index import IndexRow
from contexta.store.segment_lines import line
from contexta.store.segment_results import AppendReceipt, DurabilityStatus, Record

LOCKED: Final = "record_store_locked"
_NOT_DURABLE: Final = "record_append_not_durable"
MAX_BODY_BYTES: Final = MAX_LINE_BYTES - 1024
"""Readers skip longer lines, so a longer record is rejected."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record that is ready to be written.

    Attributes:
        record: The record.
        body: As it stands in its line.
    """

    record: Record
    body: bytes


@dataclass(frozen=True, slots=True)
class _Group:
    """The lines that go into one segment with one write."""

    before: End
    data: bytes
    entries: Sequence[Entry]

    @property
    def first_line(self) -> int:
        return self.before.next_line


class SegmentAppender:
    """Appends to the segments of one store. Safe to share between threads, and across a fork.

    Args:
        config: The store's settings.
    """

    def __init__(self, config: StoreConfig) -> None:
        self._config = config
        self._end: End | None = None
        """The end as this object left it. Only read and written while the lock is held."""

    def append(self, entries: Sequence[Entry]) -> tuple[list[AppendReceipt], list[str]]:
        """Append records, in order and with rising numbers.

        Returns:
            The receipts, and what went wrong with the manifest or the indexes, which the records do not need.

        Raises:
            AppendError: ``record_append_failed`` or ``record_append_not_durable``; nothing of the call is
                acknowledged. ``details`` say how many of the records are in the file nevertheless: what was
                written is never taken back, because someone else may have written behind it.
            StoreAccessError: ``record_store_locked``: another process kept appending; trying again may help.
            SchemaVersionError: ``record_store_layout_unsupported``.
        """
        config = self._config
        try:
            with (
                Folder.open(config.root_path, create=True) as root,
                Folder.open(config.root_path, SEGMENTS, create=True) as segments,
                locked(root, LOCK, timeout_seconds=config.lock_timeout_seconds, code=LOCKED),
            ):
                return self._append_locked(root, segments, entries)
        except OSError as error:
            raise _failed(config, error, 0, len(entries)) from error

    def _append_locked(
        self, root: Folder, segments: Folder, entries: Sequence[Entry]
    ) -> tuple[list[AppendReceipt], list[str]]:
        end = self._end
        # Whatever goes wrong below, the next append must look again.
        self._end = None
        if end is None or not end.still_there(segments):
            end = find_end(root, segments)
        receipts: list[AppendReceipt] = []
        rows: list[IndexRow] = []
        for group in self._groups(end, entries):
            end = self._write_group(segments, group, len(receipts), len(entries))
            for place, entry in enumerate(group.entries):
                receipt = self._receipt(group, place, entry.record)
                receipts.append(receipt)
                rows.append(_row(receipt, entry.record))
        warnings = self._summarise(root, end, rows)
        self._end = end
        return receipts, warnings

    def _groups(self, end: End, entries: Sequence[Entry]) -> Iterator[_Group]:
        appended_at = timestamp_text(datetime.now(UTC), "appended_at")
        sequence = end.last_sequence
        data = bytearray(b"\n" if end.is_torn else b"")
        first = 0
        for place, entry in enumerate(entries):
            sequence += 1
            added = line(appended_at, entry.body, sequence)
            size = end.size + len(data)
            if size and size + len(added) > self._config.max_segment_bytes:
                if place > first:
                    yield _Group(end, bytes(data), entries[first:place])
                    end = end.followed_by(len(data), place - first)
                end = end.next_segment()
                data.clear()
                first = place
            data += added
        yield _Group(end, bytes(data), entries[first:])

    def _write_group(self, segments: Folder, group: _Group, done: int, total: int) -> End:
        config = self._config
        name = segment_name(group.before.segment_id)
        try:
            fd = segments.open_file(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        except OSError as error:
            raise _failed(config, error, done, total) from error
        try:
            try:
                written = disk.write(fd, group.data)
            except OSError as error:
                raise _failed(config, error, done, total) from error
            if written == len(group.data) - 1 and _ends_line(fd):
                written += 1
            if written != len(group.data):
                short = OSError(errno.EIO, f"only {written} of {len(group.data)} bytes were taken", name)
                raise _failed(config, short, done + _whole_lines(group, written), total)
            if config.durability_mode is DurabilityMode.FSYNC:
                try:
                    disk.sync(fd)
                    if not group.before.size:
                        disk.sync(segments.fd)
                except OSError as error:
                    whole = done + len(group.entries)
                    raise _failed(config, error, whole, total, _NOT_DURABLE) from error
            facts = os.fstat(fd)
        finally:
            os.close(fd)
        end = group.before.followed_by(len(group.data), len(group.entries))
        return replace(end, identity=(facts.st_dev, facts.st_ino))

    def _receipt(self, group: _Group, place: int, record: Record) -> AppendReceipt:
        return AppendReceipt(
            sequence=group.before.last_sequence + 1 + place,
            segment_id=group.before.segment_id,
            offset=group.first_line + place,
            record_ref=record.envelope.record_ref.text,
            record_type=record.envelope.record_type,
            run_ref=record.envelope.run_ref.text,
            durability_status=durability_status(self._config),
        )

    def _summarise(self, root: Folder, end: End, rows: Sequence[IndexRow]) -> list[str]:
        warnings = []
        durable = self._config.durability_mode is DurabilityMode.FSYNC
        try:
            root.replace(MANIFEST, end.manifest().encoded(), durable=durable)
        except OSError as error:
            warnings.append(f"{MANIFEST} lags behind until the next append: {error}")
        if self._config.enable_indexes:
            try:
                segment_index.append(root, rows)
            except OSError as error:
                warnings.append(f"the indexes are stale until rebuild_indexes: {error}")
        return warnings


def durability_status(config: StoreConfig) -> DurabilityStatus:
    """Return how safe an acknowledged record is."""
    synced = config.durability_mode is DurabilityMode.FSYNC
    return DurabilityStatus.FSYNCED if synced else DurabilityStatus.FLUSHED


def envelope_members(record: Record) -> Mapping[str, str]:
    """Return the members of a record's envelope that indexes look at, as texts."""
    values = ((family, getattr(record.envelope, family)) for family in segment_index.FAMILIES)
    return {family: str(value) for family, value in values if value is not None}


def _row(receipt: AppendReceipt, record: Record) -> IndexRow:
    keys = segment_index.keys_of(envelope_members(record))
    return IndexRow(keys, receipt.segment_id, receipt.offset, receipt.sequence)


def _ends_line(fd: int) -> bool:
    """Write the newline that a short write left out."""
    try:
        return disk.write(fd, b"\n") == 1
    except OSError:
        return False


def _whole_lines(group: _Group, written: int) -> int:
    # A line that lacks its newline only is whole: the next append ends it before it begins its own.
    newlines = group.data[: written + 1].count(b"\n")
    return max(0, newlines - group.data.startswith(b"\n"))


def _failed(
    config: StoreConfig, error: OSError, whole: int, total: int, code: str = "record_append_failed"
) -> AppendError:
    still = (
        f"; {whole} of them are in the file nevertheless, so giving them again repeats them" if whole else ""
    )
    return AppendError(
        f"The record store {config.root_path} could not be written: {error}. None of {total} records is"
        f" acknowledged{still}.",
        code=code,
        details={"path": str(config.root_path), "records_in_file": whole, "records_given": total},
        retryable=True,
        cause=error,
    )
