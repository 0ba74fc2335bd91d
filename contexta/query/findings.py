"""What the facade finds out: diagnoses, comparisons, lineage, series.

The names and fields are those of public Contexta (format specification, section 7); what that system leaves
out stands at the end of each class. Plain frozen data, like `views`; nothing here computes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from contexta.contract.frozen import FrozenMap
from contexta.query.views import EvidenceLink, JsonMap, ProvenanceView


@dataclass(frozen=True, slots=True)
class CompletenessNote:
    """A word on what an answer does not cover; `summary` is the note, e.g. `left:batch_list_empty`."""

    severity: str
    summary: str


@dataclass(frozen=True, slots=True)
class DiagnosticsIssue:
    """Something worth looking at.

    Attributes:
        severity: `error`, `warning` or `info`.
        code: Stable code, e.g. `failed_batch`.
        summary: One sentence.
        details: The facts it follows from.
        subject_ref: What it is about.
        evidence_links: The subject, then the first records that explain it.
    """

    severity: str
    code: str
    summary: str
    details: JsonMap = field(default_factory=FrozenMap)
    subject_ref: str | None = None
    evidence_links: tuple[EvidenceLink, ...] = ()


@dataclass(frozen=True, slots=True)
class DiagnosticsResult:
    """The issues of a run: those of public Contexta in its order, then ours, the worst first."""

    run_id: str
    issues: tuple[DiagnosticsIssue, ...]
    completeness_notes: tuple[CompletenessNote, ...] = ()
    evidence_links: tuple[EvidenceLink, ...] = ()


@dataclass(frozen=True, slots=True)
class ProjectDiagnostics:
    """The issues of a project.

    Attributes:
        project_name: As it was asked for.
        runs: The diagnosis of each run, by start.
        issues: Issues that belong to no run of the project, such as a failed deployment without a run.
    """

    project_name: str
    runs: tuple[DiagnosticsResult, ...]
    issues: tuple[DiagnosticsIssue, ...]


@dataclass(frozen=True, slots=True)
class MetricDelta:
    """One metric on two sides.

    Attributes:
        delta: Right minus left; `None` when a side has no value.
        change_ratio: Right divided by left; `None` when a side has no value or the left one is 0.
        stage_name: The stage, or `None` for a metric of the run itself.
    """

    metric_key: str
    left_value: float | None
    right_value: float | None
    delta: float | None
    change_ratio: float | None
    stage_name: str | None = None
    evidence_links: tuple[EvidenceLink, ...] = ()
    completeness_notes: tuple[CompletenessNote, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchComparison:
    """A batch that both sides have, matched by stage and name; `metric_deltas` are of the batch itself."""

    stage_name: str
    batch_name: str
    left_batch_id: str
    right_batch_id: str
    left_status: str
    right_status: str
    metric_deltas: tuple[MetricDelta, ...]


@dataclass(frozen=True, slots=True)
class SampleComparison:
    """A sample that both sides have, matched by stage, batch (`None` where there is none) and name."""

    stage_name: str
    batch_name: str | None
    sample_name: str
    left_sample_id: str
    right_sample_id: str
    left_failed: bool
    right_failed: bool
    metric_deltas: tuple[MetricDelta, ...]


@dataclass(frozen=True, slots=True)
class StageComparison:
    """A stage, matched by name; a side that does not have it is `None`."""

    stage_name: str
    left_stage_id: str | None
    right_stage_id: str | None
    left_status: str | None
    right_status: str | None
    metric_deltas: tuple[MetricDelta, ...]
    completeness_notes: tuple[CompletenessNote, ...] = ()
    evidence_links: tuple[EvidenceLink, ...] = ()
    batch_comparisons: tuple[BatchComparison, ...] = ()
    sample_comparisons: tuple[SampleComparison, ...] = ()


@dataclass(frozen=True, slots=True)
class ArtifactChange:
    """How the artifacts of a kind differ.

    Attributes:
        change: `added`, `removed`, `changed`, or `ambiguous` when a side has more than one of the kind.
        change_detail: `hash_changed`, `location_changed`, `both_changed`, or `left=2, right=1`.
    """

    artifact_kind: str
    left_ref: str | None
    right_ref: str | None
    change: str
    evidence_links: tuple[EvidenceLink, ...] = ()
    change_detail: str | None = None


@dataclass(frozen=True, slots=True)
class ProvenanceComparison:
    """What is known of how the relations of two runs are known."""

    left: ProvenanceView | None
    right: ProvenanceView | None


@dataclass(frozen=True, slots=True)
class RunComparison:
    """Two runs side by side; `run_metric_deltas` are of the runs themselves, outside every stage."""

    left_run_id: str
    right_run_id: str
    summary: str
    stage_comparisons: tuple[StageComparison, ...]
    artifact_changes: tuple[ArtifactChange, ...]
    completeness_notes: tuple[CompletenessNote, ...] = ()
    evidence_links: tuple[EvidenceLink, ...] = ()
    provenance_comparison: ProvenanceComparison | None = None
    run_metric_deltas: tuple[MetricDelta, ...] = ()


@dataclass(frozen=True, slots=True)
class MultiRunMetricRow:
    """One metric of several runs; `stage_name` is `None` for a metric of the runs themselves.

    Attributes:
        values: Value by run ref, `None` where a run has none.
        best_run_id: The run with the best value, the first of several; `None` when no run has one.
    """

    metric_key: str
    stage_name: str | None
    values: Mapping[str, float | None]
    best_run_id: str | None


@dataclass(frozen=True, slots=True)
class MultiRunComparison:
    """Several runs side by side, by stage and metric key; the metrics of the runs themselves come first."""

    run_ids: tuple[str, ...]
    summary: str
    metric_rows: tuple[MultiRunMetricRow, ...]
    completeness_notes: tuple[CompletenessNote, ...] = ()
    evidence_links: tuple[EvidenceLink, ...] = ()


@dataclass(frozen=True, slots=True)
class LineageEdge:
    """A relation that was met.

    Attributes:
        relation_ref: Ref of the relation; of a link that a deployment carries, the deployment's ref followed
            by `#run_ref` or `#artifact_ref`.
        direction: `outbound` when met at its source, `inbound` when met at its target.
        depth: Steps from the root to the node where it was met.
        is_link: Whether it is a link that a deployment carries, and no stored relation.
    """

    relation_ref: str
    source_ref: str
    target_ref: str
    relation_type: str
    recorded_at: str | None
    direction: str
    depth: int
    provenance: ProvenanceView | None = None
    evidence_links: tuple[EvidenceLink, ...] = ()
    is_link: bool = False


@dataclass(frozen=True, slots=True)
class LineageTraversal:
    """What a subject came from and what came from it; edges by ref, `visited_refs` as they were met."""

    root_ref: str
    edges: tuple[LineageEdge, ...]
    visited_refs: tuple[str, ...]
    completeness_notes: tuple[CompletenessNote, ...] = ()
    evidence_links: tuple[EvidenceLink, ...] = ()


@dataclass(frozen=True, slots=True)
class StepPoint:
    """One value of a series; `step` counts from 0 in order of time, `value` is `None` when not finite."""

    step: int
    value: float | None
    observed_at: str | None
    record_id: str
    stage_id: str | None = None
    batch_id: str | None = None
    sample_id: str | None = None


@dataclass(frozen=True, slots=True)
class StepSeries:
    """The values of one metric of a run by time."""

    run_id: str
    metric_key: str
    points: tuple[StepPoint, ...]
    stage_id: str | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """The value of a metric in one run."""

    run_id: str
    run_name: str
    started_at: str | None
    value: float


@dataclass(frozen=True, slots=True)
class MetricTrend:
    """A metric from run to run, by start; runs without it are left out."""

    metric_key: str
    stage_name: str | None
    points: tuple[TrendPoint, ...]
