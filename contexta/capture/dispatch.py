"""Hands every payload to every sink that wants it, and keeps account of what did not arrive.

Nothing that a sink does or fails to do may reach the job. A line that was lost is counted; as soon as a sink
writes again, one degraded record says how much is missing, so that a reader never takes a gap for silence.
When configured, a failed write is tried again first, and what still failed is kept in an outbox.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from contexta.capture.clock import Clock, TimestampWriter, system_clock
from contexta.capture.encode import Entry, Subject, encode, envelope
from contexta.capture.ids import next_hex
from contexta.capture.outbox import Outbox
from contexta.capture.redaction import Redactor
from contexta.capture.results import CaptureResult, Delivery, PayloadFamily, ResultStatus
from contexta.capture.sinks import WRITE_FAILED, CaptureSink, EncodedSink
from contexta.capture.values import JsonValue, shown
from contexta.journal.forks import start_over_in_child
from contexta.journal.paths import RECORD

ALL_FAILED: Final = "dispatch_all_eligible_sinks_failed"
PARTIAL_FAILURE: Final = "dispatch_partial_failure"
KEPT: Final = "dispatch_kept_in_outbox"


class Retry(NamedTuple):
    """How often a failed write is tried again.

    Attributes:
        attempts: How many more tries there are; a call waits ``attempts * backoff_seconds`` at most. A sink
            that failed them all gets one try a payload until it writes again, so that an outage costs the job
            this time once and not with every metric.
        backoff_seconds: How long to wait before each of them.
    """

    attempts: int = 0
    backoff_seconds: float = 0.0


NO_RETRY: Final = Retry()


class _Missing:
    """How much did not arrive at one sink since it last wrote."""

    __slots__ = ("lines", "reason", "subject")

    def __init__(self, subject: Subject) -> None:
        self.lines = 0
        self.reason = ""
        self.subject = subject


class Dispatcher:
    """The way from scopes to sinks, shared by all scopes of a session.

    Args:
        sinks: Where payloads go.
        clock: The wall clock.
        producer_ref: Who records, e.g. ``sdk.python.local``.
        redactors: Hooks by redaction profile.
        retry: What to do about a failed write at once.
        outbox: Where payloads go that a sink refused; they are then not counted as lost.
        sleep: Waits some seconds; for tests.
    """

    def __init__(
        self,
        sinks: Sequence[EncodedSink | CaptureSink],
        *,
        clock: Clock = system_clock,
        producer_ref: str = "sdk.python.local",
        redactors: Mapping[str, Redactor] | None = None,
        retry: Retry = NO_RETRY,
        outbox: Outbox | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.clock = clock
        self.timestamps = TimestampWriter()
        self.producer_ref = producer_ref
        self.redactors: Mapping[str, Redactor] = dict(redactors or {})
        self._sinks = tuple(sink if isinstance(sink, EncodedSink) else _Foreign(sink) for sink in sinks)
        self._retry = retry
        self._outbox = outbox
        self._sleep = sleep
        self._broken: set[str] = set()
        self.start_over()
        start_over_in_child(self)
        # The answer of a call that went well is the same every time but for its entry.
        self._all_well = {
            family: tuple(sink.success for sink in self._sinks if sink.accepts(family))
            for family in PayloadFamily
        }

    def start_over(self) -> None:
        """Let go of what a thread of the parent may hold; for a forked child.

        The gaps so far are the parent's to tell.
        """
        self._lock = threading.RLock()
        self._reporting = False
        self._missing: dict[str, _Missing] = {}

    def now(self) -> int:
        """Return microseconds since the epoch."""
        return self.clock() // 1000

    def text(self, micros: int) -> str:
        """Spell a time."""
        return self.timestamps.text(micros)

    def send(
        self, entry: Entry, subject: Subject | None, *, at_least: int, warnings: tuple[str, ...] = ()
    ) -> CaptureResult:
        """Write a payload that took its time to encode.

        Args:
            entry: The payload.
            subject: What a gap would be reported on; None when a gap in this payload cannot be reported.
            at_least: No line is captured before it was recorded, whatever the clock does; in microseconds.
            warnings: What was changed in the payload.
        """
        captured = self.timestamps.text(max(self.now(), at_least)).encode()
        return self.send_at(entry, captured, subject, warnings)

    def send_at(
        self, entry: Entry, captured_at: bytes, subject: Subject | None, warnings: tuple[str, ...] = ()
    ) -> CaptureResult:
        """Write a payload at a given time; see `send`."""
        deliveries: list[Delivery] | None = None
        kept = 0
        for sink in self._sinks:
            if not sink.accepts(entry.family):
                continue
            reason = _written(sink, entry, captured_at)
            if reason is None:
                if self._broken:
                    self._broken.discard(sink.name)
                continue
            delivery, is_kept = self._refused(sink, entry, captured_at, reason)
            if delivery is None:
                continue
            deliveries = deliveries or []
            deliveries.append(delivery)
            kept += is_kept
            if not is_kept:
                self._note_missing(sink.name, delivery.error_message or "", subject)
        well = self._all_well[entry.family]  # type: ignore[index] # a StrEnum member equals its text
        if deliveries is None:
            if not well:
                return self._nowhere(entry)
            if self._missing:
                self._report_missing()
            status = ResultStatus.DEGRADED if warnings else ResultStatus.SUCCESS
            return CaptureResult(status, entry, well, warnings=warnings)
        return _failed(entry, deliveries, well, warnings, kept)

    def settle(self) -> None:
        """Say what is still missing, as far as sinks write again."""
        if self._missing:
            self._report_missing()

    def close(self) -> None:
        """Report gaps and close the sinks."""
        self.settle()
        for sink in self._sinks:
            try:
                sink.close()
            except Exception:  # noqa: BLE001, S112 - closing is no moment to stop a job either
                continue
        if self._outbox is not None:
            self._outbox.close()

    def _nowhere(self, entry: Entry) -> CaptureResult:
        reason = "no_eligible_sink" if self._sinks else "no_configured_sink"
        return CaptureResult(ResultStatus.DEGRADED, entry, degradation_reasons=(reason,))

    def _refused(
        self, sink: EncodedSink, entry: Entry, captured_at: bytes, reason: str
    ) -> tuple[Delivery | None, bool]:
        """Try again as configured, then keep the payload as configured.

        Returns:
            The failed delivery, or None when a later try went well; and whether the outbox has the payload.
        """
        attempts = 1
        if sink.name not in self._broken:
            for _ in range(self._retry.attempts):
                if self._retry.backoff_seconds:
                    self._sleep(self._retry.backoff_seconds)
                attempts += 1
                again = _written(sink, entry, captured_at)
                if again is None:
                    return None, False
                reason = again
        self._broken.add(sink.name)
        delivery = Delivery(sink.name, ResultStatus.FAILURE, WRITE_FAILED, reason)
        if self._outbox is None:
            return delivery, False
        now = self.now()
        return delivery, self._outbox.keep(entry, delivery, attempts, self.text(now), now)

    def _note_missing(self, sink_name: str, reason: str, subject: Subject | None) -> None:
        if subject is None or subject.run_ref is None:
            return
        with self._lock:
            missing = self._missing.setdefault(sink_name, _Missing(subject))
            missing.lines += 1
            missing.reason = reason

    def _report_missing(self) -> None:
        """Write one degraded record for each sink that lost lines and may be writing again."""
        with self._lock:
            if self._reporting:
                return
            self._reporting = True
            try:
                for name, missing in list(self._missing.items()):
                    # A signal handler of this thread may lose more meanwhile.
                    lines = missing.lines
                    if self._told(name, missing, lines):
                        missing.lines -= lines
                        if not missing.lines:
                            del self._missing[name]
            finally:
                self._reporting = False

    def _told(self, sink_name: str, missing: _Missing, lines: int) -> bool:
        run = missing.subject
        result = self.degraded(
            run._replace(subject_ref=run.run_ref or run.subject_ref),
            "gap.write_failed",
            f"{lines} captured lines could not be written to {sink_name}: {missing.reason}",
            {"lines": lines, "sink": sink_name, "reason": missing.reason},
        )
        return all(delivery.succeeded for delivery in result.deliveries if delivery.sink_name == sink_name)

    def degraded(
        self,
        subject: Subject,
        issue_key: str,
        summary: str,
        attributes: Mapping[str, JsonValue],
        *,
        marker: str = "capture_gap",
    ) -> CaptureResult:
        """Write a degraded record: something is missing here, and this is known about it.

        Args:
            subject: What it is missing from; it must lie in a run.
            issue_key: Dotted words with underscores, e.g. ``gap.write_failed``.
            summary: One sentence.
            attributes: Counts and reasons, never the lost values themselves.
            marker: ``capture_gap`` when something is lost, ``partial_failure`` when it was changed.
        """
        now = self.now()
        time = self.text(now)
        head = envelope(
            subject,
            "degraded",
            observed_at=time,
            recorded_at=time,
            record_hex=next_hex(),
            completeness="partial",
            degradation=marker,
        )
        payload = {
            "issue_key": issue_key,
            "category": "capture",
            "severity": "warning",
            "summary": shown(summary),
            "subject_ref": subject.subject_ref,
            "origin_marker": "explicit_capture",
            "attributes": dict(attributes),
        }
        body = encode({"envelope": head, "payload": payload})
        entry = Entry(RECORD, "DegradedRecord", str(head["record_ref"]), body)
        return self.send(entry, None, at_least=now)


def _written(sink: EncodedSink, entry: Entry, captured_at: bytes) -> str | None:
    """Return why a sink did not write a payload, or None when it did."""
    try:
        return sink.write(entry, captured_at)
    except Exception as error:  # noqa: BLE001 - whatever a sink does, the job goes on
        return f"{type(error).__name__}: {shown(error)}"


def _failed(
    entry: Entry,
    failures: list[Delivery],
    well: tuple[Delivery, ...],
    warnings: tuple[str, ...],
    kept: int,
) -> CaptureResult:
    """Return the result of a payload that some sinks or all of them refused.

    It is degraded, not failed, as long as every refused payload is kept in the outbox.
    """
    failed = {delivery.sink_name for delivery in failures}
    deliveries = (*(delivery for delivery in well if delivery.sink_name not in failed), *failures)
    everywhere = len(failures) == len(well)
    reasons = (ALL_FAILED if everywhere else PARTIAL_FAILURE, *((KEPT,) if kept else ()))
    if not everywhere or kept == len(failures):
        return CaptureResult(
            ResultStatus.DEGRADED, entry, deliveries, warnings=warnings, degradation_reasons=reasons
        )
    return CaptureResult(
        ResultStatus.FAILURE,
        entry,
        deliveries,
        warnings=warnings,
        degradation_reasons=reasons,
        error_code=ALL_FAILED,
        error_message=failures[0].error_message,
    )


class _Foreign(EncodedSink):
    """Lets an object with ``capture(family=, payload=)`` take part."""

    def __init__(self, sink: CaptureSink) -> None:
        super().__init__(sink.name)
        self._sink = sink

    def write(self, entry: Entry, captured_at: bytes) -> str | None:  # noqa: ARG002 - its time is its own affair
        self._sink.capture(family=PayloadFamily(entry.family), payload=entry.payload())
        return None
