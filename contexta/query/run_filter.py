"""Which runs, how many, and in which order.

The parameters are those of public Contexta's `list_runs` (format specification, section 6.5). The order is
always ascending unless asked otherwise: there it turns round as soon as any other parameter is given.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import duckdb

from contexta.contract.times import instant, timestamp_text
from contexta.errors import InterpretationError
from contexta.query import listing, lookup
from contexta.query.compare_many import value_of
from contexta.query.metric_values import MetricValues, Selection
from contexta.query.observations import observations
from contexta.query.results import RecordType, Status
from contexta.query.views import RunRecord

SORT_KEYS: Final = ("started_at", "ended_at", "name")
OPERATORS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "eq": operator.eq,
    "ne": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True, slots=True)
class MetricCondition:
    """A condition on a metric of a run; a run without it does not fulfil any.

    Attributes:
        operator: One of `OPERATORS`.
        stage_name: The stage that is meant; without one the run itself, else its last stage that has it.
    """

    metric_key: str
    operator: str
    value: float
    stage_name: str | None = None


@dataclass(frozen=True, slots=True)
class RunListQuery:
    """Which runs.

    Attributes:
        project_name: Name or ref of the project; all by default.
        status: Only runs with it.
        tags: Only runs that have all of these.
        metric_conditions: Only runs that fulfil all of these.
        time_range: Only runs that started from the first to the second, both included; `None` is no bound.
        limit: At most so many, from 1.
        offset: So many are passed over first.
        sort_by: One of `SORT_KEYS`; runs that have no such time come last both ways.
        sort_desc: Whether the last comes first.
    """

    project_name: str | None = None
    status: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    metric_conditions: Sequence[MetricCondition] = ()
    time_range: tuple[str | datetime | None, str | datetime | None] | None = None
    limit: int | None = None
    offset: int = 0
    sort_by: str = "started_at"
    sort_desc: bool = False

    def __post_init__(self) -> None:
        for name, value, fine in (
            ("limit", self.limit, self.limit is None or self.limit > 0),
            ("offset", self.offset, self.offset >= 0),
            ("sort_by", self.sort_by, self.sort_by in SORT_KEYS),
            ("status", self.status, self.status is None or self.status in list(Status)),
            *(("operator", each.operator, each.operator in OPERATORS) for each in self.metric_conditions),
        ):
            if not fine:
                raise InterpretationError(
                    f"No run can be listed with {name} {value!r}.",
                    code="query_invalid_filter",
                    details={"field": name, "value": str(value)},
                )


def select(
    cursor: duckdb.DuckDBPyConnection, query: RunListQuery, selection: Selection
) -> tuple[RunRecord, ...]:
    """The runs that a query describes.

    Raises:
        ValidationError: `context_invalid_timestamp` for a bound of the time range.
    """
    projects = None if query.project_name is None else lookup.projects(cursor, query.project_name)
    first, last = (_bound(bound) for bound in query.time_range or (None, None))
    found = [
        run
        for run in listing.runs(cursor, project_refs=projects)
        if (query.status is None or run.status == query.status)
        and all(run.tags.get(name) == value for name, value in query.tags.items())
        and _within(run, first, last)
        and all(_fulfils(cursor, run, condition, selection) for condition in query.metric_conditions)
    ]
    ordered = _sorted(found, query.sort_by, descending=query.sort_desc)
    stop = None if query.limit is None else query.offset + query.limit
    return tuple(ordered[query.offset : stop])


def _bound(bound: str | datetime | None) -> datetime | None:
    return None if bound is None else instant(timestamp_text(bound, "time_range"))


def _within(run: RunRecord, first: datetime | None, last: datetime | None) -> bool:
    if first is None and last is None:
        return True
    if run.started_at is None:
        return False
    started = instant(run.started_at)
    return (first is None or first <= started) and (last is None or started <= last)


def _fulfils(
    cursor: duckdb.DuckDBPyConnection, run: RunRecord, condition: MetricCondition, selection: Selection
) -> bool:
    records = observations(
        cursor, run_ref=run.run_id, record_type=RecordType.METRIC, key=condition.metric_key
    )
    stages = listing.stages(cursor, run_ref=run.run_id)
    value = value_of(MetricValues(records, selection), stages, condition.metric_key, condition.stage_name)
    return value is not None and OPERATORS[condition.operator](value, condition.value)


def _sorted(runs: list[RunRecord], sort_by: str, *, descending: bool) -> list[RunRecord]:
    if sort_by == "name":
        return sorted(runs, key=lambda run: (run.name, run.run_id), reverse=descending)
    timed = [
        (instant(at), run)
        for run in runs
        if (at := run.started_at if sort_by == "started_at" else run.ended_at) is not None
    ]
    timed.sort(key=lambda item: (item[0], item[1].run_id), reverse=descending)
    known = [run for _, run in timed]
    placed = {run.run_id for run in known}
    return [*known, *(run for run in runs if run.run_id not in placed)]
