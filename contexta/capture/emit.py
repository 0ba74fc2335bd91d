"""Metrics, events and spans of one scope.

An `Emitter` knows what its scope is about and turns calls into lines. Wrong keys and words raise (the author
sees them at the first run); values never do: what cannot be kept is replaced or dropped, and one degraded
record per scope and kind of loss says so at once, a second one with the rest of the count when the scope
closes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final

from contexta.capture.checks import check_event, check_metric, check_span
from contexta.capture.clock import micros_of_any
from contexta.capture.dispatch import Dispatcher
from contexta.capture.encode import (
    Entry,
    EnvelopePieces,
    MetricPieces,
    Subject,
    encode,
    envelope_pieces,
    metric_payload,
    metric_pieces,
)
from contexta.capture.ids import next_hex
from contexta.capture.losses import Losses
from contexta.capture.redaction import Redaction
from contexta.capture.results import CaptureResult, ResultStatus
from contexta.capture.values import MAX_NODES, MetricValue, Sanitiser, map_of, metric_value, shown
from contexta.contract.refs import StableRef
from contexta.journal.paths import RECORD

MAX_BODY_BYTES: Final = 16 * 1024 * 1024
"""Readers skip longer lines, so a longer record is reported as dropped instead of written."""

_Signature = tuple[str, str | None, str, str]
"""Key, unit, aggregation scope and summary basis of a metric."""

_REMEMBERED_METRICS: Final = 256
_RECORD_TYPES: Final[Mapping[str, str]] = {
    "metric": "MetricRecord",
    "event": "StructuredEventRecord",
    "span": "TraceSpanRecord",
}


class Emitter:
    """Records on one subject.

    Args:
        dispatcher: The way to the sinks.
        subject: What the records are about.
        redaction_profile: Whose hook every payload passes before it is encoded.
    """

    def __init__(
        self, dispatcher: Dispatcher, subject: Subject, redaction_profile: str | None = None
    ) -> None:
        self.dispatcher = dispatcher
        self.subject = subject
        self.redaction = Redaction(
            None if redaction_profile is None else dispatcher.redactors.get(redaction_profile)
        )
        self._envelopes: dict[str, EnvelopePieces] = {}
        self._metrics: dict[_Signature, MetricPieces] = {}
        self.losses = Losses(dispatcher, subject)

    def metric(  # noqa: PLR0917 - forwarded by position on the hot path
        self,
        key: str,
        value: object,
        unit: str | None = None,
        aggregation_scope: str = "step",
        tags: Mapping[str, str] | None = None,
        summary_basis: str = "raw_observation",
    ) -> CaptureResult:
        """Record a number; see `Scope.metric`."""
        signature = (key, unit, aggregation_scope, summary_basis)
        try:
            pieces = self._metrics.get(signature)
        except TypeError:  # an unhashable key; the check below names it
            pieces = None
        if pieces is None:
            pieces = self._prepare_metric(*signature)
        kept = metric_value(value)
        if kept is None:
            return self._dropped_value(key, value)
        try:
            return self._write_metric(signature, pieces, kept, tags)
        except Exception as error:  # noqa: BLE001 - out of memory and the like: the job goes on
            return self.dropped_record("metric", type(error).__name__)

    def _write_metric(
        self,
        signature: _Signature,
        pieces: MetricPieces,
        kept: MetricValue,
        tags: Mapping[str, str] | None,
    ) -> CaptureResult:
        key, unit, aggregation_scope, summary_basis = signature
        if self.redaction.active:
            payload = metric_payload(
                key,
                kept.value,
                kept.value_type,
                subject_ref=self.subject.subject_ref,
                unit=unit,
                aggregation_scope=aggregation_scope,
                summary_basis=summary_basis,
                tags=self._tags(tags),
            )
            return self._record("metric", payload)
        tag_json = b"{}" if tags is None else encode(self._tags(tags))
        dispatcher = self.dispatcher
        envelope = self._envelopes.get("metric") or self._prepare_envelope("metric")
        time = dispatcher.timestamps.text(dispatcher.clock() // 1000).encode()
        record_hex = next_hex()
        body = b"".join(
            (
                envelope.before_observed,
                time,
                envelope.before_hex,
                record_hex.encode(),
                envelope.before_recorded,
                time,
                envelope.after,
                pieces.before_tags,
                tag_json,
                pieces.before_value,
                encode(kept.value),
                pieces.before_type,
                kept.value_type.encode(),
                pieces.after,
            )
        )
        entry = Entry(RECORD, "MetricRecord", envelope.ref_stem + record_hex, body)
        return dispatcher.send_at(entry, time, self.subject)

    def event(
        self,
        key: str,
        message: object,
        level: str = "info",
        attributes: Mapping[str, object] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> CaptureResult:
        """Record that something happened; see `Scope.event`."""
        check_event(self.subject, key, level, attributes, tags)
        facts: Mapping[str, object] = attributes if attributes is not None else {}
        if tags is not None:
            facts = {**map_of(facts), "tags": self._tags(tags)}
        text = shown(message).strip()
        payload: dict[str, object] = {
            "event_key": key,
            "level": level,
            # The contract has no event without words; the key is what there is to say.
            "message": text or key,
            "subject_ref": self.subject.subject_ref,
            "attributes": facts,
            "origin_marker": "explicit_capture",
        }
        return self._record("event", payload)

    def span(  # noqa: PLR0917 - forwarded by position on the hot path
        self,
        name: str,
        started_at: object = None,
        ended_at: object = None,
        status: str = "ok",
        span_kind: str = "operation",
        attributes: Mapping[str, object] | None = None,
        linked_refs: Iterable[str] | None = None,
        parent_span_id: str | None = None,
    ) -> CaptureResult:
        """Record a stretch of time; see `Scope.span`."""
        check_span(self.subject, name, status, span_kind)
        now = self.dispatcher.now()
        start = self._moment(started_at, now)
        end = self._moment(ended_at, start)
        if end < start:
            # Clocks step back; the span keeps its start.
            self.losses.note(
                "gap.value_changed", "A span that ended before it began was given no length.", "time_order"
            )
            end = start
        trace = next_hex() + next_hex()[:4]
        payload: dict[str, object] = {
            "span_id": f"span-{next_hex()}",
            "trace_id": f"trace-{trace}",
            "parent_span_id": None if parent_span_id is None else shown(parent_span_id),
            "span_name": shown(name).strip(),
            "started_at": self.dispatcher.text(start),
            "ended_at": self.dispatcher.text(end),
            "status": status,
            "span_kind": span_kind,
            "attributes": attributes if attributes is not None else {},
            "linked_refs": self._links(linked_refs),
        }
        return self._record("span", payload, observed=start)

    def dropped_record(self, what: str, reason: str) -> CaptureResult:
        """Count a record that was not written at all."""
        summary = f"A {what} was not written: {reason}."
        self.losses.note("gap.record_dropped", summary, reason, marker="capture_gap")
        return CaptureResult(
            ResultStatus.FAILURE, None, error_code="capture_record_dropped", error_message=summary
        )

    def _prepare_metric(
        self, key: str, unit: str | None, aggregation_scope: str, summary_basis: str
    ) -> MetricPieces:
        check_metric(self.subject, key, unit, aggregation_scope, summary_basis)
        clean = Sanitiser().text
        pieces = metric_pieces(
            key,
            subject_ref=self.subject.subject_ref,
            unit=None if unit is None else clean(unit.strip()),
            aggregation_scope=aggregation_scope,
            summary_basis=clean(summary_basis.strip()),
        )
        if len(self._metrics) >= _REMEMBERED_METRICS:
            self._metrics.clear()
        self._metrics[key, unit, aggregation_scope, summary_basis] = pieces
        return pieces

    def _prepare_envelope(self, record_type: str) -> EnvelopePieces:
        pieces = envelope_pieces(self.subject, record_type)
        self._envelopes[record_type] = pieces
        return pieces

    def _moment(self, raw: object, default: int) -> int:
        if raw is None:
            return default
        try:
            micros = micros_of_any(raw, field_name="time")
            self.dispatcher.text(micros)
        except Exception:  # noqa: BLE001 - no time, or one of a foreign time zone that may raise anything
            self.losses.note(
                "gap.value_changed", "A time of a span that is no time was left out.", "not_a_time"
            )
            return default
        return micros

    def _links(self, linked_refs: object) -> list[str]:
        """Return linked references as texts; what is no list of them is dropped and counted."""
        if linked_refs is None:
            return []
        try:
            if isinstance(linked_refs, (str, StableRef)):
                return [shown(linked_refs)]
            links = [shown(ref) for ref in islice(linked_refs, MAX_NODES)]  # type: ignore[call-overload]
        except Exception:  # noqa: BLE001 - a foreign iterator may raise anything
            self.losses.note("gap.value_changed", "Links that are no list were left out.", "linked_refs")
            return []
        return links

    def _tags(self, tags: object) -> dict[str, str]:
        """Return tags as text to text; what is no map is dropped and counted."""
        clean = Sanitiser().copy(tags)
        if not isinstance(clean, dict):
            self.losses.note("gap.value_changed", "Tags that are no map were left out.", "tags")
            return {}
        return {key: value if isinstance(value, str) else shown(value) for key, value in clean.items()}

    def _dropped_value(self, key: str, value: object) -> CaptureResult:
        summary = f"A value of metric {key} was dropped: {type(value).__name__} is not a number."
        self.losses.note("gap.value_dropped", summary, "not_a_number", marker="capture_gap")
        return CaptureResult(
            ResultStatus.FAILURE, None, error_code="capture_model_invalid_metric_value", error_message=summary
        )

    def _record(self, record_type: str, raw: dict[str, object], observed: int | None = None) -> CaptureResult:
        """Write a record whose payload is plain data of unknown quality."""
        try:
            return self._write_record(record_type, raw, observed)
        except Exception as error:  # noqa: BLE001 - e.g. out of memory or recursion: the job goes on
            return self.dropped_record(record_type, type(error).__name__)

    def _write_record(self, record_type: str, raw: dict[str, object], observed: int | None) -> CaptureResult:
        dispatcher = self.dispatcher
        now = dispatcher.now()
        sanitiser = Sanitiser()
        payload = sanitiser.copy(raw)
        if not isinstance(payload, dict):
            return self.dropped_record(record_type, "unreadable payload")
        if not isinstance(payload.get("attributes", {}), dict):
            sanitiser.changed += 1
            sanitiser.reasons.add("attributes")
            payload["attributes"] = {}
        kept = self.redaction.of_payload(payload)
        if kept is None:
            return self.dropped_record(record_type, "its redaction hook failed")
        inner = encode(kept)
        if len(inner) > MAX_BODY_BYTES:
            return self.dropped_record(record_type, f"it has more than {MAX_BODY_BYTES} bytes")
        envelope = self._envelopes.get(record_type) or self._prepare_envelope(record_type)
        record_hex = next_hex()
        body = b"".join(
            (
                envelope.before_observed,
                dispatcher.text(now if observed is None else min(observed, now)).encode(),
                envelope.before_hex,
                record_hex.encode(),
                envelope.before_recorded,
                dispatcher.text(now).encode(),
                envelope.after,
                inner,
                b"}",
            )
        )
        entry = Entry(RECORD, _RECORD_TYPES[record_type], envelope.ref_stem + record_hex, body)
        warnings = tuple(sorted(sanitiser.reasons))
        result = dispatcher.send(entry, self.subject, at_least=now, warnings=warnings)
        if sanitiser.changed:
            self.losses.note(
                "gap.value_changed",
                f"{sanitiser.changed} values of a {record_type} were replaced: {', '.join(warnings)}.",
                ",".join(warnings),
            )
        return result
