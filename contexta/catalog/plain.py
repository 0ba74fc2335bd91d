"""Records that are in no way out of the ordinary, read in Python.

Planning SQL that can read any line costs as much as thousands of lines; a few plain ones are read faster
here. The rules are those of `lines`, and a test holds both against each other. Whatever is not plain in a
line, a foreign type, an escape, a number that two JSON libraries may write differently, a sign of a failure,
makes `read` give up: then all lines go the general way.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Never

from contexta.catalog.lines import WELL_FORMED
from contexta.catalog.schema import RECORD_TYPES
from contexta.vocabulary import RecordType

_REF: Final = re.compile(WELL_FORMED)
_LONGEST_REF: Final = 255
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - as are all times here, UTC
_EXACT: Final = 2**53

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
_FAILING: Final = ("correct", "pass", "success")
_SPAN_MEMBERS: Final = ("span_id", "trace_id", "parent_span_id", "span_kind")

_Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PlainRecord:
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


class _UnusualError(Exception):
    """Something is not plain."""


def read(data: bytes) -> list[PlainRecord] | None:
    """Reads complete lines; `None` when one of them is not plain."""
    if b"\\u" in data:
        return None
    try:
        return [_record(line) for line in data.decode().split("\n")[:-1]]
    except (_UnusualError, ValueError, RecursionError):
        return None


def _record(text: str) -> PlainRecord:
    line = _object(json.loads(text, object_pairs_hook=_unique, parse_constant=_give_up))
    payload = _object(line.get("payload"))
    e, p = _object(payload.get("envelope")), _object(payload.get("payload"))
    kind = _TYPES.get(_text(e, "record_type") or "")
    ref = _text(e, "record_ref")
    subject = _subject(e)
    name = _first(p, ("metric_key", "event_key", "span_name", "issue_key")) or ""
    level = _first(p, ("level", "severity", "status"))
    value, value_type = _number(p.get("value")), _text(p, "value_type")
    if (
        kind is None
        or ref is None
        or payload.get("manifest") is not None
        or any(_text(e, member) not in (None, usual) for member, usual in _AS_USUAL.items())
        or any(_text(p, member) not in (None, usual) for member, usual in _USUAL_BASIS.items())
        or any(value is not None for value in _object(e.get("correlation_refs") or {}).values())
        or _text(p, "subject_ref") not in (None, subject)
        or _text(p, "slice_ref") is not None
        or _text(p, "category") is not None
        or (kind == _EVENT and level in ("error", "critical"))
        or (kind == _METRIC and value == 0 and name in _FAILING)
        or (kind == _METRIC and value_type in ("nan", "inf", "-inf"))
    ):
        raise _UnusualError
    return PlainRecord(
        subject=subject,
        written_at=_micros(_text(line, "captured_at")),
        ref=ref,
        type=kind,
        observed_at=_micros(_text(e, "observed_at")),
        recorded_at=_micros(_text(e, "recorded_at")),
        name=name,
        value=value,
        value_type=value_type,
        unit=_text(p, "unit"),
        scope=_text(p, "aggregation_scope"),
        level=level,
        message=_first(p, ("message", "summary")) or "",
        ended_at=_micros(_text(p, "ended_at")),
        attributes=_json_map(p.get("attributes")),
        tags=_json_map(p.get("tags")),
        span=_span(p) if kind == _SPAN else None,
    )


def _unique(members: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise _UnusualError  # Which of two members of a name counts is a matter of the reader.
    return found


def _give_up(_: str) -> Never:
    raise _UnusualError


def _object(value: object) -> _Object:
    if not isinstance(value, dict):
        raise _UnusualError
    return value


def _text(members: _Object, name: str) -> str | None:
    value = members.get(name)
    if value is not None and not isinstance(value, str):
        raise _UnusualError
    return value


def _first(members: _Object, names: Iterable[str]) -> str | None:
    texts = [_text(members, name) for name in names]
    return next((text for text in texts if text is not None), None)


def _subject(e: _Object) -> str:
    """The ref of the innermost scope, when it tells all others that the record names."""
    refs = {name: _text(e, name) for name in _INNERMOST}
    subject = next((ref for ref in refs.values() if ref is not None), "")
    batch, sample = refs["batch_execution_ref"], refs["sample_observation_ref"]
    if (
        refs["deployment_execution_ref"] is not None
        or len(subject) > _LONGEST_REF
        or subject.startswith("project:")
        or _REF.fullmatch(subject) is None
        or (refs["stage_execution_ref"] is not None and subject.startswith("run:"))
        or (batch is not None and batch != subject and subject.count(".") < 4)
        or (batch == subject and not subject.startswith("batch:"))
        or sample not in (None, subject)
    ):
        raise _UnusualError
    return subject


def _micros(text: str | None) -> int | None:
    if text is None:
        return None
    if _TIME.fullmatch(text) is None:
        raise _UnusualError
    since = datetime.fromisoformat(text[:-1]) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _number(value: object) -> float | None:
    if value is None:
        return None
    if type(value) is float and math.isfinite(value):
        return value
    if type(value) is int and abs(value) < _EXACT:
        return float(value)
    raise _UnusualError


def _json_map(value: object) -> str | None:
    """A flat map as JSON, written as every library would."""
    if value is None or value == {}:
        return None if value is None else "{}"
    members = _object(value)
    return "{" + ",".join(f"{_json(name)}:{_json(member)}" for name, member in members.items()) + "}"


def _span(p: _Object) -> str:
    members = [f'"{name}":{_json(_text(p, name))}' for name in _SPAN_MEMBERS]
    linked = p.get("linked_refs")
    if linked is None:
        return "{" + ",".join([*members, '"linked_refs":null']) + "}"
    if not isinstance(linked, list):
        raise _UnusualError
    return "{" + ",".join([*members, f'"linked_refs":[{",".join(map(_json, linked))}]']) + "}"


def _json(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str() if value.isprintable() and '"' not in value and "\\" not in value:
            return f'"{value}"'
        case int() if abs(value) < _EXACT:
            return str(value)
        case float() if math.isfinite(value) and "e" not in (text := repr(value)):
            return text
    raise _UnusualError
