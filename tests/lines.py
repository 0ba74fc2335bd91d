"""Capture lines for tests: well-formed ones of every kind, and damage. Deterministic; touches no disk."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from hypothesis import strategies as st

from contexta.testing import FrozenClock, LineBuilder

RUN: Final = "run:demo.r1"
STAGE: Final = f"stage:{RUN.removeprefix('run:')}.train"
BATCH: Final = f"batch:{STAGE.removeprefix('stage:')}.epoch-1"
SAMPLE: Final = f"sample:{BATCH.removeprefix('batch:')}.q-1"
LOOSE_SAMPLE: Final = f"sample:{STAGE.removeprefix('stage:')}.q-2"
OPERATION: Final = f"op:{BATCH.removeprefix('batch:')}.load"
DEPLOYMENT: Final = "deployment:demo.canary"


_OWN: Final = {
    "Project": "project_ref",
    "Run": "run_ref",
    "StageExecution": "stage_execution_ref",
    "BatchExecution": "batch_execution_ref",
    "SampleObservation": "sample_observation_ref",
    "DeploymentExecution": "deployment_execution_ref",
}


class Lines(LineBuilder):
    """`LineBuilder` with a settable clock and the remaining kinds of line."""

    def __init__(self) -> None:
        super().__init__(FrozenClock(step=1_000))

    def at(self, seconds: float) -> Lines:
        """Set the clock to so many seconds after its start."""
        self.clock.micros = FrozenClock().micros + round(seconds * 1e6)
        return self

    def scope(
        self,
        model: str,
        ref: str,
        status: str = "open",
        extensions: Mapping[str, Mapping[str, object]] | None = None,
        **fields: object,
    ) -> bytes:
        """Return a lifecycle line; `ended_at` is now unless the scope is open."""
        now = self.now()
        times = {"started_at": now, "ended_at": None if status == "open" else now}
        stated = {_OWN[model]: ref, "name": ref.rpartition(".")[2], "status": status, **times, **fields}
        return self.context(model, ref, stated, extensions)

    def span(self, subject: str, name: str = "load", record_hex: str | None = None) -> bytes:
        """Return a span of a second, observed at its start."""
        start, end = "2026-01-02T03:04:05Z", "2026-01-02T03:04:06Z"
        payload = {
            "span_name": name,
            "span_kind": "operation",
            "started_at": start,
            "ended_at": end,
            "status": "ok",
            "attributes": {"n": 3},
            "span_id": "span-1",
            "trace_id": "trace-1",
            "linked_refs": [],
        }
        line = self.record("span", "TraceSpanRecord", subject, payload, record_hex=record_hex)
        return re.sub(rb'("observed_at":)"[^"]*"', rb'\1"' + start.encode() + b'"', line)

    def degraded(self, subject: str, record_hex: str | None = None) -> bytes:
        """Return a degraded record."""
        payload = {
            "issue_key": "gap.rows",
            "category": "capture",
            "severity": "warning",
            "summary": "lost",
        }
        line = self.record("degraded", "DegradedRecord", subject, payload, record_hex=record_hex)
        return line.replace(b'"degradation_marker":"none"', b'"degradation_marker":"capture_gap"')

    def artifact(self, name: str = "model", run: str = RUN, **manifest: object) -> bytes:
        """Return the registration of an artifact."""
        stated = {
            "artifact_ref": f"artifact:{run.removeprefix('run:')}.{name}",
            "artifact_kind": "model",
            "run_ref": run,
            "location_ref": f"path:/tmp/{name}.bin",
            "created_at": self.now(),
            "size_bytes": 5,
            "hash_value": "ab",
            "attributes": {},
        }
        payload = {"binding_status": "BOUND", "manifest": {**stated, **manifest}}
        return self.line("ARTIFACT", "dict", None, payload)


#: Lines that cannot be read, without their newline.
DAMAGED: Final = (
    b"garbage",
    b"\x00" * 40,
    b"\xff\xfe\xfd",
    b"[1,2]",
    b'"text"',
    b"5",
    b"null",
    b"{}",
    b"{}{}",
    b"{",
    b'{"captured_at":"2026',
    b'{"captured_at":"2026-01-02T03:04:05Z","payload":[]}',
    b'{"payload":{"envelope":{"record_ref":"x","record_type":"metric","run_ref":"run:a.b; drop table x"}}}',
    b'{"payload":{"envelope":{"record_ref":"x","record_type":"metric","run_ref":"run:only-one"}}}',
    b'{"payload":{"envelope":{"record_ref":"x","record_type":"no-such","run_ref":"run:a.b"}}}',
    b'{"payload":{"envelope":{"record_ref":"x","record_type":"metric","run_ref":"run:a.'
    + b"b" * 300
    + b'"}}}',
    b'{"payload":{"envelope":{"record_ref":"x","record_type":"metric","run_ref":5}}}',
    b'{"payload":{"envelope":"x"}}',
    b'{"payload":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b"// comment",
)

#: What is no line at all.
BLANK: Final = (b"", b"  ", b"\t", b"\r", b"\x0b\x0c", b"\xef\xbb\xbf")


_SUBJECTS: Final = (RUN, STAGE, BATCH, SAMPLE, LOOSE_SAMPLE, OPERATION, "run:demo.r2")
_SCOPES: Final = (
    ("Project", "project:demo"),
    ("Run", RUN),
    ("StageExecution", STAGE),
    ("BatchExecution", BATCH),
    ("SampleObservation", SAMPLE),
    ("DeploymentExecution", DEPLOYMENT),
)


def _metrics(lines: Lines, subject: str, number: str) -> st.SearchStrategy[bytes]:
    values = st.sampled_from((0, 1, 0.5, -0.0, float("nan"), float("-inf"), 1e308))
    return st.builds(
        lambda key, value: lines.metric(subject, key, value, record_hex=number),
        st.sampled_from(("loss", "correct", "pass")),
        values,
    )


def _events(lines: Lines, subject: str, number: str) -> st.SearchStrategy[bytes]:
    level = st.sampled_from(("info", "error", "critical"))
    return st.builds(
        lambda level: lines.event(subject, "exception", "boom\u2028", level=level, record_hex=number), level
    ) | st.builds(
        lambda level, run: lines.event(DEPLOYMENT, "ship", "it", level=level, run_ref=run, record_hex=number),
        level,
        st.sampled_from((RUN, "run:demo.r2")),
    )


def _scopes(lines: Lines) -> st.SearchStrategy[bytes]:
    fields = st.fixed_dictionaries(
        {},
        optional={
            "name": st.sampled_from(("shown", None, 5)),
            "order_index": st.sampled_from((0, 7, None, "x")),
            "started_at": st.sampled_from(("2026-01-01T00:00:00+02:00", "infinity", None, 7)),
            "artifact_ref": st.sampled_from(("artifact:demo.r1.model", None)),
            "created_at": st.sampled_from(("2026-01-01T00:00:00Z", None)),
            "retention_class": st.sampled_from(("short", None)),
        },
    )
    return st.builds(
        lambda scope, status, shown, stated: lines.scope(*scope, status, shown, **stated),
        st.sampled_from(_SCOPES),
        st.sampled_from(("open", "completed", "failed", "cancelled", "odd")),
        st.sampled_from((None, {"contexta.scope": {"display_name": "Shown"}})),
        fields,
    )


def _artifacts(lines: Lines) -> st.SearchStrategy[bytes]:
    fields = st.fixed_dictionaries(
        {},
        optional={
            "size_bytes": st.sampled_from((None, 9, "big")),
            "hash_value": st.sampled_from((None, "cd")),
            "artifact_kind": st.sampled_from((None, "report")),
            "stage_execution_ref": st.just(STAGE),
        },
    )
    return st.builds(
        lambda name, stated: lines.artifact(name, **stated), st.sampled_from(("model", "report")), fields
    )


def _glued(lines: Lines, subject: str, number: str) -> st.SearchStrategy[bytes]:
    whole = lines.metric(subject, "loss", 1, record_hex=number)
    return st.integers(1, len(whole) - 1).map(lambda cut: whole[:cut] + whole)


@st.composite
def any_line(draw: st.DrawFn) -> bytes:
    """Any line with its newline, or two glued together: repeated refs, times in any order, damage."""
    lines = Lines().at(draw(st.integers(0, 9)))
    subject = draw(st.sampled_from(_SUBJECTS))
    number = f"{draw(st.integers(0, 15)):012x}"
    return draw(
        st.one_of(
            _metrics(lines, subject, number),
            _events(lines, subject, number),
            st.sampled_from((lines.span, lines.degraded)).map(lambda made: made(subject, record_hex=number)),
            _scopes(lines),
            _scopes(lines),
            _artifacts(lines),
            st.tuples(st.sampled_from(DAMAGED + BLANK), st.sampled_from((b"\n", b"\r\n", b" \n\n"))).map(
                b"".join
            ),
            _glued(lines, subject, number),
        )
    )
