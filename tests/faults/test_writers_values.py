"""Fault: a training loop hands over values of every kind, some of which fight back.

None raises, none vanishes: what can be kept is kept; what cannot is replaced or dropped, and a degraded
record counts it. Names and words of the author's own are checked elsewhere; here they are right, and only
what is recorded is strange.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Never

import msgspec
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contexta.capture.scope import Scope
from contexta.testing import memory_contexta
from tests.faults import Seen, fault, sizes

NEVER: Final = ("exceptions", "lines that are no JSON", "lost in silence", "kept otherwise without a word")


def _refuse(*_: object, **__: object) -> Never:
    raise RuntimeError("no")


#: What a class may answer to any of its special methods: an exception.
_SPECIAL: Final = (
    "__repr__", "__str__", "__len__", "__bool__", "__float__", "__int__", "__index__", "__iter__", "__eq__",
    "__contains__", "__getitem__", "__fspath__", "__format__", "__getattr__", "item", "items", "keys",
    "isoformat", "utcoffset", "encode", "isascii", "bit_length",
)  # fmt: skip


def hostile(name: str, *bases: type, **more: object) -> type:
    """A class of which every special method raises."""
    return type(name, bases, {**dict.fromkeys(_SPECIAL, _refuse), "__hash__": object.__hash__, **more})


class _Impostor:
    """Raises even when asked for its class."""

    @property
    def __class__(self) -> type:
        raise RuntimeError("no")

    @__class__.setter
    def __class__(self, value: type) -> None:
        raise RuntimeError("no")


class _BadZone(dt.tzinfo):
    utcoffset = tzname = dst = _refuse


class _Endless(Mapping[str, int]):
    """A map without an end."""

    def __getitem__(self, key: str) -> int:
        return int(key) if key.isdigit() else {}[key]

    def __len__(self) -> int:
        return 3

    def __iter__(self) -> Iterator[str]:
        number = 0
        while True:
            yield str(number)
            number += 1


class _Colour(Enum):
    RED = "red"


class _Level(IntEnum):
    HIGH = 3


def _deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def _cycle() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["self"] = [value]
    return value


def _generator() -> Iterator[int]:
    yield 1


#: Each is made anew: a generator can be read once, and what is deep must be let go of level by level.
STRANGE: Final[dict[str, Callable[[], object]]] = {
    "nan": lambda: math.nan,
    "inf": lambda: math.inf,
    "-inf": lambda: -math.inf,
    "65 bits": lambda: 2**64 + 1,
    "6,000 digits": lambda: 10**6000,
    "bytes": lambda: b"\xff\x00",
    "bytearray": lambda: bytearray(b"\xff"),
    "memoryview": lambda: memoryview(b"\xff"),
    "lone surrogate": lambda: "a\ud800b",
    "control characters": lambda: "\x00\x1b[31m\x85\u2028\u202e",
    "a text of 1 MB": lambda: "x" * 1_000_000,
    "a text of 20 MB": lambda: "x" * 20_000_000,
    "numpy float32": lambda: np.float32(0.5),
    "numpy float16 nan": lambda: np.float16("nan"),
    "numpy longdouble": lambda: np.longdouble("1e4000"),
    "numpy uint64": lambda: np.uint64(2**64 - 1),
    "numpy bool": lambda: np.bool_(True),
    "numpy text": lambda: np.str_("a\ud800"),
    "numpy bytes": lambda: np.bytes_(b"\xff"),
    "numpy complex": lambda: np.complex64(1j),
    "numpy datetime": lambda: np.datetime64("2026-01-01"),
    "numpy void": lambda: np.void(b"abc"),
    "numpy array": lambda: np.arange(6).reshape(2, 3),
    "numpy array of one": lambda: np.array([[0.5]]),
    "numpy empty array": lambda: np.array([]),
    "numpy array of objects": lambda: np.array([object(), None], dtype=object),
    "numpy masked": lambda: np.ma.masked,
    "set": lambda: {1, "a", None},
    "frozenset": lambda: frozenset({1}),
    "tuple": lambda: (1, (2, 3)),
    "cycle": _cycle,
    "100,000 levels": lambda: _deep(100_000),
    "a list of 300,000": lambda: list(range(300_000)),
    "keys that become one": lambda: {1: "a", "1": "b"},
    "keys of all kinds": lambda: {None: 1, 1.5: 2, (1, 2): 3, b"x": 4, _Colour.RED: 5, math.nan: 6},
    "a map without an end": _Endless,
    "generator": _generator,
    "function": lambda: _generator,
    "class": lambda: dict,
    "enumeration": lambda: _Colour.RED,
    "enumerated number": lambda: _Level.HIGH,
    "decimal": lambda: Decimal("0.1"),
    "decimal nan": lambda: Decimal("sNaN"),
    "fraction": lambda: Fraction(1, 3),
    "complex": lambda: 1j,
    "path": lambda: Path("/a\udcff"),
    "date": lambda: dt.date.min,
    "time of a bad zone": lambda: dt.datetime(2026, 1, 1, tzinfo=_BadZone()),
    "the first moment": lambda: dt.datetime.min.replace(tzinfo=dt.timezone(dt.timedelta(hours=14))),
    "the last moment": lambda: dt.datetime.max.replace(tzinfo=dt.timezone(-dt.timedelta(hours=14))),
    "exception": lambda: ValueError("a\ud800"),
    "regular expression": lambda: re.compile("x"),
    "none": lambda: None,
    "object": object,
    "hostile object": hostile("Hostile"),
    "hostile text": lambda: hostile("Text", str)("a"),
    "hostile integer": lambda: hostile("Integer", int)(5),
    "hostile float": lambda: hostile("Float", float)(0.5),
    "hostile list": lambda: hostile("List", list)([1]),
    "hostile map": lambda: hostile("Map", dict)({"a": 1}),
    "hostile set": lambda: hostile("Set", set)({1}),
    "hostile bytes": lambda: hostile("Bytes", bytes)(b"a"),
    "impostor": _Impostor,
    "impostors in a map": lambda: {"a": [_Impostor()], "b": (_Impostor(), {_Impostor()})},
}

#: Every way in which a value comes in.
WAYS: Final[dict[str, Callable[[Scope, Any], object]]] = {
    "metric": lambda scope, value: scope.metric("loss", value),
    "metric tag": lambda scope, value: scope.metric("loss", 1, tags={"a": value}),
    "metric tags": lambda scope, value: scope.metric("loss", 1, tags=value),
    "message": lambda scope, value: scope.event("e", message=value),
    "attribute": lambda scope, value: scope.event("e", message="m", attributes={"a": value}),
    "attributes": lambda scope, value: scope.event("e", message="m", attributes=value),
    "attributes and tags": lambda scope, value: scope.event("e", message="m", attributes=value, tags=value),
    "span attribute": lambda scope, value: scope.span("s", attributes={"a": [value]}),
    "span start": lambda scope, value: scope.span("s", started_at=value),
    "span end": lambda scope, value: scope.span("s", ended_at=value),
    "span links": lambda scope, value: scope.span("s", linked_refs=value),
    "span parent": lambda scope, value: scope.span("s", parent_span_id=value),
    "artifact attribute": lambda scope, value: scope.register_artifact(
        "model", "/nowhere", allow_missing=True, attributes={"a": value}
    ),
    "artifact attributes": lambda scope, value: scope.register_artifact(
        "model", "/nowhere", allow_missing=True, attributes=value
    ),
    "list of metrics": lambda scope, value: scope.emit_metrics([{"key": "a", "value": value}]),
    "list of events": lambda scope, value: scope.emit_events([{"key": "a", "message": value}]),
    "scope metadata": lambda scope, value: scope.stage("s", metadata={"a": value}).close(),  # type: ignore[attr-defined]
    "scope facts": lambda scope, value: scope.stage("s", metadata=value).close(),  # type: ignore[attr-defined]
}


def _record(way: Callable[[Scope, Any], object], value: object) -> tuple[list[bytes], list[dict[str, Any]]]:
    """Record a value in one way; the lines, and the degraded records among them."""
    ctx, memory = memory_contexta()
    with ctx.run("r1") as run:
        way(run, value)
    gaps = []
    for line in memory.lines:
        told = msgspec.json.decode(line)
        if told["payload_type"] == "DegradedRecord":
            gaps.append(told["payload"]["payload"])
    return memory.lines, gaps


def _let_go(value: object) -> None:
    """Take apart what is deep: freeing it in one piece would recurse."""
    while type(value) is list and len(value) == 1:
        value = value.pop()


@sizes(short=9, full=1)
def test_strange_values_come_in_every_way(size: int) -> None:
    # The full form takes every value in every way, the short one every ninth.
    pairs = [(way, kind) for way in WAYS for kind in STRANGE]
    with fault("a strange value is recorded", "values", never=NEVER) as seen:
        for way, kind in pairs[::size]:
            value = STRANGE[kind]()
            seen.inject()
            try:
                lines, gaps = _record(WAYS[way], value)
            except msgspec.DecodeError as error:
                seen.wrong("lines that are no JSON", example=f"{way}, {kind}: {error}")
            except Exception as error:  # noqa: BLE001 - that it gets out is what is looked for
                seen.wrong("exceptions", example=f"{way}, {kind}: {type(error).__name__} {error}")
            else:
                seen.also("degraded records", len(gaps))
                # The project, the run and its end, and either what was recorded or word of it.
                seen.wrong("lost in silence", len(lines) < 4, f"{way}, {kind}")
            _let_go(value)


#: What takes long to make again and again, and what Hypothesis itself stumbles over.
_LEFT_OUT: Final = {
    "impostor",
    "impostors in a map",
    "a text of 20 MB",
    "a text of 1 MB",
    "100,000 levels",
    "a list of 300,000",
    "a map without an end",
}

_JSON: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
_ANY: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(st.characters(codec=None, categories=None))
    | st.binary()
    | st.decimals()
    | st.datetimes()
    | st.uuids()
    # Looked up when it is drawn: Hypothesis asks its samples for more than they answer.
    | st.sampled_from(sorted(STRANGE.keys() - _LEFT_OUT)).map(lambda kind: STRANGE[kind]()),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


def _generated(size: int, seen: Seen, values: st.SearchStrategy[Any], check: Callable[[Any], None]) -> None:
    @settings(
        max_examples=size,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(values)
    def each(value: Any) -> None:
        seen.inject()
        check(value)

    each()


@sizes(short=15, full=2_000)
def test_generated_values_are_kept_or_told(size: int) -> None:
    with fault("generated values are recorded", "values", never=NEVER) as seen:

        def plain(value: Any) -> None:
            lines, gaps = _record(WAYS["attribute"], value)
            (kept,) = [json.loads(line) for line in lines if b'"StructuredEventRecord"' in line]
            same = kept["payload"]["payload"]["attributes"] == {"a": value}
            seen.wrong("kept otherwise without a word", not same and not gaps, repr(value)[:200])
            seen.wrong("lost in silence", bool(gaps), f"plain JSON counted as changed: {value!r}"[:200])

        def strange(value: Any) -> None:
            for way in ("attribute", "metric tags", "message", "metric"):
                try:
                    lines, _ = _record(WAYS[way], value)
                except Exception as error:  # noqa: BLE001 - that it gets out is what is looked for
                    seen.wrong("exceptions", example=f"{way}: {type(error).__name__} {error}")
                else:
                    seen.wrong("lost in silence", len(lines) < 4, way)

        _generated(size, seen, _JSON, plain)
        _generated(size, seen, _ANY, strange)
