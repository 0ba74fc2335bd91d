"""Looks whether all that was stored can be read, and helps where that is possible without guessing.

A check takes no lock, because it reads everything and a job must not wait for it. Repairs take it: nothing is
appended meanwhile.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from contexta.contract.registry import ExtensionRegistry
from contexta.errors import RecordError, SchemaVersionError
from contexta.store import segment_index
from contexta.store.disk import Folder, locked, sync, write_all
from contexta.store.segment_append import LOCKED, envelope_members
from contexta.store.segment_config import StoreConfig
from contexta.store.segment_end import find_end, read_manifest
from contexta.store.segment_files import (
    LOCK,
    MANIFEST,
    QUARANTINE,
    SEGMENTS,
    physical_lines,
    segment_ids,
    segment_name,
)
from contexta.store.segment_index import IndexRow
from contexta.store.segment_lines import sequence_of
from contexta.store.segment_results import (
    TRUNCATED_LINE,
    IntegrityIssue,
    IntegrityReport,
    IntegrityState,
    RepairReport,
)
from contexta.store.segment_scan import RecordScan

_ERROR: Final = "error"
_WARNING: Final = "warning"
_INFO: Final = "info"


def check(config: StoreConfig, registry: ExtensionRegistry | None) -> IntegrityReport:
    """Read everything and compare it with the manifest and the indexes.

    Raises:
        StoreAccessError: ``record_store_unreadable``.
    """
    scan = RecordScan(config.root_path, registry=registry)
    rows: Counter[str] = Counter()
    last_sequence = 0
    for stored in scan:
        rows.update(segment_index.keys_of(envelope_members(stored.record)).keys())
        last_sequence = max(last_sequence, stored.sequence)
    issues = [
        IntegrityIssue(_ERROR, gap.code, gap.message, gap.segment_id, gap.line_number)
        if gap.start_sequence is None
        else IntegrityIssue(_WARNING, gap.code, gap.message, gap.segment_id, gap.line_number)
        for gap in scan.known_gaps
    ]
    issues += [
        IntegrityIssue(_INFO, item.code, item.message, item.segment_id, item.line_number)
        for item in scan.warnings
        if not item.is_loss
    ]
    if scan.repeats:
        issues.append(
            IntegrityIssue(
                _INFO,
                "sequence_repeat",
                f"{scan.repeats} records have a number that was used before; order them by their place.",
            )
        )
    segments = _count_segments(config.root_path)
    if segments:
        issues += _check_manifest(config, last_sequence, whole=scan.integrity_state is IntegrityState.HEALTHY)
        issues += _check_indexes(config, rows)
    return _report(issues, segments, scan.records_read)


def _count_segments(root: Path) -> int:
    try:
        with Folder.open(root, SEGMENTS) as segments:
            return len(segment_ids(segments))
    except FileNotFoundError:
        return 0


def _check_manifest(config: StoreConfig, last_sequence: int, *, whole: bool) -> Iterator[IntegrityIssue]:
    help_text = "the next append writes it anew"
    try:
        with Folder.open(config.root_path) as root:
            there = root.has(MANIFEST)
            manifest = read_manifest(root)
    except (OSError, SchemaVersionError) as error:
        yield IntegrityIssue(_WARNING, "manifest_invalid", f"{MANIFEST} cannot be used: {error}.")
        return
    if manifest is None:
        if there:
            yield IntegrityIssue(_WARNING, "manifest_invalid", f"{MANIFEST} is damaged; {help_text}.")
        else:
            yield IntegrityIssue(_WARNING, "manifest_missing", f"{MANIFEST} is missing; {help_text}.")
        return
    # A manifest that is ahead of what was read is news only when nothing else was lost, and it may be that an
    # append came in between; one that lags behind is stale in any case.
    told = manifest.last_committed_sequence
    if told < last_sequence:
        message = f"{MANIFEST} ends at record {told}, the segments at {last_sequence}; {help_text}."
        yield IntegrityIssue(_WARNING, "manifest_stale", message)
    elif told > last_sequence and whole and not _has_grown(config, last_sequence):
        message = f"{MANIFEST} knows of record {told}, the segments end at {last_sequence}."
        yield IntegrityIssue(_WARNING, "sequence_gap", message)


def _has_grown(config: StoreConfig, last_sequence: int) -> bool:
    with Folder.open(config.root_path, SEGMENTS) as segments:
        for segment_id in segment_ids(segments)[-2:]:
            fd = segments.open_file(segment_name(segment_id))
            try:
                if any((sequence_of(line.data) or 0) > last_sequence for line in physical_lines(fd)):
                    return True
            finally:
                os.close(fd)
    return False


def _check_indexes(config: StoreConfig, rows: Counter[str]) -> Iterator[IntegrityIssue]:
    if not config.enable_indexes:
        return
    try:
        with Folder.open(config.root_path) as root:
            counts = segment_index.row_counts(root)
    except OSError as error:
        yield IntegrityIssue(_INFO, "index_stale", f"The indexes cannot be read: {error}.")
        return
    for family in segment_index.FAMILIES:
        if counts[family] != rows[family]:
            message = f"The index by {family} has {counts[family]} rows for {rows[family]} records."
            yield IntegrityIssue(_INFO, "index_stale", message)


def _report(issues: list[IntegrityIssue], segments: int, records: int) -> IntegrityReport:
    severities = {issue.severity for issue in issues}
    if _ERROR in severities:
        state = IntegrityState.CORRUPTED
    else:
        state = IntegrityState.DEGRADED if _WARNING in severities else IntegrityState.HEALTHY
    codes = {issue.code for issue in issues}
    helpful = {
        TRUNCATED_LINE: "repair_truncated_tails",
        "index_stale": "rebuild_indexes",
        "manifest_invalid": "rebuild_indexes",
        "manifest_missing": "rebuild_indexes",
        "manifest_stale": "rebuild_indexes",
    }
    return IntegrityReport(
        healthy=state is IntegrityState.HEALTHY,
        issues=tuple(issues),
        segment_count=segments,
        record_count=records,
        state=state,
        recommendations=tuple(dict.fromkeys(method for code, method in helpful.items() if code in codes)),
    )


def rebuild_indexes(config: StoreConfig, registry: ExtensionRegistry | None) -> RepairReport:
    """Make all five families of the index anew from the segments, and the manifest too.

    Raises:
        RecordError: ``record_repair_failed``; the old indexes are there still.
        StoreAccessError: ``record_store_locked`` or ``record_store_unreadable``.
    """
    try:
        with (
            Folder.open(config.root_path, create=True) as root,
            Folder.open(config.root_path, SEGMENTS, create=True) as segments,
            locked(root, LOCK, timeout_seconds=config.lock_timeout_seconds, code=LOCKED),
        ):
            scan = _rebuild(config, root, registry)
            root.replace(MANIFEST, find_end(root, segments).manifest().encoded(), durable=True)
    except OSError as error:
        raise _repair_failed("The indexes were not rebuilt", config, error) from error
    return RepairReport(
        success=True,
        rebuilt_indexes=True,
        integrity_state=scan.integrity_state,
        notes=("rebuild_indexes_completed",),
        warnings=tuple(map(str, scan.warnings)),
    )


def _rebuild(config: StoreConfig, root: Folder, registry: ExtensionRegistry | None) -> RecordScan:
    scan = RecordScan(config.root_path, registry=registry)
    segment_index.rebuild(
        root,
        (
            IndexRow(
                segment_index.keys_of(envelope_members(stored.record)),
                stored.segment_id,
                stored.offset,
                stored.sequence,
            )
            for stored in scan
        ),
    )
    return scan


def repair_truncated_tails(config: StoreConfig, registry: ExtensionRegistry | None) -> RepairReport:
    """Cut off what follows the last newline of each segment, after a copy of it was put into quarantine.

    A tail that is a whole record gets its newline instead. Records are never lost by this; appending does not
    need it, but public Contexta reads no record of a store with a torn tail. Let no program of another
    library append meanwhile: it does not know the lock.

    Raises:
        RecordError: ``record_repair_failed``; the tails that were not repaired are there still.
        StoreAccessError: ``record_store_locked`` or ``record_store_unreadable``.
    """
    kept: list[Path] = []
    try:
        with (
            Folder.open(config.root_path, create=True) as root,
            Folder.open(config.root_path, SEGMENTS, create=True) as segments,
            locked(root, LOCK, timeout_seconds=config.lock_timeout_seconds, code=LOCKED),
        ):
            ids = segment_ids(segments)
            repaired = [one for one in ids if _repair_tail(config.root_path, segments, one, kept)]
            if repaired:
                root.replace(MANIFEST, find_end(root, segments).manifest().encoded(), durable=True)
            rebuilt = bool(repaired) and config.enable_indexes
            scan = _rebuild(config, root, registry) if rebuilt else None
    except OSError as error:
        raise _repair_failed("Not all torn tails were repaired", config, error) from error
    if scan is None:
        scan = RecordScan(config.root_path, registry=registry)
        for _ in scan:
            pass
    return RepairReport(
        success=True,
        repaired_segments=tuple(repaired),
        quarantined_paths=tuple(kept),
        rebuilt_indexes=rebuilt,
        integrity_state=scan.integrity_state,
        notes=("repair_truncated_tails_completed",),
        warnings=tuple(map(str, scan.warnings)),
    )


def _repair_tail(root: Path, segments: Folder, segment_id: int, kept: list[Path]) -> bool:
    fd = segments.open_file(segment_name(segment_id), os.O_RDWR | os.O_APPEND)
    try:
        size = os.fstat(fd).st_size
        position = _behind_last_newline(fd, size)
        if position == size:
            return False
        tail = next(physical_lines(fd, position=position), None)
        if tail is not None and sequence_of(tail.data) is not None:
            write_all(fd, b"\n")
        else:
            kept.append(_quarantine(root, segment_id, fd, position))
            os.ftruncate(fd, position)
        sync(fd)
    finally:
        os.close(fd)
    return True


def _behind_last_newline(fd: int, size: int) -> int:
    step = 64 * 1024
    end = size
    while end > 0:
        begin = max(0, end - step)
        found = os.pread(fd, end - begin, begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0


def _quarantine(root: Path, segment_id: int, fd: int, position: int) -> Path:
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    name = f"{Path(segment_name(segment_id)).stem}.torn-tail-{now}.jsonl"
    with Folder.open(root, QUARANTINE, create=True) as quarantine:
        copy = quarantine.open_file(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            while chunk := os.pread(fd, 1024 * 1024, position):
                write_all(copy, chunk)
                position += len(chunk)
            sync(copy)
        finally:
            os.close(copy)
        sync(quarantine.fd)
        return quarantine.path / name


def _repair_failed(what: str, config: StoreConfig, error: OSError) -> RecordError:
    return RecordError(
        f"{what} in {config.root_path}: {error}.",
        code="record_repair_failed",
        details={"path": str(config.root_path)},
        cause=error,
    )
