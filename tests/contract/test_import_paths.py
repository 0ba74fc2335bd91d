"""Code written for public Contexta finds its names where it looks for them."""

from __future__ import annotations

import inspect
from importlib import import_module

import pytest

import contexta.errors
from contexta.common import errors

PATHS = {
    "contexta.contract.models.context": (
        "Project Run DeploymentExecution StageExecution BatchExecution SampleObservation OperationContext"
        " EnvironmentSnapshot RUN_STAGE_STATUSES DEFAULT_CONTRACT_SCHEMA_VERSION"
    ),
    "contexta.contract.models.records": (
        "CorrelationRefs RecordEnvelope MetricPayload StructuredEventPayload TraceSpanPayload DegradedPayload"
        " MetricRecord StructuredEventRecord TraceSpanRecord DegradedRecord"
    ),
    "contexta.contract.models.artifacts": "ArtifactManifest LineageEdge ProvenanceRecord ARTIFACT_KINDS",
    "contexta.contract.models.lineage": "LineageEdge ProvenanceRecord",
    "contexta.contract.models.extensions": "ExtensionFieldSet ExtensionRegistry ExtensionRegistryEntry",
    "contexta.contract.refs": (
        "StableRef CORE_STABLE_REF_KINDS CORE_STABLE_REF_COMPONENT_COUNTS validate_core_stable_ref"
        " validate_stable_ref_kind validate_stable_ref_field"
    ),
    "contexta.contract.serialization": (
        "to_json to_payload deserialize_project deserialize_run deserialize_deployment_execution"
        " deserialize_stage_execution deserialize_batch_execution deserialize_sample_observation"
        " deserialize_operation_context deserialize_environment_snapshot deserialize_record_envelope"
        " deserialize_metric_record deserialize_structured_event_record deserialize_trace_span_record"
        " deserialize_degraded_record deserialize_artifact_manifest deserialize_lineage_edge"
        " deserialize_provenance_record"
    ),
    "contexta.common.errors": "ContextaError ValidationError LifecycleError ClosedScopeError NotFoundError",
}


@pytest.mark.parametrize("path", PATHS)
def test_names_are_where_public_contexta_has_them(path: str) -> None:
    module = import_module(path)
    package = import_module("contexta.contract")
    for name in PATHS[path].split():
        found = getattr(module, name)
        if path.startswith("contexta.contract"):
            assert found is getattr(package, name)


def test_every_error_class_is_handed_on_and_derives_as_documented() -> None:
    classes = {
        name: cls
        for name, cls in inspect.getmembers(contexta.errors, inspect.isclass)
        if name.endswith("Error")
    }
    assert set(errors.__all__) == set(classes)
    interpretation = {
        "Comparison",
        "Diagnostics",
        "Lineage",
        "Trend",
        "Alert",
        "Anomaly",
        "Provenance",
        "Report",
    }
    bases = dict.fromkeys((f"{name}Error" for name in interpretation), "InterpretationError")
    bases |= {"AppendError": "RecordError", "ReplayError": "RecordError", "ContextaError": "Exception"}
    assert {name: cls.__base__.__name__ for name, cls in classes.items()} == {
        name: bases.get(name, "ContextaError") for name in classes
    }


def test_an_error_tells_its_facts() -> None:
    cause = OSError("disk")
    error = errors.StoreAccessError("m", code="c", details={"a": 1}, retryable=True, cause=cause)
    assert (error.message, error.code, error.details, error.retryable, error.cause) == (
        "m",
        "c",
        {"a": 1},
        True,
        cause,
    )
    assert error.to_dict()["code"] == "c"
    assert errors.ContextaError("m").code == "contexta_error"
