"""From catalog columns to plain values: timestamp texts, read-only JSON, names of origins.

What cannot be read becomes nothing, never an error: one odd member must not hide a whole run.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from contexta.contract.frozen import FrozenJson, FrozenMap, freeze
from contexta.contract.times import timestamp_text
from contexta.errors import ValidationError
from contexta.query.views import JsonMap
from contexta.vocabulary import Origin

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def time_text(micros: int | None) -> str | None:
    """A time as the contract spells it."""
    if micros is None:
        return None
    try:
        return timestamp_text(_EPOCH + timedelta(microseconds=micros), "time")
    except OverflowError:
        return None


def json_value(text: str | None) -> FrozenJson:
    """JSON text as read-only data; `None` when it is none."""
    if not text:
        return None
    try:
        return freeze(msgspec.json.decode(text), "json")
    except (msgspec.MsgspecError, ValidationError, RecursionError, UnicodeError):
        return None


def json_map(text: str | None) -> JsonMap:
    """A JSON object as a read-only map; empty when it is none."""
    value = json_value(text)
    return value if isinstance(value, FrozenMap) else FrozenMap()


def json_texts(text: str | None) -> tuple[str, ...]:
    """The texts of a JSON list; empty when it is none."""
    value = json_value(text)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, tuple) else ()


def extension(text: str | None, namespace: str) -> JsonMap:
    """The fields of one extension set of a scope; empty when it has none."""
    sets = json_value(text)
    for item in sets if isinstance(sets, tuple) else ():
        if isinstance(item, FrozenMap) and item.get("namespace") == namespace:
            fields = item.get("fields")
            if isinstance(fields, FrozenMap):
                return fields
    return FrozenMap()


def member(fields: JsonMap, name: str) -> JsonMap:
    """A map inside a map; empty when there is none."""
    value = fields.get(name)
    return value if isinstance(value, FrozenMap) else FrozenMap()


def origins(origin: int) -> tuple[str, ...]:
    """Names of the origins of a fact."""
    return Origin(origin).labels()
