r"""One line of a segment: how a record becomes one, and how a record is got back out of one.

``{"appended_at": …, "record": …, "sequence": …}``, compact, keys sorted, members that are null left out
(format specification, section 5). What cannot be read is returned as damage, never raised: it is one line of
many.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from contexta.contract.decoding import read_lenient, read_strict
from contexta.contract.encoding import to_json, to_payload
from contexta.contract.records import TraceSpanRecord
from contexta.contract.registry import ExtensionRegistry
from contexta.contract.serialization import record_model
from contexta.contract.validation import ValidationIssue
from contexta.errors import ContextaError
from contexta.store.segment_results import INVALID_JSON_LINE, INVALID_RECORD, Record

Note = Callable[[ValidationIssue], None]
"""Is told what of a record was given up."""

_MARKER: Final = b'{"appended_at":"'
_MOST_MARKERS: Final = 100
"""So many beginnings of glued lines are tried in one damaged line; more are no accident."""


class Stored(msgspec.Struct):
    """A line that is well formed; what the record says is not looked at yet."""

    appended_at: str
    record: dict[str, object]
    sequence: int


class Numbered(msgspec.Struct):
    """Only the number of a line, for counting."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Damage:
    """Why a line or a record cannot be read.

    Attributes:
        code: ``invalid_json_line`` or ``invalid_record``.
        message: One clause.
    """

    code: str
    message: str


def record_body(record: Record) -> bytes:
    """Return a record as it stands in a line.

    Raises:
        SerializationError: ``serialize_…``: it holds what JSON has not, e.g. half a surrogate pair.
    """
    if isinstance(record, TraceSpanRecord) and record.payload.parent_span_id is None:
        return _root_span_body(record)
    return to_json(record).encode()


def _root_span_body(record: TraceSpanRecord) -> bytes:
    """Return a span without a parent, with the one null that is written.

    Public Contexta cannot read a span without this member, and then reads no record of any run.
    """
    payload = to_payload(record.payload)
    members = {**payload, "parent_span_id": None} if isinstance(payload, dict) else payload
    spelt = json.dumps(members, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return f'{{"envelope":{to_json(record.envelope)},"payload":{spelt}}}'.encode()


def line(appended_at: str, body: bytes, sequence: int) -> bytes:
    """Return the whole line, with its newline."""
    return b'{"appended_at":"%b","record":%b,"sequence":%d}\n' % (appended_at.encode(), body, sequence)


_STORED: Final = msgspec.json.Decoder(Stored)
_NUMBERED: Final = msgspec.json.Decoder(Numbered)


def read_line(data: bytes) -> Stored | Damage:
    """Read one line without its newline."""
    try:
        return _STORED.decode(data)
    except msgspec.ValidationError as error:
        return Damage(INVALID_RECORD, f"not a stored record: {error}")
    except RecursionError:
        return Damage(INVALID_JSON_LINE, "not JSON: nested too deeply")
    except ValueError as error:
        return Damage(INVALID_JSON_LINE, f"not JSON: {error}")


def sequence_of(data: bytes) -> int | None:
    """Return the number of a line, or None when it is damaged."""
    try:
        return _NUMBERED.decode(data).sequence
    except (ValueError, RecursionError):
        return None


def glued(data: bytes) -> list[Stored]:
    """Return the whole lines that are glued together or to a torn one in a damaged line.

    A line begins with ``{"appended_at":"``, whose quotes would be escaped inside a text. A map inside a
    record may begin so too; it is no line, because it has no record and no number.
    """
    found = []
    start = -1
    text: str | None = None
    for _ in range(_MOST_MARKERS):
        start = data.find(_MARKER, start + 1)
        if start < 0:
            break
        if text is None:
            # Latin-1 keeps the positions of the bytes; the lines are decoded properly below.
            text = data.decode("latin-1")
        try:
            _, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        whole = read_line(data[start:end])
        if isinstance(whole, Stored):
            found.append(whole)
            start = end - 1
    return found


_DECODER: Final = json.JSONDecoder(strict=False)


def materialise(
    plain: Mapping[str, object], registry: ExtensionRegistry | None, note: Note | None
) -> Record | Damage:
    """Make the model of a record.

    Args:
        plain: What stands in the line.
        registry: The extension namespaces that are known.
        note: Is told what was given up of the record. When None, nothing may be given up.
    """
    try:
        model = record_model(plain)
        if note is None:
            return read_strict(model, plain, registry)
        record, issues = read_lenient(model, plain, registry)
    except (ContextaError, TypeError, ValueError, RecursionError) as error:
        return Damage(INVALID_RECORD, str(error))
    if record is None:
        return Damage(INVALID_RECORD, "; ".join(issue.message for issue in issues))
    for issue in issues:
        note(issue)
    return record
