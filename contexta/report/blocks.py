"""What a report consists of, as plain data: sections of text, and what the text says in a richer form.

A section's body is complete by itself, so whoever prints bodies misses nothing. Its blocks say the same in
a form that a page can lay out: facts, tables, charts, failures. Nothing here renders; texts of the
builders are safe to print, those of a document that somebody else made are made safe by the renderers.
"""

from __future__ import annotations

from dataclasses import dataclass

from contexta.query.results import SeriesPoint
from contexta.query.views import EvidenceLink

Cell = str | int | float | None
"""What a table holds; `None` is drawn as a dash."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Names with values, such as the head of a run."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns.

    Attributes:
        title: What the rows are; empty when the section's title says it.
        in_words: Whether the body says the same line by line; Markdown then prints the body instead.
        left_out: Number of rows that are not shown.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    in_words: bool = False
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart.

    Attributes:
        label: What it is; empty when the chart has one line only.
        count: Number of values.
        points: The values in order, down-sampled; a point without a mean is a gap.
        non_finite: Ordinals of the first values that are NaN or infinite, from 0.
    """

    label: str
    count: int
    points: tuple[SeriesPoint, ...]
    non_finite: tuple[int, ...] = ()
    last: float | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """The values of one metric.

    Attributes:
        title: The metric key.
        subtitle: Where it was recorded, e.g. `batches of train`.
    """

    title: str
    subtitle: str
    unit: str | None
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """A scope that failed, or that holds evidence of something wrong.

    Attributes:
        severity: `error`, or `warning` when nothing failed but a value is not finite.
        kind: Kind of the scope: `run`, `stage`, `batch`, `sample` or `deployment`.
        path: Names from the run down to the scope, the run itself not named.
        ref: The scope.
        at: Time of the newest evidence, or `None`.
        title: What is wrong, in one line: the newest exception, else the newest other evidence.
        evidence: The rest of the evidence, one line each, newest first.
        stacktrace: The inner end of the exception's stack trace, line by line.
        left_out: Pieces of evidence that are not shown.
    """

    severity: str
    kind: str
    path: tuple[str, ...]
    ref: str
    at: str | None
    title: str
    evidence: tuple[str, ...] = ()
    stacktrace: tuple[str, ...] = ()
    left_out: int = 0


Block = Facts | Table | Chart | Failure


@dataclass(frozen=True, slots=True)
class ReportSection:
    """A section of a report.

    Attributes:
        body: The section as text, one fact a line.
        evidence_links: Where the facts come from.
        blocks: The body in a richer form; empty where text is all there is.
    """

    title: str
    body: str
    evidence_links: tuple[EvidenceLink, ...] = ()
    blocks: tuple[Block, ...] = ()
