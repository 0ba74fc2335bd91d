"""Contract models as plain data and as JSON text, in the one form that stores keep.

The form has sorted keys and no nulls in maps, so that equal models are equal texts. It is what the ledger and
the segments hold (format specification, section 3, serialisation); the journal keeps nulls and has an encoder
of its own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache
from typing import Final

import msgspec

from contexta.contract.frozen import PlainJson
from contexta.contract.model import FrozenModel
from contexta.contract.refs import StableRef
from contexta.errors import SerializationError

_ENCODER: Final = msgspec.json.Encoder()
_UNCHANGED: Final = frozenset({str, int, bool})


def to_payload(obj: object) -> PlainJson:
    """Return a model, or data that holds models and references, as plain data.

    Args:
        obj: A contract model, a reference, or maps, lists and scalars of them.

    Returns:
        Maps with sorted keys and without entries whose value is null, at every depth; lists keep their nulls.

    Raises:
        SerializationError: ``serialize_non_finite_float`` for NaN or an infinity, ``serialize_invalid_key``
            for a map key that is no text, ``serialize_unsupported_type`` for what JSON has not,
            ``serialize_too_deep`` for data nested deeper than Python can follow.
    """
    try:
        return _plain(obj)
    except RecursionError as error:
        raise SerializationError(
            "The data is nested too deeply to be written.", code="serialize_too_deep", cause=error
        ) from error


def to_json(obj: object) -> str:
    """Return the JSON text of `to_payload`: compact, keys sorted, letters beyond ASCII as they are.

    Raises:
        SerializationError: As `to_payload`; ``serialize_invalid_text`` for half a surrogate pair.
    """
    payload = to_payload(obj)
    try:
        return _ENCODER.encode(payload).decode()
    except UnicodeEncodeError as error:
        raise SerializationError(
            "A text holds half a surrogate pair, which UTF-8 has not.",
            code="serialize_invalid_text",
            cause=error,
        ) from error
    except (OverflowError, RecursionError):
        # Deeper than the encoder goes, or an integer it does not spell.
        return json.dumps(payload, ensure_ascii=False, separators=(",", ":"))


@cache
def _members(model: type[FrozenModel]) -> tuple[str, ...]:
    """Return the names of a model's fields in the order of the text."""
    return tuple(sorted(model.model_fields))


def _plain(value: object) -> PlainJson:  # noqa: PLR0911 - one answer a type
    kind = type(value)
    if kind in _UNCHANGED or value is None:
        return value  # type: ignore[return-value]  # the set says what it is
    if kind is StableRef:
        return str(value)
    if isinstance(value, FrozenModel):
        fields = vars(value)
        return {name: _plain(fields[name]) for name in _members(type(value)) if fields[name] is not None}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value] if value else []
    if isinstance(value, Mapping):
        return _plain_map(value)
    if isinstance(value, float):
        if math.isfinite(value):
            return float(value)
        raise SerializationError(
            f"JSON has no {value!r}; a metric says it by its value type.", code="serialize_non_finite_float"
        )
    if isinstance(value, str):
        return str(value)
    if isinstance(value, StableRef):
        return value.text
    if isinstance(value, int):
        return int(value)
    raise SerializationError(
        f"JSON has no {kind.__name__}; give texts, numbers, true, false, null, lists, maps or models.",
        code="serialize_unsupported_type",
    )


def _plain_map(value: Mapping[object, object]) -> PlainJson:
    try:
        return {
            _checked_key(key): _plain(value[key])
            for key in sorted(value)  # type: ignore[type-var]  # keys that do not compare are refused below
            if value[key] is not None
        }
    except TypeError as error:
        odd = next((key for key in value if not isinstance(key, str)), None)
        raise SerializationError(
            f"A map has the key {odd!r}; JSON keys are texts.", code="serialize_invalid_key", cause=error
        ) from error


def _checked_key(key: object) -> str:
    if isinstance(key, str):
        return key
    raise TypeError("not a text")
