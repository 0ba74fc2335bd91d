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
                is_there = refs is not None and (
                    not refs or not refs.isdisjoint(there) or _may_be_another_thing(text)
                )
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

    Several, where it says several times what its record is, or where a newline is missing between two; which
    of them counts is for its reader to say.
    """
    envelopes = _envelopes(text)
    if envelopes is None:
        return None
    said = [ref for one in envelopes for name, ref in one if name == "record_ref" and ref is not None]
    return {ref if isinstance(ref, str) else _as_text(ref) for ref in said}


def _may_be_another_thing(text: bytes) -> bool:
    """Whether a line has several payloads, one of which is no record."""
    payloads = _payloads(text) or []
    return len(payloads) > 1 and any(all(name != "envelope" for name, _ in one) for one in payloads)


def _envelopes(text: bytes) -> list[list[tuple[str, Any]]] | None:
    """The envelopes of a line, each as its members; `None` where the line is no object of JSON."""
    payloads = _payloads(text)
    if payloads is None:
        return None
    inside = [each for payload in payloads for each in payload]
    return [value for name, value in inside if name == "envelope" and isinstance(value, _Members)]


def _payloads(text: bytes) -> list[list[tuple[str, Any]]] | None:
    """The payloads of all objects in a line; `None` where there is anything else in it."""
    if _SURROGATE.search(text):
        return None
    for shown in (text, _LAST_COMMA.sub(rb"\1", text)):
        with suppress(ValueError, RecursionError):
            found = list(_objects(shown.decode().strip()))
            return [
                value
                for one in found
                for name, value in one
                if name == "payload" and isinstance(value, _Members)
            ]
    return None


def _objects(text: str) -> Iterator[_Members]:
    """The objects that follow upon each other in a text.

    Raises:
        ValueError: There is something else.
    """
    decoder = json.JSONDecoder(parse_int=str, object_pairs_hook=_Members)
    at = 0
    while at < len(text):
        found, at = decoder.raw_decode(text, at)
        at += len(text[at:]) - len(text[at:].lstrip())
        if not isinstance(found, _Members):
            raise ValueError("not an object")  # noqa: TRY004 - as the decoder does
        yield found


def _as_text(value: object) -> str:
    """What is no text, as the reader makes one of it."""
    return json.dumps(_plain(value), separators=(",", ":"), ensure_ascii=False)


def _plain(value: object) -> object:
    return {name: _plain(member) for name, member in value} if isinstance(value, _Members) else value


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
