"""Slices of lines that are plain but for what is odd in some of them, as strategies of hypothesis."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from hypothesis import HealthCheck
from hypothesis import strategies as st

from tests.lines import BATCH, DEPLOYMENT, LOOSE_SAMPLE, OPERATION, RUN, SAMPLE, STAGE

OTHER_RUN: Final = "run:demo.r2"
OTHER_SAMPLE: Final = "sample:demo.r2.eval.all.q-1"
SUBJECTS: Final = (RUN, STAGE, BATCH, SAMPLE, LOOSE_SAMPLE, OPERATION, DEPLOYMENT, OTHER_RUN, OTHER_SAMPLE)

#: What stands where a plain record has something else.
ODD: Final[tuple[object, ...]] = (
    *(None, True, 0, -0.0, 1, -7, 2.5, 1e-7, 1e300, 2**53, 2**70, -(2**63)),
    *(
        "",
        "x",
        "nan",
        "NaN",
        "é",
        "한국",
        "a\tb",
        'say "no"',
        "back\\slash",
        "\u200b",
        "\x7f",
        "😀",
        "none",
        "ok",
    ),
    *(
        "error",
        "success",
        "run:demo.r1",
        "run:demo",
        "sample:demo.r1.train.q-2",
        "2026-01-02",
        "0001-01-01T00:00:00Z",
    ),
    *("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.5Z", "2026-01-02T03:04:05+02:00", "2026-02-30T00:00:00Z"),
    *({}, {"a": 1}, {"a": {"b": [1]}}, {"a": "x", "b": 0.1, "c": None, "d": True}, {"e": 1e-5}, {"f": 1e16}),
    *({"g": "a\nb"}, {"h": "ü"}, {"": ""}, [], ["x"], [1, None]),
)

_times = st.integers(0, 10_000_000).map(lambda micros: f"2026-01-02T03:04:{micros / 1e6:09.6f}Z")
_odd = st.sampled_from(ODD)


def _scopes(subject: str) -> dict[str, str | None]:
    """The refs that a record of a scope names."""
    kind, _, path = subject.partition(":")
    names = path.split(".")
    own = {
        "deployment": "deployment_execution_ref",
        "batch": "batch_execution_ref",
        "sample": "sample_observation_ref",
        "op": "operation_context_ref",
    }
    return {
        "run_ref": RUN if kind == "deployment" else f"run:{'.'.join(names[:2])}",
        "stage_execution_ref": f"stage:{'.'.join(names[:3])}" if len(names) > 2 else None,
        "batch_execution_ref": f"batch:{'.'.join(names[:4])}" if len(names) > 4 else None,
        **({own[kind]: subject} if kind in own else {}),
    }


MODELS: Final = {
    "Project": ("project_ref", "project:demo"),
    "Run": ("run_ref", RUN),
    "StageExecution": ("stage_execution_ref", STAGE),
    "BatchExecution": ("batch_execution_ref", BATCH),
    "SampleObservation": ("sample_observation_ref", SAMPLE),
    "OperationContext": ("operation_context_ref", OPERATION),
    "DeploymentExecution": ("deployment_execution_ref", DEPLOYMENT),
}


def _statement(draw: st.DrawFn) -> dict[str, Any]:
    """A lifecycle line, plain but for up to two members."""
    model = draw(st.sampled_from(sorted(MODELS)))
    member, ref = MODELS[model]
    sets: list[dict[str, Any]] = [
        {"namespace": "contexta.scope", "fields": {"display_name": "Shown"}},
        {"namespace": "contexta.lifecycle", "fields": {"status": "completed", "ended_at": draw(_times)}},
        {"namespace": "contexta.process", "fields": {"host": "h", "pid": 7, "tags": ["a", 1, None]}},
    ]
    payload: dict[str, Any] = {
        member: ref,
        "name": draw(st.sampled_from(("n", "m", None))),
        "status": draw(st.sampled_from(("open", "open", "completed", "cancelled", "failed"))),
        "started_at": draw(_times),
        "ended_at": draw(st.none() | _times),
        "order_index": draw(st.none() | st.integers(0, 3)),
        "extensions": draw(st.lists(st.sampled_from(sets), max_size=2)),
    }
    line = {"captured_at": draw(_times), "payload_type": model, "payload": payload}
    _make_odd(draw, (line, payload, payload, *(each["fields"] for each in payload["extensions"])))
    return line


def _make_odd(draw: st.DrawFn, places: Sequence[dict[str, Any]]) -> None:
    for _ in range(draw(st.sampled_from((0, 0, 1, 1, 2)))):
        members = draw(st.sampled_from(places))
        if members:
            members[draw(st.sampled_from(sorted(members)))] = draw(_odd)


@st.composite
def _line(draw: st.DrawFn) -> bytes:
    """A line, plain but for up to two members."""
    line = _statement(draw) if draw(st.integers(0, 2)) == 0 else _record(draw)
    text = json.dumps(
        line,
        ensure_ascii=draw(st.booleans()),
        separators=draw(st.sampled_from(((",", ":"), (", ", ": ")))),
    )
    if draw(st.integers(0, 20)) == 0:
        for member in ("value", "level", "status"):
            text = text.replace(f'"{member}":', f'"{member}":3,"{member}":', 1)
    return text.encode("utf-8", "surrogatepass") + draw(st.sampled_from((b"\n", b"\n", b"\r\n")))


def _record(draw: st.DrawFn) -> dict[str, Any]:
    """A record, plain but for up to two members."""
    kind = draw(st.sampled_from(("metric", "metric", "metric", "event", "span", "degraded")))
    envelope: dict[str, Any] = {
        "record_ref": f"record:demo.r1.{kind}-{draw(st.integers(0, 60))}",
        "record_type": kind,
        "recorded_at": draw(_times),
        "observed_at": draw(_times),
        "producer_ref": "sdk.python.local",
        "completeness_marker": "complete",
        "degradation_marker": "none",
        "schema_version": "1.0.0",
        "correlation_refs": {"trace_id": None, "session_id": None},
        **_scopes(draw(st.sampled_from(SUBJECTS))),
    }
    bodies: dict[str, dict[str, Any]] = {
        "metric": {
            "metric_key": draw(st.sampled_from(("loss", "correct"))),
            "value": draw(st.floats(0, 1) | st.integers(0, 3)),
            "value_type": "float64",
            "aggregation_scope": "run",
            "tags": {},
        },
        "event": {
            "event_key": "note",
            "level": draw(st.sampled_from(("info", "error", "critical"))),
            "message": "m",
            "attributes": {"n": 1},
        },
        "span": {
            "span_name": "load",
            "ended_at": draw(_times),
            "status": "ok",
            "span_id": "s",
            "trace_id": "t",
            "linked_refs": [],
        },
        "degraded": {"issue_key": "gap", "category": "capture", "severity": "warning", "summary": "lost"},
    }
    body = bodies[kind]
    payload: dict[str, Any] = {"envelope": envelope, "payload": body}
    line: dict[str, Any] = {"captured_at": draw(_times), "payload_type": "MetricRecord", "payload": payload}
    _make_odd(draw, (line, payload, envelope, body, body))
    return line


SLICES: Final = st.lists(st.lists(_line(), min_size=1, max_size=4), min_size=1, max_size=8)
FIXTURES: Final = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
