"""Values that a training loop really produces: none may raise, and nothing may be lost in silence."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contexta import ValidationError
from contexta.capture.values import MAX_DEPTH, MAX_NODES, TOO_LARGE, Sanitiser, metric_value
from contexta.contract.refs import StableRef
from contexta.testing import memory_contexta, payloads


class Hostile:
    """Raises from everything a recorder might try."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    __str__ = __repr__

    def __float__(self) -> float:
        raise RuntimeError("no")

    def item(self) -> float:
        raise RuntimeError("no")

    def __len__(self) -> int:
        raise RuntimeError("no")


def recorded(call: Any) -> tuple[Any, list[dict[str, Any]], list[dict[str, Any]]]:
    """Run a call on a run; return its result, the records and the degraded records."""
    ctx, memory = memory_contexta()
    with ctx.run("r1") as run:
        result = call(run)
    found: list[dict[str, Any]] = payloads(memory)  # type: ignore[assignment]
    gaps = [item for item in found if item["envelope"]["record_type"] == "degraded"]
    return result, [item["payload"] for item in found if item not in gaps], [item["payload"] for item in gaps]


@pytest.mark.parametrize(
    ("value", "kept", "value_type"),
    [
        (1, 1, "int"),
        (0.5, 0.5, "float"),
        (-0.0, -0.0, "float"),
        (True, 1, "int"),
        (math.nan, None, "nan"),
        (math.inf, None, "inf"),
        (-math.inf, None, "-inf"),
        (np.float64(0.25), 0.25, "float"),
        (np.float32(0.5), 0.5, "float"),
        (np.float16(0.5), 0.5, "float"),
        (np.float32("nan"), None, "nan"),
        (np.float32("-inf"), None, "-inf"),
        (np.int64(7), 7, "int"),
        (np.uint64(2**64 - 1), 2**64 - 1, "int"),
        (np.bool_(True), 1, "int"),
        (np.array(1.5), 1.5, "float"),
        (np.array([1.5]), 1.5, "float"),
        (2**64 + 1, 2**64 + 1, "int"),
        (10**400, 10**400, "int"),
        (10**6000, None, "inf"),
        (Decimal("0.5"), 0.5, "float"),
        (Fraction(1, 4), 0.25, "float"),
        (5e-324, 5e-324, "float"),
        (1.7976931348623157e308, 1.7976931348623157e308, "float"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_numbers_are_kept_as_what_they_are(value: object, kept: object, value_type: str) -> None:
    result, records, gaps = recorded(lambda run: run.metric("loss", value))
    assert result.succeeded
    assert gaps == []
    assert records[0]["value"] == kept
    assert records[0]["value_type"] == value_type


@pytest.mark.parametrize(
    "value",
    [None, "0.5", b"1", 1j, [1.0], np.array([1.0, 2.0]), object(), Hostile(), {}],
    ids=lambda v: type(v).__name__,
)
def test_what_is_no_number_is_dropped_and_counted_once(value: object) -> None:
    result, records, gaps = recorded(lambda run: tuple(run.metric("loss", value) for _ in range(5))[-1])
    assert result.failed
    assert result.error_code == "capture_model_invalid_metric_value"
    assert records == []
    assert [gap["attributes"]["count"] for gap in gaps] == [1, 4]
    assert {gap["issue_key"] for gap in gaps} == {"gap.value_dropped"}
    assert {gap["category"] for gap in gaps} == {"capture"}


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def cycle() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["self"] = [value]
    return value


@pytest.mark.parametrize(
    ("value", "expected", "reason"),
    [
        ("half \ud800 pair", "half \\ud800 pair", "surrogate"),
        (math.nan, "nan", "non_finite"),
        (-math.inf, "-inf", "non_finite"),
        (b"caf\xc3\xa9 \xff", "café \\xff", "bytes"),
        (cycle(), {"self": ["<cycle>"]}, "cycle"),
        (10**6000, "<huge integer>", "huge_integer"),
        (Hostile(), "<Hostile>", "unknown_type"),
        ({1: "a", "1": "b"}, {"1": "b"}, "same_key"),
    ],
    ids=["surrogate", "nan", "-inf", "bytes", "cycle", "huge int", "hostile object", "two keys that are one"],
)
def test_attributes_that_json_cannot_hold_are_replaced_and_counted(
    value: object, expected: object, reason: str
) -> None:
    result, records, gaps = recorded(lambda run: run.event("x", message="m", attributes={"v": value}))
    assert records[0]["attributes"] == {"v": expected}
    assert result.degraded
    assert result.warnings == (reason,)
    assert [gap["issue_key"] for gap in gaps] == ["gap.value_changed"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset("ba"), ["a", "b"]),
        ((1, 2), [1, 2]),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (Path("/a/b"), "/a/b"),
        ({1: "x", None: "y", (2, 3): "z"}, {"1": "x", "None": "y", "(2, 3)": "z"}),
        (2**70, 2**70),
    ],
    ids=lambda value: type(value).__name__,
)
def test_attributes_that_have_a_json_form_are_not_counted(value: object, expected: object) -> None:
    _, records, gaps = recorded(lambda run: run.event("x", message="m", attributes={"v": value}))
    assert records[0]["attributes"] == {"v": expected}
    assert gaps == []


def test_nesting_of_a_hundred_thousand_levels_is_cut() -> None:
    value = deep(100_000)
    result, records, gaps = recorded(lambda run: run.event("x", message="m", attributes={"v": value}))
    assert result.degraded
    assert len(gaps) == 1
    text = json.dumps(records[0]["attributes"])
    assert "<too deep>" in text
    assert text.count("[") < MAX_DEPTH
    while value:  # let go of it level by level: freeing the list itself would recurse
        value = value.pop()


def test_what_lies_behind_the_first_hundred_thousand_values_is_one_word() -> None:
    result, records, gaps = recorded(
        lambda run: run.event("x", message="m", attributes={"a": list(range(MAX_NODES + 10_000)), "b": [[1]]})
    )
    assert result.warnings == ("too_large",)
    assert len(gaps) == 1
    kept = records[0]["attributes"]
    assert len(kept["a"]) < MAX_NODES
    assert (kept["a"][-1], kept["b"]) == (TOO_LARGE, TOO_LARGE)


@pytest.mark.parametrize("attributes", [5, "text", ["a"], Hostile()], ids=lambda v: type(v).__name__)
def test_attributes_that_are_no_map_do_not_raise(attributes: Any) -> None:
    result, records, _ = recorded(
        lambda run: run.event("x", message="m", attributes=attributes, tags={"a": "b"})
    )
    assert not result.failed
    assert records[0]["attributes"] == {"tags": {"a": "b"}}


def test_messages_are_data_and_never_raise() -> None:
    _, records, _ = recorded(
        lambda run: [
            run.event("x.y", message=m) for m in ("", "  ", None, ValueError("boom"), Hostile(), "\ud800")
        ]
    )
    assert [record["message"] for record in records] == ["x.y", "x.y", "None", "boom", "<Hostile>", "\\ud800"]


def test_tags_are_made_texts() -> None:
    _, records, gaps = recorded(lambda run: run.metric("loss", 1.0, tags={"fold": 3, "b": "\ud800"}))
    assert records[0]["tags"] == {"fold": "3", "b": "\\ud800"}
    assert gaps == []


def test_a_span_with_times_that_make_no_sense_is_kept() -> None:
    _, records, gaps = recorded(
        lambda run: (
            run.span("backwards", started_at="2025-01-01T00:00:01Z", ended_at="2025-01-01T00:00:00Z"),
            run.span("garbage", started_at=object(), ended_at=float("nan")),
        )
    )
    assert records[0]["started_at"] == records[0]["ended_at"] == "2025-01-01T00:00:01Z"
    assert records[1]["started_at"] == records[1]["ended_at"]
    assert {gap["issue_key"] for gap in gaps} == {"gap.value_changed"}


def test_a_record_larger_than_readers_read_is_dropped_and_counted() -> None:
    result, records, gaps = recorded(lambda run: run.event("x", message="m" * (17 * 1024 * 1024)))
    assert result.failed
    assert records == []
    assert [gap["issue_key"] for gap in gaps] == ["gap.record_dropped"]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda run: run.metric("Loss", 1), "capture_model_invalid_metric_key"),
        (lambda run: run.metric("acc_1", 1), "capture_model_invalid_metric_key"),
        (lambda run: run.metric("a.1b", 1), "capture_model_invalid_metric_key"),
        (lambda run: run.metric("", 1), "capture_model_invalid_metric_key"),
        (lambda run: run.metric(None, 1), "capture_model_invalid_metric_key"),
        (lambda run: run.metric([], 1), "capture_model_invalid_metric_key"),
        (lambda run: run.metric("loss\n", 1), "capture_model_invalid_metric_key"),
        (lambda run: run.metric("loss", 1, unit=" "), "capture_model_invalid_string"),
        (lambda run: run.metric("loss", 1, aggregation_scope="batch"), "capture_model_invalid_marker"),
        (lambda run: run.event("a b", message="m"), "capture_model_invalid_event_key"),
        (lambda run: run.event("x", message="m", level="fatal"), "capture_model_invalid_marker"),
        (
            lambda run: run.event("x", message="m", attributes={"tags": {}}, tags={}),
            "capture_event_tags_conflict",
        ),
        (lambda run: run.span("", status="ok"), "capture_model_invalid_string"),
        (lambda run: run.span("s", status="fine"), "capture_model_invalid_marker"),
        (lambda run: run.span("s", span_kind="other"), "capture_model_invalid_marker"),
        (lambda run: run.register_artifact("my-model", "/x"), "capture_model_invalid_artifact_kind"),
        (lambda run: run.register_artifact("model", "/does/not/exist"), "artifact_source_missing"),
        (
            lambda run: run.register_artifact("model", "/x", artifact_ref="artifact:demo.r2.m"),
            "artifact_ref_prefix_mismatch",
        ),
        (
            lambda run: run.register_artifact("model", "/x", artifact_ref="run:demo.r1"),
            "stable_ref_kind_mismatch",
        ),
        (
            lambda run: run.emit_metrics([{"key": "a", "value": 1}, {"key": "B", "value": 1}]),
            "capture_model_invalid_metric_key",
        ),
        (lambda run: run.emit_metrics([{"ke": "a"}]), "capture_model_invalid_mapping"),
        (lambda run: run.emit_metrics([5]), "capture_model_invalid_mapping"),
        (lambda run: run.emit_spans(5), "capture_model_invalid_mapping"),
        (
            lambda run: run.emit_events(
                [{"key": "a", "message": "m"}, {"key": "b", "message": "m", "level": 5}]
            ),
            "capture_model_invalid_marker",
        ),
        (lambda run: run.emit_spans([{"name": "a"}, {"name": " "}]), "capture_model_invalid_string"),
        (lambda run: run.register_artifact("model", 5), "capture_model_invalid_string"),
    ],
)
def test_mistakes_in_the_code_raise_at_once_and_write_nothing(call: Any, code: str) -> None:
    ctx, memory = memory_contexta()
    run = ctx.run("r1")
    with pytest.raises(ValidationError) as caught:
        call(run)
    assert caught.value.code == code
    assert payloads(memory) == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (None, []),
        ("run:demo.r1", ["run:demo.r1"]),
        (StableRef("run", "demo.r1"), ["run:demo.r1"]),
        (iter(["a", 5]), ["a", "5"]),
        (5, []),
        ((1 // 0 for _ in range(1)), []),
    ],
    ids=["none", "text", "ref", "iterator", "number", "broken"],
)
def test_links_of_a_span_never_raise(given: Any, kept: list[str]) -> None:
    result, (span,), _ = recorded(lambda run: run.span("s", linked_refs=given))
    assert result.succeeded
    assert span["linked_refs"] == kept


def test_lists_of_records_are_written_in_order(tmp_path: Path) -> None:
    body = tmp_path / "a.bin"
    body.write_bytes(b"a")
    ctx, memory = memory_contexta()
    with ctx.run("r1") as run:
        metrics = run.emit_metrics([{"key": "a", "value": 1}, {"key": "b", "value": None}])
        events = run.emit_events([{"key": "a", "message": "m"}])
        spans = run.emit_spans([{"name": "s"}])
        artifacts = run.register_artifacts(
            [{"artifact_kind": "model", "path": body}, {"artifact_kind": "model", "path": tmp_path / "no"}]
        )
    assert (metrics.total_count, metrics.success_count, metrics.failure_count) == (2, 1, 1)
    assert str(metrics.status) == "DEGRADED"
    assert events[0].succeeded
    assert [result.payload_ref for result in spans]
    assert [result.error_code for result in artifacts] == [None, "artifact_source_missing"]
    assert artifacts.items == artifacts.results
    assert len(payloads(memory, "ARTIFACT")) == 1


@pytest.mark.parametrize("fault", ["missing", "folder", "no hash", "unreadable name"])
def test_artifacts_without_a_body_to_hash_are_registered(tmp_path: Path, fault: str) -> None:
    path: Path | str = tmp_path / "body"
    if fault == "folder":
        Path(path).mkdir()
    if fault == "no hash":
        Path(path).write_bytes(b"abc")
    if fault == "unreadable name":
        path = "a\0b"
    ctx, memory = memory_contexta()
    with ctx.run("r1") as run:
        run.register_artifact("model", path, allow_missing=True, compute_hash=fault != "no hash")
    payload: Any = payloads(memory, "ARTIFACT")[0]
    assert payload["binding_status"] == ("BOUND" if fault in ("folder", "no hash") else "PENDING")
    assert payload["manifest"]["hash_value"] is None
    assert payload["manifest"]["size_bytes"] == (3 if fault == "no hash" else None)
    assert payload["request"]["verification_policy"]["require_existing_source"] is False


def test_no_numpy_is_needed_to_recognise_its_scalars() -> None:
    class Scalar:
        def item(self) -> float:
            return 0.5

    kept = metric_value(Scalar())
    assert kept is not None
    assert kept.value == 0.5
    assert Sanitiser().copy(Scalar()) == 0.5
