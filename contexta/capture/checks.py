"""What a record must have before anything of it is written: a run, a key, words from the lists.

Lists of records are checked as a whole before the first is written; single records pass the same checks.
"""

from __future__ import annotations

from collections.abc import Mapping

from contexta.capture.encode import Subject
from contexta.capture.keys import (
    AGGREGATION_SCOPES,
    EVENT_LEVELS,
    SPAN_KINDS,
    SPAN_STATUSES,
    check_key,
    check_marker,
    check_text,
)
from contexta.errors import ValidationError


def check_metric(
    subject: Subject,
    key: str,
    unit: str | None = None,
    aggregation_scope: str = "step",
    summary_basis: str = "raw_observation",
) -> None:
    """Raise what `Scope.metric` raises for its words."""
    if subject.run_ref is None:
        raise _run_required(subject)
    check_key(key, "metric")
    check_marker(aggregation_scope, AGGREGATION_SCOPES, "aggregation_scope")
    check_text(summary_basis, "summary_basis")
    if unit is not None:
        check_text(unit, "unit")


def check_event(
    subject: Subject, key: str, level: str = "info", attributes: object = None, tags: object = None
) -> None:
    """Raise what `Scope.event` raises for its words."""
    if subject.run_ref is None:
        raise _run_required(subject)
    check_key(key, "event")
    check_marker(level, EVENT_LEVELS, "level")
    if tags is not None and _has_tags(attributes):
        raise ValidationError(
            f"The event {key!r} has tags twice: as tags= and in attributes['tags'].",
            code="capture_event_tags_conflict",
        )


def _has_tags(attributes: object) -> bool:
    try:
        return isinstance(attributes, Mapping) and "tags" in attributes
    except Exception:  # noqa: BLE001 - a foreign map may raise anything; what it holds is data
        return False


def check_span(subject: Subject, name: str, status: str = "ok", span_kind: str = "operation") -> None:
    """Raise what `Scope.span` raises for its words; its times are data."""
    if subject.run_ref is None:
        raise _run_required(subject)
    check_text(name, "name")
    check_marker(status, SPAN_STATUSES, "status")
    check_marker(span_kind, SPAN_KINDS, "span_kind")


def _run_required(subject: Subject) -> ValidationError:
    return ValidationError(
        f"A record belongs to a run, and {subject.subject_ref} has none; open the deployment with run_ref=.",
        code="capture_run_context_required",
    )
