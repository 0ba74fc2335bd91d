"""Journal lines with holes, which cost a microsecond to fill in.

The encoder of capture makes each line once, with marks where values go; so a line cannot differ in form from
what capture writes. It knows no file and no job.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from contexta.capture.encode import Subject, encode, envelope, metric_payload

_HOLE: Final = re.compile(rb'"\\u0000raw (\w+)\\u0000"|\\u0000(\w+)\\u0000')


class Template:
    """A line with holes.

    Args:
        document: The line as plain data, `hole` and `raw` standing where something is filled in.
    """

    def __init__(self, document: Mapping[str, object]) -> None:
        escaped = encode(document).replace(b"%", b"%%")
        self._text = _HOLE.sub(lambda found: b"%%(%b)b" % (found[1] or found[2]), escaped) + b"\n"

    def fill(self, values: Mapping[bytes, bytes]) -> bytes:
        """Return the line; `values` may hold more than there are holes."""
        return self._text % values


def hole(name: str) -> str:
    """Stands in a document for a text that needs no escaping, or for a part of one."""
    return f"\0{name}\0"


def raw(name: str) -> str:
    """Stands in a document for any JSON value."""
    return f"\0raw {name}\0"


def document(family: str, payload_type: str, payload_ref: str | None, payload: object) -> dict[str, object]:
    """Return a line as plain data, with the hole ``captured`` for its time."""
    return {
        "captured_at": hole("captured"),
        "family": family,
        "payload": payload,
        "payload_ref": payload_ref,
        "payload_type": payload_type,
        "sink_name": "local-jsonl",
    }


class RecordLines:
    """The lines of records on one subject.

    All have the holes ``captured``, ``observed``, ``recorded`` and ``hex``, the last being the twelve digits
    that tell one record from another.

    Args:
        subject: Its refs; they may hold holes, e.g. for the name of a sample.
    """

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._known: dict[tuple[str, str], Template] = {}

    def metric(self, key: str, unit: str | None = None) -> Template:
        """A metric, with the further hole ``value``."""
        known = self._known.get(("metric", key))
        if known is not None:
            return known
        payload = metric_payload(
            key,
            raw("value"),
            "float",
            subject_ref=self._subject.subject_ref,
            unit=unit,
            aggregation_scope="step",
            summary_basis="raw_observation",
            tags={},
        )
        return self._keep("metric", "MetricRecord", key, payload)

    def event(self, key: str, level: str = "info") -> Template:
        """An event, with the further holes ``message`` and ``attributes``."""
        known = self._known.get(("event", key))
        if known is not None:
            return known
        payload = {
            "attributes": raw("attributes"),
            "event_key": key,
            "level": level,
            "message": hole("message"),
            "origin_marker": "explicit_capture",
            "subject_ref": self._subject.subject_ref,
        }
        return self._keep("event", "StructuredEventRecord", key, payload)

    def span(self, name: str) -> Template:
        """A span, with the further hole ``ended``."""
        known = self._known.get(("span", name))
        if known is not None:
            return known
        payload: dict[str, object] = {
            "attributes": {},
            "ended_at": hole("ended"),
            "linked_refs": [],
            "parent_span_id": None,
            "span_id": f"span-{hole('hex')}",
            "span_kind": "operation",
            "span_name": name,
            "started_at": hole("observed"),
            "status": "ok",
            "trace_id": f"trace-0000{hole('hex')}",
        }
        return self._keep("span", "TraceSpanRecord", name, payload)

    def _keep(self, record_type: str, payload_type: str, name: str, payload: object) -> Template:
        head = envelope(
            self._subject,
            record_type,
            observed_at=hole("observed"),
            recorded_at=hole("recorded"),
            record_hex=hole("hex"),
        )
        body = {"envelope": head, "payload": payload}
        template = Template(document("RECORD", payload_type, str(head["record_ref"]), body))
        self._known[record_type, name] = template
        return template
