"""The values of a metric over time: inside a run, and from run to run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import duckdb

from contexta.query import listing
from contexta.query.compare import ComparisonPolicy
from contexta.query.compare_many import value_of
from contexta.query.findings import MetricTrend, StepPoint, StepSeries, TrendPoint
from contexta.query.metric_values import MetricValues
from contexta.query.observations import observations
from contexta.query.results import RecordType
from contexta.query.views import ObservationRecord, RunRecord


def steps(
    run_ref: str, metric_key: str, records: Sequence[ObservationRecord], stage_ref: str | None
) -> StepSeries:
    """The values of a metric of a run; `records` are its records of that key by time."""
    return StepSeries(
        run_id=run_ref,
        metric_key=metric_key,
        points=tuple(
            StepPoint(
                step=step,
                value=record.value,
                observed_at=record.observed_at,
                record_id=record.record_id,
                stage_id=record.stage_id,
                batch_id=record.batch_id,
                sample_id=record.sample_id,
            )
            for step, record in enumerate(records)
        ),
        stage_id=stage_ref,
        unit=next((record.unit for record in reversed(records) if record.unit), None),
    )


def trend(
    cursor: duckdb.DuckDBPyConnection,
    metric_key: str,
    runs: Iterable[RunRecord],
    policy: ComparisonPolicy,
    stage_name: str | None,
) -> MetricTrend:
    """The value of a metric in each run that has it, in the order given."""
    points = []
    for run in runs:
        records = observations(cursor, run_ref=run.run_id, record_type=RecordType.METRIC, key=metric_key)
        known = MetricValues(records, policy.metric_selection)
        value = value_of(known, listing.stages(cursor, run_ref=run.run_id), metric_key, stage_name)
        if value is not None:
            points.append(TrendPoint(run.run_id, run.name, run.started_at, value))
    return MetricTrend(metric_key, stage_name, tuple(points))
