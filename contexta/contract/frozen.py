"""Read-only JSON data, so that a frozen model is frozen all the way down."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Never, TypeVar

from contexta.errors import ValidationError

FrozenJson = None | bool | int | float | str | tuple["FrozenJson", ...] | Mapping[str, "FrozenJson"]
PlainJson = None | bool | int | float | str | list["PlainJson"] | dict[str, "PlainJson"]

ValueT = TypeVar("ValueT")


class FrozenMap(dict[str, ValueT]):
    """A dictionary that cannot be changed. It copies, pickles and prints like one, and has no hash."""

    def _refuse(self, *_: object, **__: object) -> Never:
        raise TypeError("a map of a contract model cannot be changed; make a new model")

    __setitem__ = _refuse
    __delitem__ = _refuse
    __ior__ = _refuse
    clear = _refuse
    pop = _refuse
    popitem = _refuse
    setdefault = _refuse
    update = _refuse

    def __copy__(self) -> FrozenMap[ValueT]:
        return self

    def __deepcopy__(self, _: object) -> FrozenMap[ValueT]:
        return self

    def __reduce__(self) -> tuple[type[FrozenMap[ValueT]], tuple[dict[str, ValueT]]]:
        return (FrozenMap, (dict(self),))


def freeze(value: object, field_name: str) -> FrozenJson:
    """Return JSON data as read-only data: maps with sorted keys, lists as tuples.

    Raises:
        ValidationError: ``record_invalid_mapping`` for a key that is no text, ``extension_invalid_value`` for
            a value that JSON has not.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise ValidationError(
                f"Keys in {field_name} must be texts.",
                code="record_invalid_mapping",
                details={"field": field_name},
            )
        return FrozenMap({key: freeze(value[key], field_name) for key in sorted(value)})
    if isinstance(value, (list, tuple)):
        return tuple(freeze(item, field_name) for item in value)
    raise ValidationError(
        f"{field_name} holds {value!r}; JSON has texts, finite numbers, true, false, null, lists and maps.",
        code="extension_invalid_value",
        details={"field": field_name},
    )


def thaw(value: object) -> PlainJson:
    """Return read-only data as plain dictionaries and lists.

    Raises:
        TypeError: It is no JSON data.
    """
    if isinstance(value, Mapping):
        return {str(key): thaw(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [thaw(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{type(value).__name__} is no JSON data")
