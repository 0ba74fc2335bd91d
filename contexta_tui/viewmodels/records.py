"""The records of a node, fetched page by page, and the fields of one of them.

Texts stay as recorded.
"""

from __future__ import annotations

import json
from typing import Final

import msgspec
from msgspec.structs import replace

from contexta.query.port import Queries
from contexta.query.results import RecordRow, RecordType
from contexta.vocabulary import ERROR_LEVELS
from contexta_tui.viewmodels.format import clock, duration, number

PAGE: Final = 200

#: Pages fetched to close the gap between new records and those shown; beyond, the list starts anew.
_MOST_NEW_PAGES: Final = 5


class RecordPages(msgspec.Struct, frozen=True):
    """Records of a node, newest first.

    Attributes:
        rows: The records fetched so far, without holes.
        complete: Whether there are no older ones.
    """

    rows: tuple[RecordRow, ...] = ()
    complete: bool = False


def first(queries: Queries, node_id: int) -> RecordPages:
    """The newest records."""
    rows = queries.records(node_id, limit=PAGE)
    return RecordPages(rows, complete=len(rows) < PAGE)


def older(queries: Queries, node_id: int, pages: RecordPages) -> RecordPages:
    """The same and one page of older records."""
    if pages.complete or not pages.rows:
        return pages
    rows = queries.records(node_id, before=pages.rows[-1].id, limit=PAGE)
    return RecordPages((*pages.rows, *rows), complete=len(rows) < PAGE)


def newer(queries: Queries, node_id: int, pages: RecordPages) -> RecordPages:
    """The same and all that were recorded since; too many of them replace what there was."""
    if not pages.rows:
        return first(queries, node_id)
    newest = pages.rows[0].id
    found: list[RecordRow] = []
    before: int | None = None
    for _ in range(_MOST_NEW_PAGES):
        rows = queries.records(node_id, before=before, limit=PAGE)
        found += [row for row in rows if row.id > newest]
        if len(rows) < PAGE or rows[-1].id <= newest:
            return replace(pages, rows=(*found, *pages.rows)) if found else pages
        before = rows[-1].id
    return RecordPages(tuple(found))


def value_text(record: RecordRow) -> str:
    """What a record says in a few characters: its value, message or duration."""
    if record.type is RecordType.METRIC:
        shown = number(record.value) if record.value is not None else record.value_type or number(None)
        return f"{shown} {record.unit}" if record.unit else shown
    if record.type is RecordType.SPAN:
        return duration(record.duration_us)
    return record.message


def is_bad(record: RecordRow) -> bool:
    """Whether a record tells of something that went wrong."""
    if record.type is RecordType.METRIC:
        return record.value is None
    return record.level in (*ERROR_LEVELS, "fatal")


def fields(record: RecordRow) -> tuple[tuple[str, str], ...]:
    """All that is known of a record, as names and texts; texts may have several lines."""
    rows = [
        ("type", record.type.value),
        ("key", record.key),
        (
            "time",
            f"{clock(record.observed_at, today=0, milliseconds=True)} UTC" if record.observed_at else "",
        ),
        ("value", value_text(record) if record.type is RecordType.METRIC else ""),
        ("as", record.value_type or "" if record.type is RecordType.METRIC else ""),
        ("level", record.level or ""),
        ("message", record.message),
        ("took", duration(record.duration_us) if record.duration_us is not None else ""),
        ("on", record.node_ref),
        ("ref", record.ref),
        ("from", " and ".join(record.origin.labels())),
        *_entries("tag", record.tags),
        *_entries("", record.attributes),
    ]
    return tuple(row for row in rows if row[1])


def _entries(prefix: str, text: str | None) -> list[tuple[str, str]]:
    """The entries of a JSON object; what is not one is shown as it was recorded."""
    if not text:
        return []
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return [(prefix or "attributes", text)]
    if not isinstance(parsed, dict):
        return [(prefix or "attributes", _pretty(parsed))]
    return [(f"{prefix} {name}".strip(), _pretty(value)) for name, value in parsed.items()]


def _pretty(value: object) -> str:
    if isinstance(value, str):
        return value or '""'
    try:
        return json.dumps(value, indent=2, ensure_ascii=False)
    except RecursionError:
        return "nested too deeply to be shown"
