"""What a capture call answers.

A call on a scope never raises for what happens to the record on its way; whoever wants to know looks at the
result. Results are made on the hot path, so they hold what is already there and work out the rest when asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple, overload

from contexta.capture.encode import Entry
from contexta.capture.values import JsonValue
from contexta.journal import paths


class PayloadFamily(StrEnum):
    """The kinds of capture files."""

    RECORD = paths.RECORD
    ARTIFACT = paths.ARTIFACT
    CONTEXT = paths.CONTEXT
    DEGRADATION = paths.DEGRADATION


class ResultStatus(StrEnum):
    """How a capture went: on all sinks, on some of them, on none."""

    SUCCESS = "SUCCESS"
    DEGRADED = "DEGRADED"
    FAILURE = "FAILURE"


class Delivery(NamedTuple):
    """What one sink did with a payload."""

    sink_name: str
    status: ResultStatus
    error_code: str | None = None
    error_message: str | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the payload was written whole."""
        return self.status is ResultStatus.SUCCESS

    def to_dict(self) -> dict[str, JsonValue]:
        """Return plain data."""
        return {
            "sink_name": self.sink_name,
            "status": str(self.status),
            "error_code": self.error_code,
            "error_message": self.error_message,
        }


class CaptureResult:
    """The outcome of one capture call.

    Attributes:
        status: See `ResultStatus`.
        deliveries: What each sink did.
        warnings: What was changed in the payload so that it could be written.
        degradation_reasons: Codes of why the result is less than a success.
        error_code: Set for a failure.
        error_message: One sentence, set for a failure.
    """

    __slots__ = (
        "_entry",
        "_family",
        "degradation_reasons",
        "deliveries",
        "error_code",
        "error_message",
        "status",
        "warnings",
    )

    def __init__(
        self,
        status: ResultStatus,
        entry: Entry | None,
        deliveries: tuple[Delivery, ...] = (),
        *,
        family: str = paths.RECORD,
        warnings: tuple[str, ...] = (),
        degradation_reasons: tuple[str, ...] = (),
        error_code: str | None = None,
        error_message: str | None = None,
    ) -> None:
        self.status = status
        self.deliveries = deliveries
        self.warnings = warnings
        self.degradation_reasons = degradation_reasons
        self.error_code = error_code
        self.error_message = error_message
        self._entry = entry
        self._family = family

    @property
    def succeeded(self) -> bool:
        """Whether every sink wrote the payload."""
        return self.status is ResultStatus.SUCCESS

    @property
    def degraded(self) -> bool:
        """Whether something was lost but not everything."""
        return self.status is ResultStatus.DEGRADED

    @property
    def failed(self) -> bool:
        """Whether no sink wrote the payload."""
        return self.status is ResultStatus.FAILURE

    @property
    def family(self) -> PayloadFamily:
        """The family of the payload."""
        return PayloadFamily(self._family if self._entry is None else self._entry.family)

    @property
    def payload(self) -> dict[str, JsonValue] | None:
        """The payload as it stands in the line; None when there was nothing to write."""
        return None if self._entry is None else self._entry.payload()

    @property
    def payload_ref(self) -> str | None:
        """The reference of the record; None for artifacts and for what was not written."""
        return None if self._entry is None else self._entry.payload_ref

    def to_dict(self) -> dict[str, JsonValue]:
        """Return plain data."""
        return {
            "status": str(self.status),
            "family": str(self.family),
            "payload": self.payload,
            "deliveries": [delivery.to_dict() for delivery in self.deliveries],
            "warnings": list(self.warnings),
            "degradation_reasons": list(self.degradation_reasons),
            "error_code": self.error_code,
            "error_message": self.error_message,
        }

    def __repr__(self) -> str:
        reason = f" {self.error_code}" if self.error_code else ""
        return f"<CaptureResult {self.status}{reason} {self.payload_ref or ''}>"


class BatchCaptureResult(Sequence[CaptureResult]):
    """The outcomes of a list of captures, in the order of the list."""

    def __init__(self, results: Sequence[CaptureResult]) -> None:
        self.results = tuple(results)

    @property
    def items(self) -> tuple[CaptureResult, ...]:
        """The single outcomes."""
        return self.results

    @property
    def total_count(self) -> int:
        """How many captures were asked for."""
        return len(self.results)

    @property
    def success_count(self) -> int:
        """How many succeeded."""
        return sum(result.succeeded for result in self.results)

    @property
    def degraded_count(self) -> int:
        """How many are degraded."""
        return sum(result.degraded for result in self.results)

    @property
    def failure_count(self) -> int:
        """How many failed."""
        return sum(result.failed for result in self.results)

    @property
    def status(self) -> ResultStatus:
        """SUCCESS when all succeeded, FAILURE when all failed, else DEGRADED."""
        if self.success_count == self.total_count:
            return ResultStatus.SUCCESS
        return ResultStatus.FAILURE if self.failure_count == self.total_count else ResultStatus.DEGRADED

    @overload
    def __getitem__(self, index: int) -> CaptureResult: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[CaptureResult]: ...

    def __getitem__(self, index: int | slice) -> CaptureResult | Sequence[CaptureResult]:
        return self.results[index]

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[CaptureResult]:
        return iter(self.results)
