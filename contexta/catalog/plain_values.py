"""Values of JSON lines that every reader takes alike.

What two JSON libraries may read or write differently, a type that is not expected, an escape in a name, a
number with an exponent, is `UnusualError`: somebody else has to look at it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Never

from contexta.catalog.lines import WELL_FORMED

_REF: Final = re.compile(WELL_FORMED)
_LONGEST_REF: Final = 255
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - as are all times here, UTC
_EXACT: Final = 2**53
_MOST_INTEGER: Final = 2**31

Members = Mapping[str, Any]


class UnusualError(Exception):
    """Something is not plain."""


def unique(members: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; which of two members of a name counts is a matter of the reader."""
    found = dict(members)
    if len(found) != len(members):
        raise UnusualError
    return found


def give_up(_: str) -> Never:
    """Refuse a constant that is no JSON, such as NaN."""
    raise UnusualError


def members_of(value: object) -> Members:
    """The members of an object."""
    if not isinstance(value, dict):
        raise UnusualError
    return value


def text(members: Members, name: str) -> str | None:
    """A member that is a text, or `None`."""
    value = members.get(name)
    if value is not None and not isinstance(value, str):
        raise UnusualError
    return value


def first(members: Members, names: Iterable[str]) -> str | None:
    """The first of some members that is there; all of them must be texts."""
    texts = [text(members, name) for name in names]
    return next((each for each in texts if each is not None), None)


def ref(found: str) -> str:
    """A well-formed ref of a scope."""
    if len(found) > _LONGEST_REF or _REF.fullmatch(found) is None:
        raise UnusualError
    return found


def micros(found: str | None) -> int | None:
    """A time in microseconds since the epoch."""
    if found is None:
        return None
    if _TIME.fullmatch(found) is None:
        raise UnusualError
    since = datetime.fromisoformat(found[:-1]) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def number(value: object) -> float | None:
    """A finite number that a double holds exactly as it is written."""
    if value is None:
        return None
    if type(value) is float and math.isfinite(value):
        return value
    if type(value) is int and abs(value) < _EXACT:
        return float(value)
    raise UnusualError


def integer(value: object) -> int | None:
    """A whole number of 32 bits."""
    if value is None or (type(value) is int and abs(value) < _MOST_INTEGER):
        return value
    raise UnusualError


def json_text(value: object) -> str:  # noqa: PLR0911 - a line for each type
    """A value as JSON, written as every library would."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str() if value.isprintable() and '"' not in value and "\\" not in value:
            return f'"{value}"'
        case int() if abs(value) < _EXACT:
            return str(value)
        case float() if math.isfinite(value) and "e" not in (written := repr(value)):
            return written
        case list():
            return "[" + ",".join(map(json_text, value)) + "]"
        case dict():
            members = (f"{json_text(name)}:{json_text(member)}" for name, member in value.items())
            return "{" + ",".join(members) + "}"
    raise UnusualError
