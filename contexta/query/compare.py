"""Two runs side by side: stages, batches and samples by name, artifacts by kind.

Pure: snapshots in, a comparison out. The shapes, notes and the summary are those of the format specification,
section 7.3; beyond it, metrics of the run itself have a place of their own, and so have batches and samples
that both sides have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from contexta.query.findings import (
    ArtifactChange,
    BatchComparison,
    CompletenessNote,
    MetricDelta,
    ProvenanceComparison,
    RunComparison,
    SampleComparison,
    StageComparison,
)
from contexta.query.metric_values import MetricValue, MetricValues, Selection, Values
from contexta.query.run_snapshot import link_of
from contexta.query.views import (
    ArtifactRecord,
    RunSnapshot,
    SampleRecord,
    StageRecord,
)


@dataclass(frozen=True, slots=True)
class ComparisonPolicy:
    """How runs are compared.

    Attributes:
        metric_selection: Which of several values of a key counts.
        include_unchanged_metrics: Whether to list metrics that are alike on both sides.
        missing_stage_severity: Severity of the note on a stage that one side does not have.
    """

    metric_selection: Selection = "latest"
    include_unchanged_metrics: bool = False
    missing_stage_severity: str = "warning"


_Sides = tuple["_Side", "_Side"]


class _Side:
    """A run and its metric values."""

    def __init__(self, snapshot: RunSnapshot, policy: ComparisonPolicy) -> None:
        self.snapshot = snapshot
        self.values = MetricValues(snapshot.records, policy.metric_selection)

    def of(self, ref: str | None) -> Values:
        """Values of a scope; none of one that this side does not have."""
        return {} if ref is None else self.values.of_scope(ref)


def compare(left: RunSnapshot, right: RunSnapshot, policy: ComparisonPolicy) -> RunComparison:
    """Compares two runs; a run may be compared with itself."""
    sides = (_Side(left, policy), _Side(right, policy))
    stages = tuple(_stages(sides, policy))
    run_deltas = tuple(_deltas(sides[0].values.of_run(), sides[1].values.of_run(), None, policy))
    changes = tuple(_artifacts(left.artifacts, right.artifacts))
    deltas = len(run_deltas) + sum(len(stage.metric_deltas) for stage in stages)
    return RunComparison(
        left_run_id=left.run.run_id,
        right_run_id=right.run.run_id,
        summary=f"Compared {left.run.run_id} and {right.run.run_id}: {len(stages)} stage rows,"
        f" {deltas} metric deltas, {len(changes)} artifact changes.",
        stage_comparisons=stages,
        artifact_changes=changes,
        completeness_notes=(
            *(CompletenessNote("warning", f"left:{note}") for note in left.completeness_notes),
            *(CompletenessNote("warning", f"right:{note}") for note in right.completeness_notes),
            *(note for stage in stages for note in stage.completeness_notes),
            *(note for delta in run_deltas for note in delta.completeness_notes),
        ),
        evidence_links=(link_of(left.run), link_of(right.run)),
        provenance_comparison=(
            ProvenanceComparison(left.provenance, right.provenance)
            if left.provenance or right.provenance
            else None
        ),
        run_metric_deltas=run_deltas,
    )


def _stages(sides: _Sides, policy: ComparisonPolicy) -> Iterator[StageComparison]:
    left, right = ({stage.name: stage for stage in side.snapshot.stages} for side in sides)
    for name in sorted(left.keys() | right.keys()):
        pair = (left.get(name), right.get(name))
        yield _stage(sides, pair, name, policy)


def _stage(
    sides: _Sides, pair: tuple[StageRecord | None, StageRecord | None], name: str, policy: ComparisonPolicy
) -> StageComparison:
    left, right = pair
    deltas = tuple(
        _deltas(
            sides[0].of(left.stage_id if left else None),
            sides[1].of(right.stage_id if right else None),
            name,
            policy,
        )
    )
    missing = [CompletenessNote(policy.missing_stage_severity, f"missing_stage:{name}")]
    return StageComparison(
        stage_name=name,
        left_stage_id=left.stage_id if left else None,
        right_stage_id=right.stage_id if right else None,
        left_status=left.status if left else None,
        right_status=right.status if right else None,
        metric_deltas=deltas,
        completeness_notes=(
            *(missing if left is None or right is None else ()),
            *(note for delta in deltas for note in delta.completeness_notes),
        ),
        evidence_links=tuple(link_of(stage) for stage in pair if stage),
        batch_comparisons=tuple(_batches(sides, left, right, policy)) if left and right else (),
        sample_comparisons=tuple(_samples(sides, left, right, policy)) if left and right else (),
    )


def _batches(
    sides: _Sides, left: StageRecord, right: StageRecord, policy: ComparisonPolicy
) -> Iterator[BatchComparison]:
    others = {batch.name: batch for batch in sides[1].snapshot.batches if batch.stage_id == right.stage_id}
    for batch in sides[0].snapshot.batches:
        other = others.get(batch.name)
        if batch.stage_id != left.stage_id or other is None:
            continue
        yield BatchComparison(
            stage_name=left.name,
            batch_name=batch.name,
            left_batch_id=batch.batch_id,
            right_batch_id=other.batch_id,
            left_status=batch.status,
            right_status=other.status,
            metric_deltas=tuple(
                _deltas(sides[0].of(batch.batch_id), sides[1].of(other.batch_id), left.name, policy)
            ),
        )


def _samples(
    sides: _Sides, left: StageRecord, right: StageRecord, policy: ComparisonPolicy
) -> Iterator[SampleComparison]:
    others = {
        _place(sample): sample for sample in sides[1].snapshot.samples if sample.stage_id == right.stage_id
    }
    for sample in sides[0].snapshot.samples:
        other = others.get(_place(sample))
        if sample.stage_id != left.stage_id or other is None:
            continue
        yield SampleComparison(
            stage_name=left.name,
            batch_name=_place(sample)[0],
            sample_name=sample.name,
            left_sample_id=sample.sample_id,
            right_sample_id=other.sample_id,
            left_failed=sample.failed,
            right_failed=other.failed,
            metric_deltas=tuple(
                _deltas(sides[0].of(sample.sample_id), sides[1].of(other.sample_id), left.name, policy)
            ),
        )


def _place(sample: SampleRecord) -> tuple[str | None, str]:
    return (sample.batch_id.rpartition(".")[2] if sample.batch_id else None, sample.name)


def _deltas(
    left: Values, right: Values, stage_name: str | None, policy: ComparisonPolicy
) -> Iterator[MetricDelta]:
    for key in sorted(left.keys() | right.keys()):
        before, after = left.get(key), right.get(key)
        if before and after and before.value == after.value and not policy.include_unchanged_metrics:
            continue
        yield _delta(key, before, after, stage_name)


def _delta(
    key: str, before: MetricValue | None, after: MetricValue | None, stage_name: str | None
) -> MetricDelta:
    sparse = CompletenessNote("warning", f"sparse_metric_capture:{stage_name or 'run'}:{key}")
    return MetricDelta(
        metric_key=key,
        left_value=before.value if before else None,
        right_value=after.value if after else None,
        delta=after.value - before.value if before and after else None,
        change_ratio=after.value / before.value if before and after and before.value else None,
        stage_name=stage_name,
        evidence_links=tuple(link_of(side.record) for side in (before, after) if side),
        completeness_notes=() if before and after else (sparse,),
    )


def _artifacts(left: Sequence[ArtifactRecord], right: Sequence[ArtifactRecord]) -> Iterator[ArtifactChange]:
    counts = [Counter(artifact.kind for artifact in side) for side in (left, right)]
    for kind in sorted(counts[0].keys() | counts[1].keys()):
        before = [artifact for artifact in left if artifact.kind == kind]
        after = [artifact for artifact in right if artifact.kind == kind]
        links = tuple(link_of(artifact) for artifact in (*before, *after))
        first, second = (side[0].artifact_ref if len(side) == 1 else None for side in (before, after))
        if len(before) > 1 or len(after) > 1:
            detail = f"left={len(before)}, right={len(after)}"
            yield ArtifactChange(kind, first, second, "ambiguous", links, detail)
        elif not before:
            yield ArtifactChange(kind, None, second, "added", links)
        elif not after:
            yield ArtifactChange(kind, first, None, "removed", links)
        elif detail := _difference(before[0], after[0]):
            yield ArtifactChange(kind, first, second, "changed", links, detail)


def _difference(left: ArtifactRecord, right: ArtifactRecord) -> str:
    """How two artifacts differ, or nothing; a hash that one side does not have says nothing."""
    hashes = bool(left.hash_value and right.hash_value and left.hash_value != right.hash_value)
    locations = left.location != right.location
    if hashes and locations:
        return "both_changed"
    return "hash_changed" if hashes else "location_changed" if locations else ""
