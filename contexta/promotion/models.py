"""Captured payloads as contract models that every reader of the canonical store can read back.

Lenient: what the contract does not allow is given up and told, the rest is kept. Strict about two things,
because a row with them cannot be read back: another schema version, and extensions that no registry knows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from contexta.contract.decoding import ModelT, read_lenient
from contexta.contract.extensions import ExtensionFieldSet
from contexta.contract.model import FrozenModel
from contexta.contract.registry import DEFAULT_REGISTRY
from contexta.contract.serialization import AnyRecord, record_model
from contexta.contract.validation import ValidationIssue
from contexta.errors import ContextaError

_VERSION: Final = "schema.version_mismatch"
_EXTENSION: Final = "extension.namespace_unregistered"


def model_of(model: type[ModelT], payload: Mapping[str, object]) -> tuple[ModelT | None, tuple[str, ...]]:
    """Return a model, and in words what was given up; None when there is nothing that may be stored.

    Args:
        model: Its class.
        payload: The plain data.
    """
    try:
        found, issues = read_lenient(model, payload)
        if found is None or any(issue.code == _VERSION for issue in issues):
            return None, _words(issues)
        if any(issue.code == _EXTENSION for issue in issues):
            found = _without_foreign_extensions(found)
    except (ContextaError, TypeError, ValueError, RecursionError) as error:
        return None, (str(error),)
    return found, _words(issues)


def record_of(payload: Mapping[str, object]) -> tuple[AnyRecord | None, tuple[str, ...]]:
    """Return a record, and in words what was given up; as `model_of`."""
    try:
        model = record_model(payload)
    except ContextaError as error:
        return None, (str(error),)
    return model_of(model, _with_finite_value(payload))


def _words(issues: tuple[ValidationIssue, ...]) -> tuple[str, ...]:
    return tuple(f"{issue.path}: {issue.message}".rstrip(".") for issue in issues)


def _without_foreign_extensions(model: ModelT) -> ModelT:
    changes: dict[str, object] = {}
    fields = vars(model)
    extensions: tuple[ExtensionFieldSet, ...] = fields.get("extensions", ())
    if extensions:
        changes["extensions"] = tuple(one for one in extensions if one.namespace in DEFAULT_REGISTRY)
    envelope = fields.get("envelope")
    if isinstance(envelope, FrozenModel):
        changes["envelope"] = _without_foreign_extensions(envelope)
    return model.replace(**changes)


def _with_finite_value(payload: Mapping[str, object]) -> Mapping[str, object]:
    """Spell a value that is no number as the contract does; some writers put NaN into the line itself."""
    inner = payload.get("payload")
    value = inner.get("value") if isinstance(inner, Mapping) else None
    if not isinstance(inner, Mapping) or not isinstance(value, float) or math.isfinite(value):
        return payload
    kind = "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return {**payload, "payload": {**inner, "value": None, "value_type": kind}}
