"""How a report words things: recorded text, numbers, paths, and lists that are too long.

Recorded text passes `clean` where a builder takes it up, so that a name with a line feed cannot forge a
line of its own and printing a body cannot drive a terminal. What a format needs beyond that is for its
renderer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from contexta.contract.times import instant
from contexta.query.views import EvidenceLink
from contexta.report.blocks import Cell
from contexta.sanitize import safe

MAX_TEXT: Final = 1_000
"""Most characters of a recorded text in a report."""

_NEVER: Final = datetime.min.replace(tzinfo=UTC)

MAX_LINKS: Final = 100
"""Most evidence links of a section."""


def clean(text: object) -> str:
    """Recorded text as one line that is safe to print, at most `MAX_TEXT` characters."""
    return safe(str(text), MAX_TEXT)


def number(value: float | None) -> str:
    """A number for people, six significant digits; a dash for `None`."""
    if value is None:
        return "–"
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.6g}"


def cell_text(value: Cell) -> str:
    """A cell of a table for people."""
    return clean(value) if isinstance(value, str) else number(value)


def moment(text: str | None) -> datetime:
    """A timestamp as something to sort by; as texts, `…00Z` sorts behind `…00.5Z`. Unknown is first."""
    try:
        found = instant(text) if text else _NEVER
    except ValueError:
        return _NEVER
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def fields(**values: str | None) -> str:
    """Name and value pairs as `a=1, b=2`; what is `None` is left out."""
    return ", ".join(f"{name}={clean(value)}" for name, value in values.items() if value is not None)


def last_component(ref: str) -> str:
    """The last component of a ref, as a stage is called in the line of a batch."""
    return ref.rpartition(".")[2].rpartition(":")[2]


def listed(lines: Sequence[str], most: int, none: str) -> str:
    """Lines as a body, at most so many of them; the text for none when there is none."""
    if not lines:
        return none
    return "\n".join((*lines[:most], *([f"... and {len(lines) - most} more."] if len(lines) > most else ())))


def links(found: Iterable[EvidenceLink]) -> tuple[EvidenceLink, ...]:
    """Links, each ref once, at most `MAX_LINKS`."""
    unique: dict[str, EvidenceLink] = {}
    for each in found:
        unique.setdefault(each.ref, each)
    return tuple(unique.values())[:MAX_LINKS]


def link(ref: str, label: str) -> EvidenceLink:
    """A link to what a ref names."""
    return EvidenceLink(ref.partition(":")[0], ref, label)
