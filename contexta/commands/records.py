"""`records`: what was recorded, page by page, so that a million of them need no more memory than a page."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from itertools import islice
from typing import Final

from contexta.commands.answer import (
    BAD,
    MOST_ROWS,
    QUIET,
    Answer,
    Cell,
    Line,
    Part,
    Table,
    cell,
    line,
    number_cell,
    origin_cell,
    plain,
    time_text,
)
from contexta.commands.desk import Desk
from contexta.query.results import NodeRow, RecordRow, RecordType
from contexta.vocabulary import ERROR_LEVELS

_FIRST_PAGE: Final = 1_000
_LARGEST_PAGE: Final = 16_000


def records(desk: Desk, options: argparse.Namespace) -> Answer:
    """Records at or under a node, newest first; of everything, project by project."""
    nodes = desk.loaded.reader.projects() if options.ref is None else (desk.loaded.find(options.ref),)

    def found() -> Iterator[RecordRow]:
        return (row for node in nodes for row in _records_of(desk, node) if _is_wanted(row, options))

    def parts() -> Iterator[Part]:
        most = MOST_ROWS if options.limit is None else options.limit
        rows = list(islice(found(), most + 1))
        if not rows:
            yield line("No record here.")
            return
        heads = ("observed", "type", "key", "value", "message", "on", "origin")
        yield Table(heads, [_row(row) for row in rows[:most]], right=(3,))
        if len(rows) > most:
            yield line("... and more records; --limit shows more, --json has them all", QUIET)

    return Answer(
        "contexta/records/1",
        lambda: {"source": desk.source, "records": (_fields(row) for row in islice(found(), options.limit))},
        parts,
    )


def _records_of(desk: Desk, node: NodeRow) -> Iterator[RecordRow]:
    before: int | None = None
    size = _FIRST_PAGE
    while page := desk.loaded.reader.records(node.id, before=before, limit=size):
        yield from page
        before = page[-1].id
        # Whoever reads on wants many: every page costs a look at all of the node's records.
        size = min(2 * size, _LARGEST_PAGE)


def _is_wanted(row: RecordRow, options: argparse.Namespace) -> bool:
    return options.type in (None, row.type.value) and options.key in (None, row.key)


def _row(row: RecordRow) -> Line:
    bad = BAD if row.level in ERROR_LEVELS else ""
    return (
        cell(time_text(row.observed_at), QUIET),
        cell(row.type.value, QUIET),
        cell(row.key, bad, 80),
        _value(row),
        cell(row.message, bad),
        cell(row.node_ref, QUIET),
        origin_cell(row.origin.labels()),
    )


def _value(row: RecordRow) -> Cell:
    unit = f" {row.unit}" if row.unit else ""
    if row.value is not None:
        return cell(f"{number_cell(row.value).text}{unit}", "", 60)
    if row.duration_us is not None:
        return cell(f"{row.duration_us / 1000:.6g} ms")
    return cell(row.value_type if row.type is RecordType.METRIC else row.level, "", 60)


def _fields(row: RecordRow) -> dict[str, object]:
    return {
        "ref": row.ref,
        "type": row.type,
        "node_ref": row.node_ref,
        "key": row.key,
        "observed_at": time_text(row.observed_at),
        "value": plain(row.value),
        "value_type": row.value_type,
        "unit": row.unit,
        "level": row.level,
        "message": row.message,
        "duration_ms": None if row.duration_us is None else row.duration_us / 1000,
        "attributes": _json(row.attributes),
        "tags": _json(row.tags),
        "origin": row.origin.labels(),
    }


def _json(text: str | None) -> object:
    if text is None:
        return None
    try:
        return plain(json.loads(text))
    except (ValueError, RecursionError):
        return text
