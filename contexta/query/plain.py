"""From catalog columns to plain values: timestamp texts, read-only JSON, names of origins.

What cannot be read becomes nothing, never an error: one odd member must not hide a whole run.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Final

import msgspec

from contexta.contract.frozen import FrozenJson, FrozenMap, freeze
from contexta.errors import ValidationError
from contexta.query.views import JsonMap
from contexta.vocabulary import Origin

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC, which the text says by its Z
_SHORT: Final = 512


def time_text(micros: int | None) -> str | None:
    """A time as the contract spells it."""
    if micros is None:
        return None
    try:
        return (_EPOCH + timedelta(microseconds=micros)).isoformat() + "Z"
    except OverflowError:
        return None


def json_value(text: str | None) -> FrozenJson:
    """JSON text as read-only data; `None` when it is none."""
    if not text or text == "null":
        return None
    # The same few texts come again and again, record after record; long ones do not.
    return _repeated(text) if len(text) <= _SHORT else _parsed(text)


def _parsed(text: str) -> FrozenJson:
    try:
        return freeze(msgspec.json.decode(text), "json")
    except (msgspec.MsgspecError, ValidationError, RecursionError, UnicodeError):
        return None


_repeated = lru_cache(maxsize=1024)(_parsed)


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


@cache
def origins(origin: int) -> tuple[str, ...]:
    """Names of the origins of a fact."""
    return Origin(origin).labels()
