"""What the record store answers: receipts, records, findings.

Values only. The names and words are those of public Contexta's record store (format specification, section
5), so that a program written for it finds them again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from contexta.contract.records import DegradedRecord, MetricRecord, StructuredEventRecord, TraceSpanRecord
from contexta.store.segment_config import ReplayMode

Record = MetricRecord | StructuredEventRecord | TraceSpanRecord | DegradedRecord
"""What may be appended."""


class DurabilityStatus(StrEnum):
    """How safe an appended record is."""

    ACCEPTED = "ACCEPTED"
    FLUSHED = "FLUSHED"
    FSYNCED = "FSYNCED"


class IntegrityState(StrEnum):
    """Whether all that was stored can be read.

    ``DEGRADED``: what is there can be read, but something is known to be missing or stale. ``CORRUPTED``:
    something that is there cannot be read.
    """

    HEALTHY = "HEALTHY"
    DEGRADED = "DEGRADED"
    CORRUPTED = "CORRUPTED"


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record and where it lies.

    Attributes:
        sequence: Its number. Unique when this library wrote it; public Contexta repeats numbers when two
            processes append at once.
        segment_id: The segment, from 1.
        offset: The line in the segment, from 1.
        appended_at: When it was stored.
        record: The record.
    """

    sequence: int
    segment_id: int
    offset: int
    appended_at: str
    record: Record


@dataclass(frozen=True, slots=True)
class AppendReceipt:
    """Where an accepted record lies, as `StoredRecord`."""

    sequence: int
    segment_id: int
    offset: int
    record_ref: str
    record_type: str
    run_ref: str
    durability_status: DurabilityStatus


@dataclass(frozen=True, slots=True)
class AppendRejection:
    """A record that was not stored.

    Attributes:
        index: Its place in what was given, from 0.
        code: ``unsupported_record_type``, ``record_serialization_failed`` or ``record_too_large``.
        message: Why.
        record_ref: Its reference, when it has one.
        record_type: Its type, when it has one.
    """

    index: int
    code: str
    message: str
    record_ref: str | None = None
    record_type: str | None = None


@dataclass(frozen=True, slots=True)
class AppendResult:
    """What became of the given records.

    Attributes:
        accepted: One receipt for each stored record, in order.
        rejected: The others.
        durability_status: How safe the accepted ones are; ``ACCEPTED`` when there are none.
        durable_count: How many are as safe as that.
        warnings: What went wrong beside the records, e.g. an index file that could not be written. The
            records themselves are safe.
    """

    accepted: tuple[AppendReceipt, ...] = ()
    rejected: tuple[AppendRejection, ...] = ()
    durability_status: DurabilityStatus = DurabilityStatus.ACCEPTED
    durable_count: int = 0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScanWarning:
    """Something that a reader passed over or took with care.

    Attributes:
        code: ``truncated_line``, ``invalid_json_line``, ``invalid_record``, ``line_too_long`` or
            ``segment_unreadable`` for what could not be read; ``glued_lines``, or the code of a
            `ValidationIssue` such as ``schema.version_mismatch``, for what was read nevertheless.
        message: One sentence.
        segment_id: The segment, from 1.
        line_number: The first line it concerns, from 1; None when it concerns the segment.
        count: How many lines it concerns.
    """

    code: str
    message: str
    segment_id: int
    line_number: int | None = None
    count: int = 1

    @property
    def is_loss(self) -> bool:
        """Whether something that is stored could not be read."""
        return self.code in LOSSES

    def __str__(self) -> str:
        where = f"segment {self.segment_id}"
        if self.line_number is not None:
            where += f" line {self.line_number}"
        more = f" and {self.count - 1} more" if self.count > 1 else ""
        return f"{self.code} at {where}{more}"


TRUNCATED_LINE: Final = "truncated_line"
INVALID_JSON_LINE: Final = "invalid_json_line"
INVALID_RECORD: Final = "invalid_record"
LINE_TOO_LONG: Final = "line_too_long"
SEGMENT_UNREADABLE: Final = "segment_unreadable"
SEQUENCE_GAP: Final = "sequence_gap"

LOSSES: Final = frozenset(
    {TRUNCATED_LINE, INVALID_JSON_LINE, INVALID_RECORD, LINE_TOO_LONG, SEGMENT_UNREADABLE}
)


@dataclass(frozen=True, slots=True)
class KnownGap:
    """Something that is known to be missing.

    Attributes:
        code: ``sequence_gap``, or that of a `ScanWarning` of what could not be read.
        message: One sentence.
        segment_id: The segment where it shows.
        line_number: The line where it shows.
        start_sequence: The first missing number of a sequence gap.
        end_sequence: The last.
    """

    code: str
    message: str
    segment_id: int
    line_number: int | None = None
    start_sequence: int | None = None
    end_sequence: int | None = None


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """Everything that is stored, in the order of the files.

    Attributes:
        records: The records that the filter takes.
        record_count: How many these are.
        mode: How it was read.
        warnings: What was passed over or taken with care.
        known_gaps: What is missing, of all that is stored, whatever the filter.
        integrity_state: Follows from the gaps.
    """

    records: tuple[StoredRecord, ...] = ()
    record_count: int = 0
    mode: ReplayMode = ReplayMode.STRICT
    warnings: tuple[ScanWarning, ...] = ()
    known_gaps: tuple[KnownGap, ...] = ()
    integrity_state: IntegrityState = IntegrityState.HEALTHY


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What an export wrote.

    Attributes:
        path: The file.
        record_count: Lines in it.
        warnings: What was passed over or taken with care.
        known_gaps: What is missing.
        integrity_state: Follows from the gaps.
    """

    path: Path
    record_count: int
    warnings: tuple[ScanWarning, ...] = ()
    known_gaps: tuple[KnownGap, ...] = ()
    integrity_state: IntegrityState = IntegrityState.HEALTHY


@dataclass(frozen=True, slots=True)
class IntegrityIssue:
    """One finding of a check.

    Attributes:
        severity: ``error`` (something cannot be read), ``warning`` (something is missing or stale) or
            ``info`` (worth knowing).
        code: That of a `ScanWarning`, or ``sequence_gap``, ``sequence_repeat``, ``manifest_missing``,
            ``manifest_invalid``, ``manifest_stale``, ``index_stale``.
        message: One sentence.
        segment_id: The segment, when it concerns one.
        line_number: The line, when it concerns one.
    """

    severity: str
    code: str
    message: str
    segment_id: int | None = None
    line_number: int | None = None


@dataclass(frozen=True, slots=True)
class IntegrityReport:
    """What a check found.

    Attributes:
        healthy: Whether the state is ``HEALTHY``.
        issues: The findings, in the order of the files.
        segment_count: Segments.
        record_count: Records that can be read.
        state: The worst of the findings.
        recommendations: Names of the methods of the store that would help.
    """

    healthy: bool
    issues: tuple[IntegrityIssue, ...] = ()
    segment_count: int = 0
    record_count: int = 0
    state: IntegrityState = IntegrityState.HEALTHY
    recommendations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What a repair did.

    Attributes:
        success: Whether all was done.
        repaired_segments: Segments whose torn tail was cut off or completed.
        quarantined_paths: Where the cut-off bytes are.
        rebuilt_indexes: Whether the indexes were made anew.
        integrity_state: The state afterwards.
        notes: What was done.
        warnings: What could not be done.
    """

    success: bool
    repaired_segments: tuple[int, ...] = ()
    quarantined_paths: tuple[Path, ...] = ()
    rebuilt_indexes: bool = False
    integrity_state: IntegrityState = IntegrityState.HEALTHY
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
