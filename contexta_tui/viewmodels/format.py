"""Numbers and times as people read them in a terminal: short, and of even width where columns need it.

Pure functions of their arguments; none asks the clock. `None` means "not known" and is written `-`,
so that an empty cell is never mistaken for a zero.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Final

UNKNOWN: Final = "-"
SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

_PLURALS: Final = {"batch": "batches"}


def duration(microseconds: int | None) -> str:  # noqa: PLR0911 - a table of units
    """A span of time with two or three digits: `0.4ms`, `85ms`, `12.4s`, `12m 03s`, `2h 05m`, `3d 04h`.

    Args:
        microseconds: Length; negative ones (clocks that were set back) keep their sign.
    """
    if microseconds is None:
        return UNKNOWN
    if microseconds < 0:
        return f"-{duration(-microseconds)}"
    if microseconds < 9_950:
        return f"{microseconds / 1000:.1f}ms"
    if microseconds < 99_500:
        return f"{microseconds / 1000:.0f}ms"
    if microseconds < MINUTE - 50_000:
        return f"{microseconds / SECOND:.1f}s"
    seconds = (microseconds + SECOND // 2) // SECOND
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes}m {seconds % 60:02}s"
    hours = minutes // 60
    if hours < 24:
        return f"{hours}h {minutes % 60:02}m"
    return f"{hours // 24}d {hours % 24:02}h"


def age(seconds: float | None) -> str:
    """How long ago something was: `0.2 s ago`, `12 s ago`, `3 min ago`, `2 h ago`, `5 d ago`.

    Args:
        seconds: Age; a negative one counts as now.
    """
    if seconds is None:
        return UNKNOWN
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s ago"
    for limit, unit, name in ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // unit)} {name} ago"
    return f"{int(seconds // 86_400)} d ago"


def count(number: int | None) -> str:
    """A number of things: `1,204`."""
    return UNKNOWN if number is None else f"{number:,}"


def plural(number: int, word: str) -> str:
    """A number of things by name: `1 batch`, `40 batches`, `1,204 samples`."""
    return f"{number:,} {word if number == 1 else _PLURALS.get(word, word + 's')}"


def rate(per_second: float | None) -> str:
    """Records per second: `1,204 rec/s`, `0.5 rec/s`, `0 rec/s`."""
    if per_second is None:
        return UNKNOWN
    if 0 < per_second < 9.95:
        return f"{per_second:.1f} rec/s"
    return f"{per_second:,.0f} rec/s"


def size(bytes_: int | None) -> str:
    """A size in decimal units, as `ls --si` counts: `512 B`, `2.9 kB`, `31 MB`, `1.2 GB`."""
    if bytes_ is None:
        return UNKNOWN
    amount = float(bytes_)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if amount < (1000 if unit == "B" else 999.5) or unit == "TB":
            break
        amount /= 1000
    return f"{amount:.1f} {unit}" if unit != "B" and amount < 9.95 else f"{amount:,.0f} {unit}"


def number(value: float | None) -> str:  # noqa: PLR0911 - a table of magnitudes
    """A metric value with four significant digits: `0.618`, `1.472`, `12,345`, `1.2e-05`, `-3.4e+12`.

    Digits before the decimal point are never rounded away below ten million: counts and steps stay exact.
    Longest answer: 10 characters.

    Args:
        value: Value; non-finite ones are named.
    """
    if value is None:
        return UNKNOWN
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    magnitude = abs(value)
    if magnitude == 0:
        return "0"
    if magnitude >= 9_999_999.5 or magnitude < 0.0001:
        digits = 3 if 1e-99 < magnitude < 9.9e99 else 2
        mantissa, exponent = f"{value:.{digits}e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{exponent}"
    if magnitude >= 999.95:
        return f"{value:,.0f}" if magnitude >= 9_999.5 or value == int(value) else f"{value:.1f}"
    if value == int(value):
        return str(int(value))
    decimals = max(0, 3 - math.floor(math.log10(magnitude)))
    return f"{value:.{decimals}f}".rstrip("0").rstrip(".")


def aligned(values: tuple[float | None, ...]) -> tuple[str, ...]:
    """Values of one metric, with as many decimals as the greatest of them needs: `0.618`, `1.472`, `2.000`.

    They can be compared at a glance, and columns of them stay calm. A value that would lose all its digits,
    and every value of a metric outside the ordinary range, is written as `number` writes it.
    """
    finite = [value for value in values if value is not None and math.isfinite(value)]
    greatest = max((abs(value) for value in finite), default=0.0)
    if not 0.0001 <= greatest < 9_999.5 or all(value == int(value) for value in finite):
        return tuple(number(value) for value in values)
    decimals = max(0, 3 - math.floor(math.log10(greatest)))
    noise = 1e-9 * greatest  # what summing for a mean leaves behind
    while decimals and all(abs(value - round(value, decimals - 1)) <= noise for value in finite):
        decimals -= 1
    smallest = 10.0**-decimals
    return tuple(
        number(value)
        if value is None or not math.isfinite(value) or 0 < abs(value) < smallest
        else f"{value:.{decimals}f}"
        for value in values
    )


def clock(microseconds: int | None, *, today: int | None = None, milliseconds: bool = False) -> str:
    """A time of day in UTC, as recorded: `02:27:17`, `02:27:17.164`, `11-22 02:27:17`, `2025-11-22 02:27:17`.

    UTC rather than the reader's time zone, because logs of the job and file contents say UTC, and because
    reader and job are often in different places.

    Args:
        microseconds: Time since the Unix epoch.
        today: Any time of the reader's day, in microseconds since the Unix epoch; the date is written
            when it is another day than this one. `None` leaves the date out.
        milliseconds: Whether to write them.
    """
    if microseconds is None:
        return UNKNOWN
    try:
        moment = datetime.fromtimestamp(microseconds // SECOND, UTC)
    except (OverflowError, ValueError, OSError):
        return "?"
    text = f"{moment:%H:%M:%S}"
    if milliseconds:
        text += f".{microseconds % SECOND // 1000:03}"
    if today is None or today // DAY == microseconds // DAY:
        return text
    same_year = moment.year == datetime.fromtimestamp(today // SECOND, UTC).year
    return f"{moment.month:02}-{moment.day:02} {text}" if same_year else f"{moment.date().isoformat()} {text}"
