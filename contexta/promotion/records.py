"""Appends captured records to the segments, each reference once.

What is stored already is learnt from the segments themselves, so a promotion that was killed between any two
records goes on behind the last one. A file in the workspace says that a promotion is under way; who finds it
knows that the one before was killed, and afterwards brings the manifest and the indexes up to date, which an
append writes behind its records. A tail that the kill tore is taken out first, as the store's own repair
does.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

from contexta.captured import CapturedLine
from contexta.contract.serialization import AnyRecord
from contexta.errors import StoreAccessError
from contexta.promotion.models import record_of
from contexta.promotion.result import INVALID_RECORD, PARTLY, Tally
from contexta.promotion.scopes import Scopes
from contexta.store.disk import Folder, locked
from contexta.store.segment_append import LOCKED
from contexta.store.segment_end import find_end
from contexta.store.segment_files import (
    LOCK,
    MANIFEST,
    SEGMENTS,
    physical_lines,
    segment_ids,
    segment_name,
)
from contexta.store.segment_lines import glued
from contexta.store.segments import RecordStore

UNDER_WAY: Final = ".promotion-under-way"
_MOST_BYTES: Final = 4 * 1024 * 1024
_RECORD_REF: Final = "record_ref"


class _Envelope(msgspec.Struct):
    record_ref: str


class _Record(msgspec.Struct):
    envelope: _Envelope


class _Stored(msgspec.Struct):
    record: _Record


_DECODE: Final = msgspec.json.Decoder(_Stored).decode


class RecordPromoter:
    """Takes captured records and appends those that are new.

    Args:
        store: The segments.
        workspace: The folder, for the file that says that a promotion is under way.
        tally: Gets the counts.
        run_ref: The only run whose records come.
        dry_run: Look only.
        batch_records: How many are appended at once.

    Raises:
        StoreAccessError: ``record_store_unreadable``; ``record_store_locked`` after a kill.
        RecordError: ``record_repair_failed``, after a kill.
    """

    def __init__(
        self,
        store: RecordStore,
        workspace: Path,
        tally: Tally,
        run_ref: str | None,
        *,
        dry_run: bool,
        batch_records: int,
    ) -> None:
        self._store = store
        self._mark = workspace / UNDER_WAY
        self._tally = tally
        self._dry_run = dry_run
        self._batch_records = max(1, batch_records)
        self._marked = self._was_killed = self._mark.exists()
        self._pending: list[AnyRecord] = []
        self._pending_bytes = 0
        self._known, is_torn = _stored_refs(store.root_path, run_ref)
        if self._was_killed and is_torn and not dry_run:
            store.repair_truncated_tails()
            self._known, _ = _stored_refs(store.root_path, run_ref)

    def add(self, line: CapturedLine, scopes: Scopes) -> None:
        """Take a record.

        Args:
            line: Its line.
            scopes: Is told where it was observed.

        Raises:
            AppendError: ``record_append_failed`` or ``record_append_not_durable``.
            ReadOnlyStoreError: ``record_store_read_only``.
            SchemaVersionError: ``record_store_layout_unsupported``.
            StoreAccessError: ``record_store_locked``.
        """
        envelope = line.payload.get("envelope")
        if not isinstance(envelope, dict) or not scopes.wants(envelope.get("run_ref")):
            return
        if line.ref in self._known:
            # Seen before: its times count all the same, and it need not be checked again.
            scopes.observe(envelope)
            self._tally.records_skipped += 1
            return
        record, given_up = record_of(line.payload)
        if record is None:
            self._tally.leave_out(line.ref, INVALID_RECORD, "; ".join(given_up))
            return
        if given_up:
            self._tally.leave_out(line.ref, PARTLY, "; ".join(given_up))
        self._known.add(line.ref)
        scopes.observe(envelope)
        self._pending.append(record)
        self._pending_bytes += line.length
        if len(self._pending) >= self._batch_records or self._pending_bytes >= _MOST_BYTES:
            self.flush()

    def flush(self) -> None:
        """Append what was taken; raises as `add`."""
        records, self._pending, self._pending_bytes = self._pending, [], 0
        if not records:
            return
        if self._dry_run:
            self._tally.records_written += len(records)
            return
        self._begin()
        result = self._store.append_many(records)
        self._tally.records_written += len(result.accepted)
        for rejection in result.rejected:
            ref = records[rejection.index].envelope.record_ref.text
            self._tally.leave_out(ref, rejection.code, rejection.message.rstrip("."))

    def _begin(self) -> None:
        if not self._marked and not self._store.config.read_only:
            os.close(os.open(self._mark, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
            self._marked = True

    def finish(self) -> None:
        """Append the rest, and make good what a kill left behind; raises as `add` and the constructor."""
        self.flush()
        if self._dry_run:
            return
        if self._was_killed and _has_segments(self._store.root_path):
            self._settle()
        if self._marked:
            self._mark.unlink(missing_ok=True)

    def _settle(self) -> None:
        config = self._store.config
        try:
            with (
                Folder.open(config.root_path) as root,
                Folder.open(config.root_path, SEGMENTS) as segments,
                locked(root, LOCK, timeout_seconds=config.lock_timeout_seconds, code=LOCKED),
            ):
                root.replace(MANIFEST, find_end(root, segments).manifest().encoded(), durable=True)
        except OSError as error:
            raise _unreadable(config.root_path, error) from error
        if config.enable_indexes:
            self._store.rebuild_indexes()


def _stored_refs(root: Path, run_ref: str | None) -> tuple[set[str], bool]:
    """Return the references of the records that are stored, and whether a segment ends in a torn line.

    Raises:
        StoreAccessError: ``record_store_unreadable``: without all of it, records would be stored twice.
    """
    prefix = "" if run_ref is None else f"record:{run_ref.partition(':')[2]}."
    refs: set[str] = set()
    is_torn = False
    try:
        with Folder.open(root, SEGMENTS) as folder:
            for segment_id in segment_ids(folder):
                fd = folder.open_file(segment_name(segment_id))
                try:
                    for line in physical_lines(fd):
                        is_torn |= not line.is_whole
                        refs.update(ref for ref in _refs_of(line.data) if ref.startswith(prefix))
                finally:
                    os.close(fd)
    except FileNotFoundError:
        return refs, is_torn
    except OSError as error:
        raise _unreadable(root, error) from error
    return refs, is_torn


def _refs_of(data: bytes) -> list[str]:
    try:
        return [_DECODE(data).record.envelope.record_ref]
    except (ValueError, RecursionError):
        envelopes = (stored.record.get("envelope") for stored in glued(data))
        found = (envelope.get(_RECORD_REF) for envelope in envelopes if isinstance(envelope, dict))
        return [ref for ref in found if isinstance(ref, str)]


def _has_segments(root: Path) -> bool:
    try:
        with Folder.open(root, SEGMENTS) as segments:
            return bool(segment_ids(segments))
    except OSError:
        return False


def _unreadable(root: Path, error: OSError) -> StoreAccessError:
    return StoreAccessError(
        f"The record store {root} cannot be read: {error}. Nothing was promoted, because what is stored"
        " there would be stored again.",
        code="record_store_unreadable",
        details={"path": str(root)},
        cause=error,
    )
