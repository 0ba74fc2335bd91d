"""Plain data and JSON text back into contract models, strictly or leniently.

Strict reading refuses the first thing that is wrong; it is for data that this library wrote. Lenient reading
gives up only what is wrong: an unknown field, an optional value that breaks its rule, a foreign schema
version cost a finding each and leave the rest of the row readable. Stores read leniently, so that one odd row
does not hide all others. Absent and null mean the same, because stored text has no nulls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, TypeVar, get_args

import msgspec

from contexta.contract.extensions import ExtensionFieldSet
from contexta.contract.model import FrozenModel
from contexta.contract.registry import ExtensionRegistry
from contexta.contract.validation import WARNING, ValidationIssue, validate_model
from contexta.errors import ContextaError, SerializationError

ModelT = TypeVar("ModelT", bound=FrozenModel)

Source = str | bytes | Mapping[str, object]
"""What a model is read from: JSON text, or the map that such a text holds."""

# The grammar of references; that a reference is of the wrong kind is for its model to say.
_REF_CODES: Final = frozenset(
    {
        "context_invalid_ref",
        "stable_ref_invalid_text",
        "stable_ref_invalid_kind",
        "stable_ref_invalid_value",
        "stable_ref_too_long",
    }
)


def read_strict(model: type[ModelT], source: object, registry: ExtensionRegistry | None = None) -> ModelT:
    """Return the model that text or a map holds.

    Args:
        model: The class to read.
        source: JSON text, or the map that such a text holds.
        registry: The extension namespaces that may be read; those of this library when None.

    Raises:
        SerializationError: ``deserialize_blank_input``, ``deserialize_invalid_json``,
            ``deserialize_invalid_shape`` (no map, or no list, where one belongs),
            ``deserialize_unknown_field``, ``deserialize_invalid_payload`` (a field is missing),
            ``deserialize_invalid_ref``.
        ValidationError: ``validation_failed`` for a foreign schema version or extension, with
            ``details["issues"]``; or the code of the rule that a value breaks.
    """
    found = _Reader(lenient=False).build(model, data_of(source), "$")
    if found is None:
        raise AssertionError("strict reading raises instead")
    validate_model(found, registry, model=model).raise_for_errors()
    return found


def read_lenient(
    model: type[ModelT], source: object, registry: ExtensionRegistry | None = None
) -> tuple[ModelT | None, tuple[ValidationIssue, ...]]:
    """Return as much of the model as can be read, and what was wrong; never raises for what the data holds.

    Args:
        model: The class to read.
        source: JSON text, or the map that such a text holds.
        registry: The extension namespaces that cause no finding; those of this library when None.

    Returns:
        The model and warnings; or None and at least one error when a field it needs is missing or wrong.
    """
    reader = _Reader(lenient=True)
    try:
        found = reader.build(model, data_of(source), "$")
    except ContextaError as error:
        reader.found(error, "$")
        return None, tuple(reader.issues)
    if found is None:
        return None, tuple(reader.issues)
    issues = (*reader.issues, *validate_model(found, registry).errors)
    # What was given up did not cost the model, so none of it is an error.
    return found, tuple(replace(issue, severity=WARNING) for issue in issues)


def data_of(source: object) -> object:
    """Return the map in a JSON text; anything that is no text is returned as it is.

    Raises:
        SerializationError: ``deserialize_blank_input`` or ``deserialize_invalid_json``.
    """
    if not isinstance(source, (str, bytes)):
        return source
    if not source.strip():
        raise SerializationError("There is no text to read a model from.", code="deserialize_blank_input")
    try:
        return msgspec.json.decode(source)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise SerializationError(
            f"The text is not JSON: {error}.", code="deserialize_invalid_json", cause=error
        ) from error


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a model's map may and must hold."""

    names: frozenset[str]
    required: tuple[str, ...]
    null_required: tuple[str, ...]
    defaulted: frozenset[str]
    nested: Mapping[str, type[FrozenModel]]


@cache
def _shape(model: type[FrozenModel]) -> _Shape:
    fields = model.model_fields
    required = [name for name, field in fields.items() if field.is_required()]
    may_be_null = {name for name in required if type(None) in get_args(fields[name].annotation)}
    return _Shape(
        names=frozenset(fields),
        required=tuple(name for name in required if name not in may_be_null),
        null_required=tuple(name for name in required if name in may_be_null),
        defaulted=frozenset(fields) - frozenset(required),
        nested={
            name: field.annotation
            for name, field in fields.items()
            if isinstance(field.annotation, type) and issubclass(field.annotation, FrozenModel)
        },
    )


class _Reader:
    """Builds one model and all models in it; lenient reading collects findings instead of raising."""

    def __init__(self, *, lenient: bool) -> None:
        self.lenient = lenient
        self.issues: list[ValidationIssue] = []

    def found(self, error: ContextaError, path: str) -> None:
        """Keep an error as a finding."""
        self.issues.append(ValidationIssue(error.code, str(error.details.get("path", path)), error.message))

    def build(self, model: type[ModelT], data: object, path: str) -> ModelT | None:
        """Return the model, or None when lenient reading cannot save it."""
        if isinstance(data, model):
            return data
        try:
            fields = self._fields(model, data, path)
            return None if fields is None else self._construct(model, fields, path)
        except ContextaError as error:
            if not self.lenient:
                raise
            self.found(error, path)
            return None

    def _fields(self, model: type[FrozenModel], data: object, path: str) -> dict[str, object] | None:
        if not isinstance(data, Mapping):
            raise _refused("invalid_shape", path, f"{model.__name__} is read from a map, not from {data!r}.")
        shape = _shape(model)
        if not data.keys() <= shape.names:
            self._unknown(model, data.keys() - shape.names, path)
        fields = {name: value for name, value in data.items() if value is not None and name in shape.names}
        missing = [name for name in shape.required if name not in fields]
        if missing:
            raise _refused("invalid_payload", path, f"{model.__name__} needs {', '.join(missing)}.")
        for name in shape.null_required:
            fields.setdefault(name, None)
        for name, inner in shape.nested.items():
            if (
                name in fields
                and (built := self.build(inner, fields.pop(name), f"{path}.{name}")) is not None
            ):
                fields[name] = built
            elif name in shape.required:
                return None
        if "extensions" in fields:
            fields["extensions"] = self._extensions(fields["extensions"], f"{path}.extensions")
        return fields

    def _extensions(self, items: object, path: str) -> tuple[ExtensionFieldSet, ...]:
        if not isinstance(items, Sequence) or isinstance(items, (str, bytes)):
            error = _refused("invalid_shape", path, f"extensions are a list, not {items!r}.")
            if not self.lenient:
                raise error
            self.found(error, path)
            return ()
        built = (self.build(ExtensionFieldSet, item, f"{path}[{index}]") for index, item in enumerate(items))
        return tuple(item for item in built if item is not None)

    def _unknown(self, model: type[FrozenModel], names: set[str], path: str) -> None:
        for name in sorted(map(str, names)):
            error = _refused("unknown_field", f"{path}.{name}", f"{model.__name__} has no field {name!r}.")
            if not self.lenient:
                raise error
            self.found(error, path)

    def _construct(self, model: type[ModelT], fields: dict[str, object], path: str) -> ModelT:
        while True:
            try:
                return model(**fields)
            except RecursionError as error:
                raise _refused(
                    "invalid_payload", path, f"{model.__name__} is nested too deeply.", error
                ) from error
            except ContextaError as error:
                name = str(error.details.get("field", ""))
                where = f"{path}.{name}" if name in fields else path
                if self.lenient and name in fields and name in _shape(model).defaulted:
                    del fields[name]
                    self.found(error, where)
                    continue
                if error.code in _REF_CODES:
                    raise _refused("invalid_ref", where, error.message, error) from error
                error.details.setdefault("path", where)
                raise


def _refused(reason: str, path: str, message: str, cause: BaseException | None = None) -> SerializationError:
    return SerializationError(
        f"{path}: {message}", code=f"deserialize_{reason}", details={"path": path}, cause=cause
    )
