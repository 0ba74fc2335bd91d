"""Timestamps of the contract: ISO 8601 in UTC with a capital ``Z``.

Order is always that of the instants. Comparing the texts would put ``…00Z`` behind ``…00.5Z``, because ``Z``
sorts after the point.
"""

from __future__ import annotations

from datetime import UTC, datetime

from contexta.errors import ValidationError


def timestamp_text(moment: object, field_name: str) -> str:
    """Return a time as the contract spells it; the fraction is absent when it is zero.

    Args:
        moment: A datetime (naive means UTC), or ISO text that ends in a capital ``Z``; digits beyond the
            microsecond are cut off.
        field_name: For the message.

    Raises:
        ValidationError: ``context_invalid_timestamp``.
    """
    if isinstance(moment, str):
        naive = _naive(moment)
    elif isinstance(moment, datetime):
        naive = _in_utc(moment)
    else:
        naive = None
    if naive is None:
        raise ValidationError(
            f"{field_name} must be a datetime or an ISO time that ends in Z, not {moment!r}.",
            code="context_invalid_timestamp",
            details={"field": field_name},
        )
    return naive.isoformat() + "Z"


def parse_zulu(text: str) -> datetime | None:
    """Return the time of an ISO text that ends in a capital ``Z``, or None for any other text.

    The forms of `datetime.fromisoformat` without an offset count, also a bare date before the ``Z``.
    """
    naive = _naive(text)
    return None if naive is None else naive.replace(tzinfo=UTC)


def _in_utc(moment: datetime) -> datetime | None:
    if moment.tzinfo is None:
        return moment
    try:
        return moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:  # less than a day from the year 1 or 10000
        return None


def _naive(text: str) -> datetime | None:
    if not text.endswith("Z"):
        return None
    try:
        naive = datetime.fromisoformat(text[:-1])
    except ValueError:
        return None
    return naive if naive.tzinfo is None else None


def instant(text: str) -> datetime:
    """Return the instant of a timestamp text of the contract."""
    return datetime.fromisoformat(text)


def is_before(left: str, right: str) -> bool:
    """Tell whether one timestamp text is an earlier instant than another."""
    return instant(left) < instant(right)
