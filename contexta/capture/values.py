"""Values as a training loop hands them over, made fit for a JSON line without ever raising.

A metric call is no place to learn that a loss is a ``float32``, a set or a text with half a surrogate pair.
So every value becomes JSON here, exactly where it can and visibly changed where it cannot; what was changed
is counted, and the caller turns the count into one degraded record. Types of other libraries are recognised
by what they can do, never by importing them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from itertools import islice
from os import PathLike
from typing import Final, NamedTuple, TypeVar
from uuid import UUID

Container = Mapping[object, object] | list[object] | tuple[object, ...] | set[object] | frozenset[object]
JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]

ItemT = TypeVar("ItemT")

MAX_DEPTH: Final = 64
MAX_NODES: Final = 100_000
TOO_LARGE: Final = "<too large>"
"""Stands for everything behind the first `MAX_NODES` values."""
_FEW: Final = 100
_MAX_FALLBACK_TEXT: Final = 2_000

NON_FINITE: Final[Mapping[str, float]] = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
"""The ``value_type`` under which each non-finite metric value is kept; the value itself is null."""


_PLAIN: Final = frozenset({str, int, float, bool, dict, list, tuple})


class MetricValue(NamedTuple):
    """A metric value as it stands in the line."""

    value: int | float | None
    value_type: str


def metric_value(raw: object) -> MetricValue | None:
    """Return how a metric value is recorded, or None when it is not a number.

    Numpy scalars and one-element arrays count as the number they hold; booleans count as 0 and 1.
    """
    try:
        value = _unwrapped(raw)
        if isinstance(value, bool):
            return MetricValue(int(value), "int")
        if isinstance(value, int):
            return _integer(int.__int__(value))
        if isinstance(value, float):
            value = float.__float__(value)
            if math.isfinite(value):
                return MetricValue(value, "float")
            return MetricValue(None, non_finite_name(value))
        return _number_like(value)
    except Exception:  # noqa: BLE001 - a foreign type may raise anything, even when asked what it is
        return None


def non_finite_name(value: float) -> str:
    """Return ``nan``, ``inf`` or ``-inf``."""
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"


def _integer(value: int) -> MetricValue | None:
    if _spellable(value):
        return MetricValue(value, "int")
    return MetricValue(None, "inf" if value > 0 else "-inf")


def _spellable(value: int) -> bool:
    """Tell whether Python lets the integer become text; its limit on digits is a setting of the job."""
    if value.bit_length() <= 64:
        return True
    try:
        str(value)
    except ValueError:
        return False
    return True


def _number_like(value: object) -> MetricValue | None:
    """Accept what says itself that it is a real number, e.g. `decimal.Decimal` or a one-element tensor."""
    if (
        value is None
        or isinstance(value, (str, bytes, bytearray, complex))
        or not hasattr(value, "__float__")
    ):
        return None
    try:
        number = float(value)
    except Exception:  # noqa: BLE001 - a foreign type may raise anything; it is no number then
        return None
    return (
        MetricValue(number, "float") if math.isfinite(number) else MetricValue(None, non_finite_name(number))
    )


def _unwrapped(raw: object) -> object:
    """Return the plain scalar inside a numpy-like one."""
    if type(raw) in (float, int, bool, str) or raw is None:
        return raw
    try:
        item = getattr(raw, "item", None)
        if item is None or isinstance(raw, Mapping):
            return raw
        inner = item()
    except Exception:  # noqa: BLE001 - e.g. an array with several elements, or a type that means something else
        return raw
    return inner if isinstance(inner, (bool, int, float, str, bytes)) else raw


class Sanitiser:
    """Copies one value tree into plain JSON data.

    Attributes:
        changed: How many values could not be kept as they were.
        reasons: What kinds of change were made, e.g. ``non_finite``.
    """

    __slots__ = ("_nodes", "_open", "changed", "reasons")

    def __init__(self) -> None:
        self.changed = 0
        self.reasons: set[str] = set()
        self._nodes = 0
        self._open: set[int] = set()

    def copy(self, value: object, depth: int = 0) -> JsonValue:  # noqa: PLR0911 - one answer a type
        """Return the value as JSON data; never raises."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            return self._replace("too_large", TOO_LARGE)
        try:
            if type(value) not in _PLAIN:
                value = _unwrapped(value)
            if value is None or isinstance(value, bool):
                return value
            if isinstance(value, str):
                return self.text(value)
            if isinstance(value, int):
                value = int.__int__(value)
                return value if _spellable(value) else self._replace("huge_integer", "<huge integer>")
            if isinstance(value, float):
                value = float.__float__(value)
                return value if math.isfinite(value) else self._replace("non_finite", non_finite_name(value))
            if isinstance(value, (Mapping, list, tuple, set, frozenset)):
                return self._container(value, depth)
            return self._other(value)
        except Exception:  # noqa: BLE001 - a foreign type may raise anything, even when asked what it is
            return self._replace("unreadable", f"<{type(value).__name__}>")

    def text(self, value: str) -> str:
        """Return the text with lone surrogates spelt out."""
        if type(value) is not str:
            # A subclass may have methods of its own, numpy's and enumerations have.
            value = str.__str__(value)
        if value.isascii():
            return value
        try:
            value.encode()
        except UnicodeEncodeError:
            return str(self._replace("surrogate", value.encode("utf-8", "backslashreplace").decode()))
        return value

    def _replace(self, reason: str, value: JsonValue) -> JsonValue:
        self.changed += 1
        self.reasons.add(reason)
        return value

    def _container(self, value: Container, depth: int) -> JsonValue:
        if depth >= MAX_DEPTH:
            return self._replace("too_deep", "<too deep>")
        identity = id(value)
        if identity in self._open:
            return self._replace("cycle", "<cycle>")
        self._open.add(identity)
        try:
            if isinstance(value, Mapping):
                return self._map(value, depth)
            few = type(value) in _PLAIN and len(value) < _FEW
            items = value if few else self._within_budget(value)
            copied = [self.copy(inner, depth + 1) for inner in items]
            # A set has no order; a line that says the same must be the same.
            return sorted(copied, key=repr) if isinstance(value, (set, frozenset)) else copied
        finally:
            self._open.discard(identity)

    def _map(self, value: Mapping[object, object], depth: int) -> JsonValue:
        copied: dict[str, JsonValue] = {}
        # At once, because another thread may add to it; no more than fits, because it may have no end.
        items = list(value.items() if type(value) is dict else islice(value.items(), MAX_NODES + 1))
        for key, inner in items if len(items) < _FEW else self._within_budget(items):
            name = self._key(key)
            if name in copied:
                # 1 and "1" are two keys in Python and one in JSON.
                self._replace("same_key", None)
            copied[name] = self.copy(inner, depth + 1)
        return copied

    def _within_budget(self, items: Iterable[ItemT]) -> Iterator[ItemT]:
        """Stop behind the first item that is one too many: even to say so of each takes time."""
        for item in items:
            yield item
            if self._nodes > MAX_NODES:
                return

    def _key(self, key: object) -> str:
        if isinstance(key, str):
            return self.text(key)
        if key is None or isinstance(key, (bool, int, float)):
            return str(key)
        return self.text(_shown(key))

    def _other(self, value: object) -> JsonValue:
        if isinstance(value, (datetime, date)):
            return value.isoformat()
        if isinstance(value, (UUID, PathLike)):
            return self.text(_shown(value, str))
        if isinstance(value, (bytes, bytearray)):
            return self._replace(
                "bytes", bytes(value[:_MAX_FALLBACK_TEXT]).decode("utf-8", "backslashreplace")
            )
        number = _number_like(value)
        if number is not None and number.value is not None:
            return number.value
        return self._replace("unknown_type", Sanitiser().text(_shown(value)))


def _shown(value: object, how: type[str] | None = None) -> str:
    try:
        text = str.__str__((how or repr)(value))
    except Exception:  # noqa: BLE001 - a foreign `__repr__` may raise anything
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _MAX_FALLBACK_TEXT else text[:_MAX_FALLBACK_TEXT] + "…"


def shown(value: object) -> str:
    """Return a value as text, whatever it is; never raises."""
    try:
        return Sanitiser().text(value if isinstance(value, str) else _shown(value, str))
    except Exception:  # noqa: BLE001 - it may raise even when asked whether it is a text
        return f"<{type(value).__name__}>"


def map_of(value: object) -> dict[str, object]:
    """Return a copy of a map of facts, empty for what is none; never raises.

    Of one that cannot be read it holds just that.
    """
    try:
        # A map that makes its items up may have no end; whoever copies the copy says that it is too large.
        return dict(islice(value.items(), MAX_NODES + 1)) if isinstance(value, Mapping) else {}
    except Exception:  # noqa: BLE001 - a foreign map may raise anything
        return {"unreadable": f"<{type(value).__name__}>"}
