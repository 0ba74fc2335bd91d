"""Records of a list: what ``emit_metrics``, ``emit_events``, ``emit_spans`` and ``register_artifacts`` take.

A map with the same names serves as well. The fields are those of the single calls.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeVar

from contexta.errors import ValidationError


class MetricEmission(NamedTuple):
    """One metric; see `Scope.metric`."""

    key: str
    value: object
    unit: str | None = None
    aggregation_scope: str = "step"
    tags: Mapping[str, str] | None = None
    summary_basis: str = "raw_observation"


class EventEmission(NamedTuple):
    """One event; see `Scope.event`."""

    key: str
    message: object
    level: str = "info"
    attributes: Mapping[str, object] | None = None
    tags: Mapping[str, str] | None = None


class SpanEmission(NamedTuple):
    """One span; see `Scope.span`."""

    name: str
    started_at: object = None
    ended_at: object = None
    status: str = "ok"
    span_kind: str = "operation"
    attributes: Mapping[str, object] | None = None
    linked_refs: Iterable[str] | None = None
    parent_span_id: str | None = None


class ArtifactRegistration(NamedTuple):
    """One artifact; see `Scope.register_artifact`."""

    artifact_kind: str
    path: str | os.PathLike[str]
    artifact_ref: str | None = None
    attributes: Mapping[str, object] | None = None
    compute_hash: bool = True
    allow_missing: bool = False


EmissionT = TypeVar("EmissionT", MetricEmission, EventEmission, SpanEmission, ArtifactRegistration)


def emissions(kind: type[EmissionT], items: Iterable[EmissionT | Mapping[str, object]]) -> list[EmissionT]:
    """Return list items as emissions.

    Raises:
        ValidationError: ``capture_model_invalid_mapping`` for an item that is neither, or whose names do not
            fit.
    """
    if not isinstance(items, Iterable):
        raise ValidationError(
            f"A list of {kind.__name__} is needed, not {items!r}.", code="capture_model_invalid_mapping"
        )
    result: list[EmissionT] = []
    for item in items:
        if isinstance(item, kind):
            result.append(item)
            continue
        try:
            result.append(kind(**item))  # type: ignore[arg-type] # checked by the call itself
        except TypeError as error:
            raise ValidationError(
                f"{item!r} does not describe a {kind.__name__}: {error}.",
                code="capture_model_invalid_mapping",
                cause=error,
            ) from error
    return result
