"""The base of all contract models: frozen, positional like their fields, plain data on request."""

from __future__ import annotations

import threading
from dataclasses import FrozenInstanceError
from functools import cache
from typing import TYPE_CHECKING, Final, Never, Self

import pydantic

from contexta.contract.frozen import FrozenMap, PlainJson, thaw
from contexta.contract.refs import StableRef
from contexta.errors import ContractError

# Two threads that make the first models of a class must not build its validator at once.
_BUILDING: Final = threading.RLock()


class FrozenModel(pydantic.BaseModel):
    """A frozen pydantic model whose errors are those of the library.

    Fields may be given by position in their order or by name. What breaks a rule raises
    `contexta.errors.ValidationError` with the rule's code.

    Raises:
        TypeError: A field is missing, unknown or given twice.
    """

    model_config = pydantic.ConfigDict(
        frozen=True,
        extra="forbid",
        arbitrary_types_allowed=True,
        # A program that needs one model does not wait for the validators of all of them.
        defer_build=True,
    )

    if not TYPE_CHECKING:  # the type checker knows the fields better without it

        def __init__(self, *args: object, **kwargs: object) -> None:
            if not type(self).__pydantic_complete__:
                with _BUILDING:
                    type(self).model_rebuild()
            names = field_names(type(self))
            given = dict(zip(names, args, strict=False))
            if len(args) > len(names) or given.keys() & kwargs.keys():
                raise TypeError(f"{type(self).__name__} has the fields {', '.join(names)}, each given once")
            try:
                super().__init__(**given, **kwargs)
            except pydantic.ValidationError as error:
                raise _shape_error(type(self), error) from error

    def to_dict(self) -> dict[str, PlainJson]:
        """Return plain data in field order, nulls kept."""
        return {name: _plain(getattr(self, name)) for name in field_names(type(self))}

    def replace(self, **changes: object) -> Self:
        """Return a copy with some fields changed, checked like a new one."""
        fields: dict[str, object] = {name: getattr(self, name) for name in field_names(type(self))}
        return type(self)(**{**fields, **changes})

    def __setattr__(self, name: str, value: object) -> Never:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> Never:
        raise FrozenInstanceError(f"cannot delete field {name!r}")


@cache
def field_names(model: type[FrozenModel]) -> tuple[str, ...]:
    """Return the names of a model's fields in their order."""
    return tuple(model.model_fields)


def _plain(value: object) -> PlainJson:
    if isinstance(value, StableRef):
        return value.text
    if isinstance(value, FrozenModel):
        return value.to_dict()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, FrozenMap):
        return thaw(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ContractError(f"A contract model holds {type(value).__name__}, which no rule lets in.")


def _shape_error(model: type[FrozenModel], error: pydantic.ValidationError) -> TypeError:
    """Say in words what pydantic found.

    Rules raise errors of their own, so only missing and unknown fields are left.
    """
    found = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
    return TypeError(f"{model.__name__} cannot be made: {found}")
