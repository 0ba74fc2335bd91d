"""A few plain records, taken the quick way, leave the catalog that the general way leaves."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from contexta.catalog import indexer as indexing
from contexta.catalog.catalog import Catalog
from contexta.catalog.indexer import Indexer
from contexta.catalog.quick import Quick
from contexta.query import tree
from contexta.query.port import Block
from contexta.query.results import NodeKind, NodeRow, Status
from contexta.reader import CatalogReader
from tests import catalog_tables
from tests.lines import BATCH, DEPLOYMENT, LOOSE_SAMPLE, OPERATION, RUN, SAMPLE, STAGE, Lines

pytestmark = pytest.mark.timeout(120)

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


class Growing:
    """A capture file that grows, and a catalog in memory that follows it."""

    def __init__(self, folder: Path) -> None:
        self._journal = folder / ".contexta" / "cache" / "capture" / "record.jsonl"
        self._journal.parent.mkdir(parents=True, exist_ok=True)
        self._journal.write_bytes(b"")
        self.catalog = Catalog.in_memory([folder])
        self.indexer = Indexer(self.catalog, [folder / ".contexta"])

    def __enter__(self) -> Growing:
        return self

    def __exit__(self, *_: object) -> None:
        self.catalog.close()

    def append(self, *lines: bytes) -> None:
        with self._journal.open("ab") as file:
            file.writelines(lines)

    def take(self, *lines: bytes) -> None:
        self.append(*lines)
        self.indexer.catch_up()


def _taken(slices: Sequence[Sequence[bytes]], folder: Path) -> catalog_tables.Tables:
    """The catalog after following a file that grew slice by slice."""
    with Growing(folder) as growing:
        for lines in slices:
            growing.take(*lines)
        return catalog_tables.exactly(growing.catalog)


def _holds(slices: Sequence[Sequence[bytes]], folder: Path) -> None:
    quick = _taken(slices, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Quick, "read", lambda *_: None)
        general = _taken(slices, folder)
    for table, rows in general.items():
        assert quick[table] == rows, table


_SLICES: Final = st.lists(st.lists(_line(), min_size=1, max_size=4), min_size=1, max_size=8)
_FIXTURES: Final = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=3, deadline=None, derandomize=True, suppress_health_check=_FIXTURES)
@given(_SLICES)
def test_quick_is_general(tmp_path: Path, slices: list[list[bytes]]) -> None:
    _holds(slices, tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(1200)
@settings(max_examples=20, deadline=None, suppress_health_check=_FIXTURES)
@given(_SLICES)
def test_quick_is_general_for_long(tmp_path: Path, slices: list[list[bytes]]) -> None:
    _holds(slices, tmp_path)


#: What is asked again after each slice, and answered from what the slice changed where that is enough.
_ROWS: Final = (
    ((1, 2, 3), (Block(1, NodeKind.RUN, 0, 1), Block(3, NodeKind.BATCH, 0, 1))),
    ((), tuple(Block(node, kind, 0, 200) for node in (1, 2, 3, 4) for kind in NodeKind)),
)


def _told(catalog: Catalog) -> tuple[object, ...]:
    """What is diagnosed, deployed and made, and why: all that a commit of no consequence leaves as it was."""
    reader = CatalogReader(catalog)
    totals: dict[str, Any] = {"records": 0, "first_at": None, "last_at": None, "children": (), "path": ()}

    def node(row: NodeRow | None) -> NodeRow | None:
        return row and replace(row, **totals)

    everything = reader.lineage(None)
    return (
        reader.issues(),
        [
            replace(
                link,
                deployment=node(link.deployment),
                run=node(link.run),
                artifact_run=node(link.artifact_run),
            )
            for link in everything.deployments
        ],
        everything.artifacts,
        [reason for project in reader.projects() for reason in reader.reasons(project.id)],
        reader.runs_with(Status.OPEN),
    )


def _has_its_consequences(slices: Sequence[Sequence[bytes]], folder: Path) -> int:
    """Follows a file that grows slice by slice; the number of slices of no consequence."""
    without = 0
    with Growing(folder) as growing:
        catalog = growing.catalog
        kept = CatalogReader(catalog)
        for lines in slices:
            before, told = catalog.consequences, _told(catalog)
            growing.take(*lines)
            for asked in _ROWS:
                assert kept.rows(*asked) == CatalogReader(catalog).rows(*asked)
            if catalog.consequences == before:
                without += 1
                assert _told(catalog) == told
    return without


@settings(max_examples=2, deadline=None, derandomize=True, suppress_health_check=_FIXTURES)
@given(_SLICES)
def test_what_is_of_no_consequence_changes_no_diagnosis(tmp_path: Path, slices: list[list[bytes]]) -> None:
    _has_its_consequences(slices, tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(1200)
@settings(max_examples=60, deadline=None, suppress_health_check=_FIXTURES)
@given(_SLICES)
def test_what_is_of_no_consequence_changes_no_diagnosis_for_long(
    tmp_path: Path, slices: list[list[bytes]]
) -> None:
    _has_its_consequences(slices, tmp_path)


def test_a_job_that_goes_well_is_of_no_consequence(tmp_path: Path) -> None:
    lines = Lines()
    slices = [[lines.scope("Run", RUN), lines.scope("StageExecution", STAGE)]]
    slices += [[lines.scope("BatchExecution", BATCH), lines.metric(SAMPLE, "correct", 1.0)]]
    slices += [[lines.metric(STAGE, "loss", 0.5), lines.scope("BatchExecution", BATCH, "completed")]]
    assert _has_its_consequences(slices, tmp_path) == 2


def test_failures_are_of_consequence_and_go_the_quick_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = Lines()
    slices = [[lines.metric(SAMPLE, "loss", 0.5), lines.scope("BatchExecution", BATCH)]]
    slices += [[lines.metric(SAMPLE, "correct", 0.0), lines.event(SAMPLE, "boom", "m", level="error")]]
    slices += [[lines.event(STAGE, "boom", "m", level="error")]]
    slices += [[lines.scope("BatchExecution", BATCH, "failed")]]
    slices += [[lines.scope("BatchExecution", BATCH, "completed")]]
    expected = _taken(slices, tmp_path)
    _holds(slices, tmp_path)
    monkeypatch.setattr(indexing, "take", lambda *_: pytest.fail("the general way was taken"))
    assert _taken(slices, tmp_path) == expected
    assert _has_its_consequences(slices, tmp_path) == 1


def test_plain_records_go_the_quick_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = Lines()
    slices = [[lines.metric(RUN, "loss", 0.5), lines.span(STAGE)]]
    slices += [[lines.metric(SAMPLE, "score", number)] for number in range(3)]
    slices += [[lines.metric(OTHER_SAMPLE, "score", 1.0), lines.event(BATCH, "note", "m")]]
    slices += [
        [lines.scope("BatchExecution", BATCH), lines.scope("Run", RUN, started_at="2026-01-01T00:00:00Z")]
    ]
    slices += [[lines.scope("BatchExecution", BATCH, "completed", {"contexta.scope": {"display_name": "B"}})]]
    expected = _taken(slices, tmp_path)

    def general(*_: object) -> None:
        raise AssertionError("the general way was taken")

    monkeypatch.setattr(indexing, "take", general)
    assert _taken(slices, tmp_path) == expected
    assert len(expected["records"]) == 7


def test_the_first_microsecond_of_the_epoch_is_a_time_like_others(tmp_path: Path) -> None:
    lines = Lines()
    zero = re.sub(
        rb'"observed_at":"[^"]*"', b'"observed_at":"1970-01-01T00:00:00Z"', lines.metric(RUN, "a", 1)
    )
    _holds([[zero, lines.metric(RUN, "a", 2)]], tmp_path)


def test_what_was_not_committed_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = Lines()

    def fail(*_: object) -> None:
        raise OSError("no space")

    with Growing(tmp_path) as growing:
        growing.take(lines.metric(RUN, "loss", 1.0))
        growing.append(lines.metric(SAMPLE, "score", 1.0))
        with monkeypatch.context() as patch:
            patch.setattr(indexing, "save", fail)
            with pytest.raises(OSError, match="no space"):
                growing.indexer.step(hinted=True)
        growing.take()
        found = catalog_tables.exactly(growing.catalog)
    assert found == catalog_tables.exactly(catalog_tables.fresh(tmp_path / ".contexta"))


def test_rows_that_live_lines_change_are_not_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = Lines()
    asked = _ROWS[0]
    with Growing(tmp_path) as growing:
        growing.take(lines.metric(SAMPLE, "loss", 0.5))
        reader = CatalogReader(growing.catalog)
        reader.rows(*asked)
        for line in (lines.metric(BATCH, "loss", 0.5), lines.metric(f"{SAMPLE}-2", "correct", 0.0)):
            growing.take(line)
            expected = CatalogReader(growing.catalog).rows(*asked)
            with monkeypatch.context() as patch:
                patch.setattr(tree, "rows", lambda *_: pytest.fail("the catalog was asked"))
                assert reader.rows(*asked) == expected
    assert [row.records for row in expected.nodes.values()] == [3, 3, 3]
    assert expected.nodes[1].failed_below == 1
