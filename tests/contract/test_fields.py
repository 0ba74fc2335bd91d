"""The fields of every model: names, order, defaults, hashing; and rules that hold for any value."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contexta import ContextaError
from contexta.contract import StableRef, deserialize_lenient, to_json, to_payload
from contexta.contract.model import FrozenModel, field_names
from contexta.contract.schema import MODELS
from contexta.contract.times import instant, is_before, timestamp_text
from contexta.errors import ValidationError
from tests.contract.examples import EXAMPLES, snake

# The format specification, section 3; a question mark stands for a field that may be left out.
FIELDS = {
    "Project": "project_ref name created_at description? tags?",
    "Run": "run_ref project_ref name status started_at ended_at? description?",
    "DeploymentExecution": (
        "deployment_execution_ref project_ref deployment_name status started_at ended_at? order_index?"
        " run_ref? artifact_ref? environment_snapshot_ref?"
    ),
    "StageExecution": "stage_execution_ref run_ref stage_name status started_at ended_at? order_index?",
    "BatchExecution": (
        "batch_execution_ref run_ref stage_execution_ref batch_name status started_at ended_at? order_index?"
    ),
    "SampleObservation": (
        "sample_observation_ref run_ref stage_execution_ref sample_name observed_at batch_execution_ref?"
        " retention_class? redaction_profile?"
    ),
    "OperationContext": (
        "operation_context_ref run_ref stage_execution_ref operation_name observed_at batch_execution_ref?"
    ),
    "EnvironmentSnapshot": (
        "environment_snapshot_ref run_ref captured_at python_version platform packages?"
        " environment_variables?"
    ),
    "RecordEnvelope": (
        "record_ref record_type recorded_at observed_at producer_ref run_ref deployment_execution_ref?"
        " stage_execution_ref? batch_execution_ref? sample_observation_ref? operation_context_ref?"
        " correlation_refs? completeness_marker? degradation_marker?"
    ),
    "ArtifactManifest": (
        "artifact_ref artifact_kind created_at producer_ref run_ref location_ref deployment_execution_ref?"
        " stage_execution_ref? batch_execution_ref? sample_observation_ref? operation_context_ref?"
        " hash_value? size_bytes? attributes?"
    ),
    "LineageEdge": (
        "relation_ref relation_type source_ref target_ref recorded_at origin_marker confidence_marker"
        " operation_context_ref? evidence_refs?"
    ),
    "ProvenanceRecord": (
        "provenance_ref relation_ref assertion_mode asserted_at formation_context_ref? policy_ref?"
        " evidence_bundle_ref?"
    ),
}
# Payloads, records and correlation have neither a schema version nor extensions.
BARE_FIELDS = {
    "CorrelationRefs": "trace_id? session_id?",
    "MetricPayload": (
        "metric_key value value_type unit? aggregation_scope? subject_ref? slice_ref? tags? summary_basis?"
    ),
    "StructuredEventPayload": "event_key level message subject_ref? attributes? origin_marker?",
    "TraceSpanPayload": (
        "span_id trace_id parent_span_id span_name started_at ended_at status span_kind attributes?"
        " linked_refs?"
    ),
    "DegradedPayload": "issue_key category severity summary subject_ref? origin_marker? attributes?",
    "ExtensionFieldSet": "namespace fields readonly_fields?",
    **dict.fromkeys(
        ("MetricRecord", "StructuredEventRecord", "TraceSpanRecord", "DegradedRecord"), "envelope payload"
    ),
}
WITH_MAPS = {
    "Project",
    "EnvironmentSnapshot",
    "ArtifactManifest",
    "ExtensionFieldSet",
    "MetricPayload",
    "StructuredEventPayload",
    "TraceSpanPayload",
    "DegradedPayload",
    "MetricRecord",
    "StructuredEventRecord",
    "TraceSpanRecord",
    "DegradedRecord",
}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_fields_have_the_names_and_order_of_the_format(model: type[FrozenModel]) -> None:
    fields = FIELDS.get(model.__name__)
    expected = BARE_FIELDS[model.__name__] if fields is None else f"{fields} schema_version? extensions?"
    found = [name if field.is_required() else f"{name}?" for name, field in model.model_fields.items()]
    assert found == expected.split()


@pytest.mark.parametrize("model", EXAMPLES, ids=snake)
def test_a_model_is_made_by_position_and_equal_by_content(model: FrozenModel) -> None:
    values = [getattr(model, name) for name in field_names(type(model))]
    again = type(model)(*values)
    assert again == model
    assert again is not model
    assert list(model.to_dict()) == list(field_names(type(model)))


@pytest.mark.parametrize("model", EXAMPLES, ids=snake)
def test_models_with_maps_have_no_hash(model: FrozenModel) -> None:
    plain = model.replace(extensions=()) if "extensions" in field_names(type(model)) else model
    if type(model).__name__ in WITH_MAPS:
        with pytest.raises(TypeError):
            hash(plain)
    else:
        assert hash(plain) == hash(plain.replace())


YEARS = {"min_value": datetime(2, 1, 1), "max_value": datetime(9998, 12, 31)}  # noqa: DTZ001 - naive is meant


@given(st.datetimes(**YEARS), st.integers(-14 * 60, 14 * 60))
def test_a_timestamp_keeps_its_instant(moment: datetime, offset: int) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=offset)))
    text = timestamp_text(aware, "at")
    assert instant(text) == aware
    assert timestamp_text(text, "at") == text
    assert timestamp_text(moment, "at") == timestamp_text(moment.replace(tzinfo=UTC), "at")


@given(st.datetimes(), st.datetimes())
def test_times_are_ordered_as_instants(left: datetime, right: datetime) -> None:
    assert is_before(timestamp_text(left, "a"), timestamp_text(right, "b")) == (left < right)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("run:p.r"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(st.data())
def test_lenient_reading_never_raises(data: st.DataObject) -> None:
    model = data.draw(st.sampled_from(EXAMPLES))
    row = to_payload(model)
    assert isinstance(row, dict)
    names = data.draw(st.lists(st.sampled_from(sorted(row)), max_size=3))
    changes = {
        name: data.draw(JSON) for name in [*names, *data.draw(st.lists(st.text(max_size=4), max_size=1))]
    }
    found, issues = deserialize_lenient(type(model), row | changes)  # type: ignore[arg-type]
    if found is None:
        assert any(issue.severity == "error" for issue in issues)
    else:
        with contextlib.suppress(ContextaError):
            # What was read can be written and read again without findings, but for foreign versions.
            again, rest = deserialize_lenient(type(found), to_json(found))
            # Members of maps that are null are not written.
            assert again is not None
            assert to_json(again) == to_json(found)
            assert {issue.code for issue in rest} <= {"schema.version_mismatch"}


@given(st.text())
def test_any_text_is_a_reference_or_refused_under_a_code(text: str) -> None:
    refusal = None
    try:
        assert str(StableRef.parse(text)) == text
    except ValidationError as error:
        refusal = error.code
    assert refusal is None or refusal.startswith("stable_ref_")
