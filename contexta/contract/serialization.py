"""Everything that turns contract models into text and back.

::

    text = to_json(batch)
    assert deserialize_batch_execution(text) == batch

Each `deserialize_…` function takes JSON text or the map it holds, and raises as
`contexta.contract.decoding.read_strict`. `deserialize_lenient` is for stores that hold what others wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Generic, Protocol, TypeVar

from contexta.contract.artifacts import ArtifactManifest, LineageEdge, ProvenanceRecord
from contexta.contract.context import (
    BatchExecution,
    DeploymentExecution,
    EnvironmentSnapshot,
    OperationContext,
    Project,
    Run,
    SampleObservation,
    StageExecution,
)
from contexta.contract.decoding import ModelT, Source, data_of, read_lenient, read_strict
from contexta.contract.encoding import to_json, to_payload
from contexta.contract.extensions import ExtensionFieldSet
from contexta.contract.model import FrozenModel
from contexta.contract.records import (
    CorrelationRefs,
    DegradedPayload,
    DegradedRecord,
    MetricPayload,
    MetricRecord,
    RecordEnvelope,
    StructuredEventPayload,
    StructuredEventRecord,
    TraceSpanPayload,
    TraceSpanRecord,
)
from contexta.contract.registry import ExtensionRegistry
from contexta.contract.validation import ValidationIssue
from contexta.errors import SerializationError

AnyRecord = MetricRecord | StructuredEventRecord | TraceSpanRecord | DegradedRecord
"""A record of any type."""

RECORD_MODELS: Final[Mapping[str, type[AnyRecord]]] = {
    "metric": MetricRecord,
    "event": StructuredEventRecord,
    "span": TraceSpanRecord,
    "degraded": DegradedRecord,
}
"""The class of a record by the type in its envelope."""

_ReadT_co = TypeVar("_ReadT_co", bound=FrozenModel, covariant=True)


class Deserializer(Protocol, Generic[_ReadT_co]):
    """Reads a model of one class."""

    def __call__(self, source: Source, *, registry: ExtensionRegistry | None = None) -> _ReadT_co:
        """Return the model; raises as `contexta.contract.decoding.read_strict`."""


def _deserializer(model: type[ModelT]) -> Deserializer[ModelT]:
    def deserialize(source: Source, *, registry: ExtensionRegistry | None = None) -> ModelT:
        return read_strict(model, source, registry)

    deserialize.__doc__ = f"Return the `{model.__name__}` that JSON text or a map holds; see `read_strict`."
    return deserialize


deserialize_project = _deserializer(Project)
deserialize_run = _deserializer(Run)
deserialize_deployment_execution = _deserializer(DeploymentExecution)
deserialize_stage_execution = _deserializer(StageExecution)
deserialize_batch_execution = _deserializer(BatchExecution)
deserialize_sample_observation = _deserializer(SampleObservation)
deserialize_operation_context = _deserializer(OperationContext)
deserialize_environment_snapshot = _deserializer(EnvironmentSnapshot)
deserialize_correlation_refs = _deserializer(CorrelationRefs)
deserialize_record_envelope = _deserializer(RecordEnvelope)
deserialize_metric_payload = _deserializer(MetricPayload)
deserialize_structured_event_payload = _deserializer(StructuredEventPayload)
deserialize_trace_span_payload = _deserializer(TraceSpanPayload)
deserialize_degraded_payload = _deserializer(DegradedPayload)
deserialize_metric_record = _deserializer(MetricRecord)
deserialize_structured_event_record = _deserializer(StructuredEventRecord)
deserialize_trace_span_record = _deserializer(TraceSpanRecord)
deserialize_degraded_record = _deserializer(DegradedRecord)
deserialize_artifact_manifest = _deserializer(ArtifactManifest)
deserialize_lineage_edge = _deserializer(LineageEdge)
deserialize_provenance_record = _deserializer(ProvenanceRecord)
deserialize_extension_field_set = _deserializer(ExtensionFieldSet)


def deserialize_record(source: Source, *, registry: ExtensionRegistry | None = None) -> AnyRecord:
    """Return the record that text or a map holds, of the class its envelope names.

    Raises:
        SerializationError: ``deserialize_invalid_payload`` when the envelope names no known record type, else
            as `contexta.contract.decoding.read_strict`.
    """
    data = data_of(source)
    return read_strict(record_model(data), data, registry)


def record_model(data: object) -> type[AnyRecord]:
    """Return the class of the record that a map holds.

    Raises:
        SerializationError: ``deserialize_invalid_shape`` when it is no map with an envelope,
            ``deserialize_invalid_payload`` when the envelope names no known record type.
    """
    envelope = data.get("envelope") if isinstance(data, Mapping) else None
    if not isinstance(envelope, Mapping):
        raise SerializationError(
            "A record is a map with an envelope and a payload.", code="deserialize_invalid_shape"
        )
    found = envelope.get("record_type")
    model = RECORD_MODELS.get(found) if isinstance(found, str) else None
    if model is None:
        raise SerializationError(
            f"A record is of type {', '.join(RECORD_MODELS)}, not {found!r}.",
            code="deserialize_invalid_payload",
        )
    return model


def deserialize_lenient(
    model: type[ModelT], source: Source, *, registry: ExtensionRegistry | None = None
) -> tuple[ModelT | None, tuple[ValidationIssue, ...]]:
    """Return as much of a model as can be read, and what was wrong; see `read_lenient`.

    ::

        run, issues = deserialize_lenient(Run, row["payload_json"])
    """
    return read_lenient(model, source, registry)


__all__ = [
    "RECORD_MODELS",
    "AnyRecord",
    "deserialize_artifact_manifest",
    "deserialize_batch_execution",
    "deserialize_correlation_refs",
    "deserialize_degraded_payload",
    "deserialize_degraded_record",
    "deserialize_deployment_execution",
    "deserialize_environment_snapshot",
    "deserialize_extension_field_set",
    "deserialize_lenient",
    "deserialize_lineage_edge",
    "deserialize_metric_payload",
    "deserialize_metric_record",
    "deserialize_operation_context",
    "deserialize_project",
    "deserialize_provenance_record",
    "deserialize_record",
    "deserialize_record_envelope",
    "deserialize_run",
    "deserialize_sample_observation",
    "deserialize_stage_execution",
    "deserialize_structured_event_payload",
    "deserialize_structured_event_record",
    "deserialize_trace_span_payload",
    "deserialize_trace_span_record",
    "record_model",
    "to_json",
    "to_payload",
]
