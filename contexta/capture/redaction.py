"""What may be written under a redaction profile.

A hook of the job's author sees a payload before it is encoded and returns what may be written of it. When the
hook fails, nothing of the payload is written: the raw data must never get through.
"""

from __future__ import annotations

from collections.abc import Callable

from contexta.capture.values import JsonValue, Sanitiser

Redactor = Callable[[dict[str, JsonValue]], dict[str, JsonValue]]
"""Takes an inner payload (or scope metadata) and returns what may be written of it."""


class Redaction:
    """The hook of one scope.

    Args:
        hook: The hook; None lets everything through.

    Attributes:
        active: Whether there is a hook.
    """

    __slots__ = ("_hook", "active")

    def __init__(self, hook: Redactor | None) -> None:
        self._hook = hook
        self.active = hook is not None

    def of_payload(self, data: dict[str, JsonValue]) -> dict[str, JsonValue] | None:
        """Return what may be written of some data, or None when the hook failed."""
        if self._hook is None:
            return data
        try:
            result = self._hook(data)
            copied = Sanitiser().copy(result)
        except Exception:  # noqa: BLE001 - a failing hook must never let the raw data through
            return None
        return copied if isinstance(copied, dict) else None

    def of_fields(self, fields: dict[str, object]) -> dict[str, object]:
        """Return what may be written of a scope's own facts; nothing when the hook failed."""
        if self._hook is None or not fields:
            return fields
        copied = Sanitiser().copy(fields)
        kept = self.of_payload(copied) if isinstance(copied, dict) else None
        return {**kept} if kept is not None else {}
