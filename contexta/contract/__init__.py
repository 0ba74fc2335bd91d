"""The contract: references, context models, records, artifacts.

Names are loaded on first use. The capture path needs only `contexta.contract.refs`; the models bring pydantic
with them, which a job that merely records must not pay for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contexta.contract.artifacts import (
        ARTIFACT_KINDS,
        ArtifactManifest,
        LineageEdge,
        ProvenanceRecord,
    )
    from contexta.contract.context import (
        DEFAULT_CONTRACT_SCHEMA_VERSION,
        RUN_STAGE_STATUSES,
        BatchExecution,
        DeploymentExecution,
        EnvironmentSnapshot,
        OperationContext,
        Project,
        Run,
        SampleObservation,
        StageExecution,
    )
    from contexta.contract.extensions import (
        ExtensionFieldSet,
    )
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
    from contexta.contract.refs import (
        CORE_STABLE_REF_COMPONENT_COUNTS,
        CORE_STABLE_REF_KINDS,
        StableRef,
        normalise_name,
        parent_refs,
        validate_core_stable_ref,
        validate_stable_ref_field,
        validate_stable_ref_kind,
    )

_NAMES = {
    "artifacts": (
        "ARTIFACT_KINDS",
        "ArtifactManifest",
        "LineageEdge",
        "ProvenanceRecord",
    ),
    "context": (
        "Project",
        "Run",
        "StageExecution",
        "BatchExecution",
        "SampleObservation",
        "DeploymentExecution",
        "OperationContext",
        "EnvironmentSnapshot",
        "RUN_STAGE_STATUSES",
        "DEFAULT_CONTRACT_SCHEMA_VERSION",
    ),
    "extensions": ("ExtensionFieldSet",),
    "records": (
        "CorrelationRefs",
        "RecordEnvelope",
        "MetricPayload",
        "StructuredEventPayload",
        "TraceSpanPayload",
        "DegradedPayload",
        "MetricRecord",
        "StructuredEventRecord",
        "TraceSpanRecord",
        "DegradedRecord",
    ),
    "refs": (
        "StableRef",
        "CORE_STABLE_REF_KINDS",
        "CORE_STABLE_REF_COMPONENT_COUNTS",
        "validate_core_stable_ref",
        "validate_stable_ref_kind",
        "validate_stable_ref_field",
        "parent_refs",
        "normalise_name",
    ),
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names}

__all__ = [
    "ARTIFACT_KINDS",
    "CORE_STABLE_REF_COMPONENT_COUNTS",
    "CORE_STABLE_REF_KINDS",
    "DEFAULT_CONTRACT_SCHEMA_VERSION",
    "RUN_STAGE_STATUSES",
    "ArtifactManifest",
    "BatchExecution",
    "CorrelationRefs",
    "DegradedPayload",
    "DegradedRecord",
    "DeploymentExecution",
    "EnvironmentSnapshot",
    "ExtensionFieldSet",
    "LineageEdge",
    "MetricPayload",
    "MetricRecord",
    "OperationContext",
    "Project",
    "ProvenanceRecord",
    "RecordEnvelope",
    "Run",
    "SampleObservation",
    "StableRef",
    "StageExecution",
    "StructuredEventPayload",
    "StructuredEventRecord",
    "TraceSpanPayload",
    "TraceSpanRecord",
    "normalise_name",
    "parent_refs",
    "validate_core_stable_ref",
    "validate_stable_ref_field",
    "validate_stable_ref_kind",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
