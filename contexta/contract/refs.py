"""Stable references: the names of everything that is recorded.

A reference is ``kind:component.component…`` and tells its own parents: ``batch:p.r.s.b`` lies in stage
``p.r.s`` of run ``p.r`` of project ``p``. This module owns the grammar, the parent rules and the way a free
name becomes a component. It knows no model and imports nothing but the error tree, because the capture path
loads it before anything else and must stay light. The rules are those of the format specification, section 2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, Self

from contexta.errors import LifecycleError, ValidationError

MAX_COMPONENT_LENGTH: Final = 63
MAX_REF_LENGTH: Final = 255

CORE_STABLE_REF_KINDS: Final = (
    "project",
    "run",
    "deployment",
    "stage",
    "batch",
    "sample",
    "op",
    "record",
    "artifact",
)
CORE_STABLE_REF_COMPONENT_COUNTS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "project": 1,
        "run": 2,
        "deployment": 2,
        "stage": 3,
        "batch": 4,
        "sample": 4,
        "op": 4,
        "record": 3,
        "artifact": 3,
    }
)
# A sample or an operation lies in a stage (4) or in a batch of it (5).
_BATCH_OWNED_COUNTS: Final[Mapping[str, int]] = MappingProxyType({"sample": 5, "op": 5})

STABLE_REF_FIELD_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "project_ref": "project",
        "run_ref": "run",
        "deployment_execution_ref": "deployment",
        "stage_execution_ref": "stage",
        "batch_execution_ref": "batch",
        "sample_observation_ref": "sample",
        "operation_context_ref": "op",
        "record_ref": "record",
        "artifact_ref": "artifact",
        "environment_snapshot_ref": "environment",
        "relation_ref": "relation",
        "provenance_ref": "provenance",
        "evidence_bundle_ref": "artifact",
    }
)

KIND_PATTERN: Final = r"[a-z][a-z0-9_]*"
COMPONENT_PATTERN: Final = r"[a-z0-9]+(?:-[a-z0-9]+)*"
_KIND = re.compile(KIND_PATTERN)
_COMPONENT = re.compile(COMPONENT_PATTERN)
_VALUE = re.compile(rf"{COMPONENT_PATTERN}(?:\.{COMPONENT_PATTERN})*")
_NOT_COMPONENT = re.compile(r"[^a-z0-9]+")


def is_component(text: str) -> bool:
    """Tell whether ``text`` may stand between two dots of a reference."""
    return len(text) <= MAX_COMPONENT_LENGTH and _COMPONENT.fullmatch(text) is not None


def _components_of(value: object) -> tuple[str, ...] | None:
    """Return the names between the dots of a value, or None when its grammar is wrong."""
    if not isinstance(value, str) or _VALUE.fullmatch(value) is None:
        return None
    components = tuple(value.split("."))
    if len(value) > MAX_COMPONENT_LENGTH and max(map(len, components)) > MAX_COMPONENT_LENGTH:
        return None
    return components


class StableRef:
    """An immutable, hashable reference.

    Args:
        kind: What is referred to, e.g. ``batch``.
        value: The components joined by dots, e.g. ``p.r.train.epoch-1``.

    Raises:
        ValidationError: ``stable_ref_invalid_kind``, ``stable_ref_invalid_value`` or ``stable_ref_too_long``.
    """

    __slots__ = ("_components", "_kind", "_text")

    _components: tuple[str, ...]
    _kind: str
    _text: str

    def __init__(self, kind: str, value: str) -> None:
        if not isinstance(kind, str) or _KIND.fullmatch(kind) is None:
            raise ValidationError(
                f"A reference kind is a lower-case word, not {kind!r}.", code="stable_ref_invalid_kind"
            )
        components = _components_of(value)
        if components is None:
            raise ValidationError(
                f"The value of a {kind} reference is dotted names of lower-case letters, digits and single"
                f" hyphens (at most {MAX_COMPONENT_LENGTH} characters each), not {value!r}.",
                code="stable_ref_invalid_value",
            )
        text = f"{kind}:{value}"
        if len(text) > MAX_REF_LENGTH:
            raise ValidationError(
                f"The reference {text[:40]!r}… has {len(text)} characters; {MAX_REF_LENGTH} are allowed.",
                code="stable_ref_too_long",
            )
        object.__setattr__(self, "_kind", kind)
        object.__setattr__(self, "_components", components)
        object.__setattr__(self, "_text", text)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a reference from its text.

        Raises:
            ValidationError: ``stable_ref_invalid_text`` when it is no text with exactly one colon, else as
                the constructor.
        """
        if not isinstance(text, str) or text.count(":") != 1:
            raise ValidationError(
                f"A reference is 'kind:name.name', not {text!r}.", code="stable_ref_invalid_text"
            )
        kind, value = text.split(":")
        return cls(kind, value)

    @property
    def kind(self) -> str:
        """What is referred to."""
        return self._kind

    @property
    def components(self) -> tuple[str, ...]:
        """The names between the dots."""
        return self._components

    @property
    def value(self) -> str:
        """The text after the colon."""
        return self._text[len(self._kind) + 1 :]

    @property
    def text(self) -> str:
        """The whole reference."""
        return self._text

    @property
    def name(self) -> str:
        """The last component: the name among siblings."""
        return self._components[-1]

    def to_dict(self) -> dict[str, str]:
        """Return ``{"kind": …, "value": …}``."""
        return {"kind": self._kind, "value": self.value}

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a StableRef cannot be changed ({name})")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a StableRef cannot be changed ({name})")

    def __eq__(self, other: object) -> bool:
        return self._text == other._text if isinstance(other, StableRef) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._text)

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"StableRef({self._text!r})"

    def __reduce__(self) -> tuple[type[StableRef], tuple[str, str]]:
        return (StableRef, (self._kind, self.value))


def stable_ref_pattern(kind: str | None = None) -> str:
    """Return a regular expression for the texts of references, for readers that are not written in Python.

    Args:
        kind: What is referred to; references of any kind when None.

    Returns:
        A pattern anchored at both ends. It says nothing of lengths.
    """
    more = rf"(?:\.{COMPONENT_PATTERN})"
    least = CORE_STABLE_REF_COMPONENT_COUNTS.get(kind or "")
    if kind is None or least is None:
        return rf"^{kind or KIND_PATTERN}:{COMPONENT_PATTERN}{more}*$"
    most = _BATCH_OWNED_COUNTS.get(kind, least)
    return rf"^{kind}:{COMPONENT_PATTERN}{more}{{{least - 1},{most - 1}}}$"


def validate_core_stable_ref(ref: StableRef) -> StableRef:
    """Check that a core kind has its number of components; other kinds are free.

    Raises:
        ValidationError: ``stable_ref_invalid_shape``.
    """
    expected = CORE_STABLE_REF_COMPONENT_COUNTS.get(ref.kind)
    count = len(ref.components)
    if expected is not None and count not in (expected, _BATCH_OWNED_COUNTS.get(ref.kind, expected)):
        raise ValidationError(
            f"A {ref.kind} reference has {expected} names between dots; {ref.text!r} has {count}.",
            code="stable_ref_invalid_shape",
        )
    return ref


def validate_stable_ref_kind(
    ref: StableRef, kind_or_kinds: str | Iterable[str], field_name: str = "ref"
) -> StableRef:
    """Check that a reference is of one of the given kinds.

    Raises:
        ValidationError: ``stable_ref_kind_mismatch``, or as `validate_core_stable_ref`.
    """
    kinds = (kind_or_kinds,) if isinstance(kind_or_kinds, str) else tuple(kind_or_kinds)
    if ref.kind not in kinds:
        raise ValidationError(
            f"{field_name} takes a reference of kind {' or '.join(kinds)}, not {ref.text!r}.",
            code="stable_ref_kind_mismatch",
            details={"field": field_name},
        )
    return validate_core_stable_ref(ref)


def validate_stable_ref_field(ref: StableRef, field_name: str) -> StableRef:
    """Check that a reference may stand in a model field.

    Raises:
        ValidationError: ``stable_ref_unknown_field``, or as `validate_stable_ref_kind`.
    """
    kind = STABLE_REF_FIELD_KINDS.get(field_name)
    if kind is None:
        raise ValidationError(
            f"No reference field is called {field_name!r}.", code="stable_ref_unknown_field"
        )
    return validate_stable_ref_kind(ref, kind, field_name)


def extends(child: StableRef, parent: StableRef) -> bool:
    """Tell whether ``child`` is ``parent`` plus exactly one name."""
    return child.components[:-1] == parent.components


def lies_under(child: StableRef, ancestor: StableRef) -> bool:
    """Tell whether the names of ``child`` begin with those of ``ancestor``."""
    return child.components[: len(ancestor.components)] == ancestor.components


def same_project(left: StableRef, right: StableRef) -> bool:
    """Tell whether two references belong to one project."""
    return left.components[0] == right.components[0]


def parent_refs(ref: StableRef) -> tuple[StableRef, ...]:
    """Return the ancestors of a core reference from the project down, without the reference itself.

    ``sample:p.r.s.b.x`` gives project, run, stage and batch. A reference of a kind that is not core, or with
    a count of names that its kind does not have, gives an empty tuple: an explorer never guesses.
    """
    counts = {CORE_STABLE_REF_COMPONENT_COUNTS.get(ref.kind, 0), _BATCH_OWNED_COUNTS.get(ref.kind, 0)}
    names = ref.components
    if len(names) not in counts:
        return ()
    chain = ("project",) if ref.kind == "deployment" else ("project", "run", "stage", "batch")
    depth = 2 if ref.kind in ("record", "artifact") else len(names) - 1
    return tuple(StableRef(chain[i], ".".join(names[: i + 1])) for i in range(min(depth, len(chain))))


def normalise_name(name: str, *, field_name: str = "name") -> str:
    """Turn a free name into a component: lower case, everything else one hyphen.

    Raises:
        LifecycleError: ``runtime_invalid_value`` when it is no text or blank, ``runtime_invalid_component``
            when no ASCII letter or digit is left.
        ValidationError: ``stable_ref_invalid_value`` when the result is too long for a reference.
    """
    if not isinstance(name, str) or not name.strip():
        raise LifecycleError(
            f"{field_name} must be a text that is not blank, not {name!r}.", code="runtime_invalid_value"
        )
    component = _NOT_COMPONENT.sub("-", name.strip().lower()).strip("-")
    if not component:
        raise LifecycleError(
            f"{field_name} {name!r} has no letter a-z or digit, so it cannot become a reference.",
            code="runtime_invalid_component",
        )
    if len(component) > MAX_COMPONENT_LENGTH:
        raise ValidationError(
            f"{field_name} {component[:40]!r}… has {len(component)} characters;"
            f" {MAX_COMPONENT_LENGTH} are allowed.",
            code="stable_ref_invalid_value",
        )
    return component
