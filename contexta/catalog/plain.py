"""Lines that are in no way out of the ordinary, read in Python.

Planning SQL that can read any line costs as much as thousands of lines; a few plain ones are read faster
here. The rules are those of `lines` and `facts`, and a test holds both against each other. Whatever is not
plain in a line, an odd value or a deployment, makes `read` give up: then all lines go the general way.
"""

from __future__ import annotations

import json
from typing import Final

import msgspec

from contexta.catalog.plain_values import (
    Members,
    UnusualError,
    first,
    give_up,
    integer,
    json_text,
    members_of,
    micros,
    number,
    ref,
    text,
    unique,
)
from contexta.catalog.schema import RECORD_TYPES, STATUSES
from contexta.vocabulary import RecordType

_TYPES: Final = {
    RecordType.METRIC.value: RECORD_TYPES.index(RecordType.METRIC),
    RecordType.EVENT.value: RECORD_TYPES.index(RecordType.EVENT),
    RecordType.SPAN.value: RECORD_TYPES.index(RecordType.SPAN),
}
_METRIC, _EVENT, _SPAN = _TYPES.values()

_AS_USUAL: Final = {
    "degradation_marker": "none",
    "completeness_marker": "complete",
    "producer_ref": "sdk.python.local",
    "schema_version": "1.0.0",
}
_USUAL_BASIS: Final = {"summary_basis": "raw_observation", "origin_marker": "explicit_capture"}
_INNERMOST: Final = (
    "operation_context_ref",
    "sample_observation_ref",
    "batch_execution_ref",
    "deployment_execution_ref",
    "stage_execution_ref",
    "run_ref",
)
_SPAN_MEMBERS: Final = ("span_id", "trace_id", "parent_span_id", "span_kind")

_CONTEXTS: Final = {
    "Project": ("project_ref", "project:"),
    "Run": ("run_ref", "run:"),
    "StageExecution": ("stage_execution_ref", "stage:"),
    "BatchExecution": ("batch_execution_ref", "batch:"),
    "SampleObservation": ("sample_observation_ref", "sample:"),
    "OperationContext": ("operation_context_ref", "op:"),
}
"""What a lifecycle line calls the ref of its scope, and how that begins. Deployments go the general way."""

_STATUSES: Final = {status.value: index for index, status in enumerate(STATUSES)}


class PlainRecord(msgspec.Struct, frozen=True):
    """A record as the table `records` has it, with the ref of its scope and when its line was written.

    Times are microseconds since the epoch.
    """

    subject: str
    written_at: int | None
    ref: str
    type: int
    observed_at: int | None
    recorded_at: int | None
    name: str
    value: float | None
    value_type: str | None
    unit: str | None
    scope: str | None
    level: str | None
    message: str
    ended_at: int | None
    attributes: str | None
    tags: str | None
    span: str | None


class PlainFact(msgspec.Struct, frozen=True):
    """What a lifecycle line states about a scope, as the table `nodes` has it."""

    subject: str
    written_at: int | None
    opens_run: bool
    name: str | None
    status: int | None
    started_at: int | None
    ended_at: int | None
    order_index: int | None
    observed_at: int | None
    retention_class: str | None
    redaction_profile: str | None
    extensions: str | None


def read(data: bytes) -> list[PlainRecord | PlainFact] | None:
    """Reads complete lines; `None` when one of them is not plain."""
    if b"\\u" in data:
        return None
    try:
        return [_line(line) for line in data.decode().split("\n")[:-1]]
    except (UnusualError, ValueError, RecursionError):
        return None


def _line(written: str) -> PlainRecord | PlainFact:
    line = members_of(json.loads(written, object_pairs_hook=unique, parse_constant=give_up))
    payload = members_of(line.get("payload"))
    if payload.get("manifest") is not None:
        raise UnusualError
    return _fact(line, payload) if payload.get("envelope") is None else _record(line, payload)


def _record(line: Members, payload: Members) -> PlainRecord:
    e, p = members_of(payload.get("envelope")), members_of(payload.get("payload"))
    kind = _TYPES.get(text(e, "record_type") or "")
    record_ref = text(e, "record_ref")
    subject = _subject(e)
    name = first(p, ("metric_key", "event_key", "span_name", "issue_key")) or ""
    level = first(p, ("level", "severity", "status"))
    value, value_type = number(p.get("value")), text(p, "value_type")
    if (
        kind is None
        or record_ref is None
        or any(text(e, member) not in (None, usual) for member, usual in _AS_USUAL.items())
        or any(text(p, member) not in (None, usual) for member, usual in _USUAL_BASIS.items())
        or any(value is not None for value in members_of(e.get("correlation_refs") or {}).values())
        or text(p, "subject_ref") not in (None, subject)
        or text(p, "slice_ref") is not None
        or text(p, "category") is not None
        or (kind == _METRIC and value_type in ("nan", "inf", "-inf"))
    ):
        raise UnusualError
    return PlainRecord(
        subject=subject,
        written_at=micros(text(line, "captured_at")),
        ref=record_ref,
        type=kind,
        observed_at=micros(text(e, "observed_at")),
        recorded_at=micros(text(e, "recorded_at")),
        name=name,
        value=value,
        value_type=value_type,
        unit=text(p, "unit"),
        scope=text(p, "aggregation_scope"),
        level=level,
        message=first(p, ("message", "summary")) or "",
        ended_at=micros(text(p, "ended_at")),
        attributes=_map(p.get("attributes")),
        tags=_map(p.get("tags")),
        span=_span(p) if kind == _SPAN else None,
    )


def _subject(e: Members) -> str:
    """The ref of the innermost scope, when it tells all others that the record names."""
    refs = {name: text(e, name) for name in _INNERMOST}
    subject = ref(next((found for found in refs.values() if found is not None), ""))
    batch, sample = refs["batch_execution_ref"], refs["sample_observation_ref"]
    if (
        refs["deployment_execution_ref"] is not None
        or subject.startswith("project:")
        or (refs["stage_execution_ref"] is not None and subject.startswith("run:"))
        or (batch is not None and batch != subject and subject.count(".") < 4)
        or (batch == subject and not subject.startswith("batch:"))
        or sample not in (None, subject)
    ):
        raise UnusualError
    return subject


def _map(value: object) -> str | None:
    return None if value is None else json_text(members_of(value))


def _span(p: Members) -> str:
    linked = p.get("linked_refs")
    if not isinstance(linked, list | None):
        raise UnusualError
    return json_text({**{name: text(p, name) for name in _SPAN_MEMBERS}, "linked_refs": linked})


def _fact(line: Members, payload: Members) -> PlainFact:
    kind = text(line, "payload_type") or ""
    member, prefix = _CONTEXTS.get(kind, ("", ""))
    subject = ref(text(payload, member) or "")
    sets = payload.get("extensions")
    lifecycle, scope = _extension(sets, "contexta.lifecycle"), _extension(sets, "contexta.scope")
    own_status = text(payload, "status")
    stated = text(lifecycle, "status")
    status = own_status if stated is None else stated
    if not member or not subject.startswith(prefix) or not (status is None or status in _STATUSES):
        raise UnusualError
    own_name, own_end = text(payload, "name"), text(payload, "ended_at")
    named, ended = text(scope, "display_name"), text(lifecycle, "ended_at")
    observed = text(payload, "observed_at")
    started = text(payload, "started_at")
    return PlainFact(
        subject=subject,
        written_at=micros(text(line, "captured_at")),
        opens_run=kind == "Run" and own_status == "open",
        name=own_name if named is None else named,
        status=None if status is None else _STATUSES[status],
        started_at=micros(observed if started is None else started),
        ended_at=micros(own_end if ended is None else ended),
        order_index=integer(payload.get("order_index")),
        observed_at=micros(observed),
        retention_class=text(payload, "retention_class"),
        redaction_profile=text(payload, "redaction_profile"),
        extensions=None if not sets else json_text(sets),
    )


def _extension(sets: object, namespace: str) -> Members:
    """The fields of the first extension set of a namespace; none when there is no such set."""
    if sets is None:
        return {}
    if not isinstance(sets, list):
        raise UnusualError
    for each in map(members_of, sets):
        if text(each, "namespace") == namespace:
            return members_of(each.get("fields"))
    return {}
