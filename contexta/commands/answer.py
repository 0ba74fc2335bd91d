"""What a command answers: lines and tables for people, a document for programs, and a code.

Plain values: no module here knows how they are drawn. Recorded text passes `sanitize.safe` when a cell is
made of it, so that nothing unsafe can be in an answer; a document keeps texts as they were recorded, because
JSON writes every control character as an escape.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from contexta.sanitize import safe
from contexta.vocabulary import Severity, Status

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FINE: Final = 0
FOUND: Final = 1
"""There are issues at or above `--fail-on`, or findings of a verification."""

QUIET: Final = "dim"
STRONG: Final = "bold"
BAD: Final = "bold red"

STATUS_STYLES: Final[Mapping[str, str]] = {
    Status.FAILED: BAD,
    Status.COMPLETED: "green",
    Status.OPEN: "cyan",
    Status.UNKNOWN: QUIET,
    Status.CANCELLED: "magenta",
}
SEVERITY_STYLES: Final[Mapping[str, str]] = {
    Severity.ERROR: BAD,
    Severity.WARNING: "yellow",
    Severity.INFO: QUIET,
}

MOST_ROWS: Final = 1_000
"""Rows of a table unless asked for more; a document has all."""

_NOT_REFS: Final = ("correlation_id",)


@dataclass(frozen=True, slots=True)
class Cell:
    """A piece of one line that is safe to print; make it with `cell`."""

    text: str
    style: str = ""


Line = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under heads.

    Attributes:
        heads: Names of the columns.
        rows: As many cells each.
        right: Columns that are set to the right, as numbers are.
    """

    heads: Sequence[str]
    rows: Sequence[Line]
    right: Sequence[int] = ()


Part = Line | Table
Document = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command answers.

    Attributes:
        schema: Name and version of the document, e.g. `contexta/runs/1`.
        document: Makes the document; an iterator among its values is written as a list, item by item.
        parts: Makes the lines and tables.
        text: Makes finished text, in place of `parts`, e.g. a report.
        code: The exit code.
    """

    schema: str
    document: Callable[[], Document]
    parts: Callable[[], Iterable[Part]] = tuple
    text: Callable[[], str] | None = None
    code: int = FINE


def cell(value: object, style: str = "", limit: int = 300) -> Cell:
    """A cell of whatever is to be shown; nothing for `None`."""
    return Cell("" if value is None else safe(str(value), limit), style)


def line(value: object = "", style: str = "", limit: int = 1_000) -> Line:
    """A line of one cell."""
    return (cell(value, style, limit),)


def status_cell(status: str, *, failed: bool = False) -> Cell:
    """A status; that of a sample which failed by its records is `failed` too."""
    shown = Status.FAILED.value if failed else status
    return cell(shown, STATUS_STYLES.get(shown, ""))


def severity_cell(text: object, severity: str) -> Cell:
    """A text in the colour of a severity."""
    return cell(text, SEVERITY_STYLES.get(severity, ""))


def origin_cell(labels: Sequence[str]) -> Cell:
    """Where something is known from."""
    return cell("+".join(labels), QUIET)


def number_cell(value: float | None, style: str = "") -> Cell:
    """A number, or a dash where there is none."""
    return Cell("-" if value is None else f"{value:.6g}", style)


def limited(rows: Iterable[Line], total: int, word: str) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
    """The rows that were kept, and a line that counts those that were not."""
    kept = tuple(rows)
    more = total - len(kept)
    said = line(f"... and {more:,} more {word}; --limit shows more, --json has them all", QUIET)
    return kept, (said,) if more > 0 else ()


def time_text(micros: int | None) -> str | None:
    """A time in UTC, or nothing when it is not known or no calendar has it."""
    if micros is None:
        return None
    try:
        moment = datetime.fromtimestamp(micros // 1_000_000, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{micros % 1_000_000 // 1000:03}Z"


def short_time(text: str | None) -> str | None:
    """A time as the contract spells it, to the millisecond."""
    if text is None or not text.endswith("Z"):
        return text
    head, _, fraction = text.removesuffix("Z").partition(".")
    return f"{head}.{fraction[:3]:0<3}Z"


def took_text(start: int | None, end: int | None) -> str:
    """How long something took, from microseconds."""
    if start is None or end is None:
        return ""
    seconds = max(0, end - start) / 1e6
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m {rest:02}s" if minutes < 60 else f"{minutes // 60}h {minutes % 60:02}m"


def plain(value: object) -> object:
    """Data for JSON: dataclasses as objects, `…_id` as `…_ref`, and no number that JSON has not."""
    if is_dataclass(value) and not isinstance(value, type):
        return members(value)
    match value:
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case _:
            return value


def members(value: DataclassInstance) -> dict[str, object]:
    """The fields of a dataclass for JSON."""
    return {_ref_name(each.name): plain(getattr(value, each.name)) for each in fields(value)}


def listed(rows: Iterable[DataclassInstance], own: str) -> Iterator[object]:
    """Views for JSON, one by one, with the ref of their own as `ref`."""
    name = _ref_name(own)
    for row in rows:
        data = members(row)
        yield {"ref": data.pop(name, None), **data}


def _ref_name(name: str) -> str:
    if name in _NOT_REFS:
        return name
    if name.endswith("_ids"):
        return f"{name.removesuffix('_ids')}_refs"
    return f"{name.removesuffix('_id')}_ref" if name.endswith("_id") else name
