"""Several runs side by side, and which of them is best.

Pure: snapshots in, rows out. Which direction is better is asked for, never guessed from a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from contexta.contract.frozen import FrozenMap
from contexta.errors import ComparisonError
from contexta.query.compare import ComparisonPolicy
from contexta.query.findings import CompletenessNote, MultiRunComparison, MultiRunMetricRow
from contexta.query.metric_values import MetricValues
from contexta.query.run_snapshot import link_of
from contexta.query.views import RunSnapshot, StageRecord


def distinct(run_refs: Iterable[str]) -> tuple[str, ...]:
    """Runs to compare, each once.

    Raises:
        ComparisonError: `compare_requires_multiple_runs`: fewer than two.
    """
    found = tuple(dict.fromkeys(run_refs))
    if len(found) < 2:
        raise ComparisonError(
            f"A comparison needs at least two different runs, not {len(found)}.",
            code="compare_requires_multiple_runs",
            details={"run_ids": list(found)},
        )
    return found


def compare_many(
    snapshots: Sequence[RunSnapshot], policy: ComparisonPolicy, higher_is_better: bool | Mapping[str, bool]
) -> MultiRunComparison:
    """Compares runs.

    Args:
        snapshots: The runs.
        policy: How values are taken.
        higher_is_better: For all metrics, or by metric key; `True` for a key that is not named.
    """
    table: dict[tuple[str, str], dict[str, float | None]] = {}
    for snapshot in snapshots:
        for place, value in _values(snapshot, policy).items():
            row = table.setdefault(place, {other.run.run_id: None for other in snapshots})
            row[snapshot.run.run_id] = value
    rows = tuple(
        MultiRunMetricRow(
            key, stage or None, FrozenMap(values), _best(values, _higher(key, higher_is_better))
        )
        for (stage, key), values in sorted(table.items())
    )
    return MultiRunComparison(
        run_ids=tuple(snapshot.run.run_id for snapshot in snapshots),
        summary=f"Compared {len(snapshots)} runs: {len(rows)} metric rows.",
        metric_rows=rows,
        completeness_notes=tuple(
            CompletenessNote("warning", f"{snapshot.run.run_id}:{note}")
            for snapshot in snapshots
            for note in snapshot.completeness_notes
        ),
        evidence_links=tuple(link_of(snapshot.run) for snapshot in snapshots),
    )


def best_run(
    snapshots: Sequence[RunSnapshot],
    metric_key: str,
    policy: ComparisonPolicy,
    *,
    stage_name: str | None,
    higher_is_better: bool,
) -> str | None:
    """The run with the best value of a metric, the first of several; `None` when no run has it."""
    values = {
        snapshot.run.run_id: value_of(
            MetricValues(snapshot.records, policy.metric_selection), snapshot.stages, metric_key, stage_name
        )
        for snapshot in snapshots
    }
    return _best(values, higher_is_better)


def value_of(
    known: MetricValues, stages: Sequence[StageRecord], metric_key: str, stage_name: str | None
) -> float | None:
    """The value of a metric in a stage; where none is named, of the run or else of the last stage with it.

    Args:
        known: The metric values of the run.
        stages: The stages of the run in order.
        metric_key: The metric.
        stage_name: The stage.
    """
    values = [
        known.of_scope(stage.stage_id)
        for stage in reversed(stages)
        if stage_name is None or stage.name == stage_name
    ]
    if stage_name is None:
        values.insert(0, known.of_run())
    return next((found[metric_key].value for found in values if metric_key in found), None)


def _values(snapshot: RunSnapshot, policy: ComparisonPolicy) -> dict[tuple[str, str], float]:
    """Values by stage name and metric key; the run itself has no stage name."""
    known = MetricValues(snapshot.records, policy.metric_selection)
    found = {("", key): value.value for key, value in known.of_run().items()}
    for stage in snapshot.stages:
        values = known.of_scope(stage.stage_id)
        found.update({(stage.name, key): value.value for key, value in values.items()})
    return found


def _higher(key: str, higher_is_better: bool | Mapping[str, bool]) -> bool:
    return higher_is_better if isinstance(higher_is_better, bool) else higher_is_better.get(key, True)


def _best(values: Mapping[str, float | None], higher_is_better: bool) -> str | None:
    known = {run: value for run, value in values.items() if value is not None}
    if not known:
        return None
    return max(known, key=known.__getitem__) if higher_is_better else min(known, key=known.__getitem__)
