"""One number for a metric of a scope: which records count, and which of them is taken.

A stage, its batches and their samples often share a key (`accuracy`). The value of a stage is what was
recorded on the stage itself; only where nothing was, what its batches or else its samples recorded stands for
it. So a sample that is measured last never passes for the stage.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from contexta.query.results import RecordType
from contexta.query.views import ObservationRecord

Selection = Literal["latest", "max", "min", "mean"]

Values = Mapping[str, "MetricValue"]
"""Values by metric key, in the order of the keys."""


@dataclass(frozen=True, slots=True)
class MetricValue:
    """A value, and the latest of the records it was taken from."""

    value: float
    record: ObservationRecord


class MetricValues:
    """The metric values of a run, found once and then asked for by scope.

    Args:
        records: The records of the run by time.
        selection: Which of several values of a key counts.
    """

    def __init__(self, records: Iterable[ObservationRecord], selection: Selection) -> None:
        self._selection: Selection = selection
        self._run: list[ObservationRecord] = []
        self._scopes: dict[str, list[ObservationRecord]] = defaultdict(list)
        for record in records:
            if record.record_type != RecordType.METRIC or record.value is None:
                continue
            scopes = (record.stage_id, record.batch_id, record.sample_id)
            for scope in scopes:
                if scope is not None:
                    self._scopes[scope].append(record)
            if scopes == (None, None, None) and record.deployment_id is None:
                self._run.append(record)

    def of_run(self) -> Values:
        """Values of the run itself: recorded outside every stage and deployment."""
        return self._select(self._run)

    def of_scope(self, ref: str) -> Values:
        """Values of a stage, batch or sample."""
        return self._select(self._scopes.get(ref, ()))

    def _select(self, records: Iterable[ObservationRecord]) -> Values:
        """Values by key; of each key only the records count that were made least deep inside."""
        found: dict[str, dict[int, list[ObservationRecord]]] = defaultdict(lambda: defaultdict(list))
        for record in records:
            depth = 2 if record.sample_id is not None else 1 if record.batch_id is not None else 0
            found[record.key][depth].append(record)
        return {key: self._one(levels[min(levels)]) for key, levels in sorted(found.items())}

    def _one(self, records: list[ObservationRecord]) -> MetricValue:
        values = [record.value for record in records if record.value is not None]
        match self._selection:
            case "max":
                value = max(values)
            case "min":
                value = min(values)
            case "mean":
                value = sum(values) / len(values)
            case "latest":
                value = values[-1]
        return MetricValue(value, records[-1])
