"""Whether every byte of a capture is accounted for by a catalog: as a record, as damaged, or as pending."""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from contexta.catalog.catalog import Catalog
from tests.faults import Seen

NEVER: Final = (
    "crashes",
    "bytes that nobody accounts for",
    "sound lines refused",
    "records nobody wrote",
    "lines counted otherwise",
)

_BLANK: Final = b" \t\r\v\f"
_MARK: Final = b"\xef\xbb\xbf"
#: Texts of half a character: Python reads them, and no database can keep them.
#: A comma behind the last member: no JSON, and read all the same.
_LAST_COMMA: Final = re.compile(rb",\s*([}\]])")
_NAME: Final = "[a-z0-9]+(?:-[a-z0-9]+)*"
_REF: Final = re.compile(
    rf"project:{_NAME}|(?:run|deployment):{_NAME}\.{_NAME}|stage:{_NAME}(?:\.{_NAME}){{2}}"
    rf"|batch:{_NAME}(?:\.{_NAME}){{3}}|(?:sample|op):{_NAME}(?:\.{_NAME}){{3,4}}"
)
_SCOPES: Final = tuple(
    f"{name}_ref"
    for name in (
        *("run", "deployment_execution", "stage_execution"),
        *("batch_execution", "sample_observation", "operation_context"),
    )
)
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


def check(catalog: Catalog, path: Path, seen: Seen, *, alone: bool = True) -> None:
    """Count what is wrong with what a catalog says of a file, into a test's figures.

    Args:
        catalog: The catalog.
        path: The file.
        seen: The figures.
        alone: Whether no other file has records that are not in this one.
    """
    data = path.read_bytes()
    end, lines, damage = _told(catalog, path)
    there = {ref for (ref,) in catalog.connection.execute("select ref from records").fetchall()}
    pending = data.rfind(b"\n") + 1
    seen.wrong("bytes that nobody accounts for", abs(end - pending), f"{path.name}: {end}, not {pending}")
    counted = first = 0
    written: set[str] = set()
    for start, stop in _lines(data[:pending]):
        counted += bool(_text(data[start:stop]))
        while first < len(damage) and damage[first][1] <= start:
            first += 1
        for left, right in _besides(start, stop, damage, first):
            text = _text(data[left:right])
            if text:
                refs = _told_by(text)
                is_there = refs is not None and (not refs or not refs.isdisjoint(there))
                seen.wrong("bytes that nobody accounts for", not is_there, (path.name, left, text))
                written |= refs or set()
        text = _text(data[start:stop])
        refused = first < len(damage) and damage[first][0] <= start and stop - 1 <= damage[first][1]
        seen.wrong("sound lines refused", refused and _is_record(text), (path.name, start, text))
    seen.wrong("lines counted otherwise", abs(counted - lines), f"{path.name}: {lines}, not {counted}")
    strange = there - written if alone else set()
    seen.wrong("records nobody wrote", len(strange), sorted(strange)[:3])


def _told(catalog: Catalog, path: Path) -> tuple[int, int, list[tuple[int, int]]]:
    """How far a file was read, how many lines it has, and where it is damaged."""
    row = catalog.connection.execute(
        "select id, position, lines from sources where path = $path", {"path": os.fsencode(path.name)}
    ).fetchone()
    row = (
        row
        or catalog.connection.execute(
            "select id, position, lines from sources where suffix(decode(path), $name)", {"name": path.name}
        ).fetchone()
    )
    assert row is not None, path
    spans = catalog.connection.execute(
        "select position, position + length from damage where source_id = $id order by 1", {"id": row[0]}
    ).fetchall()
    return row[1], row[2], spans


def _lines(data: bytes) -> Iterator[tuple[int, int]]:
    at = 0
    while at < len(data):
        stop = data.index(b"\n", at) + 1
        yield at, stop
        at = stop


def _besides(start: int, stop: int, damage: list[tuple[int, int]], first: int) -> Iterator[tuple[int, int]]:
    """The parts of a line that are not damaged."""
    for left, right in itertools.islice(damage, first, None):
        if left >= stop:
            break
        if left > start:
            yield start, left
        start = max(start, right)
    if start < stop:
        yield start, stop


def _text(line: bytes) -> bytes:
    text = line.rstrip(b"\n").strip(_BLANK)
    return text.removeprefix(_MARK).lstrip(_BLANK)


def _told_by(text: bytes) -> set[str] | None:
    """The ref of the record that a line holds; none for another thing, and `None` for nothing.

    Several, where it says several times what its record is; which of them counts is for its reader to say.
    """
    envelopes = _envelopes(text)
    if envelopes is None:
        return None
    return {ref for one in envelopes for name, ref in one if name == "record_ref" and isinstance(ref, str)}


def _envelopes(text: bytes) -> list[list[tuple[str, Any]]] | None:
    """The envelopes of a line, each as its members; `None` where the line is no object of JSON."""
    if _SURROGATE.search(text):
        return None
    found: Any = None
    for shown in (text, _LAST_COMMA.sub(rb"\1", text)):
        with suppress(ValueError, RecursionError):
            found = found or json.loads(shown.decode(), parse_int=str, object_pairs_hook=_Members)
    if not isinstance(found, _Members):
        return None
    payloads = [value for name, value in found if name == "payload" and isinstance(value, _Members)]
    inside = [each for payload in payloads for each in payload]
    return [value for name, value in inside if name == "envelope" and isinstance(value, _Members)]


class _Members(list[tuple[str, Any]]):
    """The members of an object, also those that it has twice."""


def _is_record(text: bytes) -> bool:
    """Whether a line is beyond doubt a record."""
    try:
        found: Any = json.loads(text.decode(), parse_int=str, object_pairs_hook=_once_each)
        envelope = found["payload"]["envelope"]
        scopes = [envelope[name] for name in _SCOPES if envelope.get(name) is not None]
        named = all(_REF.fullmatch(ref) and len(ref) <= 255 for ref in scopes)
        known = envelope["record_type"] in ("metric", "event", "span", "degraded")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return False
    halves = _SURROGATE.search(text) is not None
    return bool(scopes) and named and known and isinstance(envelope.get("record_ref"), str) and not halves


def _once_each(members: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(members)) < len(members):
        raise ValueError("a member twice")
    return dict(members)
