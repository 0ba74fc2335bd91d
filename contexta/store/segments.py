"""The record store: records that a program stores on purpose, in append-only segments.

The journal is what a running job writes beside its work; this is what a program puts away to be asked later.
Both are JSON lines, and both may be read while they are written. Records keep the order in which they were
appended, have a number each, and are never changed. There is no check that their run is known, and none that
a reference is new: a record that is stored twice is there twice.

Nothing is created on disk before the first append. Reading is tolerant: a damaged line is told and passed
over, because one torn line must not hide a million good ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from contexta.contract.registry import ExtensionRegistry
from contexta.contract.serialization import RECORD_MODELS
from contexta.errors import (
    ConfigurationError,
    ReadOnlyStoreError,
    ReplayError,
    SerializationError,
)
from contexta.store import segment_check
from contexta.store.segment_append import MAX_BODY_BYTES, Entry, SegmentAppender, durability_status
from contexta.store.segment_config import (
    DurabilityMode,
    LayoutMode,
    ReplayMode,
    ScanFilter,
    StoreConfig,
)
from contexta.store.segment_export import export_jsonl, require_healthy
from contexta.store.segment_lines import record_body
from contexta.store.segment_results import (
    AppendReceipt,
    AppendRejection,
    AppendResult,
    DurabilityStatus,
    ExportResult,
    IntegrityIssue,
    IntegrityReport,
    IntegrityState,
    KnownGap,
    Record,
    RepairReport,
    ReplayResult,
    ScanWarning,
    StoredRecord,
)
from contexta.store.segment_scan import RecordScan

__all__ = [
    "AppendReceipt",
    "AppendRejection",
    "AppendResult",
    "DurabilityMode",
    "DurabilityStatus",
    "ExportResult",
    "IntegrityIssue",
    "IntegrityReport",
    "IntegrityState",
    "KnownGap",
    "LayoutMode",
    "Record",
    "RecordScan",
    "RecordStore",
    "RepairReport",
    "ReplayMode",
    "ReplayResult",
    "ScanFilter",
    "ScanWarning",
    "StoreConfig",
    "StoredRecord",
]

_RECORD_CLASSES: Final = tuple(RECORD_MODELS.values())
_SETTINGS: Final = ("max_segment_bytes", "durability_mode", "layout_version", "enable_indexes", "read_only")


class RecordStore:
    """The records of one workspace. Safe to share between threads; several processes may append at once.

    ::

        store = RecordStore(StoreConfig(".contexta/records"))
        store.append(MetricRecord(envelope, payload))
        for stored in store.scan(ScanFilter(run_ref="run:demo.r1")):
            print(stored.sequence, stored.record.payload)

    Args:
        config: The settings, or the store's folder.
        registry: The extension namespaces that are known, those of this library when None; others are read
            too, and told.

    Attributes:
        config: The settings.

    Raises:
        ConfigurationError: ``record_store_invalid_config``.
    """

    def __init__(
        self, config: StoreConfig | str | os.PathLike[str], *, registry: ExtensionRegistry | None = None
    ) -> None:
        self.config = config if isinstance(config, StoreConfig) else StoreConfig(Path(config))
        self._registry = registry
        self._appender = SegmentAppender(self.config)

    @classmethod
    def from_settings(cls, root_path: Path, settings: object) -> RecordStore:
        """Make the store that the section ``records`` of a configuration describes.

        Args:
            root_path: The folder, unless the section names another.
            settings: The section, or None. Keys that mean nothing here are left alone.

        Raises:
            ConfigurationError: ``record_store_invalid_config``.
        """
        if settings is not None and not isinstance(settings, Mapping):
            raise ConfigurationError(
                f"The section 'records' must be a map, not {settings!r}.", code="record_store_invalid_config"
            )
        section = dict(settings or {})
        given = {name: section[name] for name in _SETTINGS if section.get(name) is not None}
        return cls(StoreConfig(section.get("root_path") or root_path, **given))

    @property
    def root_path(self) -> Path:
        """The store's folder."""
        return self.config.root_path

    def append(self, record: object) -> AppendResult:
        """Append one record; see `append_many`."""
        return self.append_many((record,))

    def append_many(self, records: Iterable[object]) -> AppendResult:
        """Append records. What is no record is rejected; the others are stored.

        With ``durability_mode="fsync"`` the disk has the accepted ones when this returns.

        Args:
            records: `MetricRecord`, `StructuredEventRecord`, `TraceSpanRecord` or `DegradedRecord`.

        Returns:
            One receipt or rejection for each record. Rejections have the codes ``unsupported_record_type``,
            ``record_serialization_failed`` (a text that UTF-8 cannot spell) and ``record_too_large`` (16 MiB;
            readers pass over longer lines).

        Raises:
            AppendError: ``record_append_failed`` or ``record_append_not_durable``, with the operating
            system's
                error as ``cause``; none of the records is acknowledged.
            ReadOnlyStoreError: ``record_store_read_only``.
            SchemaVersionError: ``record_store_layout_unsupported``: another version's store.
            StoreAccessError: ``record_store_locked``: another process kept appending for
                ``lock_timeout_seconds``.
        """
        self._require_writable("append to")
        entries: list[Entry] = []
        rejected: list[AppendRejection] = []
        for index, record in enumerate(records):
            entry = _entry(index, record)
            if isinstance(entry, Entry):
                entries.append(entry)
            else:
                rejected.append(entry)
        if not entries:
            return AppendResult(rejected=tuple(rejected))
        accepted, warnings = self._appender.append(entries)
        return AppendResult(
            accepted=tuple(accepted),
            rejected=tuple(rejected),
            durability_status=durability_status(self.config),
            durable_count=len(accepted),
            warnings=tuple(warnings),
        )

    def scan(self, scan_filter: ScanFilter | None = None, *, strict: bool = False) -> RecordScan:
        """Read records one by one, in the order of the files.

        Args:
            scan_filter: Which; all when None.
            strict: Raise at the first line that cannot be read.

        Returns:
            An iterator that also tells what it passed over. It raises ``record_store_unreadable``
            (StoreAccessError), and when strict ``record_scan_invalid_json`` (SerializationError) and
            ``record_scan_materialization_failed`` (RecordError).
        """
        return RecordScan(self.root_path, scan_filter, strict=strict, registry=self._registry)

    def replay(
        self, scan_filter: ScanFilter | None = None, *, mode: ReplayMode | str = ReplayMode.STRICT
    ) -> ReplayResult:
        """Read all records into memory, and tell what is missing.

        Raises:
            ReplayError: ``record_replay_unhealthy_store`` when strict and something is missing or damaged;
                ``record_replay_invalid_mode``.
            StoreAccessError: ``record_store_unreadable``.
        """
        how = _mode(mode)
        scan = self.scan(scan_filter)
        records = tuple(scan)
        if how is ReplayMode.STRICT:
            require_healthy(scan)
        return ReplayResult(records, len(records), how, scan.warnings, scan.known_gaps, scan.integrity_state)

    def iter_replay(
        self, scan_filter: ScanFilter | None = None, *, mode: ReplayMode | str = ReplayMode.STRICT
    ) -> Iterator[StoredRecord]:
        """Read all records one by one; when strict, up to the first place where one is missing or damaged.

        Raises:
            ReplayError: As `replay`; the mode at once, the rest while reading.
            StoreAccessError: ``record_store_unreadable``, while reading.
        """
        return self._iter_replay(scan_filter, _mode(mode))

    def _iter_replay(self, scan_filter: ScanFilter | None, mode: ReplayMode) -> Iterator[StoredRecord]:
        scan = self.scan(scan_filter)
        for stored in scan:
            if mode is ReplayMode.STRICT:
                require_healthy(scan)
            yield stored
        if mode is ReplayMode.STRICT:
            require_healthy(scan)

    def export_jsonl(
        self,
        destination: str | os.PathLike[str],
        scan_filter: ScanFilter | None = None,
        *,
        mode: ReplayMode | str = ReplayMode.STRICT,
    ) -> ExportResult:
        """Write records to a file, one JSON object ``{"envelope": …, "payload": …}`` a line.

        The file is complete or not there; one that was there is replaced, readable by the user only.

        Raises:
            ReplayError: As `replay`.
            RecordError: ``record_export_failed``.
            StoreAccessError: ``record_store_unreadable``.
        """
        how = _mode(mode)
        scan = self.scan(scan_filter)
        return export_jsonl(Path(destination), scan, strict=how is ReplayMode.STRICT)

    def check_integrity(self) -> IntegrityReport:
        """Read everything and tell what is damaged, missing or stale. Changes nothing.

        While a job appends, what it just wrote may look stale or torn.

        Raises:
            StoreAccessError: ``record_store_unreadable``.
        """
        return segment_check.check(self.config, self._registry)

    def rebuild_indexes(self) -> RepairReport:
        """Make the index files and the manifest anew from the segments. Appends wait meanwhile.

        Raises:
            ReadOnlyStoreError: ``record_store_read_only``.
            RecordError: ``record_repair_failed``.
            StoreAccessError: ``record_store_locked`` or ``record_store_unreadable``.
        """
        self._require_writable("rebuild the indexes of")
        return segment_check.rebuild_indexes(self.config, self._registry)

    def repair_truncated_tails(self) -> RepairReport:
        """Take torn tails out of the segments, into quarantine; see `segment_check.repair_truncated_tails`.

        Raises:
            ReadOnlyStoreError: ``record_store_read_only``.
            RecordError: ``record_repair_failed``.
            StoreAccessError: ``record_store_locked`` or ``record_store_unreadable``.
        """
        self._require_writable("repair")
        return segment_check.repair_truncated_tails(self.config, self._registry)

    def _require_writable(self, what: str) -> None:
        if self.config.read_only:
            raise ReadOnlyStoreError(
                f"Cannot {what} the record store {self.root_path}: it was opened read-only.",
                code="record_store_read_only",
                details={"path": str(self.root_path)},
            )


def _entry(index: int, record: object) -> Entry | AppendRejection:
    if not isinstance(record, _RECORD_CLASSES):
        classes = ", ".join(one.__name__ for one in _RECORD_CLASSES)
        return AppendRejection(
            index,
            "unsupported_record_type",
            f"The record store takes {classes}, not {type(record).__name__}.",
        )
    ref, kind = record.envelope.record_ref.text, record.envelope.record_type
    try:
        body = record_body(record)
    except (SerializationError, UnicodeEncodeError) as error:
        message = f"{ref} cannot be written: {error}"
        return AppendRejection(index, "record_serialization_failed", message, ref, kind)
    if len(body) > MAX_BODY_BYTES:
        message = f"{ref} has {len(body)} bytes; readers take at most {MAX_BODY_BYTES}."
        return AppendRejection(index, "record_too_large", message, ref, kind)
    return Entry(record, body)


def _mode(mode: ReplayMode | str) -> ReplayMode:
    try:
        return ReplayMode(mode)
    except ValueError as error:
        raise ReplayError(
            f"A replay is {' or '.join(ReplayMode)}, not {mode!r}.", code="record_replay_invalid_mode"
        ) from error
