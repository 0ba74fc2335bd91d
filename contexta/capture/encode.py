"""From facts to the bytes of a capture line.

One generic encoder defines the form of every line: keys sorted at every level, compact, nulls kept, text raw.
For the hot path the same encoder is run once per scope and key on a document with markers where the changing
values go; the bytes between the markers are kept and later calls only fill them in. So a hand-built line
cannot differ from an encoded one, by construction. The form is that of the format specification, section 4.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from contexta.capture.values import JsonValue
from contexta.journal.paths import ARTIFACT, CONTEXT, DEGRADATION, RECORD

encode: Final = msgspec.json.Encoder(order="sorted").encode
"""The generic encoder. Raises for text with lone surrogates and for types JSON has not."""

_decode: Final = msgspec.json.Decoder().decode

# Random, so that no recorded text can contain it.
_MARK: Final = "\0" + os.urandom(8).hex()
_MARK_BYTES: Final = encode(_MARK)[1:-1]

_HEAD: Final = b'{"captured_at":"'
_AFTER_TIME: Final[Mapping[str, bytes]] = {
    family: b'","family":"%s","payload":' % family.encode()
    for family in (RECORD, ARTIFACT, CONTEXT, DEGRADATION)
}
_BEFORE_REF: Final = b',"payload_ref":'
_BEFORE_TYPE: Final = b',"payload_type":"'
_BEFORE_SINK: Final = b'","sink_name":'
_END: Final = b"}\n"


class Subject(NamedTuple):
    """What a record is about: the refs of its envelope, outer to inner, and the deepest of them."""

    producer_ref: str
    subject_ref: str
    run_ref: str | None
    deployment_execution_ref: str | None = None
    stage_execution_ref: str | None = None
    batch_execution_ref: str | None = None
    sample_observation_ref: str | None = None
    operation_context_ref: str | None = None

    @property
    def run_value(self) -> str:
        """The run's names, the stem of record and artifact references."""
        return (self.run_ref or "").removeprefix("run:")


class Entry:
    """One captured payload, encoded once for all sinks.

    Attributes:
        family: The payload family, e.g. ``RECORD``.
        payload_type: The model's name, e.g. ``MetricRecord``; ``dict`` for artifacts.
        payload_ref: The record's or scope's own reference; None for artifacts.
        body: The payload as JSON.
    """

    __slots__ = ("body", "family", "payload_ref", "payload_type")

    def __init__(self, family: str, payload_type: str, payload_ref: str | None, body: bytes) -> None:
        self.family = family
        self.payload_type = payload_type
        self.payload_ref = payload_ref
        self.body = body

    def payload(self) -> dict[str, JsonValue]:
        """Return the payload as plain data."""
        data: dict[str, JsonValue] = _decode(self.body)
        return data

    def line(self, captured_at: bytes, sink_name: bytes) -> bytes:
        """Return the whole capture line.

        Args:
            captured_at: The time of writing as text.
            sink_name: The sink's name as JSON.
        """
        ref = self.payload_ref
        return b"".join(
            (
                _HEAD,
                captured_at,
                _AFTER_TIME[self.family],
                self.body,
                _BEFORE_REF,
                # References are ASCII without quotes by their grammar.
                b"null" if ref is None else b'"%s"' % ref.encode(),
                _BEFORE_TYPE,
                self.payload_type.encode(),
                _BEFORE_SINK,
                sink_name,
                _END,
            )
        )


def split_at_marks(document: Mapping[str, object], *, raw: frozenset[int] = frozenset()) -> list[bytes]:
    """Encode a document and cut it at its marks.

    Args:
        document: Holds `MARK` in its texts wherever a value is to be filled in.
        raw: Which marks, counted from 0 in the order of the encoded text, stand for any JSON value; the
            quotes around those are cut away too.

    Returns:
        The bytes around the marks, one more than there are marks.
    """
    pieces = encode(document).split(_MARK_BYTES)
    for index in raw:
        pieces[index] = pieces[index][:-1]
        pieces[index + 1] = pieces[index + 1][1:]
    return pieces


MARK: Final = _MARK
"""Stands in a document for a value that is filled in later."""


def envelope(
    subject: Subject,
    record_type: str,
    *,
    observed_at: str,
    recorded_at: str,
    record_hex: str,
    completeness: str = "complete",
    degradation: str = "none",
) -> dict[str, object]:
    """Return a record envelope as plain data."""
    stem = "gap" if record_type == "degraded" else record_type
    return {
        "record_ref": f"record:{subject.run_value}.{stem}-{record_hex}",
        "record_type": record_type,
        "recorded_at": recorded_at,
        "observed_at": observed_at,
        "producer_ref": subject.producer_ref,
        "run_ref": subject.run_ref,
        "deployment_execution_ref": subject.deployment_execution_ref,
        "stage_execution_ref": subject.stage_execution_ref,
        "batch_execution_ref": subject.batch_execution_ref,
        "sample_observation_ref": subject.sample_observation_ref,
        "operation_context_ref": subject.operation_context_ref,
        "correlation_refs": {"trace_id": None, "session_id": None},
        "completeness_marker": completeness,
        "degradation_marker": degradation,
        "schema_version": "1.0.0",
        "extensions": [],
    }


class EnvelopePieces(NamedTuple):
    """The constant bytes of a record body up to its inner payload, and the stem of its reference."""

    before_observed: bytes
    before_hex: bytes
    before_recorded: bytes
    after: bytes
    ref_stem: str


def envelope_pieces(
    subject: Subject, record_type: str, *, completeness: str = "complete", degradation: str = "none"
) -> EnvelopePieces:
    """Prepare the envelope of all records of one type on one subject."""
    document = envelope(
        subject,
        record_type,
        observed_at=MARK,
        recorded_at=MARK,
        record_hex=MARK,
        completeness=completeness,
        degradation=degradation,
    )
    first, second, third, last = split_at_marks(document)
    stem = str(document["record_ref"]).removesuffix(MARK)
    return EnvelopePieces(b'{"envelope":' + first, second, third, last + b',"payload":', stem)


class MetricPieces(NamedTuple):
    """The constant bytes of a metric payload around tags, value and value type."""

    before_tags: bytes
    before_value: bytes
    before_type: bytes
    after: bytes


def metric_payload(
    key: str,
    value: object,
    value_type: str,
    *,
    subject_ref: str,
    unit: str | None,
    aggregation_scope: str,
    summary_basis: str,
    tags: object,
) -> dict[str, object]:
    """Return a metric payload as plain data."""
    return {
        "metric_key": key,
        "value": value,
        "value_type": value_type,
        "unit": unit,
        "aggregation_scope": aggregation_scope,
        "subject_ref": subject_ref,
        "slice_ref": None,
        "tags": tags,
        "summary_basis": summary_basis,
    }


def metric_pieces(
    key: str, *, subject_ref: str, unit: str | None, aggregation_scope: str, summary_basis: str
) -> MetricPieces:
    """Prepare the payload of all metrics of one key on one subject."""
    document = metric_payload(
        key,
        MARK,
        MARK,
        subject_ref=subject_ref,
        unit=unit,
        aggregation_scope=aggregation_scope,
        summary_basis=summary_basis,
        tags=MARK,
    )
    tags, value, kind, end = split_at_marks(document, raw=frozenset({0, 1}))
    return MetricPieces(tags, value, kind, end + b"}")
