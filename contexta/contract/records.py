"""Records: what was measured, what happened, how long it took, and what is known to be missing.

A record is an envelope (when, where) and a payload (what). The fields and rules are those of the format
specification, section 3, with two differences: times are ordered as instants, and a metric may hold no value
when its value type says that it was ``nan``, ``inf`` or ``-inf``, because a diverged loss is a fact worth
keeping.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Self

import pydantic

from contexta.contract.context import prefix_mismatch
from contexta.contract.extensions import ContractModel, Extensions
from contexta.contract.fields import (
    DEFAULT_CONTRACT_SCHEMA_VERSION,
    SNAKE_PATTERN,
    SNAKE_TOKEN_PATTERN,
    TOKEN_PATTERN,
    AnyRef,
    BatchRef,
    DeploymentRef,
    JsonMap,
    OperationRef,
    RecordRef,
    Rule,
    RunRef,
    SampleRef,
    StageRef,
    StringMap,
    Text,
    Timestamp,
    matching,
    one_of,
)
from contexta.contract.frozen import FrozenMap, PlainJson
from contexta.contract.model import FrozenModel
from contexta.contract.refs import StableRef, lies_under
from contexta.contract.times import is_before
from contexta.errors import ValidationError

RECORD_TYPES: Final = ("event", "metric", "span", "degraded")
COMPLETENESS_MARKERS: Final = ("complete", "partial", "sampled", "absent", "unknown")
DEGRADATION_MARKERS: Final = (
    "none",
    "partial_failure",
    "capture_gap",
    "import_loss",
    "compatibility_upgrade",
)
ORIGIN_MARKERS: Final = (
    "explicit_capture",
    "assisted_capture",
    "wrapped_capture",
    "imported",
    "inferred",
    "replayed",
)
AGGREGATION_SCOPES: Final = ("run", "stage", "operation", "step", "slice")
EVENT_LEVELS: Final = ("debug", "info", "warning", "error", "critical")
SPAN_STATUSES: Final = ("ok", "error", "cancelled", "timeout")
SPAN_KINDS: Final = ("operation", "internal", "io", "network", "process")
DEGRADED_CATEGORIES: Final = ("capture", "store", "import", "compatibility", "verification", "recovery")
DEGRADED_SEVERITIES: Final = ("warning", "error")
NON_FINITE_VALUE_TYPES: Final = ("nan", "inf", "-inf")

_MARKER: Final = "record_invalid_marker"

ProducerRef = Annotated[str, matching(TOKEN_PATTERN, "record_invalid_producer_ref", "sdk.python.local")]
MetricKey = Annotated[str, matching(TOKEN_PATTERN, "record_invalid_metric_key", "macro.f1")]
EventKey = Annotated[str, matching(TOKEN_PATTERN, "record_invalid_event_key", "checkpoint.selected")]
IssueKey = Annotated[str, matching(SNAKE_TOKEN_PATTERN, "record_invalid_issue_key", "gap.lost_rows")]
SliceRef = Annotated[str, matching(SNAKE_TOKEN_PATTERN, "record_invalid_slice_ref", "class.three")]
ValueType = Annotated[str, matching(rf"{SNAKE_PATTERN}|-inf", "record_invalid_value_type", "float")]
OriginMarker = Annotated[str, one_of(ORIGIN_MARKERS, _MARKER)]


def _metric_value(value: object, field_name: str) -> int | float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValidationError(
            f"{field_name} must be a finite number, not {value!r}.",
            code="record_invalid_metric_value",
            details={"field": field_name},
        )
    return value


MetricValue = Annotated[float | int, Rule(_metric_value, {"type": "number"})]


def _refs(value: object, field_name: str) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)):
        raise ValidationError(
            f"{field_name} must be a list of references, not {value!r}.", code="context_invalid_ref"
        )
    return tuple(item.text if isinstance(item, StableRef) else StableRef.parse(item).text for item in value)


RefList = Annotated[tuple[str, ...], Rule(_refs, {"type": "array", "items": {"type": "string"}}, list)]


class CorrelationRefs(FrozenModel):
    """What else belongs together with a record."""

    trace_id: Text | None = None
    session_id: Text | None = None


def _correlation(value: object, field_name: str) -> CorrelationRefs:
    if isinstance(value, CorrelationRefs):
        return value
    if isinstance(value, Mapping):
        return CorrelationRefs(**value)
    raise ValidationError(
        f"{field_name} takes CorrelationRefs or a map of its fields, not {value!r}.",
        code="record_invalid_mapping",
        details={"field": field_name},
    )


class RecordEnvelope(ContractModel):
    """When and where a record was made. There is no record without a run."""

    record_ref: RecordRef
    record_type: Annotated[str, one_of(RECORD_TYPES, _MARKER)]
    recorded_at: Timestamp
    observed_at: Timestamp
    producer_ref: ProducerRef
    run_ref: RunRef
    deployment_execution_ref: DeploymentRef | None = None
    stage_execution_ref: StageRef | None = None
    batch_execution_ref: BatchRef | None = None
    sample_observation_ref: SampleRef | None = None
    operation_context_ref: OperationRef | None = None
    correlation_refs: Annotated[
        CorrelationRefs, Rule(_correlation, CorrelationRefs.model_json_schema, lambda value: value)
    ] = CorrelationRefs()
    completeness_marker: Annotated[str, one_of(COMPLETENESS_MARKERS, _MARKER)] = "complete"
    degradation_marker: Annotated[str, one_of(DEGRADATION_MARKERS, _MARKER)] = "none"
    schema_version: Text = DEFAULT_CONTRACT_SCHEMA_VERSION
    extensions: Extensions = ()

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        if is_before(self.recorded_at, self.observed_at):
            raise ValidationError(
                f"recorded_at {self.recorded_at} lies before observed_at {self.observed_at}.",
                code="record_invalid_time_order",
            )
        if not lies_under(self.record_ref, self.run_ref):
            raise prefix_mismatch(self.record_ref, self.run_ref, "record_ref_prefix_mismatch")
        check_scope_refs(
            self.run_ref,
            self.stage_execution_ref,
            self.batch_execution_ref,
            (self.sample_observation_ref, self.operation_context_ref),
            family="record",
        )
        return self


class MetricPayload(FrozenModel):
    """A number, or the fact that it was none."""

    metric_key: MetricKey
    value: MetricValue | None
    value_type: ValueType
    unit: Text | None = None
    aggregation_scope: Annotated[str, one_of(AGGREGATION_SCOPES, _MARKER)] = "step"
    subject_ref: AnyRef | None = None
    slice_ref: SliceRef | None = None
    tags: StringMap = FrozenMap()
    summary_basis: Text | None = None

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        if (self.value is None) != (self.value_type in NON_FINITE_VALUE_TYPES):
            raise ValidationError(
                f"Metric {self.metric_key} has the value {self.value!r} and the type {self.value_type!r};"
                f" no value goes with {', '.join(NON_FINITE_VALUE_TYPES)} and only with these.",
                code="record_invalid_metric_value",
            )
        return self


class StructuredEventPayload(FrozenModel):
    """Something that happened."""

    event_key: EventKey
    level: Annotated[str, one_of(EVENT_LEVELS, _MARKER)]
    message: Text
    subject_ref: AnyRef | None = None
    attributes: JsonMap = FrozenMap()
    origin_marker: OriginMarker = "explicit_capture"


class TraceSpanPayload(FrozenModel):
    """A stretch of time."""

    span_id: Text
    trace_id: Text
    parent_span_id: Text | None
    span_name: Text
    started_at: Timestamp
    ended_at: Timestamp
    status: Annotated[str, one_of(SPAN_STATUSES, _MARKER)]
    span_kind: Annotated[str, one_of(SPAN_KINDS, _MARKER)]
    attributes: JsonMap = FrozenMap()
    linked_refs: RefList = ()

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        if is_before(self.ended_at, self.started_at):
            raise ValidationError(
                f"The span {self.span_name!r} ends before it begins.", code="record_invalid_time_order"
            )
        return self


class DegradedPayload(FrozenModel):
    """Something that is known to be missing or changed."""

    issue_key: IssueKey
    category: Annotated[str, one_of(DEGRADED_CATEGORIES, _MARKER)]
    severity: Annotated[str, one_of(DEGRADED_SEVERITIES, _MARKER)]
    summary: Text
    subject_ref: AnyRef | None = None
    origin_marker: OriginMarker = "explicit_capture"
    attributes: JsonMap = FrozenMap()


class _Record(FrozenModel):
    """An envelope with a payload of the type it announces."""

    record_type: ClassVar[str]

    envelope: RecordEnvelope

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        marker = self.envelope
        if marker.record_type != self.record_type:
            raise ValidationError(
                f"{type(self).__name__} needs an envelope of type {self.record_type!r},"
                f" not {marker.record_type!r}.",
                code="record_type_mismatch",
            )
        if self.record_type == "degraded":
            if marker.degradation_marker == "none":
                raise ValidationError(
                    "A degraded record needs a degradation marker other than 'none'.",
                    code="record_degraded_requires_gap",
                )
        elif marker.completeness_marker == "absent":
            raise ValidationError(
                f"A {self.record_type} that was recorded is not absent.", code="record_absent_not_allowed"
            )
        return self

    def to_dict(self) -> dict[str, PlainJson]:
        """Return ``{"envelope": …, "payload": …}``."""
        return super().to_dict()


class MetricRecord(_Record):
    """A metric."""

    record_type = "metric"
    payload: MetricPayload


class StructuredEventRecord(_Record):
    """An event."""

    record_type = "event"
    payload: StructuredEventPayload


class TraceSpanRecord(_Record):
    """A span."""

    record_type = "span"
    payload: TraceSpanPayload


class DegradedRecord(_Record):
    """A gap."""

    record_type = "degraded"
    payload: DegradedPayload


def check_scope_refs(
    run: StableRef,
    stage: StableRef | None,
    batch: StableRef | None,
    leaves: tuple[StableRef | None, ...],
    *,
    family: str,
) -> None:
    """Check that the references of an envelope or manifest lie under each other.

    Args:
        run: The run.
        stage: The stage; needed as soon as one of the others is there.
        batch: The batch.
        leaves: Sample and operation. They lie under the batch when there is one; a sample of a batch may also
            appear with its stage alone.
        family: ``record`` or ``artifact``, the beginning of the codes.

    Raises:
        ValidationError: ``<family>_missing_stage_context`` or ``<family>_ref_prefix_mismatch``.
    """
    code = f"{family}_ref_prefix_mismatch"
    if stage is None:
        if batch is not None or any(leaf is not None for leaf in leaves):
            raise ValidationError(
                f"A {family} of a batch, sample or operation names its stage too.",
                code=f"{family}_missing_stage_context",
            )
        return
    if not lies_under(stage, run):
        raise prefix_mismatch(stage, run, code)
    if batch is not None and not lies_under(batch, stage):
        raise prefix_mismatch(batch, stage, code)
    owner = stage if batch is None else batch
    for leaf in leaves:
        if leaf is not None and not lies_under(leaf, owner):
            raise prefix_mismatch(leaf, owner, code)
