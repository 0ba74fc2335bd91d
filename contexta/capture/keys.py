"""Checks of what the author of a job writes down once: keys, kinds, levels, units.

A wrong key is wrong on the first call and stays wrong, so it raises at once with a stable code; a wrong
*value* comes from data and never raises (see `contexta.capture.values`). Keys that passed are remembered, so
the check costs a set look-up on the hot path.
"""

from __future__ import annotations

import re
from typing import Final

from contexta.errors import ValidationError

AGGREGATION_SCOPES: Final = frozenset({"run", "stage", "operation", "step", "slice"})
EVENT_LEVELS: Final = frozenset({"debug", "info", "warning", "error", "critical"})
SPAN_STATUSES: Final = frozenset({"ok", "error", "cancelled", "timeout"})
SPAN_KINDS: Final = frozenset({"operation", "internal", "io", "network", "process"})

KEY_PATTERN: Final = r"[a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*)*"
_KEY = re.compile(KEY_PATTERN)
_ARTIFACT_KIND = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_REMEMBERED_KEYS: Final = 10_000

_known_keys: set[str] = set()


def check_key(key: str, kind: str) -> str:
    """Return a metric or event key when it is dotted lower-case words with hyphens.

    Args:
        key: The key as the caller spelt it.
        kind: ``metric`` or ``event``.

    Raises:
        ValidationError: ``capture_model_invalid_metric_key`` or ``capture_model_invalid_event_key``.
    """
    if type(key) is str and key in _known_keys:
        return key
    if not isinstance(key, str) or _KEY.fullmatch(key) is None:
        raise ValidationError(
            f"The {kind} key {key!r} is not dotted lower-case words such as 'loss' or 'macro.f1';"
            " each word starts with a letter and may hold digits and hyphens.",
            code=f"capture_model_invalid_{kind}_key",
        )
    # A job that makes up keys without end must not grow this without end.
    if len(_known_keys) < _REMEMBERED_KEYS:
        _known_keys.add(key)
    return key


def check_marker(value: str, allowed: frozenset[str], field_name: str) -> str:
    """Return a value that must be one of a few words.

    Raises:
        ValidationError: ``capture_model_invalid_marker``.
    """
    if not isinstance(value, str) or value not in allowed:
        raise ValidationError(
            f"{field_name} is one of {', '.join(sorted(allowed))}, not {value!r}.",
            code="capture_model_invalid_marker",
        )
    return value


def check_text(value: str, field_name: str) -> str:
    """Return a text without surrounding blanks; it must not be blank.

    Raises:
        ValidationError: ``capture_model_invalid_string``.
    """
    if not isinstance(value, str) or not value.strip():
        raise ValidationError(
            f"{field_name} must be a text that is not blank, not {value!r}.",
            code="capture_model_invalid_string",
        )
    return value.strip()


def check_artifact_kind(kind: str) -> str:
    """Return an artifact kind, a lower-case word with underscores.

    Raises:
        ValidationError: ``capture_model_invalid_artifact_kind``.
    """
    if not isinstance(kind, str) or _ARTIFACT_KIND.fullmatch(kind) is None:
        raise ValidationError(
            f"The artifact kind {kind!r} is not a lower-case word such as 'model' or 'config_snapshot'.",
            code="capture_model_invalid_artifact_kind",
        )
    return kind
