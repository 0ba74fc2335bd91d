"""Facts that a model has no field for, kept under a namespace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

import pydantic

from contexta.contract.fields import JsonMap, Rule, matching
from contexta.contract.model import FrozenModel
from contexta.errors import ConflictError, ValidationError

_NAMESPACE: Final = r"[a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*)+"
_NAMESPACE_RULE: Final = matching(_NAMESPACE, "extension_invalid_namespace", "contexta.run", max_length=128)
Namespace = Annotated[str, _NAMESPACE_RULE]
_FIELD_KEY: Final = matching(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*", "extension_invalid_field", "dataset_ref")


def check_namespace(namespace: object) -> str:
    """Return a namespace without surrounding blanks.

    Raises:
        ValidationError: ``extension_invalid_namespace``: not two or more dotted lower-case words, or longer
            than 128 characters.
    """
    return str(_NAMESPACE_RULE.check(namespace, "namespace"))


def _field_keys(value: object, field_name: str) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)):
        raise ValidationError(
            f"{field_name} must be a list of field names, not {value!r}.", code="extension_invalid_field"
        )
    return tuple(str(_FIELD_KEY.check(key, field_name)) for key in value)


class ExtensionFieldSet(FrozenModel):
    """The fields of one namespace.

    Attributes:
        namespace: Two or more dotted words, e.g. ``contexta.run``.
        fields: At least one; names are lower-case words with underscores.
        readonly_fields: Names of fields that others must not change.
    """

    namespace: Namespace
    fields: JsonMap
    readonly_fields: Annotated[
        tuple[str, ...], Rule(_field_keys, {"type": "array", "items": {"type": "string"}}, list)
    ] = ()

    @pydantic.model_validator(mode="after")
    def _check_fields(self) -> ExtensionFieldSet:
        if not self.fields:
            raise ValidationError(
                f"The extension {self.namespace} has no fields; leave it out.", code="extension_empty_fields"
            )
        for key in self.fields:
            _FIELD_KEY.check(key, self.namespace)
        return self


def _extensions(value: object, field_name: str) -> tuple[ExtensionFieldSet, ...]:
    if not isinstance(value, (list, tuple)):
        raise ValidationError(
            f"{field_name} must be a list of extensions, not {value!r}.", code="extension_invalid_value"
        )
    sets = tuple(_one(item) for item in value)
    namespaces = [item.namespace for item in sets]
    for namespace in namespaces:
        if namespaces.count(namespace) > 1:
            raise ConflictError(
                f"The extension {namespace} is given twice; put its fields together.",
                code="extension_duplicate_namespace",
            )
    return sets


def _one(item: object) -> ExtensionFieldSet:
    if isinstance(item, ExtensionFieldSet):
        return item
    if isinstance(item, Mapping):
        return ExtensionFieldSet(**item)
    raise ValidationError(
        f"An extension is an ExtensionFieldSet or a map of its fields, not {item!r}.",
        code="extension_invalid_value",
    )


def _plain_extensions(value: object) -> object:
    return [item.to_dict() for item in value] if isinstance(value, tuple) else value


def _extensions_schema() -> dict[str, object]:
    return {"type": "array", "items": ExtensionFieldSet.model_json_schema()}


Extensions = Annotated[
    tuple[ExtensionFieldSet, ...], Rule(_extensions, _extensions_schema, _plain_extensions)
]


class ContractModel(FrozenModel):
    """A model that ends with a schema version and extensions."""

    def extension(self, namespace: str) -> Mapping[str, object]:
        """Return the fields of one extension; empty when the model has none of that name."""
        sets: tuple[ExtensionFieldSet, ...] = getattr(self, "extensions", ())
        return next((item.fields for item in sets if item.namespace == namespace), {})
