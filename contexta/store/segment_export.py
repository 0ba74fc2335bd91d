"""Writes what is stored into one file, and says what it takes to call a reading complete."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from contexta.errors import RecordError, ReplayError
from contexta.store.segment_lines import record_body
from contexta.store.segment_results import ExportResult, IntegrityState
from contexta.store.segment_scan import RecordScan


def export_jsonl(path: Path, scan: RecordScan, *, strict: bool) -> ExportResult:
    """Write records to a file, which is complete or not there; see `RecordStore.export_jsonl`."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            count = _write(fd, scan)
            if strict:
                require_healthy(scan)
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        raise RecordError(
            f"The records could not be exported to {path}: {error}.",
            code="record_export_failed",
            details={"path": str(path)},
            cause=error,
        ) from error
    return ExportResult(path, count, scan.warnings, scan.known_gaps, scan.integrity_state)


def _write(fd: int, scan: RecordScan) -> int:
    count = 0
    with os.fdopen(fd, "wb") as file:
        for stored in scan:
            file.write(record_body(stored.record) + b"\n")
            count += 1
        file.flush()
        os.fsync(file.fileno())
    return count


def require_healthy(scan: RecordScan) -> None:
    """Refuse a reading that is not all there is.

    Raises:
        ReplayError: ``record_replay_unhealthy_store``.
    """
    state = scan.integrity_state
    if state is IntegrityState.HEALTHY:
        return
    gaps = scan.known_gaps
    raise ReplayError(
        f"The record store is {state.lower()}: {gaps[0].message} Replay it as tolerant to read the rest.",
        code="record_replay_unhealthy_store",
        details={
            "integrity_state": state.value,
            "known_gaps": [gap.code for gap in gaps],
            "warnings": [str(warning) for warning in scan.warnings],
        },
    )
