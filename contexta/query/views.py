"""What the facade answers: runs and what belongs to them, as a script sees them.

The names and fields are those of public Contexta (format specification, section 6.5), so that a script made
for it goes on working; what that system leaves out stands at the end of each class. `results` has the
explorer's values; these here carry refs and timestamp texts instead of keys and microseconds, because they
outlive the catalog they came from. Plain data: `asdict`, `deepcopy` and `pickle` work on all of them.

Times are ISO 8601 in UTC with a capital ``Z``, or `None` where nothing says when. `origin` names where a fact
is known from: ``stored`` (ledger, record store, artifact vault), ``captured`` (the capture files), or both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from contexta.contract.frozen import FrozenJson, FrozenMap

JsonMap = Mapping[str, FrozenJson]
"""Read-only JSON data."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run.

    Attributes:
        run_id: Its ref.
        project_name: Name of its project.
        name: Its name; free text.
        status: `open`, `completed`, `failed`, `cancelled`, or `unknown` when only records tell of it.
        tags: What it was tagged with when it was captured; the ledger has no place for tags.
        metadata: Facts about it, with `code_revision`, `dataset_ref` and `config_snapshot` where recorded.
    """

    run_id: str
    project_name: str
    name: str
    status: str
    started_at: str | None
    ended_at: str | None
    tags: JsonMap = field(default_factory=FrozenMap)
    metadata: JsonMap = field(default_factory=FrozenMap)
    origin: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StageRecord:
    """A stage of a run; `order` is its order index, 0 when it has none."""

    stage_id: str
    run_id: str
    name: str
    status: str
    order: int
    started_at: str | None
    ended_at: str | None
    tags: JsonMap = field(default_factory=FrozenMap)
    metadata: JsonMap = field(default_factory=FrozenMap)
    origin: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """A batch of a stage; `order` is its order index, 0 when it has none."""

    batch_id: str
    run_id: str
    stage_id: str
    name: str
    status: str
    order: int
    started_at: str | None
    ended_at: str | None
    metadata: JsonMap = field(default_factory=FrozenMap)
    origin: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """A sample of a stage, or of a batch of it.

    Attributes:
        batch_id: Ref of the batch, or `None` for a sample of the stage itself.
        observed_at: When it was observed; of a sample that only its records tell of, its first record's time.
        status: `unknown` unless it was captured with an end; the ledger keeps no status of samples.
        failed: Whether it ended as failed, has an error event, or scored 0 in `correct`, `pass` or `success`.
        note: One word on why, e.g. `correct 0`; empty unless it failed.
    """

    sample_id: str
    run_id: str
    stage_id: str
    batch_id: str | None
    name: str
    observed_at: str | None
    retention_class: str | None = None
    redaction_profile: str | None = None
    metadata: JsonMap = field(default_factory=FrozenMap)
    origin: tuple[str, ...] = ()
    status: str = "unknown"
    failed: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class DeploymentRecord:
    """A deployment; `run_id` and `artifact_ref` are the links as recorded, whether or not these are known."""

    deployment_id: str
    project_name: str
    name: str
    status: str
    run_id: str | None
    artifact_ref: str | None
    started_at: str | None
    ended_at: str | None
    order: int
    metadata: JsonMap = field(default_factory=FrozenMap)
    origin: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ArtifactRecord:
    """An artifact as its manifest describes it; whether its file still exists is not looked at.

    Attributes:
        created_at: When it was made, as the manifest says.
        location: `location_ref` of the manifest; free text.
        batch_id: The batch, sample or deployment it was registered on, each `None` elsewhere.
    """

    artifact_ref: str
    run_id: str | None
    stage_id: str | None
    kind: str
    created_at: str | None
    location: str
    hash_value: str | None
    size_bytes: int | None
    attributes: JsonMap = field(default_factory=FrozenMap)
    content_type: str | None = None
    origin: tuple[str, ...] = ()
    batch_id: str | None = None
    sample_id: str | None = None
    deployment_id: str | None = None


@dataclass(frozen=True, slots=True)
class ObservationRecord:
    """A record: metric, event, span or degraded.

    Attributes:
        record_id: Its ref.
        key: Metric key, event key, span name or issue key.
        value: Value of a metric; `None` for other types and for a value that was not finite.
        message: Message of an event, summary of a degraded record; else `None`.
        payload: What is recorded of this type: unit, level, attributes, status and so on.
        tags: Tags of a metric.
        correlation_id: Trace id, or else session id.
        batch_id: The batch, sample, operation and deployment it was recorded on, each `None` elsewhere.
        value_type: Of a metric: `float`, `int`, `nan`, `inf`, `-inf`, …
        level: Level of an event, status of a span, severity of a degraded record.
        duration_ms: Duration of a span in milliseconds.
    """

    record_id: str
    run_id: str | None
    stage_id: str | None
    record_type: str
    key: str
    observed_at: str | None
    value: float | None
    message: str | None
    completeness_marker: str = "complete"
    degradation_marker: str = "none"
    payload: JsonMap = field(default_factory=FrozenMap)
    tags: JsonMap = field(default_factory=FrozenMap)
    schema_version: str | None = None
    producer_ref: str | None = None
    correlation_id: str | None = None
    unit: str | None = None
    origin: tuple[str, ...] = ()
    batch_id: str | None = None
    sample_id: str | None = None
    operation_id: str | None = None
    deployment_id: str | None = None
    recorded_at: str | None = None
    value_type: str | None = None
    level: str | None = None
    duration_ms: float | None = None


@dataclass(frozen=True, slots=True)
class RelationRecord:
    """A stored relation: `source_ref` came from, used, … `target_ref`."""

    relation_ref: str
    relation_type: str
    source_ref: str
    target_ref: str
    recorded_at: str | None
    origin_marker: str | None
    confidence_marker: str | None
    evidence_refs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProvenanceView:
    """How a relation is known; `run_id` is the run it was asked for, or `None`."""

    run_id: str | None
    provenance_ref: str
    relation_ref: str
    assertion_mode: str | None
    asserted_at: str | None
    formation_context_ref: str | None = None
    policy_ref: str | None = None
    evidence_bundle_ref: str | None = None


@dataclass(frozen=True, slots=True)
class EnvironmentRecord:
    """What a run ran on, as stored."""

    environment_ref: str
    run_id: str
    captured_at: str | None
    python_version: str | None
    platform: str | None
    packages: JsonMap = field(default_factory=FrozenMap)
    environment_variables: JsonMap = field(default_factory=FrozenMap)


@dataclass(frozen=True, slots=True)
class EvidenceLink:
    """Where to look: `kind` is that of the ref (`run`, `record`, …), `label` is for people."""

    kind: str
    ref: str
    label: str


@dataclass(frozen=True, slots=True)
class RunSnapshot:
    """A run with everything that is known of it.

    Attributes:
        deployments: Deployments that link the run.
        records: By time.
        completeness_notes: What is not there: `artifact_list_empty`, `missing_stage_records:train`, …
        provenance: The latest statement about a relation of the run, or `None`.
        environments: What it ran on.
    """

    run: RunRecord
    deployments: tuple[DeploymentRecord, ...]
    stages: tuple[StageRecord, ...]
    batches: tuple[BatchRecord, ...]
    samples: tuple[SampleRecord, ...]
    artifacts: tuple[ArtifactRecord, ...]
    relations: tuple[RelationRecord, ...]
    records: tuple[ObservationRecord, ...]
    evidence_links: tuple[EvidenceLink, ...]
    completeness_notes: tuple[str, ...]
    provenance: ProvenanceView | None = None
    environments: tuple[EnvironmentRecord, ...] = ()
