"""The kinds of fields that contract models are made of.

A field kind is one rule: it takes what a caller may give and returns what the model keeps, or raises an error
of the library with the code that belongs to the rule. Pydantic runs the rules and knows their JSON schema; it
decides nothing itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Annotated, Final, Protocol

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from contexta.contract.frozen import FrozenJson, FrozenMap, freeze, thaw
from contexta.contract.refs import (
    COMPONENT_PATTERN,
    StableRef,
    is_component,
    stable_ref_pattern,
    validate_stable_ref_kind,
)
from contexta.contract.times import timestamp_text
from contexta.errors import ValidationError

DEFAULT_CONTRACT_SCHEMA_VERSION: Final = "1.0.0"


class Check(Protocol):
    """Takes a value and the field's name, returns what is kept."""

    def __call__(self, value: object, field_name: str) -> object:
        """Raise an error of the library when the value breaks the rule."""


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """Annotates a field with the check of its values.

    Args:
        check: Takes a value and the field's name, returns what is kept.
        schema: The JSON schema of the kept value, or what makes it when it is asked for.
        plain: Turns the kept value into JSON data.
    """

    check: Check
    schema: Mapping[str, object] | Callable[[], Mapping[str, object]]
    plain: Callable[[object], object] | None = None

    def __get_pydantic_core_schema__(self, _source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            partial(self.check, field_name=handler.field_name or "value"),
            serialization=(
                None if self.plain is None else core_schema.plain_serializer_function_ser_schema(self.plain)
            ),
        )

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, object]:
        return dict(self.schema() if callable(self.schema) else self.schema)


# References of runs, stages and batches come again with every child of theirs.
_REMEMBERED_REFS: Final = 1_024


def _reference(kind: str) -> Rule:
    @lru_cache(_REMEMBERED_REFS)
    def parsed(text: str) -> StableRef:
        return validate_stable_ref_kind(StableRef.parse(text), kind)

    def check(value: object, field_name: str) -> StableRef:
        try:
            if type(value) is str:
                return parsed(value)
            return validate_stable_ref_kind(_as_ref(value, field_name), kind, field_name)
        except ValidationError as error:
            error.details.setdefault("field", field_name)
            raise

    return Rule(check, {"type": "string", "pattern": stable_ref_pattern(kind)}, str)


def _any_reference(value: object, field_name: str) -> StableRef:
    try:
        return _as_ref(value, field_name)
    except ValidationError as error:
        error.details.setdefault("field", field_name)
        raise


def _as_ref(value: object, field_name: str) -> StableRef:
    if isinstance(value, StableRef):
        return value
    if isinstance(value, str):
        return StableRef.parse(value)
    raise ValidationError(
        f"{field_name} takes a reference or its text, not {value!r}.",
        code="context_invalid_ref",
        details={"field": field_name},
    )


def text(value: object, field_name: str) -> str:
    """Return a text without surrounding blanks; it must not be blank. Code ``context_invalid_string``."""
    if not isinstance(value, str) or not value.strip():
        raise ValidationError(
            f"{field_name} must be a text that is not blank, not {value!r}.",
            code="context_invalid_string",
            details={"field": field_name},
        )
    return value.strip()


def _component(value: object, field_name: str) -> str:
    name = text(value, field_name)
    if not is_component(name):
        raise ValidationError(
            f"{field_name} {name!r} is not lower-case letters, digits and single hyphens.",
            code="context_invalid_component",
            details={"field": field_name},
        )
    return name


def _string_map(value: object, field_name: str) -> FrozenMap[str]:
    if isinstance(value, Mapping) and all(
        isinstance(part, str) and part.strip() for pair in value.items() for part in pair
    ):
        stripped = {key.strip(): item.strip() for key, item in value.items()}
        return FrozenMap({key: stripped[key] for key in sorted(stripped)})
    raise ValidationError(
        f"{field_name} must be a map of texts that are not blank, not {value!r}.",
        code="context_invalid_mapping",
        details={"field": field_name},
    )


def _json_map(value: object, field_name: str) -> FrozenJson:
    if not isinstance(value, Mapping):
        raise ValidationError(
            f"{field_name} must be a map, not {value!r}.",
            code="record_invalid_mapping",
            details={"field": field_name},
        )
    return freeze(value, field_name)


def _order_index(value: object, field_name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValidationError(
            f"{field_name} must be a whole number from 0, not {value!r}.",
            code="context_invalid_order_index",
            details={"field": field_name},
        )
    return value


def one_of(words: tuple[str, ...], code: str) -> Rule:
    """Return the rule of a field that takes one of a few words."""

    def check(value: object, field_name: str) -> str:
        word = value.strip() if isinstance(value, str) else value
        if word not in words:
            raise ValidationError(
                f"{field_name} is one of {', '.join(words)}, not {value!r}.",
                code=code,
                details={"field": field_name},
            )
        return str(word)

    return Rule(check, {"type": "string", "enum": list(words)})


def matching(pattern: str, code: str, example: str, *, max_length: int | None = None) -> Rule:
    """Return the rule of a field whose text has a grammar."""
    compiled = re.compile(pattern)

    def check(value: object, field_name: str) -> str:
        found = value.strip() if isinstance(value, str) else ""
        if compiled.fullmatch(found) is None or (max_length is not None and len(found) > max_length):
            raise ValidationError(
                f"{field_name} is a text such as {example!r}, not {value!r}.",
                code=code,
                details={"field": field_name},
            )
        return found

    return Rule(check, {"type": "string", "pattern": f"^(?:{pattern})$"})


ProjectRef = Annotated[StableRef, _reference("project")]
RunRef = Annotated[StableRef, _reference("run")]
DeploymentRef = Annotated[StableRef, _reference("deployment")]
StageRef = Annotated[StableRef, _reference("stage")]
BatchRef = Annotated[StableRef, _reference("batch")]
SampleRef = Annotated[StableRef, _reference("sample")]
OperationRef = Annotated[StableRef, _reference("op")]
RecordRef = Annotated[StableRef, _reference("record")]
ArtifactRef = Annotated[StableRef, _reference("artifact")]
EnvironmentRef = Annotated[StableRef, _reference("environment")]
RelationRef = Annotated[StableRef, _reference("relation")]
ProvenanceRef = Annotated[StableRef, _reference("provenance")]
AnyRef = Annotated[StableRef, Rule(_any_reference, {"type": "string", "pattern": stable_ref_pattern()}, str)]

Timestamp = Annotated[str, Rule(timestamp_text, {"type": "string", "format": "date-time"})]
Text = Annotated[str, Rule(text, {"type": "string", "minLength": 1})]
Component = Annotated[str, Rule(_component, {"type": "string", "pattern": f"^{COMPONENT_PATTERN}$"})]
OrderIndex = Annotated[int, Rule(_order_index, {"type": "integer", "minimum": 0})]
StringMap = Annotated[
    FrozenMap[str], Rule(_string_map, {"type": "object", "additionalProperties": {"type": "string"}}, dict)
]
JsonMap = Annotated[FrozenMap[object], Rule(_json_map, {"type": "object"}, thaw)]

TOKEN_PATTERN: Final = r"[a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*)*"  # noqa: S105 - a grammar
SNAKE_TOKEN_PATTERN: Final = r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*"  # noqa: S105 - ditto
SNAKE_PATTERN: Final = r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*"
