"""Models as text and back: the form of the text, strict refusal under a code, lenient reading."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from contexta import contract
from contexta.contract import (
    BatchExecution,
    ExtensionFieldSet,
    ExtensionRegistry,
    ExtensionRegistryEntry,
    MetricRecord,
    Run,
    SampleObservation,
    StableRef,
    StructuredEventPayload,
    TraceSpanRecord,
    deserialize_batch_execution,
    deserialize_lenient,
    deserialize_metric_record,
    deserialize_record,
    deserialize_run,
    deserialize_trace_span_record,
    to_json,
    to_payload,
)
from contexta.contract.model import FrozenModel
from contexta.errors import ConflictError, ContextaError, SerializationError, ValidationError
from tests.contract.examples import ENVELOPE, EVENT, EXAMPLES, METRIC, RUN, SPAN, START, snake


@pytest.mark.parametrize("model", EXAMPLES, ids=snake)
def test_a_model_survives_its_text_and_its_map(model: FrozenModel) -> None:
    read = getattr(contract, f"deserialize_{snake(model)}")
    assert read(to_json(model)) == model
    assert read(to_json(model).encode()) == model
    assert read(to_payload(model)) == model
    assert read(model.to_dict()) == model
    assert deserialize_lenient(type(model), to_json(model)) == (model, ())


@pytest.mark.parametrize("model", EXAMPLES, ids=snake)
def test_the_text_is_that_of_sorted_compact_json_without_nulls(model: FrozenModel) -> None:
    text = to_json(model)
    assert text == json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert without_nulls(model.to_dict()) == json.loads(text) == to_payload(model)


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def test_a_batch_is_kept_as_public_contexta_keeps_it() -> None:
    batch = BatchExecution(
        "batch:my-proj.run-01.train.epoch-1",
        "run:my-proj.run-01",
        "stage:my-proj.run-01.train",
        "epoch-1",
        "failed",
        "2025-01-01T00:02:00Z",
        "2025-01-01T00:03:00Z",
        1,
    )
    assert to_json(batch) == (
        '{"batch_execution_ref":"batch:my-proj.run-01.train.epoch-1","batch_name":"epoch-1",'
        '"ended_at":"2025-01-01T00:03:00Z","extensions":[],"order_index":1,"run_ref":"run:my-proj.run-01",'
        '"schema_version":"1.0.0","stage_execution_ref":"stage:my-proj.run-01.train",'
        '"started_at":"2025-01-01T00:02:00Z","status":"failed"}'
    )


def test_letters_beyond_ascii_stay_and_nulls_stay_in_lists_only() -> None:
    text = to_json(EVENT.replace(attributes={"z": [1, None], "a": {"n": None}}))
    assert "한글" in text
    assert json.loads(text)["attributes"] == {"a": {}, "z": [1, None]}


def test_plain_data_may_hold_models_and_references() -> None:
    data = {"b": (StableRef("run", "p.r"), None), "a": {"n": None, "m": METRIC}, "n": None}
    assert list(to_payload(data)) == ["a", "b"]  # type: ignore[arg-type]
    assert to_payload(data)["b"] == ["run:p.r", None]  # type: ignore[index, call-overload]
    assert to_json(10**40) == "1" + "0" * 40


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"a": [math.nan]}, "serialize_non_finite_float"),
        ({"a": math.inf}, "serialize_non_finite_float"),
        ({1: 2}, "serialize_invalid_key"),
        ({1: 2, "a": 1}, "serialize_invalid_key"),
        ({"a": {1}}, "serialize_unsupported_type"),
        ({"a": "\ud800"}, "serialize_invalid_text"),
    ],
)
def test_what_json_has_not_is_refused(value: object, code: str) -> None:
    with pytest.raises(SerializationError) as caught:
        to_json(value)
    assert caught.value.code == code


def test_a_list_in_itself_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(SerializationError) as caught:
        to_payload(endless)
    assert caught.value.code == "serialize_too_deep"


PLAIN_RUN = to_payload(RUN)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("", "deserialize_blank_input"),
        (b" \n", "deserialize_blank_input"),
        ("{", "deserialize_invalid_json"),
        ('{"a": NaN}', "deserialize_invalid_json"),
        (b'{"a": "\xff"}', "deserialize_invalid_json"),
        ("\ud800", "deserialize_invalid_json"),
        ("[" * 100_000, "deserialize_invalid_json"),
        ("[]", "deserialize_invalid_shape"),
        ("5", "deserialize_invalid_shape"),
        (None, "deserialize_invalid_shape"),
        (RUN.to_dict() | {"extensions": {}}, "deserialize_invalid_shape"),
        (RUN.to_dict() | {"extensions": [5]}, "deserialize_invalid_shape"),
        (RUN.to_dict() | {"colour": "red"}, "deserialize_unknown_field"),
        (
            RUN.to_dict() | {"extensions": [{"namespace": "contexta.run", "fields": {"a": 1}, "b": 2}]},
            "deserialize_unknown_field",
        ),
        ({"run_ref": "run:p.r"}, "deserialize_invalid_payload"),
        (RUN.to_dict() | {"name": None}, "deserialize_invalid_payload"),
        (RUN.to_dict() | {"run_ref": "run"}, "deserialize_invalid_ref"),
        (RUN.to_dict() | {"run_ref": "run:a b"}, "deserialize_invalid_ref"),
        (RUN.to_dict() | {"run_ref": 5}, "deserialize_invalid_ref"),
        (RUN.to_dict() | {"run_ref": "project:p"}, "stable_ref_kind_mismatch"),
        (RUN.to_dict() | {"status": "done"}, "context_invalid_status"),
        (RUN.to_dict() | {"schema_version": "2.0.0"}, "validation_failed"),
        (
            RUN.to_dict() | {"extensions": [{"namespace": "acme.labels", "fields": {"a": 1}}]},
            "validation_failed",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_run_is_refused_under_a_code(source: Any, code: str) -> None:
    with pytest.raises(ContextaError) as caught:
        deserialize_run(source)
    assert caught.value.code == code
    model, issues = deserialize_lenient(Run, source)
    assert {issue.severity for issue in issues} == {"error" if model is None else "warning"}


def test_deeply_nested_attributes_are_refused_not_fatal() -> None:
    nested: dict[str, object] = {}
    for _ in range(5_000):
        nested = {"a": nested}
    data = EVENT.to_dict() | {"attributes": nested}
    with pytest.raises(SerializationError) as caught:
        contract.deserialize_structured_event_payload(data)
    assert caught.value.code == "deserialize_invalid_payload"
    assert deserialize_lenient(StructuredEventPayload, data)[0] is None


def test_a_foreign_version_and_extension_are_named_in_the_error() -> None:
    data = MetricRecord(ENVELOPE, METRIC).to_dict()
    data["envelope"] |= {  # type: ignore[operator]
        "schema_version": "2.0.0",
        "extensions": [{"namespace": "acme.labels", "fields": {"a": 1}}],
    }
    with pytest.raises(ValidationError) as caught:
        deserialize_metric_record(data)
    issues: Any = caught.value.details["issues"]
    assert [(issue["code"], issue["path"]) for issue in issues] == [
        ("schema.version_mismatch", "$.envelope.schema_version"),
        ("extension.namespace_unregistered", "$.envelope.extensions[0].namespace"),
    ]
    model, found = deserialize_lenient(MetricRecord, data)
    assert model is not None
    assert model.envelope.schema_version == "2.0.0"
    assert {issue.severity for issue in found} == {"warning"}


def test_a_registered_extension_is_read() -> None:
    labelled = RUN.replace(extensions=(ExtensionFieldSet("acme.labels", {"a": 1}),))
    registry = ExtensionRegistry([ExtensionRegistryEntry("acme.labels", "acme")])
    assert deserialize_run(to_json(labelled), registry=registry) == labelled
    own = RUN.replace(extensions=(ExtensionFieldSet("contexta.process", {"pid": 1}),))
    assert deserialize_run(to_json(own), registry=registry) == own


def test_a_registry_keeps_one_entry_a_namespace() -> None:
    registry = ExtensionRegistry(["acme.labels"])
    assert registry.register("acme.labels") is registry.get("acme.labels")
    assert "acme.labels" in registry
    assert registry.is_registered("contexta.run")
    assert len(registry) == len(list(registry)) == 6
    with pytest.raises(ConflictError):
        registry.register(ExtensionRegistryEntry("acme.labels", "someone else"))
    with pytest.raises(ValidationError):
        registry.register("acme")


def test_a_span_without_a_parent_is_read_though_its_text_does_not_name_one() -> None:
    span = TraceSpanRecord(ENVELOPE.replace(record_type="span"), SPAN)
    assert "parent_span_id" not in to_json(span)
    assert deserialize_trace_span_record(to_json(span)).payload.parent_span_id is None


def test_a_record_is_read_as_the_class_its_envelope_names() -> None:
    records = [model for model in EXAMPLES if hasattr(model, "envelope")]
    assert [deserialize_record(to_json(record)) for record in records] == records
    for data, code in (
        ("[]", "deserialize_invalid_shape"),
        ('{"envelope": {"record_type": "rumour"}}', "deserialize_invalid_payload"),
        ('{"envelope": {"record_type": []}}', "deserialize_invalid_payload"),
    ):
        with pytest.raises(SerializationError) as caught:
            deserialize_record(data)
        assert caught.value.code == code


def test_lenient_reading_gives_up_only_what_is_wrong() -> None:
    data = SampleObservation("sample:p.r.s.x", "run:p.r", "stage:p.r.s", "x", START).to_dict()
    data |= {"retention_class": " ", "colour": "red", "extensions": [{"namespace": "x"}, 5]}
    model, issues = deserialize_lenient(SampleObservation, data)
    assert model == SampleObservation("sample:p.r.s.x", "run:p.r", "stage:p.r.s", "x", START)
    assert {(issue.code, issue.path) for issue in issues} == {
        ("deserialize_unknown_field", "$.colour"),
        ("deserialize_invalid_payload", "$.extensions[0]"),
        ("deserialize_invalid_shape", "$.extensions[1]"),
        ("context_invalid_string", "$.retention_class"),
    }


def test_lenient_reading_keeps_a_record_whose_correlation_is_unreadable() -> None:
    data = MetricRecord(ENVELOPE, METRIC).to_dict()
    data["envelope"] |= {"correlation_refs": 5}  # type: ignore[operator]
    model, (issue,) = deserialize_lenient(MetricRecord, data)
    assert model == MetricRecord(ENVELOPE, METRIC)
    assert issue.path == "$.envelope.correlation_refs"


def test_reading_does_not_change_the_map_it_reads() -> None:
    data = MetricRecord(ENVELOPE, METRIC).to_dict()
    before = json.dumps(data)
    deserialize_metric_record(data)
    assert json.dumps(data) == before


def test_a_map_may_hold_finished_models() -> None:
    record = deserialize_metric_record({"envelope": ENVELOPE, "payload": METRIC})
    assert record == MetricRecord(ENVELOPE, METRIC)
    assert deserialize_batch_execution(EXAMPLES[4]) is EXAMPLES[4]  # type: ignore[arg-type]
