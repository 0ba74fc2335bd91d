"""The metrics of a run: a table per level of subject, the last values batch by batch, and charts.

Values of a stage, of its batches and of its samples are kept apart even when their keys are the same: an
accuracy of a stage and the accuracies of its batches are different things, and mixing them makes both
wrong. Values of NaN and infinity are counted and shown as gaps; they are in no minimum, maximum or mean.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from contexta.query.results import SeriesPoint
from contexta.query.views import ObservationRecord, RunSnapshot
from contexta.report.blocks import Block, Cell, Chart, Line, ReportSection, Table
from contexta.report.wording import clean, fields, last_component, listed, moment, number

MAX_ROWS: Final = 200
MAX_BATCHES: Final = 50
"""Batches that are listed one by one, the last ones."""
MAX_KEYS: Final = 8
"""Columns of the table of batches."""
MAX_CHARTS: Final = 24
CHART_POINTS: Final = 240
_MAX_MARKS: Final = 20

LEVELS: Final = ("run", "stage", "batch", "sample", "deployment")
_TITLES: Final = {
    "run": "Of the run itself",
    "stage": "Of stages themselves",
    "batch": "Over the batches of a stage",
    "sample": "Over the samples of a stage",
    "deployment": "Of deployments",
}
_CHARTED: Final = ("run", "stage", "batch", "deployment")


@dataclass(slots=True)
class Values:
    """The values of one key at one level under one scope, by time; `None` where not finite."""

    level: str
    scope: str
    key: str
    unit: str | None = None
    values: list[float | None] = field(default_factory=list)

    @property
    def where(self) -> str:
        """The scope in words: `batches of train`."""
        match self.level:
            case "run":
                return "run"
            case "batch" | "sample":
                plural = "batches" if self.level == "batch" else "samples"
                return f"{plural} of {clean(self.scope)}"
            case _:
                return f"{self.level} {clean(self.scope)}"

    def line(self, label: str = "") -> Line:
        """The values as a line of a chart."""
        bad = [index for index, value in enumerate(self.values) if value is None]
        finite = [value for value in self.values if value is not None]
        last = finite[-1] if finite else None
        return Line(
            label, len(self.values), buckets(self.values, CHART_POINTS), tuple(bad[:_MAX_MARKS]), last
        )


@dataclass(frozen=True, slots=True)
class Stats:
    """What a row of a table says; `None` where no value is finite."""

    last: float | None
    low: float | None
    high: float | None
    mean: float | None
    count: int
    non_finite: int


def stats(values: Sequence[float | None]) -> Stats:
    """Summarise values by time."""
    finite = [value for value in values if value is not None]
    bad = len(values) - len(finite)
    if not finite:
        return Stats(None, None, None, None, len(values), bad)
    return Stats(finite[-1], min(finite), max(finite), _mean(finite), len(values), bad)


def _mean(values: Sequence[float]) -> float:
    try:
        return math.fsum(values) / len(values)
    except OverflowError:  # the sum has no float, the mean has
        return math.fsum(value / len(values) for value in values)


def buckets(values: Sequence[float | None], most: int) -> tuple[SeriesPoint, ...]:
    """Values in at most so many points of equal width; a value each when that fits."""
    width = max(1, math.ceil(len(values) / most))
    points = []
    for first in range(0, len(values), width):
        part = values[first : first + width]
        found = stats(part)
        points.append(SeriesPoint(first, len(part), found.mean, found.low, found.high, None))
    return tuple(points)


def collect(snapshot: RunSnapshot) -> tuple[Values, ...]:
    """The values of all metrics of a run, by level, then in the order of stages, then by key."""
    names = {each.stage_id: each.name for each in snapshot.stages}
    names |= {each.deployment_id: each.name for each in snapshot.deployments}
    found: dict[tuple[str, str, str], Values] = {}
    for record in snapshot.records:
        if record.record_type != "metric":
            continue
        level, ref = _scope(record)
        scope = "" if ref is None else names.get(ref, last_component(ref))
        group = found.setdefault((level, ref or "", record.key), Values(level, scope, record.key))
        finite = record.value is not None and math.isfinite(record.value)
        group.values.append(record.value if finite else None)
        group.unit = record.unit or group.unit
    order = {ref: index for index, ref in enumerate(names)}
    keys = sorted(
        found, key=lambda key: (LEVELS.index(key[0]), order.get(key[1], len(order)), key[1], key[2])
    )
    return tuple(found[key] for key in keys)


def _scope(record: ObservationRecord) -> tuple[str, str | None]:
    if record.deployment_id:
        return "deployment", record.deployment_id
    if record.stage_id is None:
        return "run", None
    if record.sample_id:
        return "sample", record.stage_id
    return ("batch" if record.batch_id else "stage"), record.stage_id


def section(snapshot: RunSnapshot) -> ReportSection:
    """The section `Metrics`."""
    found = collect(snapshot)
    return ReportSection(
        "Metrics",
        listed([_words(each) for each in found], MAX_ROWS, "No metrics."),
        blocks=(*_tables(found), *_by_batch(snapshot), *charts((("", found),))),
    )


def _words(group: Values) -> str:
    told = stats(group.values)
    words = fields(
        last=number(told.last),
        min=number(told.low),
        max=number(told.high),
        mean=number(told.mean),
        n=str(told.count),
        not_finite=str(told.non_finite) if told.non_finite else None,
        unit=group.unit,
    )
    return f"{group.where}: {clean(group.key)}: {words}"


def _tables(found: Iterable[Values]) -> list[Block]:
    tables: list[Block] = []
    by_level: dict[str, list[Values]] = defaultdict(list)
    for group in found:
        by_level[group.level].append(group)
    for level, groups in by_level.items():
        told = [(group, stats(group.values)) for group in groups]
        units = any(group.unit for group in groups)
        bad = any(each.non_finite for _, each in told)
        scope = {"run": (), "deployment": ("deployment",)}.get(level, ("stage",))
        columns = (
            *scope,
            "key",
            "last",
            "min",
            "max",
            "mean",
            "n",
            *("not finite",) * bad,
            *("unit",) * units,
        )
        rows: list[tuple[Cell, ...]] = [
            (
                *(clean(group.scope),) * len(scope),
                clean(group.key),
                each.last,
                each.low,
                each.high,
                each.mean,
                each.count,
                *(each.non_finite or None,) * bad,
                *(clean(group.unit) if group.unit else None,) * units,
            )
            for group, each in told
        ]
        tables.append(
            Table(columns, tuple(rows[:MAX_ROWS]), _TITLES[level], left_out=max(0, len(rows) - MAX_ROWS))
        )
    return tables


def _by_batch(snapshot: RunSnapshot) -> list[Table]:
    """For each stage with several batches the last value of each key in each batch: where did it turn bad?"""
    last: dict[str, dict[str, float | None]] = defaultdict(dict)
    for record in snapshot.records:
        if record.record_type == "metric" and record.batch_id and not record.sample_id:
            last[record.batch_id][record.key] = record.value
    tables = []
    for stage in snapshot.stages:
        batches = [each for each in snapshot.batches if each.stage_id == stage.stage_id]
        keys = sorted({key for each in batches for key in last.get(each.batch_id, ())})
        if len(batches) < 2 or not keys:
            continue
        batches.sort(key=lambda each: (each.order, moment(each.started_at)))
        shown = keys[:MAX_KEYS]
        rows = tuple(
            (clean(each.name), each.status, *(last.get(each.batch_id, {}).get(key) for key in shown))
            for each in batches[-MAX_BATCHES:]
        )
        title = f"Batches of {clean(stage.name)}, last values"
        left_out = max(0, len(batches) - MAX_BATCHES)
        tables.append(Table(("batch", "status", *map(clean, shown)), rows, title, left_out=left_out))
    return tables


def charts(sides: Sequence[tuple[str, tuple[Values, ...]]]) -> tuple[Chart, ...]:
    """A chart for each metric with a course: one that has two values or more, on any side.

    Metrics of samples have none, because one sample does not follow from the other.

    Args:
        sides: Label and metrics of each run; what belongs together shares a chart.
    """
    found: dict[tuple[str, str, str], list[Values | None]] = {}
    for place, (_, groups) in enumerate(sides):
        for group in groups:
            if group.level in _CHARTED:
                identity = (group.level, group.scope, group.key)
                found.setdefault(identity, [None] * len(sides))[place] = group
    drawn = [
        _chart([label for label, _ in sides], groups)
        for groups in found.values()
        if any(group is not None and len(group.values) > 1 for group in groups)
    ]
    return tuple(drawn[:MAX_CHARTS])


def _chart(labels: list[str], groups: list[Values | None]) -> Chart:
    """A chart with a line for each side; one without values is empty, so that each side keeps its looks."""
    known = next(group for group in groups if group is not None)
    return Chart(
        clean(known.key),
        known.where,
        known.unit and clean(known.unit),
        tuple(
            group.line(clean(label)) if group is not None else Line(clean(label), 0, ())
            for label, group in zip(labels, groups, strict=True)
        ),
    )
