"""The bytes of capture lines, against the format's samples and lines that public Contexta wrote."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta.capture.clock import TimestampWriter, micros_of
from contexta.capture.dispatch import Dispatcher
from contexta.capture.emit import Emitter
from contexta.capture.encode import Subject, encode, envelope, metric_payload
from contexta.capture.ids import HexIds, next_hex
from contexta.capture.values import Sanitiser
from contexta.testing import FrozenClock, MemorySink, memory_contexta

DATA = Path(__file__).parents[1] / "data" / "capture"


def shape(value: object) -> object:
    """Reduce a payload to its keys and kinds, so that lines of different moments compare."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value).__name__


def plain_json(line: bytes) -> bytes:
    """Encode a line again with the standard library in the form of the format."""
    data = json.loads(line)
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"


@pytest.mark.parametrize("name", ["public_record.jsonl", "public_artifact.jsonl"])
def test_the_encoder_gives_the_bytes_that_public_contexta_wrote(name: str) -> None:
    for line in (DATA / name).read_bytes().splitlines(keepends=True):
        assert encode(json.loads(line)) + b"\n" == line


def test_metric_lines_have_the_members_of_public_ones() -> None:
    ctx, memory = memory_contexta("iris-svm")
    with ctx.run("linear-svm") as run, run.stage("evaluate") as stage, stage.batch("holdout-split") as batch:
        batch.metric("accuracy", 0.9777777777777777, unit="ratio")
        with batch.sample("first-prediction") as sample:
            sample.metric("correct", 1.0, unit="ratio")
    ours = [line for line in memory.lines if b'"RECORD"' in line]
    public = (DATA / "public_record.jsonl").read_bytes().splitlines(keepends=True)
    for mine, theirs in zip(ours, public, strict=True):
        left, right = json.loads(mine), json.loads(theirs)
        assert list(left) == list(right)
        assert shape(left) == shape(right)
        assert mine == plain_json(mine)
        for moving in ("captured_at", "payload_ref", "sink_name"):
            left.pop(moving), right.pop(moving)
        for moving in ("observed_at", "recorded_at", "record_ref"):
            left["payload"]["envelope"].pop(moving), right["payload"]["envelope"].pop(moving)
        assert left == right


def test_the_sample_metric_of_the_format_comes_out_byte_for_byte() -> None:
    expected = (
        b'{"captured_at":"2026-01-02T03:04:05.678901Z","family":"RECORD","payload":{"envelope":{'
        b'"batch_execution_ref":"batch:demo.r1.s.b","completeness_marker":"complete","correlation_refs":{"session_id":null,'
        b'"trace_id":null},"degradation_marker":"none","deployment_execution_ref":null,"extensions":[],'
        b'"observed_at":"2026-01-02T03:04:05.678901Z","operation_context_ref":null,"producer_ref":"sdk.python.local",'
        b'"record_ref":"record:demo.r1.metric-@","record_type":"metric","recorded_at":"2026-01-02T03:04:05.678901Z",'
        b'"run_ref":"run:demo.r1","sample_observation_ref":"sample:demo.r1.s.b.one","schema_version":"1.0.0",'
        b'"stage_execution_ref":"stage:demo.r1.s"},"payload":{"aggregation_scope":"step","metric_key":"ok",'
        b'"slice_ref":null,"subject_ref":"sample:demo.r1.s.b.one","summary_basis":"raw_observation","tags":{},'
        b'"unit":null,"value":1.0,"value_type":"float"}},"payload_ref":"record:demo.r1.metric-@",'
        b'"payload_type":"MetricRecord","sink_name":"memory"}\n'
    )
    ctx, memory = memory_contexta(clock=FrozenClock())
    with (
        ctx.run("r1") as run,
        run.stage("s") as stage,
        stage.batch("b") as batch,
        batch.sample("one") as sample,
    ):
        ref = sample.metric("ok", 1.0).payload_ref
        assert ref is not None
        assert memory.lines[-1] == expected.replace(b"@", ref[-12:].encode())


def test_event_span_and_artifact_payloads_are_those_of_the_format(tmp_path: Path) -> None:
    ctx, memory = memory_contexta()
    body = tmp_path / "m.bin"
    body.write_bytes(b"hello")
    with ctx.run("r1") as run:
        event = run.event(
            "ev.one",
            message="hi",
            level="warning",
            attributes={"z": [1, {"b": None}], "a": True},
            tags={"t": "1"},
        )
        span = run.span(
            "load data", attributes={"n": 3}, linked_refs=["artifact:demo.r1.x"], parent_span_id="p1"
        )
        artifact = run.register_artifact("model", body, attributes={"candidate": "x"})
    assert encode(event.payload["payload"]) == (
        b'{"attributes":{"a":true,"tags":{"t":"1"},"z":[1,{"b":null}]},"event_key":"ev.one","level":"warning",'
        b'"message":"hi","origin_marker":"explicit_capture","subject_ref":"run:demo.r1"}'
    )
    payload = span.payload["payload"]
    assert payload["span_id"].startswith("span-")
    assert len(payload["span_id"]) == 17
    assert len(payload["trace_id"]) == 22
    assert payload["started_at"] == payload["ended_at"]
    assert {
        k: v for k, v in payload.items() if k not in ("span_id", "trace_id", "started_at", "ended_at")
    } == {
        "attributes": {"n": 3},
        "linked_refs": ["artifact:demo.r1.x"],
        "parent_span_id": "p1",
        "span_kind": "operation",
        "span_name": "load data",
        "status": "ok",
    }
    line = json.loads(memory.lines[-2])
    public = json.loads((DATA / "public_artifact.jsonl").read_bytes())
    assert shape(line) == shape(public)
    assert (line["payload_type"], line["payload_ref"]) == ("dict", None)
    assert line["payload"]["manifest"]["location_ref"] == f"path:{body.resolve()}"
    assert artifact.payload["manifest"]["hash_value"].startswith("2cf24dba5fb0a30e26e83b2ac5b9e29e")
    assert artifact.payload["manifest"]["artifact_ref"].startswith("artifact:demo.r1.model-")


def test_separators_and_controls_in_messages_are_raw_and_escaped_as_the_format_says() -> None:
    ctx, memory = memory_contexta()
    with ctx.run("r1") as run:
        run.event("x", message="a\u2028b\u2029c\u0085d\x1b\x00\né 런")
        line = memory.lines[-1]
    assert "a\u2028b\u2029c\u0085d\\u001b\\u0000\\né 런".encode() in line
    assert line.count(b"\n") == 1


def test_a_line_never_holds_times_out_of_order_even_when_the_clock_steps_back() -> None:
    clock = FrozenClock(step=-1_000_000)
    ctx, memory = memory_contexta(clock=clock)
    with ctx.run("r1") as run, run.stage("s") as stage:
        stage.event("x", message="m")
        stage.metric("loss", 1)
        stage.span("s", started_at=datetime(2100, 1, 1, tzinfo=UTC))
    for line in memory.lines:
        data = json.loads(line)
        if data["family"] == "RECORD":
            head = data["payload"]["envelope"]
            assert head["observed_at"] <= head["recorded_at"] <= data["captured_at"]
        elif data["payload"].get("ended_at"):
            assert data["payload"]["started_at"] <= data["payload"]["ended_at"] <= data["captured_at"]


@given(st.integers(min_value=0, max_value=4_000_000_000_000_000))
def test_timestamps_are_those_of_datetime_with_a_fraction_only_when_there_is_one(micros: int) -> None:
    moment = datetime.fromtimestamp(micros // 1_000_000, UTC).replace(microsecond=micros % 1_000_000)
    text = TimestampWriter().text(micros)
    assert text == moment.replace(tzinfo=None).isoformat() + "Z"
    assert micros_of(moment) == micros


KEYS = st.from_regex(r"[a-z][a-z0-9-]{0,5}(\.[a-z][a-z0-9-]{0,5}){0,2}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(
    key=KEYS,
    value=st.floats(allow_nan=False, allow_infinity=False) | st.integers(),
    unit=st.none() | TEXTS,
    tags=st.dictionaries(TEXTS, TEXTS, max_size=3),
)
def test_a_metric_line_put_together_by_hand_equals_the_encoded_one(
    key: str, value: float, unit: str | None, tags: dict[str, str]
) -> None:
    memory = MemorySink()
    clock = FrozenClock()
    subject = Subject("sdk.python.local", "stage:p.r.s", "run:p.r", stage_execution_ref="stage:p.r.s")
    emitter = Emitter(Dispatcher((memory,), clock=clock), subject)
    ref = emitter.metric(key, value, unit, tags=tags).payload_ref
    assert ref is not None
    time = TimestampWriter().text(clock.micros)
    document = {
        "captured_at": time,
        "family": "RECORD",
        "payload": {
            "envelope": envelope(subject, "metric", observed_at=time, recorded_at=time, record_hex=ref[-12:]),
            "payload": metric_payload(
                key,
                value,
                "float" if isinstance(value, float) else "int",
                subject_ref="stage:p.r.s",
                unit=None if unit is None else unit.strip(),
                aggregation_scope="step",
                summary_basis="raw_observation",
                tags=tags,
            ),
        },
        "payload_ref": ref,
        "payload_type": "MetricRecord",
        "sink_name": "memory",
    }
    assert memory.lines == [encode(document) + b"\n"]


@given(message=TEXTS, attributes=st.dictionaries(TEXTS, JSON, max_size=4))
def test_an_event_line_reads_back_as_what_was_recorded(message: str, attributes: dict[str, object]) -> None:
    ctx, memory = memory_contexta()
    with ctx.run("r1") as run:
        run.event("x", message=message, attributes=attributes)
        data = json.loads(memory.lines[-1])
    assert data["payload"]["payload"]["message"] == message.strip()
    assert data["payload"]["payload"]["attributes"] == attributes


@given(JSON)
def test_json_data_passes_the_sanitiser_unchanged(value: object) -> None:
    sanitiser = Sanitiser()
    assert sanitiser.copy(value) == value
    assert sanitiser.changed == 0


def test_record_numbers_do_not_repeat_and_differ_after_a_fork() -> None:
    ids = HexIds()
    seen = {ids.next() for _ in range(50_000)}
    assert len(seen) == 50_000
    assert all(len(number) == 12 for number in seen)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, ",".join(next_hex() for _ in range(50)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = set(os.read(reader, 10_000).decode().split(","))
    os.close(reader), os.close(writer)
    assert len(theirs) == 50
    assert not theirs & {next_hex() for _ in range(50)}
