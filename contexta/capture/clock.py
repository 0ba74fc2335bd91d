"""Wall-clock time as capture lines spell it.

Times travel as whole microseconds since the epoch, because that is what a line holds and what compares
safely; they become text only where a line is made. A clock is any callable that returns nanoseconds since the
epoch, so that tests can hold it still.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from contexta.contract.times import parse_zulu
from contexta.errors import ValidationError

Clock = Callable[[], int]
"""Returns nanoseconds since the epoch, as `time.time_ns` does."""

system_clock: Clock = time.time_ns

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class TimestampWriter:
    """Spells microseconds as ``2026-11-23T02:07:07.611018Z``, remembering the second it last spelt.

    The fraction is absent when it is exactly zero, as public Contexta writes it.
    """

    __slots__ = ("_last",)

    def __init__(self) -> None:
        # One tuple, replaced as a whole: threads share the writer.
        self._last = (-1, "")

    def text(self, micros: int) -> str:
        """Return the time as text."""
        second, fraction = divmod(micros, 1_000_000)
        known, prefix = self._last
        if second != known:
            prefix = (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S")
            self._last = (second, prefix)
        return f"{prefix}.{fraction:06d}Z" if fraction else f"{prefix}Z"


def micros_of(moment: datetime) -> int:
    """Return microseconds since the epoch; a naive datetime counts as UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MICROSECOND


def micros_of_any(moment: object, *, field_name: str) -> int:
    """Return microseconds of a time as callers give it: a datetime, or text that ends in ``Z``.

    Raises:
        ValidationError: ``context_invalid_timestamp``.
    """
    if isinstance(moment, datetime):
        return micros_of(moment)
    parsed = parse_zulu(moment) if isinstance(moment, str) else None
    if parsed is not None:
        return micros_of(parsed)
    raise ValidationError(
        f"{field_name} must be a datetime or an ISO time that ends in Z, not {moment!r}.",
        code="context_invalid_timestamp",
    )
